"""Suspending an app everywhere: one act, whoever else acts at that moment, and whatever was issued meanwhile."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest

from appanage.apps.queries import get_app
from appanage.authorizations import queries, suspensions
from appanage.authorizations.bots import live_tokens
from appanage.authorizations.desk import RefreshAttempt
from appanage.authorizations.queries import find_authorization, summarize_by_app
from appanage.authorizations.standing import Standing
from appanage.authorizations.tokens import TokenGrant, TokenPair
from appanage.directory import queries as directory
from appanage.directory import service as people
from appanage.directory.model import Account
from appanage.directory.roles import Role
from appanage.kit.errors import Conflict, Invalid, NotFound, Refused
from appanage.oauth.refreshing import RefreshRequest
from support.at_once import at_once
from support.clock import MovableClock
from support.connecting import connect, is_alive
from support.refusals import counted_statements
from support.suspending import REASON, lift, suspend
from support.world import MadeApp, World


@pytest.fixture
def operator(world: World) -> Account:
    return world.operators(Role.OPERATOR, Role.FULL_ADMIN)


@pytest.fixture
def desk(world: World) -> MadeApp:
    """An Integration."""
    return world.integration(name="Desk Booking")


@pytest.fixture
def refresh(world: World) -> Callable[[MadeApp, TokenPair], TokenPair | None]:
    """A refresh in a group; None when it is left to the patient way, which alone refuses."""

    def run(made: MadeApp, pair: TokenPair) -> TokenPair | None:
        async def ask() -> TokenPair | None:
            deployment = world.deployment
            await deployment.desk.start()
            try:
                attempt = RefreshAttempt(made.client_id, pair.refresh_token.reveal(), RefreshRequest())
                answer = await deployment.desk.refresh(attempt)
                assert not isinstance(answer, Exception)
                return answer
            finally:
                await deployment.desk.stop()

        with world.deployment.transaction(world.origin) as tx:
            world.deployment.keys.load(tx)
        return asyncio.run(ask())

    return run


def standing_of(world: World, pair: TokenPair) -> Standing:
    with world.deployment.transaction(world.origin) as tx:
        found = find_authorization(tx, pair.access.claims.authorization)
        assert found is not None
        return found.standing


def issue(world: World, standing: Standing) -> TokenPair:
    """Tokens, by a process that knows this of the authorization."""
    with world.deployment.transaction(world.origin) as tx:
        return world.deployment.issuer.issue(tx, TokenGrant(standing, standing.usable_scopes))[0]


def test_it_costs_the_same_however_many_have_the_app_and_tells_how_many_that_are(
    world: World, operator: Account
):
    """REV-06 for a whole app, AUD-01: one event, in the log of the app's organization."""
    counts, numbers = [], []
    for size in (1, 5):
        made = world.integration(name="Desk Booking")
        for _ in range(size):
            connect(world, made.app, world.person(world.organization("Northwind Traders")))
        with counted_statements(world) as statements:
            suspend(world, made, by=operator)
        counts.append(len(statements))
        (event,) = world.events(made.app.organization, "app.suspended")
        numbers.append(event.data["organizations"])
        assert (event.actor_name, event.target_name) == (operator.display_name, made.app.name)
        assert event.data["reason"] == REASON

    assert counts[0] == counts[1]
    assert numbers == [1, 5]


def test_of_two_operators_at_once_one_suspends_and_one_lifts(world: World, operator: Account, desk: MadeApp):
    both = operator, world.operators(Role.OPERATOR)
    first = at_once([partial(suspend, world, desk, by=by, reason=by.display_name) for by in both])
    then = at_once([partial(lift, world, desk, by=by) for by in both])

    for outcomes, code in ((first, "already_suspended"), (then, "not_suspended")):
        (refused,) = [one for one in outcomes if isinstance(one, Exception)]
        assert isinstance(refused, Conflict)
        assert refused.code == code
    types = [event.type for event in world.events(desk.app.organization) if "suspen" in event.type]
    assert types == ["app.suspended", "app.suspension_lifted"]


