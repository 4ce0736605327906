"""What an administrator grants: fewer scopes than asked, until an end; added scopes approved, declined or left."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from appanage.authorizations.decisions import DecisionState
from appanage.authorizations.model import AuthorizationRequest, RequestDecision, SecondAdministrator
from appanage.directory.model import Account, Organization
from appanage.directory.roles import Role
from appanage.kit.errors import Conflict, Invalid, NotPermitted, Refused
from support.asking import remind
from support.clock import MovableClock
from support.deciding import (
    LICENSES,
    MESSAGES,
    READ,
    WRITE,
    ask_for,
    decide,
    decline_changes,
    listed,
    standing,
)
from support.policing import set_app_policy
from support.world import MadeApp, World

MONTH = timedelta(days=30)


@pytest.fixture
def organization(world: World) -> Organization:
    return world.organization("Northwind Traders")


@pytest.fixture
def admin(world: World, organization: Organization) -> Account:
    return world.full_admin(organization, name="Priya Raman")


@pytest.fixture
def made(world: World, organization: Organization) -> MadeApp:
    """It can do without writing."""
    developer = world.developer(organization)
    return world.service_app(developer, scopes=[READ, WRITE], optional_scopes=[WRITE])


def test_optional_scopes_may_be_left_out_and_others_may_not(
    world: World, organization: Organization, admin: Account, made: MadeApp
):
    """CONS-05."""
    for scopes, named in (([WRITE], READ), ([READ, LICENSES], LICENSES), ([], READ)):
        with pytest.raises(Invalid, match=named) as refused:
            decide(world, made, admin, scopes=scopes)
        assert list(refused.value.fields) == ["scopes"]

    granted = decide(world, made, admin, scopes=[READ])

    assert (granted.scopes, granted.declined_scopes) == ([READ], [WRITE])
    assert not standing(world, made, admin).needs_decision
    assert world.retrieve(made, organization).scopes == {READ}
    (created,) = world.events(organization, "authorization.created")
    assert (created.data["scopes"], created.data["declined"]) == ([READ], [WRITE])

    repeated = decide(world, made, admin)

    assert (repeated.id, repeated.scopes) == (granted.id, [READ])  # nobody asked for the other one again

    widened = decide(world, made, admin, scopes=[READ, WRITE])

    assert (widened.scopes, widened.declined_scopes) == ([READ, WRITE], [])

    narrowed = decide(world, made, admin, scopes=[READ])

    assert (narrowed.scopes, narrowed.declined_scopes) == ([READ], [WRITE])
    assert len(world.events(organization, "authorization.updated")) == 2


def test_only_what_is_granted_takes_a_compliance_officer(world: World, organization: Organization):
    """CONS-06: the role is needed for the scopes that are chosen, not for those that are left out."""
    admin = world.full_admin(organization)
    made = world.service_app(
        world.developer(organization), scopes=[READ, MESSAGES], optional_scopes=[MESSAGES]
    )

    refused = decide(world, made, admin)
    granted = decide(world, made, admin, scopes=[READ])

    assert isinstance(refused, Refused)
    assert isinstance(refused.error, NotPermitted)
    assert granted.scopes == [READ]


class TestAddedScopes:
    """CONS-03: an authorization keeps its scopes until an administrator decides on what was added."""

    @pytest.fixture
    def changed(self, world: World, admin: Account, made: MadeApp) -> MadeApp:
        """Authorized with everything, now it asks for licenses in place of writing, and for messages if possible."""
        world.authorize(made, admin)
        ask_for(world, made, [READ, LICENSES, MESSAGES], optional=[MESSAGES])
        return made

    def test_they_are_approved_with_or_without_the_optional_ones(
        self, world: World, organization: Organization, admin: Account, changed: MadeApp
    ):
        before = standing(world, changed, admin)

        assert before.needs_decision
        assert before.authorization is not None
        assert before.authorization.added_scopes == {LICENSES, MESSAGES}
        assert before.authorization.dropped_scopes == {WRITE}
        with pytest.raises(Conflict, match="changed by its developer"):
            decide(world, changed, admin, scopes=[READ, LICENSES], version=1)

        approved = decide(world, changed, admin, scopes=[READ, LICENSES], version=2)

        assert (approved.scopes, approved.declined_scopes) == ([LICENSES, READ], [MESSAGES])
        assert approved.app_version == 2
        (updated,) = world.events(organization, "authorization.updated")
        assert (updated.data["added"], updated.data["dropped"]) == ([LICENSES], [WRITE])
        assert updated.data["appVersion"] == 2
        assert not standing(world, changed, admin).needs_decision

    def test_a_part_of_what_is_needed_is_not_approved(self, world: World, admin: Account, changed: MadeApp):
        ask_for(world, changed, [READ, WRITE, LICENSES, MESSAGES])

        with pytest.raises(Invalid, match=MESSAGES):
            decide(world, changed, admin, scopes=[READ, WRITE, LICENSES])

    def test_they_are_declined_and_nobody_is_asked_again(
        self, world: World, organization: Organization, admin: Account, changed: MadeApp
    ):
        declined = decline_changes(world, changed, admin, "We keep licenses to ourselves.")
        again = decline_changes(world, changed, admin, "Twice.")

        assert again.id == declined.id
        assert (declined.scopes, declined.declined_scopes) == ([READ, WRITE], [LICENSES, MESSAGES])
        assert not standing(world, changed, admin).needs_decision
        assert listed(world, admin, needs_decision=True) == []
        (event,) = world.events(organization, "authorization.changes_declined")
        assert event.data["reason"] == "We keep licenses to ourselves."
        assert world.retrieve(changed, organization).scopes == {READ}

        ask_for(world, changed, [READ, LICENSES, MESSAGES, "spark-admin:roles_read"])

        assert standing(world, changed, admin).needs_decision
        assert decide(world, changed, admin).declined_scopes == [LICENSES, MESSAGES]

    def test_what_comes_back_waits_as_if_it_were_new(
        self, world: World, organization: Organization, admin: Account, changed: MadeApp
    ):
        """CONS-03: nobody granted that the app does again what it had stopped."""
        ask_for(world, changed, [READ, WRITE])

        back = standing(world, changed, admin)
        assert back.needs_decision
        assert back.authorization is not None
        assert back.authorization.usable_scopes == {READ}
        assert back.authorization.added_scopes == {WRITE}
        assert world.retrieve(changed, organization).scopes == {READ}

        decide(world, changed, admin, scopes=[READ, WRITE])

        assert world.retrieve(changed, organization).scopes == {READ, WRITE}

    def test_they_may_wait_while_something_else_is_decided(
        self, world: World, clock: MovableClock, admin: Account, changed: MadeApp
    ):
        end = clock() + MONTH
        asked = remind(world, changed)

        kept = decide(world, changed, admin, scopes=[READ], ends_at=end)

        assert (kept.scopes, kept.declined_scopes, kept.ends_at) == ([READ], [], end)
        assert kept.app_version == 1
        waiting = standing(world, changed, admin)
        assert waiting.needs_decision
        assert waiting.request is not None
        assert (waiting.request.id, waiting.request.is_open) == (asked.id, True)

        approved = decide(world, changed, admin, scopes=[READ, LICENSES])

        assert approved.app_version == 2
        assert standing(world, changed, admin).askers == 0

    def test_without_an_authorization_there_is_nothing_to_decline(
        self, world: World, admin: Account, made: MadeApp
    ):
        with pytest.raises(Conflict, match="has not authorized"):
            decline_changes(world, made, admin)
        reader = world.person(admin.organization, Role.READONLY_ADMIN)
        assert isinstance(decline_changes(world, made, reader), Refused)


class TestTheEnd:
    """CONS-05."""

    def test_it_is_set_changed_and_taken_away(
        self, world: World, clock: MovableClock, admin: Account, made: MadeApp
    ):
        now = clock()
        with pytest.raises(Invalid, match="in the future") as refused:
            decide(world, made, admin, ends_at=now)
        assert list(refused.value.fields) == ["endsAt"]

        first = decide(world, made, admin, ends_at=now + MONTH)
        kept = decide(world, made, admin)
        longer = decide(world, made, admin, ends_at=now + 2 * MONTH)
        endless = decide(world, made, admin, ends_at=None)

        assert (first.ends_at, kept.ends_at) == (now + MONTH, now + MONTH)
        assert (longer.ends_at, endless.ends_at) == (now + 2 * MONTH, None)
        changes = world.events(admin.organization, "authorization.updated")
        assert [(one.data["endsAtBefore"] is None, one.data["endsAt"] is None) for one in changes] == [
            (False, False),
            (False, True),
        ]

    def test_what_is_over_is_authorized_as_if_for_the_first_time(
        self, world: World, clock: MovableClock, admin: Account, made: MadeApp
    ):
        """Within the minute before it is ended for good."""
        over = decide(world, made, admin, ends_at=clock() + MONTH)
        clock.advance(days=31)

        again = decide(world, made, admin)

        assert (again.id, again.ends_at) == (over.id, None)
        assert world.retrieve(made, admin.organization).scopes == {READ, WRITE}

    def test_the_policy_bounds_what_is_decided_from_then_on(
        self, world: World, clock: MovableClock, organization: Organization, admin: Account, made: MadeApp
    ):
        endless = world.authorize(made, admin)
        set_app_policy(world, admin, longest_days=10)
        latest = clock() + timedelta(days=10)
        bounded = world.service_app(world.developer(organization), scopes=[READ])

        with pytest.raises(Invalid, match="10 days"):
            decide(world, bounded, admin, ends_at=clock() + timedelta(days=11))
        assert is_about(decide(world, bounded, admin).ends_at, latest)
        assert decide(world, bounded, admin, ends_at=clock() + MONTH / 10).ends_at < latest
        assert decide(world, made, admin).ends_at is None is endless.ends_at

        ask_for(world, made, [READ, WRITE, LICENSES])

        assert is_about(decide(world, made, admin).ends_at, latest)


def is_about(moment: datetime, other: datetime) -> bool:
    return abs(moment - other) < timedelta(minutes=5)


def test_a_decision_settles_every_request(
    world: World, organization: Organization, admin: Account, made: MadeApp
):
    with world.deployment.transaction(world.origin) as tx:
        lena = world.person(organization, name="Lena Vogt")
        tx.add(
            AuthorizationRequest(
                app_id=made.id,
                organization_id=organization.id,
                requested_by=lena.id,
                requested_by_name=lena.display_name,
                requested_at=tx.now + timedelta(seconds=1),
                message="For the new hires.",
            )
        )
    before = standing(world, made, admin)

    world.authorize(made, admin)

    assert before.request is not None
    assert (before.state, before.askers, before.request.message) == ("requested", 2, "For the new hires.")
    with world.deployment.transaction(world.origin) as tx:
        rows = list(tx.scalars(select(AuthorizationRequest).where(AuthorizationRequest.app_id == made.id)))
        assert {(row.decision, row.decided_by_name) for row in rows} == {
            (RequestDecision.AUTHORIZED, "Priya Raman")
        }
    assert standing(world, made, admin).askers == 0


def test_a_policy_that_was_changed_meanwhile_is_looked_at_first(world: World, admin: Account, made: MadeApp):
    """The page shows version 0, somebody settles another policy, then the page is saved."""
    set_app_policy(world, admin, longest_days=10)

    with pytest.raises(Conflict, match="policy of your organization on apps was changed") as refused:
        decide(world, made, admin, policy_version=0)

    assert refused.value.code == "policy_changed"
    assert decide(world, made, admin, policy_version=1).ends_at is not None


def test_what_the_policy_does_not_allow_is_refused_with_its_rule(
    world: World, organization: Organization, admin: Account, made: MadeApp
):
    set_app_policy(world, admin, only_allowed=True)

    refused = decide(world, made, admin)

    assert isinstance(refused, Refused)
    assert (refused.error.code, refused.error.details) == (
        "refused_by_policy",
        ("Rule: not_allowed_by_name.",),
    )
    (event,) = world.events(organization, "authorization.refused")
    assert event.data["rule"] == "not_allowed_by_name"


def test_python_and_the_database_agree_on_how_every_app_stands(
    world: World, clock: MovableClock, organization: Organization, admin: Account
):
    """DecisionState and needs_decision are told twice; here they meet, in every state there is."""
    developer = world.developer(organization)
    apps = {name: world.service_app(developer, scopes=[READ], name=name) for name in "abcdef"}
    for name in "bcde":
        world.authorize(apps[name], admin)
    ask_for(world, apps["c"], [READ, WRITE])
    ask_for(world, apps["d"], [READ, WRITE])
    decline_changes(world, apps["d"], admin)
    world.deauthorize(apps["e"], admin)
    with world.deployment.transaction(world.origin) as tx:
        declined = tx.scalars(
            select(AuthorizationRequest).where(AuthorizationRequest.app_id == apps["f"].id)
        ).one()
        declined.decision, declined.decided_at = "declined", tx.now
    set_app_policy(world, admin, second_administrator=SecondAdministrator.ALWAYS)
    proposed = world.service_app(developer, scopes=[READ], name="g")
    decide(world, proposed, admin)
    apps["g"] = proposed

    expected = {
        "a": (DecisionState.REQUESTED, True),
        "b": (DecisionState.AUTHORIZED, False),
        "c": (DecisionState.AUTHORIZED, True),
        "d": (DecisionState.AUTHORIZED, False),
        "e": (DecisionState.DEAUTHORIZED, False),
        "f": (DecisionState.DECLINED, False),
        "g": (DecisionState.PROPOSED, True),
    }
    for decision in listed(world, admin):
        assert (decision.state, decision.needs_decision) == expected[decision.app.name]
    for state in DecisionState:
        names = {one.app.name for one in listed(world, admin, state=state)}
        assert names == {name for name, (one, _) in expected.items() if one is state}
    for needs in (True, False):
        names = {one.app.name for one in listed(world, admin, needs_decision=needs)}
        assert names == {name for name, (_, one) in expected.items() if one is needs}

    clock.advance(days=8)

    assert standing(world, proposed, admin).state == DecisionState.REQUESTED  # the proposal is over
