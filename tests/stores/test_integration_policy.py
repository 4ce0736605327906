"""The policy on integrations: what holds, what a block ends, and what it costs."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import event

from appanage.apps.model import App
from appanage.apps.queries import get_app
from appanage.authorizations import consents, integrations, policies
from appanage.authorizations.integrations import IntegrationState
from appanage.authorizations.model import Authorization, PolicyMode
from appanage.authorizations.tokens import TokenPair
from appanage.deployment import Deployment, assemble
from appanage.directory import queries as directory
from appanage.directory import service as directory_service
from appanage.directory.model import Account, Organization
from appanage.directory.roles import OF_EVERY_ORGANIZATION, Role
from appanage.events import Outcome
from appanage.kit.errors import Conflict, NotPermitted, Refused
from appanage.kit.paging import PageRequest
from stores.test_locks import waits_for_a_lock
from support.connecting import (
    connect,
    consent,
    count_alive,
    disconnect,
    disconnect_all,
    fetch,
    is_alive,
    remove_rule,
    set_policy,
    set_rule,
)
from support.consenting import allow, integration
from support.live import settings_for
from support.world import World

ALLOW, BLOCK = PolicyMode.ALLOW, PolicyMode.BLOCK
MANY = 50


@pytest.fixture
def organization(world: World) -> Organization:
    return world.organization("Northwind")


@pytest.fixture
def admin(world: World, organization: Organization) -> Account:
    return world.full_admin(organization, name="Priya Raman")


@pytest.fixture
def app(world: World) -> App:
    return integration(world)


def mode_for(world: World, organization: Organization, app: App) -> PolicyMode:
    with world.deployment.transaction(world.origin) as tx:
        return policies.mode_for(tx, organization.id, app.id)


@contextmanager
def statements(world: World) -> Iterator[list[str]]:
    seen: list[str] = []
    engine = world.deployment.database.engine

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize(
    ("policy", "rule", "expected"),
    [
        (None, None, ALLOW),
        (ALLOW, None, ALLOW),
        (BLOCK, None, BLOCK),
        (None, BLOCK, BLOCK),
        (ALLOW, BLOCK, BLOCK),
        (BLOCK, ALLOW, ALLOW),
    ],
)
def test_a_rule_comes_before_the_policy_and_without_either_an_integration_is_allowed(
    world: World, organization: Organization, admin: Account, app: App, policy: Any, rule: Any, expected: Any
):
    if policy:
        set_policy(world, admin, policy)
    if rule:
        set_rule(world, admin, app, rule)

    assert mode_for(world, organization, app) == expected
    assert mode_for(world, world.organization(), app) == ALLOW


def test_what_holds_is_one_statement(world: World, organization: Organization, app: App):
    with statements(world) as seen:
        mode_for(world, organization, app)

    assert len(seen) == 1


def test_a_block_ends_what_people_here_allowed_and_nothing_else(
    world: World, organization: Organization, admin: Account, app: App
):
    """REV-09, CONS-10: at once, for this organization and this app alone."""
    other_app, elsewhere = integration(world), world.organization()
    doomed = [connect(world, app, world.person(organization)) for _ in range(3)]
    spared = [
        connect(world, other_app, world.person(organization)),
        connect(world, app, world.person(elsewhere)),
    ]

    assert set_rule(world, admin, app, BLOCK) == 3

    assert [is_alive(world, pair) for pair in doomed] == [False] * 3
    assert [is_alive(world, pair) for pair in spared] == [True] * 2
    assert count_alive(world, organization) == (1, 1)
    (blocked,) = world.events(organization, "integration.blocked")
    assert blocked.data == {"ruleBefore": None, "connectionsEnded": 3}
    assert (blocked.actor_name, blocked.target_name) == ("Priya Raman", app.name)
    assert blocked.app_id == app.id
    assert world.events(elsewhere, "integration.blocked") == []


def test_ended_connections_say_who_ended_them_and_why(
    world: World, organization: Organization, admin: Account, app: App
):
    allowed = allow(world, app, world.person(organization))

    set_rule(world, admin, app, BLOCK)

    with world.deployment.transaction(world.origin) as tx:
        ended = tx.get_one(Authorization, allowed.id)
        assert ended.ended_by_name == "Priya Raman"
        assert ended.end_reason == "Northwind does not allow this integration any more."
        assert ended.valid_from == ended.ended_at


def test_a_policy_that_blocks_spares_what_a_rule_allows(
    world: World, organization: Organization, admin: Account, app: App
):
    """AUD-01: one event for the policy, and one for each app that lost people."""
    allowed, also = integration(world), integration(world)
    person = world.person(organization)
    spared = connect(world, allowed, person)
    doomed = [connect(world, app, person), connect(world, app, world.person(organization))]
    doomed.append(connect(world, also, person))
    set_rule(world, admin, allowed, ALLOW)

    assert set_policy(world, admin, BLOCK) == 3

    assert is_alive(world, spared)
    assert not any(is_alive(world, pair) for pair in doomed)
    (changed,) = world.events(organization, "integration_policy.changed")
    assert changed.data == {"mode": {"before": "allow", "after": "block"}, "connectionsEnded": 3}
    blocked = world.events(organization, "integration.blocked")
    assert {one.app_id: one.data["connectionsEnded"] for one in blocked} == {app.id: 2, also.id: 1}


def test_a_rule_that_is_removed_leaves_the_app_to_the_policy(
    world: World, organization: Organization, admin: Account, app: App
):
    set_rule(world, admin, app, ALLOW)
    set_policy(world, admin, BLOCK)
    pair = connect(world, app, world.person(organization))

    assert remove_rule(world, admin, app) == 1

    assert not is_alive(world, pair)
    (removed,) = world.events(organization, "integration.rule_removed")
    assert removed.data == {"ruleBefore": "allow", "connectionsEnded": 1}


def test_a_repeated_decision_changes_and_records_nothing(
    world: World, organization: Organization, admin: Account, app: App
):
    set_policy(world, admin, BLOCK)
    set_rule(world, admin, app, BLOCK)
    before = len(world.events(organization))

    assert set_policy(world, admin, BLOCK) == set_rule(world, admin, app, BLOCK) == 0
    remove_rule(world, admin, app)
    assert remove_rule(world, admin, app) == 0

    assert len(world.events(organization)) == before + 1


def test_what_an_organization_blocks_ahead_is_not_told_to_the_developer(
    world: World, organization: Organization, admin: Account, app: App
):
    """AUD-05."""
    set_rule(world, admin, app, BLOCK)

    (blocked,) = world.events(organization, "integration.blocked")

    assert blocked.app_id is None


def test_a_rule_can_be_made_before_anybody_connects(
    world: World, organization: Organization, admin: Account, app: App
):
    set_rule(world, admin, app, BLOCK)

    assert isinstance(consent(world, app, world.person(organization)), Refused)

    (refused,) = world.events(organization, "consent.refused")
    assert refused.data["reason"] == "blocked_by_policy"


def test_only_integrations_are_ruled_on(world: World, organization: Organization, admin: Account):
    made = world.service_app(world.developer(organization))

    with pytest.raises(Conflict):
        set_rule(world, admin, made.app, BLOCK)


@pytest.mark.parametrize("role", [None, *OF_EVERY_ORGANIZATION])
def test_only_full_administrators_decide(
    world: World, organization: Organization, app: App, role: Role | None
):
    """CONS-06: a matrix of roles and acts; every refusal is recorded."""
    somebody = world.person(organization, *[role] if role else [])
    pair = connect(world, app, world.person(organization))
    acts = [
        lambda: set_rule(world, somebody, app, ALLOW),
        lambda: remove_rule(world, somebody, app),
        lambda: set_policy(world, somebody, BLOCK),
        lambda: set_rule(world, somebody, app, BLOCK),
    ]

    results = [act() for act in acts]

    is_full = role is Role.FULL_ADMIN
    assert [isinstance(result, Refused) for result in results] == [not is_full] * 4
    assert is_alive(world, pair) == (not is_full)
    refused = world.events(organization, "access.refused")
    assert len(refused) == (0 if is_full else 4)
    assert {one.outcome for one in refused} <= {Outcome.REFUSED}
    assert {tuple(one.data["missingRoles"]) for one in refused} <= {("Full Administrator",)}


@pytest.mark.parametrize("role", [None, *OF_EVERY_ORGANIZATION])
def test_full_user_and_device_administrators_disconnect_people(
    world: World, organization: Organization, app: App, role: Role | None
):
    """CONS-06, and the platform's own table of who may end authorizations."""
    somebody, person = world.person(organization, *[role] if role else []), world.person(organization)
    pair = connect(world, app, person)

    one = disconnect(world, somebody, app, person)
    everybody = disconnect_all(world, somebody, app)

    may = role in {Role.FULL_ADMIN, Role.USER_ADMIN, Role.DEVICE_ADMIN}
    assert [isinstance(one, Refused), isinstance(everybody, Refused)] == [not may] * 2
    assert is_alive(world, pair) == (not may)
    assert len(world.events(organization, "access.refused")) == (0 if may else 2)