def test_an_operator_who_lost_the_role_meanwhile_changes_nothing(
    world: World, operator: Account, desk: MadeApp
):
    """CONS-06: the role is read again, after the page was."""
    boss = world.full_admin(operator.organization)
    with world.deployment.transaction(world.origin) as tx:
        acting = directory.get_account(tx, operator.organization_id, operator.id)
        assert acting.runs_the_platform_as(Role.OPERATOR)
        with world.deployment.transaction(world.origin) as other:
            person, by = (
                directory.get_account(other, one.organization_id, one.id) for one in (operator, boss)
            )
            people.assign_roles(other, person, [Role.FULL_ADMIN], by=by)
        refused = suspensions.suspend(tx, desk.id, by=acting, reason=REASON)

    assert isinstance(refused, Refused)
    assert "This needs the role Operator." in refused.error.message
    with world.deployment.transaction(world.origin) as tx:
        assert get_app(tx, desk.id).is_active
    (trace,) = [
        one for one in world.events(operator.organization, "access.refused") if one.actor_id == operator.id
    ]
    assert trace.data["missingRoles"] == ["Operator"]


def test_for_everybody_else_there_is_no_such_app(world: World, desk: MadeApp):
    """CONS-12: neither for its owner nor for the operator's other people, who are told what they lack."""
    reviewer = world.operators(Role.APP_REVIEWER, Role.FULL_ADMIN)

    for stranger in (desk.developer, world.full_admin(desk.app.organization)):
        with pytest.raises(NotFound):
            suspend(world, desk, by=stranger)
        with pytest.raises(NotFound):
            lift(world, desk, by=stranger)
    with pytest.raises(AssertionError, match="This needs the role Operator"):
        suspend(world, desk, by=reviewer)


@pytest.mark.parametrize("reason", ["", " \n ", "x" * 501])
def test_a_reason_is_needed_and_is_short(world: World, operator: Account, desk: MadeApp, reason: str):
    with pytest.raises(Invalid) as refused:
        suspend(world, desk, by=operator, reason=reason)

    assert list(refused.value.fields) == ["reason"]


def test_a_deleted_app_cannot_be_suspended(world: World, operator: Account, desk: MadeApp):
    with world.deployment.transaction(world.origin) as tx:
        get_app(tx, desk.id).deleted_at = tx.now

    with pytest.raises(NotFound):
        suspend(world, desk, by=operator)


@pytest.mark.parametrize("pause", [0, 60])
def test_what_a_process_issued_that_had_not_heard_of_it_dies_too(
    world: World, operator: Account, desk: MadeApp, clock: MovableClock, refresh, pause: int
):
    """REV-05, REV-09: for a moment a process may remember that all was well; what came of that is never honoured."""
    pair = connect(world, desk.app, world.person(world.organization("Northwind Traders")))
    remembered = standing_of(world, pair)

    suspend(world, desk, by=operator)
    meanwhile = issue(world, remembered)
    clock.advance(seconds=pause)
    lift(world, desk, by=operator)

    for dead in (pair, meanwhile):
        assert not is_alive(world, dead)
        assert refresh(desk, dead) is None
    fresh = issue(world, standing_of(world, pair))
    assert is_alive(world, fresh)
    assert refresh(desk, fresh) is not None


def test_a_node_whose_clock_is_behind_issues_tokens_that_live(
    world: World, operator: Account, desk: MadeApp, clock: MovableClock, refresh
):
    """TEN-06: what is issued after the suspension is told from what was before, whatever a node's clock says."""
    clock.advance(seconds=60)
    pair = connect(world, desk.app, world.person(world.organization("Northwind Traders")))
    bot = world.bot()
    for made in (desk, bot):
        suspend(world, made, by=operator)
        lift(world, made, by=operator)

    clock.advance(seconds=-30)
    fresh = issue(world, standing_of(world, pair))

    assert is_alive(world, fresh)
    assert refresh(desk, fresh) is not None
    assert not is_alive(world, pair)
    with world.deployment.transaction(world.origin) as tx:
        assert live_tokens(tx, [bot.id]) == {}


def test_what_is_dead_is_not_listed_as_alive(world: World, operator: Account, desk: MadeApp):
    organization = world.organization("Northwind Traders")
    lena, admin = world.person(organization), world.full_admin(organization)
    connect(world, desk.app, lena)
    sync = world.service_app(world.developer(organization))
    world.authorize(sync, admin)
    world.retrieve(sync, organization)

    def seen() -> tuple[int, int, int]:
        with world.deployment.transaction(world.origin) as tx:
            current = queries.find_of_organization(tx, sync.app, organization.id)
            assert current is not None
            return (
                len(queries.list_live_refresh_tokens(tx, lena)),
                queries.count_live_refresh_tokens(tx, current),
                summarize_by_app(tx, [sync.id])[sync.id].with_tokens,
            )

    before = seen()
    for made in (desk, sync):
        suspend(world, made, by=operator)
        lift(world, made, by=operator)

    assert before == (1, 1, 1)
    assert seen() == (0, 0, 0)
