"""Pruning works in small batches, rests between them, and ends in time (checklist TEN-04)."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, insert, select, text

from appanage.authorizations import proofs, revocation
from appanage.authorizations.model import Revocation, SpentProof
from appanage.deployment import Deployment
from appanage.jobs.pruning import Pace, Round, prune
from appanage.storage.expiry import Pages
from support.refusals import counted_statements
from support.world import World

LOCK = 4711


class Stopwatch:
    """Time that passes only where it is told to: `batch` seconds with every look at the clock, and in every pause."""

    def __init__(self, *, batch: float = 0.0, stop_after: int | None = None) -> None:
        self.now = 0.0
        self.batch = batch
        self.pauses: list[float] = []
        self.stop_after = stop_after

    def __call__(self) -> float:
        self.now += self.batch
        return self.now

    def pause(self, seconds: float) -> bool:
        self.now += seconds
        self.pauses.append(seconds)
        return len(self.pauses) == self.stop_after


@pytest.fixture(scope="module")
def database_url(new_prepared_database: Callable[[], str]) -> str:
    """A database of one's own, of which every row is known."""
    return new_prepared_database()


@pytest.fixture
def expired(world: World) -> int:
    """Marks of proofs that have expired, on some forty pages."""
    with world.deployment.transaction(world.origin) as tx:
        tx.execute(text("TRUNCATE spent_proofs, revocations"))
        ago = tx.now - timedelta(hours=1)
        tx.execute(insert(SpentProof), [{"digest": uuid4().bytes * 2, "forget_at": ago} for _ in range(4000)])
    return left(world)


def left(world: World) -> int:
    with world.deployment.transaction(world.origin) as tx:
        return tx.scalar(select(func.count()).select_from(SpentProof)) or 0


def round_with(watch: Stopwatch, within: float = 1e9) -> Round:
    return Round(watch.pause, within=within, clock=watch)


@pytest.mark.parametrize(
    ("took", "pages"),
    [(0.02, 32), (0.04, 16), (0.016, 40), (1.0, 16), (0.0001, 64), (0.0, 64)],
    ids=["as long as it should", "twice", "shorter", "far too long", "far too short", "no time at all"],
)
def test_a_batch_grows_and_shrinks_with_the_time_that_the_last_one_took(took: float, pages: int):
    pace = Pace(32)

    pace.learn(took)

    assert pace.pages == pages


def test_a_batch_has_a_least_and_a_greatest_size():
    small, large = Pace(1), Pace(Pace.MOST)
    small.learn(10)
    large.learn(0)

    assert (small.pages, large.pages) == (1, Pace.MOST)


def test_what_follows_begins_where_the_last_batch_ended():
    assert Pages(0, 8).next(16) == Pages(8, 16)


def test_everything_that_has_expired_goes_in_batches(deployment: Deployment, world: World, expired: int):
    watch = Stopwatch(batch=0.02)

    pruned = prune(deployment, [proofs.EXPIRY], round_with(watch), lock=LOCK)

    assert (expired, left(world)) == (4000, 0)
    assert (pruned.removed, pruned.is_complete) == ({"spent_proofs": 4000}, True)
    assert len(watch.pauses) > 4


def test_after_every_batch_it_rests_for_as_long_as_the_batch_took(deployment: Deployment, expired: int):
    """So that it never takes more than half of one connection's time."""
    watch = Stopwatch(batch=0.04)

    prune(deployment, [proofs.EXPIRY], round_with(watch), lock=LOCK)

    assert expired
    assert watch.pauses == pytest.approx([0.04] * len(watch.pauses))


def test_the_shortest_batch_is_followed_by_a_rest_too(deployment: Deployment, expired: int):
    watch = Stopwatch()

    prune(deployment, [proofs.EXPIRY], round_with(watch), lock=LOCK)

    assert expired
    assert set(watch.pauses) == {Round.SHORTEST_REST}


def test_a_round_ends_in_time_and_the_next_one_goes_on(deployment: Deployment, world: World, expired: int):
    watch = Stopwatch(batch=0.02)
    first = prune(deployment, [proofs.EXPIRY], round_with(watch, within=0.05), lock=LOCK)
    between = left(world)
    second = prune(deployment, [proofs.EXPIRY], round_with(Stopwatch()), lock=LOCK)

    assert not first.is_complete
    assert 0 < between < expired
    assert (second.removed["spent_proofs"], second.is_complete) == (between, True)
    assert left(world) == 0


def test_it_stops_after_the_batch_in_which_it_is_told_to(deployment: Deployment, world: World, expired: int):
    watch = Stopwatch(batch=0.02, stop_after=2)

    pruned = prune(deployment, [proofs.EXPIRY, revocation.EXPIRY], round_with(watch), lock=LOCK)

    assert len(watch.pauses) == 2
    assert not pruned.is_complete
    assert 0 < left(world) < expired


def test_two_workers_do_not_prune_at_once(deployment: Deployment, world: World, expired: int):
    """The second one does nothing, and the lock is free when the first one is through."""
    others: list[bool] = []

    def meanwhile(_: float) -> bool:
        other = prune(deployment, [proofs.EXPIRY], round_with(Stopwatch()), lock=LOCK)
        others.append(other.is_complete or bool(other.removed))
        return False

    prune(deployment, [proofs.EXPIRY], Round(meanwhile, within=1e9), lock=LOCK)
    after = prune(deployment, [proofs.EXPIRY], round_with(Stopwatch()), lock=LOCK)

    assert expired
    assert others
    assert not any(others)
    assert after.is_complete
    assert left(world) == 0


def test_between_two_batches_no_transaction_is_open(deployment: Deployment, world: World, expired: int):
    """One that lasts would keep vacuum from its work, and others from the rows."""
    open_ones: list[int] = []

    def look(_: float) -> bool:
        with deployment.transaction(world.origin) as tx:
            in_transaction = text(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND xact_start IS NOT NULL AND backend_type = 'client backend'"
            )
            open_ones.append(tx.scalar(in_transaction) or 0)
        return False

    prune(deployment, [proofs.EXPIRY], Round(look, within=1e9), lock=LOCK)

    assert expired
    assert set(open_ones) == {0}


def test_a_batch_is_one_statement_and_a_table_without_rows_takes_one(
    deployment: Deployment, world: World, expired: int
):
    watch = Stopwatch(batch=0.02)
    with counted_statements(world) as statements:
        prune(deployment, [proofs.EXPIRY, revocation.EXPIRY], round_with(watch), lock=LOCK)
    locks = [one for one in statements if "advisory" in one]

    assert expired
    assert len(locks) == 2
    assert len(statements) - len(locks) == len(watch.pauses)
    assert sum(Revocation.__tablename__ in one for one in statements) == 1
