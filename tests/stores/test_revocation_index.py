"""The revocation index and the feed that keeps it true (design §6)."""

import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from appanage.authorizations.feed import Feed
from appanage.authorizations.freshness import Freshness
from appanage.authorizations.model import RevocationKind
from appanage.authorizations.revocation import (
    EXPIRY,
    RevocationIndex,
    first_living_second,
    issue_time,
    revoke,
)
from appanage.oauth.access_tokens import AccessClaims
from appanage.storage.expiry import delete_expired
from support.world import World

NOW = datetime(2026, 1, 5, 10, 0, 0, 500_000, tzinfo=UTC)
WEEK = timedelta(days=7)


def claims(**changes: Any) -> AccessClaims:
    values: dict[str, Any] = {
        "issuer": "i",
        "audience": "a",
        "subject": uuid.uuid4(),
        "client_id": "C1",
        "organization": uuid.uuid4(),
        "authorization": uuid.uuid4(),
        "scopes": frozenset(),
        "issued_at": NOW.replace(microsecond=0),
        "expires_at": NOW + WEEK,
        "token_id": "jti",
        "family": "family",
    }
    return AccessClaims(**(values | changes))


def until(condition: Callable[[], bool], *, seconds: float = 3) -> bool:
    """Looks again and again until the condition holds or the time is up."""
    waiting = threading.Event()
    for _ in range(int(seconds / 0.01)):
        if condition():
            return True
        waiting.wait(0.01)
    return False


@pytest.fixture
def index() -> RevocationIndex:
    return RevocationIndex()


@pytest.fixture
def freshness() -> Freshness:
    return Freshness(timedelta(seconds=1))


@pytest.fixture
def feed(world: World, index: RevocationIndex, freshness: Freshness) -> Iterator[Feed]:
    made = Feed(world.deployment.database.url, index, freshness, poll=timedelta(milliseconds=100))
    made.start()
    yield made
    made.stop()


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        (RevocationKind.TOKEN, "jti"),
        (RevocationKind.FAMILY, "family"),
        (RevocationKind.AUTHORIZATION, str(uuid.UUID(int=7))),
    ],
)
def test_a_token_is_revoked_by_itself_by_its_family_or_by_its_authorization(
    index: RevocationIndex, kind: RevocationKind, subject: str
):
    token = claims(authorization=uuid.UUID(int=7))
    assert not index.is_revoked(token)

    index.add(kind, subject, NOW, NOW + WEEK)

    assert index.is_revoked(token)
    assert not index.is_revoked(claims(token_id="other", family="other"))


def test_tokens_born_after_the_revocation_live():
    """A token tells its birth in whole seconds, so one born in the same second is written into the next."""
    revoked_at = NOW
    born = issue_time(NOW, revoked_at)

    assert born > revoked_at
    assert int(born.timestamp()) >= first_living_second(revoked_at)
    assert issue_time(NOW + timedelta(seconds=5), revoked_at) == (NOW + timedelta(seconds=5)).replace(
        microsecond=0
    )


def test_an_earlier_revocation_never_replaces_a_later_one(index: RevocationIndex):
    index.add("azn", str(uuid.UUID(int=7)), NOW, NOW + WEEK)
    index.add("azn", str(uuid.UUID(int=7)), NOW - WEEK, NOW + WEEK)

    assert index.is_revoked(claims(authorization=uuid.UUID(int=7)))


def test_what_no_living_token_can_need_is_forgotten(index: RevocationIndex):
    index.add("jti", "old", NOW - WEEK, NOW)
    index.add("jti", "new", NOW, NOW + WEEK)

    index.forget(NOW + timedelta(seconds=1))

    assert len(index) == 1


@pytest.mark.usefixtures("feed")
def test_a_committed_revocation_reaches_the_index(world: World, index: RevocationIndex):
    subject = str(uuid.uuid4())
    with world.deployment.transaction(world.origin) as tx:
        revoke(tx, RevocationKind.TOKEN, subject, longest_life=WEEK)
        tx.commit()
        born = tx.now.replace(microsecond=0)

    assert until(lambda: index.is_revoked(claims(token_id=subject, issued_at=born)))


