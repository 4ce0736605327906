"""Asking administrators: for one's own organization, for another one, for an app of the App Hub; and what ends it."""

import uuid
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select, text

from appanage.apps.model import AppOwner
from appanage.apps.queries import get_app
from appanage.authorizations import decisions, inbox, request_queries, requests, service, sharing
from appanage.authorizations.app_policy_rules import Outcome
from appanage.authorizations.model import (
    AuthorizationRequest,
    Requesters,
    RequestOrigin,
    SecondAdministrator,
)
from appanage.authorizations.request_queries import RequestFilter
from appanage.directory import domains
from appanage.directory import service as directory
from appanage.directory.model import Account, AccountKind, Organization, Plan
from appanage.directory.queries import get_account
from appanage.directory.roles import Role
from appanage.events.queries import EventFilter, list_for_app, list_for_organization
from appanage.kit.errors import Conflict, Invalid, NotFound, NotPermitted, Refused
from appanage.kit.paging import PageRequest
from support.asking import again, decline, remind, request, set_app_policy, share, withdraw
from support.at_once import at_once
from support.clock import MovableClock
from support.deciding import LICENSES, READ, WRITE, ask_for, decide, standing
from support.world import NARRATOR, MadeApp, World

LOW = ["spark-admin:locations_read"]


@pytest.fixture
def contoso(world: World) -> Organization:
    """Another organization than the developer's."""
    return world.organization("Contoso Health")


@pytest.fixture
def omar(world: World, contoso: Organization) -> Account:
    """Its Full Administrator."""
    return world.full_admin(contoso, name="Omar Haddad")


@pytest.fixture
def made(world: World) -> MadeApp:
    """A private app of somebody else."""
    return world.service_app(world.developer(world.organization("Fabrikam GmbH")), requested=False)


@pytest.fixture
def listed(world: World, made: MadeApp) -> MadeApp:
    world.list_app(made)
    return made


def sees(world: World, admin: Account, made: MadeApp) -> bool:
    """Whether an administrator can open the app, and whether it is in their inbox: both or neither."""
    with world.deployment.transaction(world.origin) as tx:
        waiting = inbox.list_waiting_apps(tx, admin.organization_id, RequestFilter(), PageRequest()).items
        try:
            decisions.get_visible_app(tx, admin, made.id)
        except NotFound:
            assert [one.app.id for one in waiting] == []
            return False
        assert made.id in [one.app.id for one in waiting]
        return True


def asked_for(world: World, made: MadeApp) -> list[AuthorizationRequest]:
    with world.deployment.transaction(world.origin) as tx:
        return list(tx.scalars(select(AuthorizationRequest).where(AuthorizationRequest.app_id == made.id)))


