"""High-risk scopes take two administrators, where the organization's policy says so (CONS-07)."""

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from appanage.authorizations import decisions, inbox, proposals
from appanage.authorizations import service as authorizations
from appanage.authorizations.model import (
    AppRuleMode,
    Authorization,
    AuthorizationProposal,
    ProposalState,
    SecondAdministrator,
)
from appanage.deployment import Deployment, assemble
from appanage.directory import queries as directory
from appanage.directory import service as directory_service
from appanage.directory.model import Account, Organization
from appanage.directory.roles import Role
from appanage.jobs import endings
from appanage.jobs.endings import end_overdue
from appanage.kit.errors import Conflict, NotFound, NotPermitted, Refused
from appanage.storage import Transaction
from support.asking import again, decline, share, withdraw
from support.at_once import at_once
from support.clock import MovableClock
from support.deciding import (
    LICENSES,
    MESSAGES,
    READ,
    WRITE,
    ask_for,
    authorizations_of,
    confirm,
    decide,
    end_proposal,
    listed,
    propose,
    standing,
)
from support.live import settings_for
from support.policing import set_app_policy, set_app_rule
from support.world import MadeApp, World


@pytest.fixture
def deployment(database_url: str, clock: MovableClock) -> Iterator[Deployment]:
    """With a connection for each of many threads."""
    made = assemble(settings_for(database_pool=12), database_url, clock=clock)
    yield made
    made.database.dispose()


@pytest.fixture
def organization(world: World) -> Organization:
    return world.organization("Northwind Traders")


@pytest.fixture
def priya(world: World, organization: Organization) -> Account:
    return world.full_admin(organization, name="Priya Raman")


@pytest.fixture
def omar(world: World, organization: Organization) -> Account:
    return world.full_admin(organization, name="Omar Haddad")


@pytest.fixture
def made(world: World, organization: Organization, priya: Account) -> MadeApp:
    """High risk, where that takes two."""
    set_app_policy(world, priya, second_administrator=SecondAdministrator.HIGH_RISK)
    return world.service_app(world.developer(organization), scopes=[READ, WRITE])


def assign(world: World, person: Account, *roles: Role, by: Account) -> None:
    with world.deployment.transaction(world.origin) as tx:
        fresh = directory.get_account(tx, person.organization_id, person.id)
        directory_service.assign_roles(tx, fresh, roles, by=by)


def state_of(world: World, proposal: AuthorizationProposal) -> str:
    with world.deployment.transaction(world.origin) as tx:
        return tx.get_one(AuthorizationProposal, proposal.id).state


def types_of(world: World, organization: Organization) -> list[str]:
    return [one.type for one in world.events(organization) if one.type.startswith("authorization.")]


def test_two_administrators_authorize_together(
    world: World,
    clock: MovableClock,
    organization: Organization,
    priya: Account,
    omar: Account,
    made: MadeApp,
):
    end = clock() + timedelta(days=30)

    proposal = propose(world, made, priya, note="Ticket 4711", ends_at=end)
    repeated = propose(world, made, priya, note="Ticket 4711", ends_at=end)

    assert repeated.id == proposal.id
    assert authorizations_of(world, made) == []
    assert standing(world, made, omar).state == "proposed"
    assert proposal.expires_at - proposal.proposed_at == timedelta(days=7)
    (proposed,) = world.events(organization, "authorization.proposed")
    assert (proposed.data["rule"], proposed.data["note"]) == ("high_risk", "Ticket 4711")

    granted = confirm(world, proposal, omar)
    again = confirm(world, proposal, omar)

    assert isinstance(granted, Authorization)
    assert again.id == granted.id
    assert (granted.scopes, granted.ends_at, granted.authorized_by) == ([READ, WRITE], end, omar.id)
    assert granted.authorized_by_name == "Priya Raman and Omar Haddad"
    (created,) = world.events(organization, "authorization.created")
    assert created.actor_id == omar.id
    assert (created.data["proposedByName"], created.data["confirmedByName"]) == ("Priya Raman", "Omar Haddad")
    assert created.data["note"] == "Ticket 4711"
    assert len(world.events(organization, "authorization.proposed")) == 1
    assert standing(world, made, omar).state == "authorized"