def test_another_organizations_administrator_decides_nothing_here(
    world: World, organization: Organization, admin: Account, app: App
):
    """CONS-11: the organization that is named and the one that is served must agree."""
    stranger = world.full_admin(world.organization())
    pair = connect(world, app, world.person(organization))

    with world.deployment.transaction(world.origin) as tx:
        by = directory.get_account(tx, stranger.organization_id, stranger.id)
        life = world.deployment.settings.lifetimes.access_token
        refused = policies.set_policy(tx, admin.organization, BLOCK, by=by, longest_token=life)

    assert isinstance(refused, Refused)
    assert is_alive(world, pair)
    assert mode_for(world, organization, app) == ALLOW


def test_a_role_taken_away_before_the_commit_is_a_role_that_is_missing(
    world: World, organization: Organization, admin: Account
):
    """CONS-06."""
    boss = world.full_admin(organization)
    with world.deployment.transaction(world.origin) as tx:
        stale = directory.get_account(tx, organization.id, admin.id)
        with world.deployment.transaction(world.origin) as other:
            person = directory.get_account(other, organization.id, admin.id)
            by = directory.get_account(other, organization.id, boss.id)
            directory_service.assign_roles(other, person, [], by=by)

        life = world.deployment.settings.lifetimes.access_token
        result = policies.set_policy(tx, organization, BLOCK, by=stale, longest_token=life)

    assert isinstance(result, Refused)
    assert isinstance(result.error, NotPermitted)
    assert world.events(organization, "integration_policy.changed") == []


