"""Pruning: tables are swept in small batches with pauses, so that nobody else notices (checklist TEN-04)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import ClassVar

import structlog
from sqlalchemy import text

from appanage.deployment import Deployment
from appanage.kit.origin import internal_origin
from appanage.storage import Database
from appanage.storage.expiry import Expiry, Pages, Swept, delete_expired

Pause = Callable[[float], bool]
"""Waits so many seconds; True when it is time to stop."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pruned:
    """What one round did: rows removed by table, in how many seconds, and whether it came to the end of every table."""

    removed: Mapping[str, int]
    seconds: float
    is_complete: bool


@dataclass
class Pace:
    """How many pages a batch takes: so many that it lasts about `AIM` seconds, whatever the machine and the load."""

    AIM: ClassVar = 0.02
    MOST: ClassVar = 128

    pages: int = 8

    def learn(self, took: float) -> None:
        """At most twice as many as before, at least half as many: the next pages may be fuller than these."""
        factor = min(2.0, max(0.5, self.AIM / took)) if took else 2.0
        self.pages = min(self.MOST, max(1, int(self.pages * factor)))


@dataclass
class Round:
    """The time of one round: `within` so many seconds, at most half of them at work (checklist TEN-04)."""

    SHORTEST_REST: ClassVar = 0.001

    pause: Pause
    within: float
    clock: Callable[[], float] = monotonic
    is_over: bool = False
    began_at: float = field(init=False)

    def __post_init__(self) -> None:
        self.began_at = self.clock()

    @property
    def seconds(self) -> float:
        return self.clock() - self.began_at

    def rest(self, worked: float) -> None:
        """Leaves the database to the others for as long as the batch took."""
        is_stopped = self.pause(max(worked, self.SHORTEST_REST))
        self.is_over = is_stopped or self.seconds >= self.within


def prune(deployment: Deployment, expiries: Sequence[Expiry], round_: Round, *, lock: int) -> Pruned:
    """Sweeps the tables one after the other. The next round takes up what this one had no time for.

    It begins at the front, and gets over pages in which nothing has expired at a hundred a millisecond. Does nothing
    while another worker of the deployment is at it.
    """
    removed: dict[str, int] = {}
    with _alone(deployment.database, lock) as is_alone:
        for expiry in expiries if is_alone else ():
            removed[expiry.table] = _sweep(deployment, expiry, round_)
    pruned = Pruned(removed, round_.seconds, is_complete=is_alone and not round_.is_over)
    if any(removed.values()):
        log.info("pruned", **removed, seconds=round(pruned.seconds, 1), is_complete=pruned.is_complete)
    return pruned


def _sweep(deployment: Deployment, expiry: Expiry, round_: Round) -> int:
    """From the first page to the last one, batch by batch; tells how many rows went."""
    total, pace = 0, Pace()
    pages = Pages(count=pace.pages)
    while not round_.is_over:
        began_at = round_.clock()
        swept = _once(deployment, expiry, pages)
        worked = round_.clock() - began_at
        total += swept.removed
        pace.learn(worked)
        round_.rest(worked)
        if pages.end >= swept.pages:
            break
        pages = pages.next(pace.pages)
    return total


def _once(deployment: Deployment, expiry: Expiry, pages: Pages) -> Swept:
    with deployment.transaction(internal_origin()) as tx:
        return delete_expired(tx, expiry, pages)


@contextmanager
def _alone(database: Database, lock: int) -> Iterator[bool]:
    """Whether nobody else in the deployment does the same now."""
    # The lock is the connection's, not a transaction's, which would keep vacuum from its work for all that time; and a
    # worker that is killed leaves nothing behind.
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        got = bool(connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": lock}))
        try:
            yield got
        finally:
            if got:
                connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": lock})