def test_the_second_one_is_not_the_first_and_holds_the_role(
    world: World, organization: Organization, priya: Account, omar: Account, made: MadeApp
):
    """CONS-06, CONS-07: each refusal leaves a trace."""
    proposal = propose(world, made, priya)
    reader = world.person(organization, Role.READONLY_ADMIN)
    stranger = world.full_admin(world.organization())

    for admin in (priya, reader):
        refused = confirm(world, proposal, admin)
        assert isinstance(refused, Refused)
        assert isinstance(refused.error, NotPermitted)
    with pytest.raises(NotFound):
        confirm(world, proposal, stranger)

    assert state_of(world, proposal) == ProposalState.WAITING
    codes = [one.data["code"] for one in world.events(organization, "authorization.refused")]
    assert codes == ["second_administrator_needed", "role_missing"]


@pytest.mark.parametrize("loser", ["the first", "the second"])
def test_who_lost_the_role_between_page_and_save_does_not_count(
    world: World, organization: Organization, priya: Account, omar: Account, made: MadeApp, loser: str
):
    """CONS-06: read again and locked, for both, when the second one confirms."""
    proposal = propose(world, made, priya)
    third = world.full_admin(organization)
    assign(world, priya if loser == "the first" else omar, Role.READONLY_ADMIN, by=third)

    if loser == "the first":
        with pytest.raises(Conflict, match="Priya Raman, who proposed this, may not decide"):
            confirm(world, proposal, omar)
    else:
        assert isinstance(confirm(world, proposal, omar), Refused)

    assert authorizations_of(world, made) == []


def test_compliance_scopes_take_two_compliance_officers(world: World, organization: Organization):
    """CONS-06."""
    both = Role.FULL_ADMIN, Role.COMPLIANCE_OFFICER
    first, second = world.person(organization, *both), world.person(organization, *both)
    without = world.full_admin(organization)
    made = world.service_app(world.developer(organization), scopes=[MESSAGES])
    set_app_policy(world, first, second_administrator=SecondAdministrator.ALWAYS)

    assert isinstance(decide(world, made, without), Refused)
    proposal = propose(world, made, first)

    assert isinstance(confirm(world, proposal, without), Refused)
    assert isinstance(confirm(world, proposal, second), Authorization)


def test_it_expires_when_nobody_confirms_it(
    world: World,
    deployment: Deployment,
    clock: MovableClock,
    organization: Organization,
    priya: Account,
    omar: Account,
    made: MadeApp,
):
    """CONS-07."""
    proposal = propose(world, made, priya)
    clock.advance(days=7)

    with pytest.raises(Conflict, match="before anybody confirmed it"):
        confirm(world, proposal, omar)

    end_overdue(deployment, lambda _seconds: False)
    end_overdue(deployment, lambda _seconds: False)

    assert state_of(world, proposal) == ProposalState.EXPIRED
    (expired,) = world.events(organization, "authorization.proposal_expired")
    assert expired.data["proposedBy"] == str(priya.id)
    with pytest.raises(Conflict, match="ended by the passing of time"):
        confirm(world, proposal, omar)
    assert propose(world, made, omar).id != proposal.id


def test_an_end_that_fails_keeps_no_other_waiting(
    world: World,
    deployment: Deployment,
    clock: MovableClock,
    priya: Account,
    made: MadeApp,
    monkeypatch: pytest.MonkeyPatch,
):
    """Also when all of a batch fail; they are told of, and tried again the next time."""
    made_of = [world.service_app(made.developer, scopes=[WRITE]) for _ in range(2)]
    waiting = [propose(world, one, priya) for one in (made, *made_of)]
    clock.advance(days=7)
    expire = proposals.expire

    def fails_for_the_first(tx: Transaction, proposal_id: uuid.UUID) -> bool:
        if proposal_id == waiting[0].id:
            raise RuntimeError("for a test")
        return expire(tx, proposal_id)

    monkeypatch.setattr(endings, "BATCH", 1)
    monkeypatch.setattr(proposals, "expire", fails_for_the_first)
    with capture_logs() as logged:
        end_overdue(deployment, lambda _seconds: False)

    waits, *others = [state_of(world, one) for one in waiting]
    assert (waits, set(others)) == (ProposalState.WAITING, {ProposalState.EXPIRED})
    (failed,) = [one for one in logged if one["log_level"] == "error"]
    assert (failed["kind"], failed["id"]) == ("proposal", str(waiting[0].id))
    monkeypatch.undo()
    end_overdue(deployment, lambda _seconds: False)
    assert state_of(world, waiting[0]) == ProposalState.EXPIRED


def test_an_app_that_changed_since_is_decided_on_anew(
    world: World, organization: Organization, priya: Account, omar: Account, made: MadeApp
):
    """CONS-03."""
    proposal = propose(world, made, priya)
    ask_for(world, made, [READ, WRITE, LICENSES])

    with pytest.raises(Conflict, match="after Priya Raman proposed this"):
        confirm(world, proposal, omar)
    assert standing(world, made, omar).state == "requested"

    anew = propose(world, made, priya)

    assert anew.scopes == [LICENSES, READ, WRITE]
    assert state_of(world, proposal) == ProposalState.WITHDRAWN