class TestSharing:
    def test_an_organization_is_reached_by_both_forms_of_its_id_and_by_its_domain(
        self, world: World, contoso: Organization, omar: Account, made: MadeApp
    ):
        """Its administrators see the private app, and nobody else's do (CONS-12)."""
        others = world.full_admin(world.organization())
        with world.deployment.transaction(world.origin) as tx:
            domain = domains.verify(tx, f"{uuid.uuid4().hex}.example", contoso, by=NARRATOR)
        by_domain = world.service_app(made.developer, requested=False)
        by_public_id = world.service_app(made.developer, requested=False)
        assert not sees(world, omar, made)

        share(world, made, contoso, message="As agreed with you on the phone.")
        share(world, by_public_id, world.organization_id(contoso))
        share(world, by_domain, f" {domain.upper()}. ")

        assert all(sees(world, omar, one) for one in (made, by_public_id, by_domain))
        assert not sees(world, others, made)
        (asked, *_) = world.events(contoso, "authorization.requested")
        assert asked.data["origin"] == "share"
        assert asked.data["message"] == "As agreed with you on the phone."

    def test_what_reaches_nobody_is_always_answered_in_the_same_words(
        self, world: World, contoso: Organization, made: MadeApp
    ):
        """CONS-12: an id, a domain, an organization without administrators, one that is suspended."""
        free, suspended = world.organization(plan=Plan.FREE), world.organization()
        with world.deployment.transaction(world.origin) as tx:
            tx.get_one(Organization, suspended.id).suspended_at = tx.now
        wrong = [
            str(uuid.uuid4()),
            str(free.id),
            str(suspended.id),
            "nobody.example",
            "",
            "x" * 5000,
            "a b",
            "Contoso",
        ]

        refusals = []
        for words in wrong:
            with pytest.raises(Invalid) as refused:
                share(world, made, words)
            refusals.append((refused.value.code, refused.value.message, refused.value.fields))

        assert all(refusal == refusals[0] for refusal in refusals)
        assert refusals[0][1] == sharing.UNREACHED
        assert world.events(contoso, "authorization.requested") == []

    def test_the_developers_do_not_learn_the_name_before_it_decides(
        self, world: World, contoso: Organization, omar: Account, made: MadeApp, clock: MovableClock
    ):
        """AUD-05: neither in the activity of the app nor in the audit log of their own organization."""

        def told() -> str:
            developer = made.developer
            with world.deployment.transaction(world.origin) as tx:
                home = developer.organization_id
                seen = [
                    *list_for_app(tx, made.id, EventFilter(), PageRequest(), developer_id=home).items,
                    *list_for_organization(tx, home, EventFilter(), PageRequest()).items,
                ]
                logged = [one.event for one in seen]
                return " ".join(f"{one.type} {one.target_organization_name} {one.data}" for one in logged)

        asked = share(world, made, contoso)
        reader = world.person(contoso, Role.READONLY_ADMIN)
        assert isinstance(decide(world, made, reader), Refused)
        withdraw(world, asked, made.developer)
        before = told()
        clock.advance(days=1)
        share(world, made, contoso)
        decline(world, made, omar, "Not now.")

        assert "app.shared" in before
        assert "app.share_withdrawn" in before
        assert "Contoso" not in before
        assert "organizationId" not in before  # the words by which they named it are theirs
        assert "authorization.request_declined Contoso Health" in told()

    def test_a_withdrawn_share_makes_the_app_invisible_again(
        self, world: World, contoso: Organization, omar: Account, made: MadeApp
    ):
        """CONS-12."""
        asked = share(world, made, contoso)
        assert sees(world, omar, made)

        withdraw(world, asked, made.developer)

        assert not sees(world, omar, made)
        with world.deployment.transaction(world.origin) as tx:
            assert (
                request_queries.list_in_organization(tx, contoso.id, RequestFilter(), PageRequest()).items
                == []
            )
        with pytest.raises(Conflict, match="the request was withdrawn"):
            withdraw(world, asked, made.developer)

    def test_after_a_decline_its_administrators_are_left_alone_for_thirty_days(
        self, world: World, contoso: Organization, omar: Account, made: MadeApp, clock: MovableClock
    ):
        """A co-owner is refused as well, and the app stays visible to who declined it."""
        asked = share(world, made, contoso)
        colleague = world.developer(made.developer.organization)
        with world.deployment.transaction(world.origin) as tx:
            tx.add(AppOwner(app_id=made.id, account_id=colleague.id, since=tx.now))
        decline(world, made, omar, "We have no contract with you.")

        clock.advance(days=29, hours=23)
        for by in (made.developer, colleague):
            with pytest.raises(Conflict, match=r"again from \d{4}-\d\d-\d\d"):
                share(world, made, contoso, by=by)
        with pytest.raises(Conflict, match="the request was declined"):
            withdraw(world, asked, made.developer)
        clock.advance(hours=1)

        assert share(world, made, contoso, by=colleague).is_open

    def test_only_an_owner_shares_and_not_with_the_own_organization(
        self, world: World, contoso: Organization, omar: Account, made: MadeApp
    ):
        with pytest.raises(NotFound):
            share(world, made, contoso, by=world.developer(made.developer.organization))
        with pytest.raises(Conflict, match="your own organization"):
            share(world, made, made.developer.organization)
        with pytest.raises(Invalid, match="at most 500"):
            share(world, made, contoso, message="m" * 501)

        share(world, made, contoso)
        world.authorize(made, omar)

        with pytest.raises(Conflict, match="Contoso Health has authorized"):
            share(world, made, contoso)


