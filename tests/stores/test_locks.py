"""Changes that meet: one waits for the other, sees what it did, and neither is killed for it."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from sqlalchemy import text

from appanage.apps import queries as apps
from appanage.authorizations import clients, queries, refresh_tokens
from appanage.authorizations import service as authorizations
from appanage.deployment import Deployment
from appanage.directory import queries as directory
from appanage.directory import service as directory_service
from appanage.directory.service import Profile
from appanage.kit.errors import Conflict
from appanage.kit.paging import PageRequest
from appanage.oauth.clients import ClientAuthentication, ClientCredentials
from appanage.oauth.errors import InvalidGrant
from appanage.oauth.refreshing import RefreshRequest
from appanage.signin import service as signin
from appanage.storage import Transaction
from support.world import PASSWORD, MadeApp, World


@pytest.fixture
def beside() -> Iterator[Callable[[Callable[[], Any]], Future[Any]]]:
    """Does something at the same time, in a thread of its own."""
    with ThreadPoolExecutor(4) as pool:
        yield pool.submit


def waits_for_a_lock(deployment: Deployment, *, many: int = 1) -> bool:
    """Looks until somebody, or so many, in this database wait for a lock; false when they do not."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    pause = Event()
    with deployment.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for _ in range(300):
            if connection.execute(text(query)).scalar_one() >= many:
                return True
            pause.wait(0.01)
    return False


@pytest.fixture
def made(world: World) -> MadeApp:
    organization = world.organization()
    made = world.service_app(world.developer(organization))
    world.authorize(made, world.full_admin(organization))
    return made


def refreshing(world: World, made: MadeApp, refresh_token: str) -> Callable[[], Any]:
    def refresh() -> Any:
        with world.deployment.transaction(world.origin) as tx:
            credentials = ClientCredentials(made.client_id, ClientAuthentication.POST, made.secret)
            app = clients.authenticate(tx, credentials, audiences=(), algorithms=["ES256"])
            assert app is not None
            return refresh_tokens.refresh(
                tx,
                world.deployment.issuer,
                app,
                refresh_token=refresh_token,
                request=RefreshRequest(),
            )

    return refresh


def test_a_refresh_that_meets_a_revocation_waits_and_is_refused(world: World, made: MadeApp, beside: Any):
    """REV-05: nothing is issued from a token whose revocation is being written."""
    pair = world.retrieve(made, made.app.organization)
    value = pair.refresh_token.reveal()
    with world.deployment.transaction(world.origin) as tx:
        row = refresh_tokens.find(tx, value)
        assert row is not None
        refresh_tokens.revoke_refresh(
            tx, row, made.app, longest_life=world.deployment.settings.lifetimes.access_token
        )
        refresh = beside(refreshing(world, made, value))
        assert waits_for_a_lock(world.deployment)

    with pytest.raises(InvalidGrant):
        refresh.result(timeout=10)


def test_deleting_a_busy_app_and_refreshing_do_not_kill_each_other(world: World, made: MadeApp, beside: Any):
    value = world.retrieve(made, made.app.organization).refresh_token.reveal()
    refreshes = [beside(refreshing(world, made, value)) for _ in range(3)]
    with world.deployment.transaction(world.origin) as tx:
        by = directory.get_account(tx, made.developer.organization_id, made.developer.id)
        app = apps.get_owned(tx, by, made.id, for_update=True)
        longest = world.deployment.settings.lifetimes.access_token
        authorizations.delete_app(tx, app, by=by, longest_token=longest)

    outcomes = [one.exception(timeout=10) for one in refreshes]

    assert all(isinstance(one, InvalidGrant | AssertionError | None) for one in outcomes), outcomes
    with world.deployment.transaction(world.origin) as tx:
        assert queries.find_of_organization(tx, made.app, made.app.organization_id) is None


def test_an_administrator_who_decides_can_sign_in_meanwhile(world: World, made: MadeApp, beside: Any):
    """The decision locks the account against changes of its roles, not against everybody who refers to it."""
    organization = made.app.organization
    admin = world.full_admin(organization, password=PASSWORD)

    def sign_in() -> Any:
        with world.deployment.transaction(world.origin) as tx:
            return signin.sign_in(tx, admin.email, PASSWORD, passwords=world.deployment.passwords)

    with world.deployment.transaction(world.origin) as tx:
        locked = directory.find_account_for_update(tx, admin.id)
        assert locked is not None
        signed_in = beside(sign_in).result(timeout=10)

    assert signed_in is not None


def test_two_full_administrators_cannot_disable_each_other_at_once(world: World, beside: Any):
    organization = world.organization()
    one, other = world.full_admin(organization), world.full_admin(organization)

    def disable(tx: Transaction, whom: Any, by: Any) -> None:
        person = directory.get_account(tx, organization.id, whom.id, for_update=True)
        acting = directory.get_account(tx, organization.id, by.id)
        profile = Profile(person.email, display_name=person.display_name, login_enabled=False)
        directory_service.update_person(tx, person, profile, by=acting, own_domains=())

    def second() -> None:
        with world.deployment.transaction(world.origin) as tx:
            directory.list_people(tx, organization.id, directory.PeopleFilter(), PageRequest(10))
            disable(tx, one, other)

    with world.deployment.transaction(world.origin) as tx:
        disable(tx, other, one)
        tx.flush()
        meanwhile = beside(second)
        assert waits_for_a_lock(world.deployment)

    with pytest.raises(Conflict):
        meanwhile.result(timeout=10)