def test_a_proposal_that_the_app_has_outrun_is_in_nobodys_way(
    world: World, organization: Organization, priya: Account, omar: Account, made: MadeApp
):
    """CONS-03: it is not counted, another administrator proposes anew, and what was asked can be declined."""
    other = world.service_app(made.developer, scopes=[WRITE])
    outrun, kept = propose(world, made, priya), propose(world, other, priya)
    for one in (made, other):
        ask_for(world, one, [READ, WRITE, LICENSES])

    with world.deployment.transaction(world.origin) as tx:
        assert inbox.list_waiting_proposals(tx, organization.id) == []
    anew = propose(world, made, omar)
    assert not isinstance(decline(world, other, omar), Refused)

    assert anew.scopes == [LICENSES, READ, WRITE]
    with world.deployment.transaction(world.origin) as tx:
        assert [one.id for one in inbox.list_waiting_proposals(tx, organization.id)] == [anew.id]
        assert inbox.count_waiting(tx, organization.id) == 1
        closed = tx.get_one(AuthorizationProposal, outrun.id)
        assert (closed.state, closed.decided_by) == (ProposalState.EXPIRED, None)
        assert closed.decision_reason == "The app has changed since."
    with pytest.raises(Conflict):
        confirm(world, kept, omar)


def test_the_policy_of_that_moment_holds(
    world: World, organization: Organization, priya: Account, omar: Account, made: MadeApp
):
    """Blocked meanwhile: refused. Limited meanwhile: decided anew. One is enough meanwhile: confirming still works."""
    blocked = world.service_app(made.developer, scopes=[WRITE])
    proposals = [propose(world, one, priya) for one in (made, blocked)]
    set_app_policy(world, omar, only_allowed=True)
    set_app_rule(world, omar, made, AppRuleMode.ALLOW)

    refused = confirm(world, proposals[1], omar)

    assert isinstance(refused, Refused)
    assert refused.error.code == "refused_by_policy"

    set_app_policy(world, omar, longest_days=30)

    with pytest.raises(Conflict, match="30 days"):
        confirm(world, proposals[0], omar)

    set_app_policy(world, omar, longest_days=None, second_administrator=SecondAdministrator.NEVER)

    assert isinstance(confirm(world, proposals[0], omar), Authorization)


def test_it_is_declined_by_another_and_withdrawn_by_its_proposer(
    world: World, organization: Organization, priya: Account, omar: Account, made: MadeApp
):
    proposal = propose(world, made, priya)
    with pytest.raises(Conflict, match="Withdraw it instead"):
        end_proposal(world, proposal, priya)
    with pytest.raises(Conflict, match="Only Priya Raman can withdraw"):
        end_proposal(world, proposal, omar, withdraws=True)
    with pytest.raises(Conflict, match="Priya Raman has proposed a decision"):
        decide(world, made, omar)

    declined = [end_proposal(world, proposal, omar) for _ in range(2)]

    assert {one.state for one in declined} == {ProposalState.DECLINED}
    (event,) = world.events(organization, "authorization.proposal_declined")
    assert (event.actor_id, event.data["reason"]) == (omar.id, "Ask the works council first.")
    with pytest.raises(Conflict, match="declined by Omar Haddad"):
        confirm(world, proposal, omar)

    another = propose(world, made, omar)
    end_proposal(world, another, omar, withdraws=True)

    assert state_of(world, another) == ProposalState.WITHDRAWN
    assert standing(world, made, omar).state == "requested"


def test_another_decision_overtakes_it(
    world: World, organization: Organization, priya: Account, omar: Account, made: MadeApp
):
    """One is enough meanwhile, and another one decides otherwise; or the app is deauthorized."""
    proposal = propose(world, made, priya)
    set_app_policy(world, omar, second_administrator=SecondAdministrator.NEVER)
    world.authorize(made, omar)

    assert state_of(world, proposal) == ProposalState.DECLINED
    [declined] = world.events(organization, "authorization.proposal_declined")
    assert (declined.data["overtaken"], declined.data["reason"]) == (True, "One administrator decided.")

    set_app_policy(world, omar, second_administrator=SecondAdministrator.HIGH_RISK)
    ask_for(world, made, [READ, WRITE, LICENSES, "spark-admin:licenses_write"])
    changes = propose(world, made, priya)
    world.deauthorize(made, omar)

    assert state_of(world, changes) == ProposalState.DECLINED
    with pytest.raises(Conflict):
        confirm(world, changes, omar)