class TestAskingAsAPerson:
    def test_an_app_that_is_not_listed_does_not_exist(
        self, world: World, contoso: Organization, omar: Account, made: MadeApp
    ):
        """CONS-12: also one that was shared with the organization is not everybody's to ask for."""
        share(world, made, contoso)

        with pytest.raises(NotFound):
            request(world, made, omar)

    def test_it_waits_for_an_administrator_and_is_their_own_business(
        self, world: World, contoso: Organization, listed: MadeApp
    ):
        """AUD-05: the developers learn nothing of who takes an interest."""
        lena, jan = world.person(contoso, name="Lena Vogt"), world.person(contoso)

        first = request(world, listed, lena, "For our front desk.")
        request(world, listed, jan)

        assert first.verdict.outcome is Outcome.ONE_ADMINISTRATOR
        assert first.authorization is None
        with world.deployment.transaction(world.origin) as tx:
            (waiting,) = inbox.list_waiting_apps(
                tx, contoso.id, RequestFilter(origin=RequestOrigin.PERSON), PageRequest()
            ).items
            assert (waiting.app.id, waiting.askers, waiting.newest.requested_by) == (listed.id, 2, jan.id)
            assert inbox.count_waiting(tx, contoso.id) == 1
            assert request_queries.count_open_of_viewer(tx, listed.developer) == 0
            activity = list_for_app(
                tx, listed.id, EventFilter(), PageRequest(), developer_id=listed.developer.organization_id
            ).items
            assert "authorization.requested" not in [seen.event.type for seen in activity]

    def test_the_policy_refuses_by_a_rule_that_is_named(
        self, world: World, contoso: Organization, omar: Account, listed: MadeApp
    ):
        lena = world.person(contoso)
        set_app_policy(world, omar, requesters=Requesters.ADMINISTRATORS)
        with pytest.raises(NotPermitted, match="lets only its administrators ask"):
            request(world, listed, lena)
        assert request(world, listed, omar).request.is_open

        set_app_policy(world, omar, only_allowed=True)
        with pytest.raises(NotPermitted, match="allows only apps that it names"):
            request(world, listed, lena)

        assert len(asked_for(world, listed)) == 1

    def test_the_policy_authorizes_what_is_of_low_risk_and_settles_every_request(
        self, world: World, contoso: Organization, omar: Account, made: MadeApp
    ):
        low = world.service_app(made.developer, requested=False, scopes=LOW)
        world.list_app(low)
        earlier = request(world, low, world.person(contoso))
        set_app_policy(world, omar, authorizes_low_risk=True)
        lena = world.person(contoso)

        done = request(world, low, lena)

        assert done.verdict.outcome is Outcome.AUTHORIZED
        assert done.authorization is not None
        assert done.authorization.authorized_by_rule == "low_risk"
        settled = {one.id: one for one in asked_for(world, low)}
        assert {one.decision for one in settled.values()} == {"authorized"}
        assert {earlier.request.id, done.request.id} == set(settled)
        (created,) = [
            one
            for one in world.events(contoso, "account.created")
            if one.data.get("kind") == AccountKind.MACHINE
        ]
        assert (created.actor_id, created.actor_name) == (None, "Policy of Contoso Health")
        with pytest.raises(Conflict, match="has authorized"):
            request(world, low, world.person(contoso))

    def test_the_policy_does_not_undo_what_a_person_decided(
        self, world: World, contoso: Organization, omar: Account, made: MadeApp, clock: MovableClock
    ):
        """CONS-07: what an administrator declined or deauthorized is an administrator's to authorize.

        Also after it was asked for again, and asked for again and withdrawn.
        """
        lena = world.person(contoso)
        low, other = (world.service_app(made.developer, requested=False, scopes=LOW) for _ in range(2))
        world.list_app(low)
        world.list_app(other)
        request(world, low, world.person(contoso))
        request(world, other, lena)
        decline(world, low, omar)
        decline(world, other, omar)
        set_app_policy(world, omar, authorizes_low_risk=True)

        declined = request(world, low, world.person(contoso))
        world.authorize(low, omar)
        world.deauthorize(low, omar)
        deauthorized = request(world, low, world.person(contoso))
        clock.advance(days=1)
        renewed = request(world, other, lena)
        withdraw(world, renewed.request, lena)
        third = request(world, other, world.person(contoso))
        set_app_policy(world, omar, authorizes_low_risk=True, second_administrator=SecondAdministrator.ALWAYS)
        by_two = request(world, other, world.person(contoso))

        asked = [declined, deauthorized, renewed, third]
        assert [one.authorization for one in asked] == [None] * 4
        assert {one.verdict.outcome for one in asked} == {Outcome.ONE_ADMINISTRATOR}
        assert by_two.verdict.outcome is Outcome.TWO_ADMINISTRATORS

    def test_nobody_asks_in_a_free_organization_or_for_what_is_suspended(
        self, world: World, contoso: Organization, listed: MadeApp
    ):
        with pytest.raises(Conflict, match="free organization"):
            request(world, listed, world.person(world.organization(plan=Plan.FREE)))
        with world.deployment.transaction(world.origin) as tx:
            tx.execute(text("UPDATE apps SET suspended_at = now() WHERE id = :id"), {"id": listed.id})

        with pytest.raises(Conflict, match="suspended"):
            request(world, listed, world.person(contoso))


