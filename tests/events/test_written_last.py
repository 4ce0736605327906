"""Events are written when a change is done: whoever records something holds up nobody, and meets nobody in a deadlock."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import text

from appanage import events
from appanage.deployment import Deployment, assemble
from appanage.directory.model import Organization
from appanage.events import queries
from appanage.storage import Transaction
from support.at_once import at_once
from support.clock import MovableClock
from support.live import settings_for
from support.world import World

MANY = 8


@pytest.fixture
def deployment(database_url: str, clock: MovableClock) -> Iterator[Deployment]:
    """With a connection for each of many threads."""
    made = assemble(settings_for(database_pool=20), database_url, clock=clock)
    yield made
    made.database.dispose()


def note(tx: Transaction, organization: Organization, name: str) -> None:
    target = events.Target("app", "", name, organization.id, organization.name)
    events.record(
        tx,
        "app.withdrawn",
        organization_id=organization.id,
        actor=events.Actor(name="Somebody"),
        target=target,
    )


def noted(world: World, organization: Organization) -> list[str]:
    """What was noted in an organization, in the order of its chain."""
    return [one.target_name for one in world.events(organization, "app.withdrawn")]


def test_whoever_records_something_holds_up_nobody(world: World):
    organization = world.organization()

    with world.deployment.transaction(world.origin) as slow:
        note(slow, organization, "begun first")
        slow.flush()
        with world.deployment.transaction(world.origin) as quick:
            quick.execute(text("SET LOCAL lock_timeout = '5s'"))
            note(quick, organization, "done first")

    assert noted(world, organization) == ["done first", "begun first"]


def test_in_one_organization_they_stand_as_they_were_recorded(world: World):
    one, other = world.organization(), world.organization()

    with world.deployment.transaction(world.origin) as tx:
        for number in range(5):
            note(tx, one, f"{number}")
            note(tx, other, f"{number}")

    assert noted(world, one) == noted(world, other) == ["0", "1", "2", "3", "4"]


def test_changes_that_concern_the_same_organizations_never_kill_each_other(world: World):
    places = [world.organization() for _ in range(3)]

    def change(name: str, order: list[Organization]) -> Any:
        def act() -> None:
            with world.deployment.transaction(world.origin) as tx:
                for place in order:
                    note(tx, place, name)
                    tx.flush()

        return act

    answers = at_once([change(f"{number}", places if number % 2 else places[::-1]) for number in range(MANY)])

    assert answers == [None] * MANY
    for place in places:
        assert sorted(noted(world, place)) == [f"{number}" for number in range(MANY)]
    with world.deployment.transaction(world.origin) as tx:
        assert queries.broken_links(tx) == []


class Regret(Exception):
    """Undoes what was done since the savepoint."""


def note_and_regret(tx: Transaction, organization: Organization, name: str) -> None:
    note(tx, organization, name)
    raise Regret


def test_what_a_savepoint_undoes_is_not_recorded(world: World):
    organization = world.organization()

    with world.deployment.transaction(world.origin) as tx:
        note(tx, organization, "before")
        savepoint = tx.begin_nested()
        note(tx, organization, "undone")
        with tx.begin_nested():
            note(tx, organization, "undone too")
        savepoint.rollback()
        with tx.begin_nested():
            note(tx, organization, "kept")
            with suppress(Regret), tx.begin_nested():
                note_and_regret(tx, organization, "undone inside")
        note(tx, organization, "after")

    assert noted(world, organization) == ["before", "kept", "after"]


def test_of_a_change_that_fails_nothing_is_recorded(world: World):
    organization = world.organization()

    with suppress(Regret), world.deployment.transaction(world.origin) as tx:
        note_and_regret(tx, organization, "undone")
    with world.deployment.transaction(world.origin) as tx:
        note(tx, organization, "undone before the first statement")
        tx.rollback()
        note(tx, organization, "kept")

    assert noted(world, organization) == ["kept"]
