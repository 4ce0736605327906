"""What the feed reads: nothing is missed and nothing is too much, after a long gap either (decisions 0005 and 0021)."""

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from socket import socket, socketpair
from threading import Event
from typing import Any

import pytest
from sqlalchemy import text

from appanage.authorizations import feed as feed_module
from appanage.authorizations.feed import Feed
from appanage.authorizations.freshness import Freshness
from appanage.authorizations.model import RevocationKind
from appanage.authorizations.revocation import RevocationIndex, revoke_all
from appanage.kit.memory import Memory
from support.world import World

SOON = 5
HOUR = timedelta(hours=1)
KEY = b"key"


class Late(Memory[str]):
    """Whoever asks at the worst moment: a value is read, then it changes, and then it is kept."""

    def __init__(self, change: Callable[[], str]) -> None:
        super().__init__(10)
        self._change = change

    def forget_all(self) -> None:
        super().forget_all()
        asked_at = self.moment
        thing = self._change()
        self.keep(KEY, "what it was before", rests_on=[thing], asked_at=asked_at)


@pytest.fixture
def freshness() -> Freshness:
    return Freshness(HOUR)


@pytest.fixture
def index() -> RevocationIndex:
    return RevocationIndex()


@pytest.fixture
def new_feed(world: World, index: RevocationIndex, freshness: Freshness) -> Iterator[Callable[..., Feed]]:
    """Feeds that hear by notifications alone, for as long as a test lasts."""
    made: list[Feed] = []

    def make(*memories: Memory[str], options: str = "") -> Feed:
        url = f"{world.deployment.database.url}{options}"
        made.append(Feed(url, index, freshness, memories, poll=HOUR))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def hears(freshness: Freshness, act: Callable[[], Any]) -> bool:
    """Whether it is fresh soon after the act."""
    freshness.doubt()
    heard = Event()
    act()
    freshness.when_heard(heard.set)
    return heard.wait(SOON)


def revoke_some(world: World, subjects: list[str]) -> None:
    with world.deployment.transaction(world.origin) as tx:
        revoke_all(tx, RevocationKind.TOKEN, subjects, longest_life=HOUR)


def known(index: RevocationIndex, subjects: list[str]) -> list[str]:
    return [one for one in subjects if f"{RevocationKind.TOKEN.value}:{one}" in index._valid_from]


def test_a_change_beside_the_first_look_is_not_missed(
    world: World, new_feed: Callable[..., Feed], freshness: Freshness
):
    """REV-09: a look that leaves changes out forgets everything after it has asked, not before."""
    organization = world.organization()

    def suspend() -> str:
        with world.deployment.transaction(world.origin) as tx:
            tx.execute(
                text("UPDATE organizations SET suspended_at = now() WHERE id = :id"), {"id": organization.id}
            )
        return f"organization:{organization.id}"

    memory = Late(suspend)
    feed = new_feed(memory)

    assert hears(freshness, feed.start)
    assert hears(freshness, feed.look)
    assert memory.recall(KEY) is None


def test_the_first_look_has_the_time_of_a_statement_for_each_portion(
    world: World,
    new_feed: Callable[..., Feed],
    index: RevocationIndex,
    freshness: Freshness,
    monkeypatch: pytest.MonkeyPatch,
):
    """Millions of revocations are more than one statement may take; all of them are known at the end of it."""
    slow = "SELECT CASE WHEN n.subject LIKE 'slow-%%' THEN pg_sleep(0.05) END"
    monkeypatch.setattr(feed_module, "_NEWS", f"{feed_module._NEWS} CROSS JOIN LATERAL ({slow}) AS slowly")
    monkeypatch.setattr(feed_module, "_STATEMENT", 500)
    monkeypatch.setattr(feed_module, "_PORTION", 2)
    before = [f"slow-{uuid.uuid4()}" for _ in range(21)]
    revoke_some(world, before)
    feed = new_feed()

    assert hears(freshness, feed.start)
    assert known(index, before) == before


def test_what_was_told_in_portions_is_not_told_again(
    world: World, new_feed: Callable[..., Feed], index: RevocationIndex, freshness: Freshness
):
    first, second = [str(uuid.uuid4())], [str(uuid.uuid4())]
    revoke_some(world, first)
    feed = new_feed()
    assert hears(freshness, feed.start)
    index._valid_from.clear()
    revoke_some(world, second)

    assert hears(freshness, feed.look)
    assert known(index, first + second) == second


def test_the_operator_may_set_options_of_the_connection(
    world: World, new_feed: Callable[..., Feed], index: RevocationIndex, freshness: Freshness
):
    """Such as the schema that the tables are in."""
    schema, subject = f"elsewhere_{uuid.uuid4().hex[:8]}", str(uuid.uuid4())
    with world.deployment.transaction(world.origin) as tx:
        tx.execute(text(f"CREATE SCHEMA {schema}"))
        for table in ("revocations", "changes"):
            tx.execute(text(f"CREATE TABLE {schema}.{table} (LIKE public.{table} INCLUDING ALL)"))
        tx.execute(
            text(
                f"INSERT INTO {schema}.revocations (kind, subject, valid_from, forget_at) "  # noqa: S608
                "VALUES ('jti', :subject, now(), now() + interval '1 hour')"
            ),
            {"subject": subject},
        )
    feed = new_feed(
        options=f"{'&' if '?' in world.deployment.database.url else '?'}options=-csearch_path%3D{schema}"
    )
    heard = hears(freshness, feed.start)
    feed.stop()
    with world.deployment.transaction(world.origin) as tx:
        tx.execute(text(f"DROP SCHEMA {schema} CASCADE"))

    assert heard
    assert f"jti:{subject}" in index._valid_from


def test_whoever_gives_up_waiting_is_forgotten(freshness: Freshness):
    woken: list[str] = []
    withdraw = freshness.when_heard(lambda: woken.append("gave up"))
    freshness.when_heard(lambda: woken.append("waits"))
    withdraw()

    freshness.heard(freshness.now())
    withdraw()

    assert woken == ["waits"]


def test_whoever_need_not_wait_is_woken_once(freshness: Freshness):
    woken: list[int] = []
    freshness.heard(freshness.now())
    freshness.when_heard(lambda: woken.append(1))

    freshness.heard(freshness.now())

    assert woken == [1]


def test_a_change_beside_the_stop_of_the_feed_is_no_failure(world: World, index: RevocationIndex):
    """Its transaction is committed, so whoever made it must hear of nothing else."""

    class Stopping(Feed):
        """Is stopped by another thread as soon as somebody has looked at it."""

        left: socket | None = None

        @property
        def _wake(self) -> socket | None:
            left, self.left = self.left, None
            return left

        @_wake.setter
        def _wake(self, wake: socket | None) -> None:
            self.left = wake

    wake, woken = socketpair()
    feed = Stopping(world.deployment.database.url, index, Freshness(HOUR), poll=HOUR)
    with wake, woken:
        feed._wake = wake
        feed.look()

        assert woken.recv(1)
