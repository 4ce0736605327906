"""The feed: how every process hears of revocations and changes, by notification and by asking again and again."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import wait
from socket import socket, socketpair
from threading import Event as Signal
from threading import Thread
from time import monotonic
from typing import Any, Protocol

import psycopg
import structlog

from appanage.authorizations.freshness import Freshness
from appanage.authorizations.revocation import CHANNEL, RevocationIndex
from appanage.kit.metrics import FEED_INTERRUPTIONS, FEED_LAG
from appanage.storage.engine import LIVELY, plain_url

Connection = psycopg.Connection[Any]
Row = tuple[Any, ...]

NAME = "appanage feed"
"""Under this name and its number the process is known to the database."""

CHANGES_KEPT_FOR = timedelta(minutes=10)
_LONGEST_GAP = (
    60.0  # seconds without news after which nothing remembered counts; far less than changes are kept
)
_FORGET_EVERY = 600.0
_STATEMENT = 3000  # milliseconds
_PORTION = 10_000  # rows

log = structlog.get_logger(__name__)


class Forgetful(Protocol):
    """What remembers something and can be told that it changed."""

    def forget(self, thing: str) -> None: ...

    def forget_all(self) -> None: ...


@dataclass(frozen=True, slots=True)
class News:
    """One row: a revocation, which has times, or a change. `age` is in seconds, by the clock of the database."""

    kind: str
    subject: str
    valid_from: datetime | None
    forget_at: datetime | None
    age: float | None

    @property
    def thing(self) -> str:
        return f"{self.kind}:{self.subject}"


class Feed:
    """Keeps the index and the memories true: a notification makes it look at once, a poll makes up for lost ones."""

    def __init__(
        self,
        url: str,
        index: RevocationIndex,
        freshness: Freshness,
        memories: Sequence[Forgetful] = (),
        *,
        poll: timedelta,
    ) -> None:
        self._url = plain_url(url)
        self._index = index
        self._freshness = freshness
        self._memories = list(memories)
        self._poll = poll.total_seconds()
        self._horizon = 0
        self._told: frozenset[tuple[bool, int]] = frozenset()
        self._forget_next = monotonic() + _FORGET_EVERY
        self._stopped = Signal()
        self._wake: socket | None = None
        self._thread: Thread | None = None

    def tell(self, memory: Forgetful) -> None:
        """Tells this one too, from now on."""
        self._memories.append(memory)

    def start(self) -> None:
        assert self._thread is None, "the feed runs already"
        self._stopped.clear()
        self._wake, woken = socketpair()
        self._wake.setblocking(False)  # whoever changed something never waits here
        self._thread = Thread(target=self._run, args=(woken,), name="feed", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        wake, thread = self._wake, self._thread
        self._wake = self._thread = None
        if wake and thread:
            with wake:
                _send(wake)
                thread.join(timeout=5)

    def look(self) -> None:
        """Looks at once: this process has just changed something."""
        self._freshness.doubt()
        wake = self._wake  # looked at once: another thread may stop the feed meanwhile
        if wake is not None:
            _send(wake)

    def _run(self, woken: socket) -> None:
        with woken:
            while not self._stopped.is_set():
                try:
                    self._follow(woken)
                except psycopg.Error as error:
                    log.warning("feed interrupted", reason=type(error).__name__)
                except Exception:  # without the feed nothing remembered is trusted, so it is begun anew
                    log.exception("feed broken")
                FEED_INTERRUPTIONS.inc()
                self._stopped.wait(self._poll)

    def _follow(self, woken: socket) -> None:
        with psycopg.connect(
            self._url, autocommit=True, connect_timeout=3, application_name=f"{NAME} {os.getpid()}", **LIVELY
        ) as connection:
            # Not with `options` of the connection, which are the operator's, and which some poolers refuse.
            connection.execute(f"SET statement_timeout = {_STATEMENT}")
            connection.execute(f"LISTEN {CHANNEL}")
            while not self._stopped.is_set():
                self._read(connection)
                self._forget()
                self._wait(connection, woken)

    def _wait(self, connection: Connection, woken: socket) -> None:
        """Until there is a notification, or it is time for a poll, or something was changed here, or to stop."""
        if list(connection.notifies(timeout=0)):  # one that came with the answer to the last question
            return
        if woken in wait([connection.fileno(), woken], self._poll):
            woken.recv(4096)
        for _ in connection.notifies(timeout=0):
            pass

    def _forget(self) -> None:
        if monotonic() >= self._forget_next:
            self._index.forget(datetime.now(UTC))
            self._forget_next = monotonic() + _FORGET_EVERY

    def _read(self, connection: Connection) -> None:
        # The time before the question: a process that is paused with the answer in its hands knows less than it thinks.
        asked_at = self._freshness.now()
        remembers = self._freshness.age <= _LONGEST_GAP
        for news in self._news(connection, remembers=remembers):
            self._tell(news)
        if not remembers:
            # Only now: what was read before the question, and is kept after it, may lack changes that were left out.
            for memory in self._memories:
                memory.forget_all()
        self._freshness.heard(asked_at)

    def _tell(self, news: News) -> None:
        if news.valid_from is not None and news.forget_at is not None:
            self._index.add(news.kind, news.subject, news.valid_from, news.forget_at)
        for memory in self._memories:
            memory.forget(news.thing)
        if news.age is not None and self._freshness.age <= _LONGEST_GAP:
            FEED_LAG.observe(news.age)

    def _news(self, connection: Connection, *, remembers: bool) -> Iterator[News]:
        """Rows that were not visible at the last look; they count as told when all of them are."""
        read = _at_once if remembers else _in_portions
        told, horizon = set(), self._horizon
        for row in read(connection, {"horizon": horizon, "remembers": remembers}):
            horizon, may_come_again, is_change, row_id, *columns = row
            if may_come_again:
                told.add((is_change, row_id))
            if row_id is not None and (is_change, row_id) not in self._told:
                yield News(*columns)
        self._horizon, self._told = horizon, frozenset(told)


def _at_once(connection: Connection, asked: Mapping[str, Any]) -> Iterable[Row]:
    return connection.execute(_NEWS, asked).fetchall()


def _in_portions(connection: Connection, asked: Mapping[str, Any]) -> Iterable[Row]:
    """After a long gap there may be millions: one snapshot for all of them, and the time of a statement for each."""
    with connection.transaction(), connection.cursor(name="news") as cursor:
        cursor.itersize = _PORTION
        yield from cursor.execute(_NEWS, asked)


def _send(wake: socket) -> None:
    with suppress(OSError):  # it is awake already, or has seen for itself that it is over
        wake.send(b"!")


# One statement, one snapshot: the rows and the horizon to ask from next time belong together. Transactions that last
# long hold the horizon back, so rows may come again.
_NEWS = """
SELECT horizon, n.xid >= horizon AS may_come_again, n.is_change, n.id, n.kind, n.subject, n.valid_from, n.forget_at,
    extract(epoch FROM clock_timestamp() - n.at)::float8 AS age
FROM (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon) AS snapshot
LEFT JOIN LATERAL (
    SELECT xid, false AS is_change, id, kind, subject, valid_from, forget_at, told_at AS at
    FROM revocations WHERE xid >= %(horizon)s
    UNION ALL
    SELECT xid, true, id, kind, subject, NULL, NULL, changed_at
    FROM changes WHERE %(remembers)s AND xid >= %(horizon)s
) AS n ON true
"""