class TestReminding:
    def test_a_repeat_renews_the_request_once_a_day(self, world: World, made: MadeApp, clock: MovableClock):
        first = remind(world, made, "Goes live on Monday.")
        with pytest.raises(Conflict, match=r"You can ask again from \d{4}-\d\d-\d\d \d\d:\d\d UTC on"):
            remind(world, made)
        clock.advance(days=1)

        second = remind(world, made, "It went live on Monday.")

        assert second.id == first.id
        assert second.requested_at - first.requested_at >= timedelta(days=1)
        (row,) = asked_for(world, made)
        assert row.message == "It went live on Monday."
        recorded = world.events(made.developer.organization, "authorization.requested")
        assert [event.data["reminder"] for event in recorded] == [False, True]

    def test_after_a_decline_one_asks_again_the_next_day_and_after_a_deauthorization_at_once(
        self, world: World, made: MadeApp, clock: MovableClock
    ):
        admin = world.full_admin(made.developer.organization)
        asked = remind(world, made)
        clock.advance(days=3)
        decline(world, made, admin, "Too early.")
        clock.advance(hours=23)
        with pytest.raises(Conflict, match=r"the request was declined\. You can ask again"):
            remind(world, made)
        clock.advance(hours=1)

        again = remind(world, made)
        world.authorize(made, admin)
        world.deauthorize(made, admin)
        once_more = remind(world, made)

        assert again.id == once_more.id == asked.id
        assert (once_more.decision, once_more.decided_at, once_more.decision_reason) == (None, None, None)

    def test_nobody_keeps_more_than_so_many_requests_open(
        self, world: World, contoso: Organization, made: MadeApp, monkeypatch: pytest.MonkeyPatch
    ):
        """Not by asking at the same moment either."""
        monkeypatch.setattr(requests, "MOST_OPEN", 2)
        apps = [world.service_app(made.developer, requested=False) for _ in range(4)]

        results = at_once([partial(share, world, one, contoso) for one in apps])

        refused = [one for one in results if isinstance(one, Conflict)]
        assert [one.code for one in refused] == ["too_many_requests_open"] * 2
        withdraw(world, next(one for one in results if not isinstance(one, Conflict)), made.developer)
        share(world, made, contoso)
        with world.deployment.transaction(world.origin) as tx:
            gone = next(iter(asked_for(world, made)))
            service.delete_app(
                tx, get_app(tx, made.id), by=again(tx, made.developer), longest_token=timedelta(1)
            )
        assert gone.is_open
        share(world, world.service_app(made.developer, requested=False), contoso)