@pytest.mark.usefixtures("feed")
def test_a_revocation_that_is_rolled_back_never_happened(world: World, index: RevocationIndex):
    subject, later = str(uuid.uuid4()), str(uuid.uuid4())
    with world.deployment.transaction(world.origin) as tx:
        revoke(tx, RevocationKind.TOKEN, subject, longest_life=WEEK)
        tx.rollback()
    with world.deployment.transaction(world.origin) as tx:
        revoke(tx, RevocationKind.TOKEN, later, longest_life=WEEK)
        born = tx.now.replace(microsecond=0)

    assert until(lambda: index.is_revoked(claims(token_id=later, issued_at=born)))
    assert not index.is_revoked(claims(token_id=subject, issued_at=born))


@pytest.mark.usefixtures("feed")
def test_commits_out_of_order_are_not_missed(world: World, index: RevocationIndex):
    """A row with a lower id may become visible after one with a higher id."""
    slow, quick = str(uuid.uuid4()), str(uuid.uuid4())
    with world.deployment.transaction(world.origin) as first:
        revoke(first, RevocationKind.TOKEN, slow, longest_life=WEEK)
        born = first.now.replace(microsecond=0)
        with world.deployment.transaction(world.origin) as second:
            revoke(second, RevocationKind.TOKEN, quick, longest_life=WEEK)
        assert until(lambda: index.is_revoked(claims(token_id=quick, issued_at=born)))
        assert not index.is_revoked(claims(token_id=slow, issued_at=born))

    assert until(lambda: index.is_revoked(claims(token_id=slow, issued_at=born)))


@pytest.mark.usefixtures("feed")
def test_a_feed_whose_connection_was_cut_connects_again_and_catches_up(
    world: World, index: RevocationIndex, freshness: Freshness
):
    assert until(lambda: freshness.is_fresh)
    subject = str(uuid.uuid4())
    with world.deployment.database.engine.begin() as connection:
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'appanage feed%'"
        connection.execute(text(f"{cut} AND datname = current_database()"))
    with world.deployment.transaction(world.origin) as tx:
        revoke(tx, RevocationKind.TOKEN, subject, longest_life=WEEK)
        born = tx.now.replace(microsecond=0)

    assert until(lambda: index.is_revoked(claims(token_id=subject, issued_at=born)))


class Uptime:
    """Seconds that a test decides about."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_knowledge_that_is_not_renewed_becomes_stale():
    uptime = Uptime()
    freshness = Freshness(timedelta(seconds=3), clock=uptime)
    before = freshness.is_fresh
    freshness.heard(freshness.now())
    after = freshness.is_fresh
    uptime.seconds += 3.1

    assert (before, after, freshness.is_fresh) == (False, True, False)


def test_a_process_that_was_paused_with_the_answer_in_its_hands_does_not_trust_it():
    """What counts is when the database was asked."""
    uptime = Uptime()
    freshness = Freshness(timedelta(seconds=3), clock=uptime)
    asked_at = freshness.now()
    uptime.seconds += 60
    freshness.heard(asked_at)

    assert not freshness.is_fresh


def test_who_changed_something_trusts_nothing_until_it_is_heard_of():
    uptime = Uptime()
    freshness = Freshness(timedelta(seconds=3), clock=uptime)
    asked_before = freshness.now()
    uptime.seconds += 0.1
    freshness.doubt()
    freshness.heard(asked_before)
    behind = freshness.is_fresh
    uptime.seconds += 0.1
    freshness.heard(freshness.now())

    assert (behind, freshness.is_fresh) == (False, True)


def test_revocations_of_expired_tokens_are_pruned(world: World):
    """TEN-04."""
    subject = str(uuid.uuid4())
    with world.deployment.transaction(world.origin) as tx:
        revoke(tx, RevocationKind.TOKEN, subject, longest_life=timedelta(days=-1))
    with world.deployment.transaction(world.origin) as tx:
        delete_expired(tx, EXPIRY)
        left = tx.execute(
            text("SELECT count(*) FROM revocations WHERE subject = :s"), {"s": subject}
        ).scalar_one()

    assert left == 0