def test_what_is_added_and_what_lasts_longer_takes_two_and_less_takes_one(
    world: World,
    clock: MovableClock,
    organization: Organization,
    priya: Account,
    omar: Account,
    made: MadeApp,
):
    """The verdict is on what is newly granted, or granted for longer: an end is no way around the second one."""
    end = clock() + timedelta(days=30)
    confirm(world, propose(world, made, priya, ends_at=end), omar)

    assert isinstance(decide(world, made, priya, ends_at=end - timedelta(days=1)), Authorization)
    longer = propose(world, made, priya, ends_at=end)
    assert isinstance(decide(world, made, omar, ends_at=end - timedelta(days=2)), Authorization)
    assert state_of(world, longer) == ProposalState.WAITING
    confirm(world, longer, omar)

    ask_for(world, made, [READ, WRITE, LICENSES])
    assert isinstance(decide(world, made, priya), Authorization)  # a low risk is added

    ask_for(world, made, [READ, WRITE, LICENSES, "spark-admin:licenses_write"])
    added = propose(world, made, priya)
    (waiting,) = authorizations_of(world, made)
    assert waiting.scopes == [LICENSES, READ, WRITE]

    confirm(world, added, omar)

    (approved,) = authorizations_of(world, made)
    assert "spark-admin:licenses_write" in approved.scopes
    assert types_of(world, organization)[-1] == "authorization.updated"