def test_disconnecting_one_person_leaves_the_others(
    world: World, organization: Organization, admin: Account, app: App
):
    """CONS-10: it is told of whom; it can be connected again."""
    lena, tom = world.person(organization, name="Lena Vogt"), world.person(organization)
    hers, his = connect(world, app, lena), connect(world, app, tom)

    assert disconnect(world, admin, app, lena) is True
    assert disconnect(world, admin, app, lena) is False

    assert (is_alive(world, hers), is_alive(world, his)) == (False, True)
    (withdrawn,) = world.events(organization, "consent.withdrawn")
    assert (withdrawn.actor_name, withdrawn.data["person"]) == ("Priya Raman", "Lena Vogt")
    assert is_alive(world, connect(world, app, lena))
    assert not is_alive(world, hers)


def test_disconnecting_everybody_is_one_event_with_the_reason(
    world: World, organization: Organization, admin: Account, app: App
):
    for _ in range(3):
        connect(world, app, world.person(organization))

    assert disconnect_all(world, admin, app, "Security concern") == 3
    assert disconnect_all(world, admin, app) == 0

    assert count_alive(world, organization) == (0, 0)
    (withdrawn,) = world.events(organization, "consent.withdrawn")
    assert withdrawn.data == {"people": 3, "reason": "Security concern"}


