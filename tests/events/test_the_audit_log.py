"""The audit log stays quick however long it is: two lists, each in the order of its index, merged page by page."""

import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event as listener
from sqlalchemy import text

from appanage.deployment import assemble
from appanage.directory.model import Organization
from appanage.events import Actor, SeenEvent, Target, record
from appanage.events.queries import EventFilter, list_by_offset, list_for_organization
from appanage.kit.paging import PageRequest
from support.live import settings_for
from support.world import World

MANY = """
INSERT INTO events (id, organization_id, sequence, type, outcome, at, actor_kind, actor_name, actor_email, actor_roles,
    actor_organization_id, actor_organization_name, target_kind, target_id, target_name, target_organization_name,
    tracking_id, address, user_agent, method, data, digest)
SELECT gen_random_uuid(), :home, 0, 'app.updated', 'success', now() - make_interval(secs => n), 'person', 'A', '', '{}',
    :home, '', 'app', '', 'T', '', '', '', '', '', '{}', ''
FROM generate_series(1, 4000) AS n
"""


@pytest.fixture(scope="module")
def own_url(new_prepared_database: Callable[[], str]) -> str:
    """A database of its own, since what the planner chooses depends on everything that is in it."""
    return new_prepared_database()


@pytest.fixture
def crowded(own_url: str) -> Iterator[World]:
    made = assemble(settings_for(), own_url)
    yield World(made)
    made.database.dispose()


@pytest.fixture
def told(world: World) -> tuple[Organization, list[str]]:
    """An organization and the names in its log, newest first: its own events, two of them by guests, among those of
    its people elsewhere; three share each moment, so that only the position tells them apart."""
    home, abroad = world.organization(), world.organization()
    later = world.deployment.database.clock()
    for number in range(24):
        at, by = (abroad, home) if number % 4 == 0 else (home, abroad if number in {5, 6} else home)
        with world.deployment.transaction(world.origin) as tx:
            tx.now = later + timedelta(seconds=number // 3)
            record(
                tx,
                "app.updated",
                organization_id=at.id,
                actor=Actor("Dana Kim", organization_id=by.id),
                target=Target("app", "", f"App {number}"),
            )
    return home, [f"App {number}" for number in reversed(range(24))]


def names(events: list[SeenEvent]) -> list[str]:
    return [seen.event.target_name for seen in events if seen.event.type == "app.updated"]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_turning_pages_shows_every_event_once_the_newest_first(
    world: World, told: tuple[Organization, list[str]], size: int
):
    home, expected = told
    seen: list[SeenEvent] = []
    cursor: str | None = None
    with world.deployment.transaction(world.origin) as tx:
        while True:
            page = list_for_organization(tx, home.id, EventFilter(), PageRequest(size, cursor))
            seen += page.items
            cursor = page.next_cursor
            if cursor is None:
                break

    assert names(seen) == expected
    assert len({one.event.id for one in seen}) == len(seen)


def test_an_offset_counts_in_the_merged_order(world: World, told: tuple[Organization, list[str]]):
    home, expected = told
    wanted = EventFilter(types=["app.updated"])
    with world.deployment.transaction(world.origin) as tx:
        pages = [list_by_offset(tx, home.id, wanted, offset=offset, size=5) for offset in (0, 5, 10, 19, 24)]

    assert [names(found) for found, _ in pages] == [
        expected[0:5],
        expected[5:10],
        expected[10:15],
        expected[19:24],
        [],
    ]
    assert [more for _, more in pages] == [True, True, True, False, False]


def test_filters_narrow_both_lists(world: World, told: tuple[Organization, list[str]]):
    home, _ = told
    with world.deployment.transaction(world.origin) as tx:
        everything = list_for_organization(tx, home.id, EventFilter(), PageRequest(100)).items
        moment: datetime = everything[0].event.at
        latest = list_for_organization(tx, home.id, EventFilter(since=moment), PageRequest(100)).items
        found = list_for_organization(tx, home.id, EventFilter(search="app 20"), PageRequest(100)).items
        nobody = EventFilter(actor_id=uuid.uuid4())
        none = list_for_organization(tx, home.id, nobody, PageRequest(100)).items

    assert names(list(latest)) == ["App 23", "App 22", "App 21"]
    assert names(list(found)) == ["App 20"]
    assert none == []


@pytest.mark.parametrize("turned", [False, True], ids=["first page", "later page"])
def test_a_page_is_read_from_the_indexes_and_not_by_sorting_the_log(crowded: World, turned: bool):
    home = crowded.organization()
    with crowded.deployment.transaction(crowded.origin) as tx:
        tx.execute(text(MANY), {"home": home.id})
        tx.execute(text("ANALYZE events"))
        first = list_for_organization(tx, home.id, EventFilter(), PageRequest(25))
        asked: list[tuple[str, Any]] = []
        listener.listen(tx.connection(), "before_cursor_execute", lambda *call: asked.append(call[2:4]))
        list_for_organization(
            tx, home.id, EventFilter(), PageRequest(25, first.next_cursor if turned else None)
        )
        [(statement, parameters)] = asked
        plan = "\n".join(tx.connection().exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars())

    assert "ix_events_organization_id_at_position" in plan
    assert "ix_events_actor_organization_id_at_position" in plan
    assert "Seq Scan" not in plan
