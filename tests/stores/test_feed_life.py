"""The life of the revocation feed: it starts, stops and starts again (REV-09)."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from threading import Event

import pytest

from appanage.authorizations.feed import Feed
from appanage.authorizations.freshness import Freshness
from appanage.authorizations.model import RevocationKind
from appanage.authorizations.revocation import RevocationIndex, revoke
from support.world import World

SOON = 5
HOUR = timedelta(hours=1)


class Index(RevocationIndex):
    """Tells when the feed brought what a test waits for."""

    def __init__(self) -> None:
        super().__init__()
        self.awaited = ""
        self.has_come = Event()

    def add(self, kind: str, subject: str, valid_from: datetime, forget_at: datetime) -> None:
        super().add(kind, subject, valid_from, forget_at)
        if subject == self.awaited:
            self.has_come.set()


@pytest.fixture
def index() -> Index:
    return Index()


class Hearing(Freshness):
    """Tells when the feed was at work."""

    def __init__(self) -> None:
        super().__init__(HOUR)
        self.was_heard = Event()

    def heard(self, asked_at: float) -> None:
        super().heard(asked_at)
        self.was_heard.set()


@pytest.fixture
def hearing() -> Hearing:
    return Hearing()


@pytest.fixture
def feed(world: World, index: Index, hearing: Hearing) -> Iterator[Feed]:
    """One that hears by notifications alone, for as long as a test lasts."""
    made = Feed(world.deployment.database.url, index, hearing, poll=HOUR)
    yield made
    made.stop()


def is_told(world: World, index: Index) -> bool:
    """Whether a revocation that is written now comes to be known."""
    index.awaited = str(uuid.uuid4())
    index.has_come.clear()
    with world.deployment.transaction(world.origin) as tx:
        revoke(tx, RevocationKind.TOKEN, index.awaited, longest_life=HOUR)
    return index.has_come.wait(SOON)


def test_what_never_ran_can_be_stopped(feed: Feed):
    feed.stop()
    feed.stop()


def test_it_can_be_stopped_twice_and_started_again(world: World, feed: Feed, index: Index, hearing: Hearing):
    for _ in range(2):
        feed.start()

        assert hearing.was_heard.wait(SOON)
        assert is_told(world, index)

        feed.stop()
        feed.stop()
        hearing.was_heard.clear()


def test_what_happened_while_it_was_stopped_is_known_when_it_runs_again(
    world: World, feed: Feed, index: Index
):
    feed.start()
    assert is_told(world, index)
    feed.stop()

    index.awaited = str(uuid.uuid4())
    index.has_come.clear()
    with world.deployment.transaction(world.origin) as tx:
        revoke(tx, RevocationKind.TOKEN, index.awaited, longest_life=HOUR)
    assert not index.has_come.is_set()
    feed.start()

    assert index.has_come.wait(SOON)


def test_it_runs_once(world: World, feed: Feed, index: Index):
    """A second thread would never be stopped."""
    feed.start()

    with pytest.raises(AssertionError, match="runs already"):
        feed.start()
    assert is_told(world, index)
