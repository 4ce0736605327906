"""The life of the revocation feed: it starts, stops and starts again (REV-09)."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from threading import Event

import pytest

from appanage.authorizations.model import RevocationKind
from appanage.authorizations.revocation import RevocationFeed, RevocationIndex, revoke
from support.world import World

SOON = 5
HOUR = timedelta(hours=1)


class Index(RevocationIndex):
    """Tells when the feed was at work, and when it brought what a test waits for."""

    def __init__(self) -> None:
        super().__init__(stale_after=HOUR)
        self.awaited = ""
        self.has_come, self.was_heard = Event(), Event()

    def heard(self) -> None:
        super().heard()
        self.was_heard.set()

    def add(self, kind: str, subject: str, valid_from: datetime, forget_at: datetime) -> None:
        super().add(kind, subject, valid_from, forget_at)
        if subject == self.awaited:
            self.has_come.set()


@pytest.fixture
def index() -> Index:
    return Index()


@pytest.fixture
def feed(world: World, index: Index) -> Iterator[RevocationFeed]:
    """One that hears by notifications alone, for as long as a test lasts."""
    made = RevocationFeed(world.deployment.database.url, index, poll=HOUR)
    yield made
    made.stop()


def is_told(world: World, index: Index) -> bool:
    """Whether a revocation that is written now comes to be known."""
    index.awaited = str(uuid.uuid4())
    index.has_come.clear()
    with world.deployment.transaction(world.origin) as tx:
        revoke(tx, RevocationKind.TOKEN, index.awaited, longest_life=HOUR)
    return index.has_come.wait(SOON)


def test_what_never_ran_can_be_stopped(feed: RevocationFeed):
    feed.stop()
    feed.stop()


def test_it_can_be_stopped_twice_and_started_again(world: World, feed: RevocationFeed, index: Index):
    for _ in range(2):
        feed.start()

        assert index.was_heard.wait(SOON)
        assert is_told(world, index)

        feed.stop()
        feed.stop()
        index.was_heard.clear()


def test_what_happened_while_it_was_stopped_is_known_when_it_runs_again(
    world: World, feed: RevocationFeed, index: Index
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


def test_it_runs_once(world: World, feed: RevocationFeed, index: Index):
    """A second thread would never be stopped."""
    feed.start()

    with pytest.raises(AssertionError, match="runs already"):
        feed.start()
    assert is_told(world, index)