class TestAtTheSameMoment:
    """CONS-09: of several acts one wins, whole; the record tells of it once."""

    def act(self, act: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
        return lambda: act(*arguments)

    def test_two_administrators_propose(
        self, world: World, organization: Organization, priya: Account, omar: Account, made: MadeApp
    ):
        results = at_once([self.act(decide, world, made, admin) for admin in (priya, omar) * 4])

        proposals = {one.id for one in results if isinstance(one, AuthorizationProposal)}
        conflicts = [one for one in results if isinstance(one, Conflict)]
        assert (len(proposals), len(conflicts)) == (1, 4), results
        assert len(world.events(organization, "authorization.proposed")) == 1

    def test_two_seconds_confirm_and_one_declines(
        self, world: World, organization: Organization, priya: Account, omar: Account, made: MadeApp
    ):
        proposal = propose(world, made, priya)
        third = world.full_admin(organization)

        results = at_once(
            [
                *[self.act(confirm, world, proposal, admin) for admin in (omar, third) * 2],
                self.act(end_proposal, world, proposal, third),
            ]
        )

        known = (Authorization, AuthorizationProposal, Conflict)
        assert all(isinstance(one, known) for one in results), results
        granted = authorizations_of(world, made)
        is_confirmed = state_of(world, proposal) == ProposalState.CONFIRMED
        assert len(granted) == (1 if is_confirmed else 0)
        ends = [one for one in types_of(world, organization) if one.startswith("authorization.")]
        assert ends.count("authorization.created") + ends.count("authorization.proposal_declined") == 1

    def test_a_role_is_taken_away_while_its_holder_confirms(
        self, world: World, organization: Organization, priya: Account, omar: Account, made: MadeApp
    ):
        proposal = propose(world, made, priya)
        third = world.full_admin(organization)

        def take_away() -> None:
            assign(world, priya, Role.USER_ADMIN, by=third)

        outcome, _ = at_once([self.act(confirm, world, proposal, omar), take_away])

        if isinstance(outcome, Authorization):
            order = [one.type for one in world.events(organization)]
            assert order.index("authorization.created") < order.index("account.roles_changed")
        else:
            assert isinstance(outcome, Conflict)
            assert authorizations_of(world, made) == []

    def test_the_policy_changes_while_somebody_decides(
        self, world: World, priya: Account, omar: Account, made: MadeApp
    ):
        results = at_once(
            [
                self.act(decide, world, made, priya),
                lambda: set_app_policy(world, omar, second_administrator=SecondAdministrator.NEVER),
            ]
        )

        assert isinstance(results[0], Authorization | AuthorizationProposal), results
        granted = authorizations_of(world, made)
        assert len(granted) == isinstance(results[0], Authorization)


def test_a_proposal_for_an_app_of_the_app_hub_is_listed(world: World, priya: Account, omar: Account):
    """Nobody asked for it, but the second administrator has to find it."""
    theirs = world.service_app(world.developer(world.organization()), scopes=[WRITE], requested=False)
    world.list_app(theirs)
    set_app_policy(world, priya, second_administrator=SecondAdministrator.ALWAYS)
    assert listed(world, omar) == []

    propose(world, theirs, priya)

    (shown,) = listed(world, omar, needs_decision=True)
    assert (shown.app.id, shown.state) == (theirs.id, "proposed")


def test_another_end_is_another_proposal(world: World, priya: Account, made: MadeApp, clock: MovableClock):
    """CONS-05, CONS-07: whoever changes only the end is not answered with the end of before."""
    year, week = clock() + timedelta(days=365), clock() + timedelta(days=7)
    first = propose(world, made, priya, ends_at=year)
    assert propose(world, made, priya, ends_at=year).id == first.id

    second = propose(world, made, priya, ends_at=week)

    assert (second.ends_at, state_of(world, first)) == (week, ProposalState.WITHDRAWN)
    unbounded = propose(world, made, priya)
    assert (unbounded.ends_at, state_of(world, second)) == (None, ProposalState.WITHDRAWN)


def test_the_latest_end_that_is_possible_moves_and_stays_the_same_proposal(
    world: World, priya: Account, made: MadeApp, clock: MovableClock
):
    """CONS-07: who says nothing of an end repeats what they said, unless they named one before."""
    set_app_policy(world, priya, second_administrator=SecondAdministrator.HIGH_RISK, longest_days=90)
    first = propose(world, made, priya)
    clock.advance(hours=1)
    assert propose(world, made, priya).id == first.id
    named = propose(world, made, priya, ends_at=clock() + timedelta(days=7))

    clock.advance(hours=1)
    last = propose(world, made, priya)

    latest = last.proposed_at + timedelta(days=90)
    assert (last.ends_at, state_of(world, named)) == (latest, ProposalState.WITHDRAWN)


def test_what_was_proposed_of_a_share_ends_when_it_is_withdrawn(
    world: World, organization: Organization, priya: Account, omar: Account
):
    """CONS-12: nobody confirms what is not sent to them any more, not even who was about to."""
    theirs = world.service_app(
        world.developer(world.organization("Fabrikam GmbH")), scopes=[WRITE], requested=False
    )
    set_app_policy(world, priya, second_administrator=SecondAdministrator.ALWAYS)
    asked = share(world, theirs, organization)
    proposal = propose(world, theirs, priya)
    with world.deployment.transaction(world.origin) as tx:
        by, looked_at = again(tx, omar), proposals.get_proposal(tx, organization.id, proposal.id)
        withdraw(world, asked, theirs.developer)

        with pytest.raises(Conflict):
            proposals.confirm(tx, looked_at, by=by, machine_domain="machine.internal")

    assert state_of(world, proposal) == ProposalState.EXPIRED
    assert authorizations_of(world, theirs) == []
    with pytest.raises(NotFound):
        standing(world, theirs, omar)


def test_a_share_that_is_withdrawn_between_look_and_decision_is_not_authorized(
    world: World, organization: Organization, priya: Account
):
    """CONS-06, CONS-12."""
    theirs = world.service_app(
        world.developer(world.organization("Fabrikam GmbH")), scopes=[READ], requested=False
    )
    asked = share(world, theirs, organization)
    with world.deployment.transaction(world.origin) as tx:
        by = again(tx, priya)
        app = decisions.get_visible_app(tx, by, theirs.id)
        withdraw(world, asked, theirs.developer)

        with pytest.raises(NotFound):
            authorizations.authorize(tx, app, by=by, machine_domain="machine.internal")


def test_deleting_the_app_ends_what_waits(
    world: World, organization: Organization, priya: Account, made: MadeApp
):
    """Nothing to decide on is left over, and the developer decides nothing in another organization (AUD-05)."""
    proposal = propose(world, made, priya)
    elsewhere = world.full_admin(world.organization())
    share(world, made, elsewhere.organization)
    world.authorize(made, elsewhere)
    set_app_policy(world, elsewhere, second_administrator=SecondAdministrator.HIGH_RISK)
    ask_for(world, made, [READ, WRITE, "spark-admin:licenses_write"])
    theirs = propose(world, made, elsewhere)
    with world.deployment.transaction(world.origin) as tx:
        by = directory.get_account(tx, organization.id, made.developer.id)
        app = (
            tx.scalars(select(AuthorizationProposal).where(AuthorizationProposal.id == proposal.id)).one().app
        )
        authorizations.delete_app(tx, app, by=by, longest_token=timedelta(days=14))

    assert state_of(world, proposal) == ProposalState.EXPIRED
    with world.deployment.transaction(world.origin) as tx:
        closed = tx.get_one(AuthorizationProposal, theirs.id)
        assert (closed.state, closed.decided_by_name) == (ProposalState.EXPIRED, None)