def test_a_person_of_another_organization_is_not_disconnected(world: World, admin: Account, app: App):
    """CONS-11."""
    stranger = world.person(world.organization())
    pair = connect(world, app, stranger)

    assert disconnect(world, admin, app, stranger) is False
    assert disconnect_all(world, admin, app) == 0

    assert is_alive(world, pair)


def ending(world: World, admin: Account, app: App, act: str) -> int | Refused:
    if act == "rule":
        return set_rule(world, admin, app, BLOCK)
    return set_policy(world, admin, BLOCK) if act == "policy" else disconnect_all(world, admin, app)


@pytest.mark.parametrize("act", ["rule", "policy", "disconnect"])
def test_ending_many_connections_costs_as_many_statements_as_ending_two(
    world: World, organization: Organization, admin: Account, act: str
):
    """REV-06: set by set."""
    counts = []
    for people in (2, 40):
        app = integration(world)
        for _ in range(people):
            connect(world, app, world.person(organization))
        with statements(world) as seen:
            ended = ending(world, admin, app, act)
        set_policy(world, admin, ALLOW)
        assert ended == people
        counts.append(len(seen))

    assert counts[0] == counts[1] <= 14


@pytest.mark.parametrize("act", ["rule", "policy"])
def test_consents_racing_with_a_block_leave_nothing_alive(
    database_url: str, act: str, pool: list[Deployment]
):
    """CONS-06, CONS-09: a consent either comes first and is ended, or sees the block and is refused."""
    deployment = assemble(settings_for(database_pool=MANY // 2), database_url)
    pool.append(deployment)
    world = World(deployment)
    organization, app = world.organization(), integration(world)
    admin = world.full_admin(organization)
    people = [world.person(organization) for _ in range(MANY)]

    def connecting(person: Account) -> Callable[[], TokenPair | Refused]:
        def act() -> TokenPair | Refused:
            allowed = consent(world, app, person)
            return allowed if isinstance(allowed, Refused) else fetch(world, allowed)

        return act

    def block() -> int | Refused:
        return set_rule(world, admin, app, BLOCK) if act == "rule" else set_policy(world, admin, BLOCK)

    acts: list[Callable[[], Any]] = [connecting(person) for person in people]
    *results, ended = at_once([*acts, block])

    pairs = [one for one in results if isinstance(one, TokenPair)]
    refused = [one for one in results if isinstance(one, Refused)]
    assert len(pairs) + len(refused) == MANY, results
    assert ended == len(pairs)
    assert count_alive(world, organization)[0] == 0
    assert not any(is_alive(world, pair) for pair in pairs)
    assert len(world.events(organization, "consent.refused")) == len(refused)


def test_a_consent_that_meets_a_block_waits_for_it_and_is_refused(
    world: World, organization: Organization, admin: Account, app: App, beside: Any
):
    person = world.person(organization)
    with world.deployment.transaction(world.origin) as tx:
        by = directory.get_account(tx, organization.id, admin.id)
        life = world.deployment.settings.lifetimes.access_token
        policies.set_policy(tx, organization, BLOCK, by=by, longest_token=life)
        consenting = beside(lambda: consent(world, app, person))
        assert waits_for_a_lock(world.deployment)

    assert isinstance(consenting.result(timeout=10), Refused)
    assert count_alive(world, organization) == (0, 0)


def test_a_block_that_meets_a_consent_waits_for_it_and_ends_it(
    world: World, organization: Organization, admin: Account, app: App, beside: Any
):
    person = world.person(organization)
    with world.deployment.transaction(world.origin) as tx:
        by = directory.get_account(tx, organization.id, person.id)
        consents.allow(tx, get_app(tx, app.id), by, scopes=app.scopes)
        blocking = beside(lambda: set_rule(world, admin, app, BLOCK))
        assert waits_for_a_lock(world.deployment)

    assert blocking.result(timeout=10) == 1
    assert count_alive(world, organization) == (0, 0)


def test_the_list_counts_people_and_finds_by_name_or_client_id(
    world: World, organization: Organization, admin: Account
):
    """CONS-10, CONS-12: what nobody here connected or ruled on is not there."""
    desk, room = integration(world, name="Desk Booking"), integration(world, name="Room Finder")
    unknown = integration(world, name="Desk Rival")
    for _ in range(3):
        connect(world, desk, world.person(organization))
    set_rule(world, admin, room, BLOCK)

    def listed(**narrowed: Any) -> list[tuple[str, int, PolicyMode]]:
        with world.deployment.transaction(world.origin) as tx:
            page = integrations.list_integrations(tx, organization.id, PageRequest(), **narrowed)
            return [(one.app.name, one.people, one.mode) for one in page.items]

    assert listed() == [("Desk Booking", 3, ALLOW), ("Room Finder", 0, BLOCK)]
    assert listed(search="desk") == listed(search=desk.client_id) == [("Desk Booking", 3, ALLOW)]
    assert listed(search=unknown.client_id) == []
    assert listed(state=IntegrationState.BLOCKED) == [("Room Finder", 0, BLOCK)]
    assert listed(state=IntegrationState.IN_USE) == listed(state=IntegrationState.ALLOWED)
    with world.deployment.transaction(world.origin) as tx:
        assert list(integrations.count_integrations(tx, organization.id).values()) == [1, 1, 1]
        assert integrations.find_integration(tx, organization.id, unknown.id) is None


def test_lists_are_paged_and_cost_the_same_on_every_page(
    world: World, organization: Organization, admin: Account
):
    for number in range(7):
        set_rule(world, admin, integration(world, name=f"app {number}"), BLOCK)
    names, costs, cursor = [], [], None

    while True:
        with statements(world) as seen, world.deployment.transaction(world.origin) as tx:
            page = integrations.list_integrations(tx, organization.id, PageRequest(3, cursor))
        names += [one.app.name for one in page.items]
        costs.append(len(seen))
        cursor = page.next_cursor
        if cursor is None:
            break

    assert names == [f"app {number}" for number in range(7)]
    assert costs == [1, 1, 1]


def test_the_reach_of_a_block_is_what_it_then_ends(
    world: World, organization: Organization, admin: Account, app: App
):
    spared = integration(world)
    lena, tom = world.person(organization), world.person(organization)
    for one, person in ((app, lena), (app, tom), (integration(world), lena), (spared, tom)):
        connect(world, one, person)
    set_rule(world, admin, spared, ALLOW)

    with world.deployment.transaction(world.origin) as tx:
        reach = integrations.reach_of_policy(tx, organization.id)

    assert (reach.connections, reach.people, reach.apps) == (3, 2, 2)
    assert set_policy(world, admin, BLOCK) == 3


@pytest.fixture
def beside() -> Iterator[Callable[[Callable[[], Any]], Future[Any]]]:
    """Does something at the same time, in a thread of its own."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit


@pytest.fixture
def pool() -> Iterator[list[Deployment]]:
    """Deployments with more connections than usual, closed at the end."""
    made: list[Deployment] = []
    yield made
    for one in made:
        one.database.dispose()


def at_once(acts: list[Callable[[], Any]]) -> list[Any]:
    """Runs all acts at the same moment; an error is a result too."""
    start = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return act()
        except Exception as error:  # noqa: BLE001 – the test looks at it
            return error

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))
