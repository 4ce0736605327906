"""Nothing is ever half done: a fault between any two statements of a change leaves no trace of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, func, select, text

from appanage.apps.model import App, ClientSecret
from appanage.authorizations import decisions, queries
from appanage.authorizations import service as authorizations
from appanage.authorizations.model import Authorization, RefreshToken, Revocation
from appanage.deployment import Deployment, assemble
from appanage.directory import queries as directory
from appanage.directory.model import Account
from appanage.events import Event
from appanage.kit.errors import Refused
from support.live import settings_for
from support.world import MadeApp, World

EVERYTHING = (Account, App, ClientSecret, Authorization, RefreshToken, Revocation, Event)


class Fault(Exception):
    """The database connection broke."""


@pytest.fixture(scope="module")
def own_url(new_prepared_database: Callable[[], str]) -> str:
    """A database of its own, so that rows can be counted."""
    return new_prepared_database()


@pytest.fixture
def deployment(own_url: str) -> Iterator[Deployment]:
    made = assemble(settings_for(), own_url)
    yield made
    made.database.dispose()


@contextmanager
def fault_at(deployment: Deployment, statement: int) -> Iterator[None]:
    """Breaks the connection before the n-th statement."""
    seen = 0

    def count(*_: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == statement:
            raise Fault

    event.listen(deployment.database.engine, "before_cursor_execute", count)
    try:
        yield
    finally:
        event.remove(deployment.database.engine, "before_cursor_execute", count)


def state_of(world: World, made: MadeApp) -> tuple[Any, ...]:
    with world.deployment.transaction(world.origin) as tx:
        counts = [tx.scalar(select(func.count()).select_from(table)) for table in EVERYTHING]
        alive = tx.scalar(select(func.count()).select_from(Account).where(Account.deleted_at.is_(None)))
        active = queries.find_of_organization(tx, made.app, made.app.organization_id)
        return *counts, alive, active.id if active else None


def authorizing(world: World, made: MadeApp, admin: Account) -> None:
    world.authorize(made, admin)


def deauthorizing(world: World, made: MadeApp, admin: Account) -> None:
    world.deauthorize(made, admin)


def retrieving(world: World, made: MadeApp, admin: Account) -> None:
    world.retrieve(made, admin.organization)


def deleting(world: World, made: MadeApp, admin: Account) -> None:
    with world.deployment.transaction(world.origin) as tx:
        by = directory.get_account(tx, made.developer.organization_id, made.developer.id)
        app = decisions.get_visible_app(tx, by, made.id)
        longest = world.deployment.settings.lifetimes.access_token
        authorizations.delete_app(tx, app, by=by, longest_token=longest)


@pytest.mark.parametrize(
    ("act", "authorized"), [(authorizing, False), (deauthorizing, True), (retrieving, True), (deleting, True)]
)
def test_a_fault_between_any_two_statements_leaves_everything_as_it_was(
    world: World, act: Callable[[World, MadeApp, Account], None], authorized: bool
):
    """MACH-01, MACH-04, AUD-01."""
    organization = world.organization()
    admin = world.full_admin(organization)
    made = world.service_app(world.developer(organization))
    if authorized:
        world.authorize(made, admin)
    before = state_of(world, made)

    broken_at = 0
    for statement in range(1, 80):
        try:
            with fault_at(world.deployment, statement):
                act(world, made, admin)
        except Fault:
            broken_at = statement
            assert state_of(world, made) == before
        else:
            break

    assert broken_at > 5
    assert state_of(world, made) != before


def test_when_the_event_cannot_be_written_the_change_does_not_happen(world: World):
    """AUD-01."""
    organization = world.organization()
    admin = world.full_admin(organization)
    made = world.service_app(world.developer(organization))
    before = state_of(world, made)

    with world.deployment.database.engine.begin() as connection:
        refuse = (
            "ALTER TABLE events ADD CONSTRAINT disk_full CHECK (type <> 'authorization.created') NOT VALID"
        )
        connection.execute(text(refuse))
    try:
        with pytest.raises(Exception, match="disk_full"):
            world.authorize(made, admin)
    finally:
        with world.deployment.database.engine.begin() as connection:
            connection.execute(text("ALTER TABLE events DROP CONSTRAINT disk_full"))

    assert state_of(world, made) == before


def test_a_refusal_leaves_its_record_and_nothing_else(world: World):
    organization = world.organization()
    made = world.service_app(world.developer(organization))
    before = state_of(world, made)

    with world.deployment.transaction(world.origin) as tx:
        by = directory.get_account(tx, organization.id, made.developer.id)
        app = decisions.get_visible_app(tx, by, made.id)
        result = authorizations.authorize(tx, app, by=by, machine_domain="machine.internal")
    after = state_of(world, made)

    assert isinstance(result, Refused)
    events = EVERYTHING.index(Event)
    assert after[:events] == before[:events]
    assert after[events] == before[events] + 1
    assert after[events + 1 :] == before[events + 1 :]