class TestDeciding:
    def test_a_decline_ends_every_request_for_the_app_and_tells_why(
        self, world: World, contoso: Organization, omar: Account, listed: MadeApp
    ):
        lena = world.person(contoso)
        share(world, listed, contoso)
        request(world, listed, lena)

        declined = decline(world, listed, omar, "We have another app for this.")

        assert not isinstance(declined, Refused)
        assert {one.origin for one in declined} == {"share", "person"}
        assert {one.decided_by_name for one in asked_for(world, listed)} == {"Omar Haddad"}
        assert {one.decision_reason for one in asked_for(world, listed)} == {"We have another app for this."}
        (event,) = world.events(contoso, "authorization.request_declined")
        assert len(event.data["requestIds"]) == 2
        with pytest.raises(Conflict, match="the request was declined by Omar Haddad on"):
            decline(world, listed, omar)

    def test_a_reason_is_needed_and_so_is_the_role_at_that_moment(
        self, world: World, contoso: Organization, omar: Account, made: MadeApp
    ):
        """CONS-06: the role went between the page and the form."""
        share(world, made, contoso)
        with pytest.raises(Invalid, match="Say why"):
            decline(world, made, omar, "  ")
        with world.deployment.transaction(world.origin) as tx:
            account = get_account(tx, contoso.id, omar.id)
            boss = get_account(tx, contoso.id, world.full_admin(contoso).id)
            directory.assign_roles(tx, account, [Role.READONLY_ADMIN], by=boss)

        refused = decline(world, made, omar)

        assert isinstance(refused, Refused)
        assert "Only a Full Administrator" in refused.error.message
        assert [one.is_open for one in asked_for(world, made)] == [True]
        assert len(world.events(contoso, "authorization.refused")) == 1

    def test_a_proposal_of_another_administrator_is_declined_as_such(
        self, world: World, contoso: Organization, omar: Account, made: MadeApp
    ):
        """CONS-07: else it could still be confirmed."""
        set_app_policy(world, omar, second_administrator=SecondAdministrator.ALWAYS)
        share(world, made, contoso)
        with world.deployment.transaction(world.origin) as tx:
            app = decisions.get_visible_app(tx, omar, made.id)
            service.authorize(tx, app, by=omar, machine_domain="machine.internal")

        with pytest.raises(Conflict, match="waits for a second administrator"):
            decline(world, made, omar)

        with world.deployment.transaction(world.origin) as tx:
            assert inbox.count_waiting(tx, contoso.id) == 1
            assert len(inbox.list_waiting_proposals(tx, contoso.id)) == 1

    def test_what_is_settled_while_the_inbox_is_read_is_left_out(
        self,
        world: World,
        contoso: Organization,
        omar: Account,
        listed: MadeApp,
        monkeypatch: pytest.MonkeyPatch,
    ):
        share(world, listed, contoso)
        newest_open = inbox._newest_open

        def a_moment_later(*arguments: Any) -> Any:
            decline(world, listed, omar)
            return newest_open(*arguments)

        monkeypatch.setattr(inbox, "_newest_open", a_moment_later)

        with world.deployment.transaction(world.origin) as tx:
            assert inbox.list_waiting_apps(tx, contoso.id, RequestFilter(), PageRequest()).items == []

    def test_what_waits_for_more_scopes_is_over_when_the_app_is_deauthorized(
        self, world: World, contoso: Organization, omar: Account, made: MadeApp
    ):
        """MACH-04: nothing waits, nowhere; asking for it again is left to the administrators for a while."""
        share(world, made, contoso)
        world.authorize(made, omar)
        ask_for(world, made, [READ, WRITE, LICENSES])
        sofia = world.person(made.developer.organization)
        with world.deployment.transaction(world.origin) as tx:
            tx.add(AppOwner(app_id=made.id, account_id=sofia.id, since=tx.now))
        share(world, made, contoso, by=sofia)
        assert sees(world, omar, made)

        world.deauthorize(made, omar)

        decision = standing(world, made, omar)
        assert (decision.state, decision.needs_decision, decision.askers) == ("deauthorized", False, 0)
        assert {one.decision for one in asked_for(world, made)} == {"authorized", "declined"}
        with world.deployment.transaction(world.origin) as tx:
            assert inbox.count_waiting(tx, contoso.id) == 0
            assert decisions.count_decisions(tx, contoso.id)["needs_decision"] == 0
        with pytest.raises(Conflict, match="declined"):
            share(world, made, contoso)

    def test_when_an_authorization_comes_to_its_end_nobody_has_declined(
        self, world: World, contoso: Organization, omar: Account, made: MadeApp, clock: MovableClock
    ):
        """MACH-04: what waits is over as well, and can be asked for anew the next day."""
        asked = share(world, made, contoso)
        granted = world.authorize(made, omar, ends_at=clock() + timedelta(days=3))
        ask_for(world, made, [READ, WRITE, LICENSES])
        clock.advance(days=2)
        share(world, made, contoso)
        clock.advance(days=2)

        with world.deployment.transaction(world.origin) as tx:
            assert service.expire(tx, granted.id, longest_token=timedelta(days=14))

        (over,) = asked_for(world, made)
        assert (over.id, over.decision, over.declined_at) == (asked.id, "declined", None)
        with world.deployment.transaction(world.origin) as tx:
            assert inbox.count_waiting(tx, contoso.id) == 0
        clock.advance(days=1)
        assert share(world, made, contoso).is_open

    def test_authorizing_declining_and_withdrawing_at_once_have_one_outcome(
        self, world: World, contoso: Organization, omar: Account, made: MadeApp
    ):
        """CONS-09."""
        asked = share(world, made, contoso)

        results = at_once(
            [
                lambda: world.authorize(made, omar),
                lambda: decline(world, made, omar),
                lambda: withdraw(world, asked, made.developer),
            ]
            * 3
        )

        assert not [one for one in results if isinstance(one, Exception) and not _is_refusal(one)], results
        (row,) = asked_for(world, made)
        types = [event.type for event in world.events(contoso) if event.type.startswith("authorization.")]
        outcomes = {"authorization.request_declined", "authorization.request_withdrawn"}.intersection(types)
        assert len(outcomes) == (0 if row.decision == "authorized" else 1)
        assert row.decided_at is not None


def _is_refusal(error: Exception) -> bool:
    return isinstance(error, (Conflict, NotFound))
