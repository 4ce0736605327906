"""Decisions at the same moment: what the database guarantees when many act at once."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import func, select

from appanage.authorizations import decisions, refresh_tokens
from appanage.authorizations import service as authorizations
from appanage.authorizations.model import Authorization, RefreshToken
from appanage.authorizations.tokens import TokenPair
from appanage.deployment import Deployment, assemble
from appanage.directory import queries as directory
from appanage.directory import service as directory_service
from appanage.directory.model import Account, AccountKind
from appanage.kit.errors import Conflict, NotPermitted, Refused
from appanage.oauth.refreshing import RefreshRequest
from support.live import settings_for
from support.world import MadeApp, World

MANY = 50


@pytest.fixture
def deployment(database_url: str) -> Iterator[Deployment]:
    """With a connection for each of many threads."""
    made = assemble(settings_for(database_pool=MANY // 2), database_url)
    yield made
    made.database.dispose()


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


def deciding(world: World, made: MadeApp, admin: Account) -> Callable[[], Any]:
    def decide() -> Any:
        with world.deployment.transaction(world.origin) as tx:
            by = directory.get_account(tx, admin.organization_id, admin.id)
            app = decisions.get_visible_app(tx, by, made.id)
            return authorizations.authorize(tx, app, by=by, machine_domain="machine.internal")

    return decide


def test_fifty_authorizations_by_two_administrators_make_one_machine_account(world: World):
    """MACH-01, CONS-09."""
    organization = world.organization()
    admins = [world.full_admin(organization), world.full_admin(organization)]
    made = world.service_app(world.developer(organization))

    results = at_once([deciding(world, made, admins[number % 2]) for number in range(MANY)])

    assert {getattr(result, "id", result) for result in results} == {results[0].id}
    with world.deployment.transaction(world.origin) as tx:
        count = select(func.count()).select_from(Account)
        machines = count.where(
            Account.organization_id == organization.id,
            Account.kind == AccountKind.MACHINE,
            Account.deleted_at.is_(None),
        )
        assert tx.scalar(machines) == 1
    assert len(world.events(organization, "authorization.created")) == 1


def test_authorizing_and_deauthorizing_at_once_leaves_one_consistent_end(world: World):
    """CONS-09, MACH-04: no authorization without its account, no live token without its authorization."""
    organization = world.organization()
    admin = world.full_admin(organization)
    made = world.service_app(world.developer(organization))
    world.authorize(made, admin)

    def deauthorize() -> Any:
        world.deauthorize(made, admin)

    results = at_once([deciding(world, made, admin), deauthorize] * 12)

    assert all(isinstance(result, Authorization | Conflict | None) for result in results), results
    with world.deployment.transaction(world.origin) as tx:
        rows = list(tx.scalars(select(Authorization).where(Authorization.app_id == made.id)))
        assert sum(row.is_active for row in rows) <= 1
        assert all(row.is_active == (row.account.deleted_at is None) for row in rows)


def test_fifty_refreshes_at_once_all_succeed(world: World):
    """Design decision 9: a confidential client's refresh token keeps its value, so retries do no harm."""
    organization = world.organization()
    made = world.service_app(world.developer(organization))
    world.authorize(made, world.full_admin(organization))
    pair = world.retrieve(made, organization)

    def refresh() -> Any:
        with world.deployment.transaction(world.origin) as tx:
            app = decisions.get_visible_app(tx, made.developer, made.id)
            return refresh_tokens.refresh(
                tx,
                world.deployment.issuer,
                app,
                refresh_token=pair.refresh_token.reveal(),
                request=RefreshRequest(),
            )

    results = at_once([refresh] * MANY)

    assert all(isinstance(result, TokenPair) for result in results), results
    assert len({result.access_token for result in results}) == MANY
    assert {result.refresh_token for result in results} == {pair.refresh_token}


def test_refreshes_racing_with_deauthorization_leave_nothing_alive(world: World):
    """MACH-04."""
    organization = world.organization()
    admin = world.full_admin(organization)
    made = world.service_app(world.developer(organization))
    world.authorize(made, admin)
    pair = world.retrieve(made, organization)

    def refresh() -> Any:
        with world.deployment.transaction(world.origin) as tx:
            app = decisions.get_visible_app(tx, made.developer, made.id)
            return refresh_tokens.refresh(
                tx,
                world.deployment.issuer,
                app,
                refresh_token=pair.refresh_token.reveal(),
                request=RefreshRequest(),
            )

    results = at_once([refresh] * 20 + [lambda: world.deauthorize(made, admin)])

    issued = [result for result in results if isinstance(result, TokenPair)]
    with world.deployment.transaction(world.origin) as tx:
        live = select(func.count()).select_from(RefreshToken).join(Authorization)
        assert tx.scalar(live.where(Authorization.app_id == made.id, RefreshToken.revoked_at.is_(None))) == 0
        for result in issued:
            with pytest.raises(Exception, match=r"ended|revoked"):
                world.deployment.verifier.caller_of(tx, result.access_token.reveal())


def test_a_role_taken_away_before_the_commit_is_a_role_that_is_missing(world: World):
    """CONS-06: the roles are read again inside the transaction, whatever the page had loaded."""
    organization = world.organization()
    boss, admin = world.full_admin(organization), world.full_admin(organization)
    made = world.service_app(world.developer(organization))

    with world.deployment.transaction(world.origin) as tx:
        stale = directory.get_account(tx, organization.id, admin.id)
        app = decisions.get_visible_app(tx, stale, made.id)
        with world.deployment.transaction(world.origin) as other:
            person = directory.get_account(other, organization.id, admin.id)
            by = directory.get_account(other, organization.id, boss.id)
            directory_service.assign_roles(other, person, [], by=by)

        result = authorizations.authorize(tx, app, by=stale, machine_domain="machine.internal")

    assert isinstance(result, Refused)
    assert isinstance(result.error, NotPermitted)
    assert len(world.events(organization, "authorization.refused")) == 1
    assert world.events(organization, "authorization.created") == []


def test_two_full_administrators_cannot_remove_each_other_at_once(world: World):
    """An organization keeps at least one Full Administrator."""
    organization = world.organization()
    one, other = world.full_admin(organization), world.full_admin(organization)

    def demote(whom: Account, by: Account) -> Callable[[], None]:
        def act() -> None:
            with world.deployment.transaction(world.origin) as tx:
                person = directory.get_account(tx, organization.id, whom.id)
                acting = directory.get_account(tx, organization.id, by.id)
                directory_service.assign_roles(tx, person, [], by=acting)

        return act

    results = at_once([demote(one, other), demote(other, one)])

    assert sum(result is None for result in results) == 1, results
