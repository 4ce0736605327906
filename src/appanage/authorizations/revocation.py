"""Revocation: written once, known by every process within the published bound of one second (checklist REV-09)."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from math import ceil
from multiprocessing.connection import wait
from socket import socket, socketpair
from threading import Event as Signal
from threading import Thread
from time import monotonic
from typing import Any

import psycopg
import structlog
from sqlalchemy import ARRAY, Text, func, insert, literal, select, text

from appanage.authorizations.model import REMEMBERED_AFTER_EXPIRY, Revocation, RevocationKind
from appanage.oauth.access_tokens import AccessClaims
from appanage.storage import Transaction
from appanage.storage.batches import delete_batch
from appanage.storage.engine import plain_url

Connection = psycopg.Connection[Any]
CHANNEL = "appanage_revocations"
_FORGET_EVERY = 600.0

log = structlog.get_logger(__name__)


def revoke(tx: Transaction, kind: RevocationKind, subject: str, *, longest_life: timedelta) -> None:
    """Kills every access token about `subject`, for good; other processes are told at the commit.

    What has ended never lives again, so births are not compared with the time of this transaction: a node whose clock
    is ahead, or a request that began later and was quicker, may have issued a token since (checklist REV-05, TEN-06).
    """
    forget_at = tx.now + longest_life + REMEMBERED_AFTER_EXPIRY
    tx.add(Revocation(kind=kind.value, subject=subject, valid_from=forget_at, forget_at=forget_at))
    tx.flush()
    tx.execute(text(f"NOTIFY {CHANNEL}"))


def revoke_all(
    tx: Transaction, kind: RevocationKind, subjects: Sequence[str], *, longest_life: timedelta
) -> None:
    """As `revoke` for many subjects, with the same number of statements however many they are."""
    forget_at = tx.now + longest_life + REMEMBERED_AFTER_EXPIRY
    each = func.unnest(literal(list(subjects), ARRAY(Text())))
    rows = select(literal(kind.value), each, literal(forget_at), literal(forget_at))
    tx.execute(insert(Revocation).from_select(["kind", "subject", "valid_from", "forget_at"], rows))
    tx.execute(text(f"NOTIFY {CHANNEL}"))


def prune(tx: Transaction, *, limit: int) -> int:
    """Forgets at most `limit` revocations of tokens that have all expired, and tells how many."""
    return delete_batch(tx, Revocation, Revocation.forget_at < tx.now, limit=limit)


class RevocationIndex:
    """What is revoked, in memory: from subject to the second from which its tokens count again."""

    def __init__(self, *, stale_after: timedelta) -> None:
        self._valid_from: dict[str, tuple[int, datetime]] = {}
        self._stale_after = stale_after.total_seconds()
        self._heard_at = float("-inf")

    def __len__(self) -> int:
        return len(self._valid_from)

    @property
    def is_fresh(self) -> bool:
        """Whether the feed was heard recently enough to trust what is not in the index."""
        return monotonic() - self._heard_at <= self._stale_after

    def heard(self) -> None:
        self._heard_at = monotonic()

    def add(self, kind: str, subject: str, valid_from: datetime, forget_at: datetime) -> None:
        key, second = f"{kind}:{subject}", first_living_second(valid_from)
        known = self._valid_from.get(key)
        if known is None or known[0] < second:
            self._valid_from[key] = (second, forget_at)

    def forget(self, now: datetime) -> None:
        self._valid_from = {key: entry for key, entry in self._valid_from.items() if entry[1] >= now}

    def is_revoked(self, claims: AccessClaims) -> bool:
        issued = int(claims.issued_at.timestamp())
        return any(issued < self._valid_from[key][0] for key in _subjects(claims) if key in self._valid_from)


def first_living_second(valid_from: datetime) -> int:
    """Tokens tell their birth in whole seconds: those of the second that the revocation cuts are dead too."""
    return ceil(valid_from.timestamp())


def issue_time(now: datetime, valid_from: datetime) -> datetime:
    """The time of birth to write into a token, so that a revocation in the same second does not kill it."""
    return max(now.replace(microsecond=0), datetime.fromtimestamp(first_living_second(valid_from), UTC))


class RevocationFeed:
    """Keeps an index up to date: a notification makes it look at once, a poll makes up for lost notifications."""

    def __init__(self, url: str, index: RevocationIndex, *, poll: timedelta) -> None:
        self._url = plain_url(url)
        self._index = index
        self._poll = poll.total_seconds()
        self._horizon = 0
        self._forget_next = monotonic() + _FORGET_EVERY
        self._stopped = Signal()
        self._wake: socket | None = None
        self._thread: Thread | None = None

    def start(self) -> None:
        assert self._thread is None, "the feed runs already"
        self._stopped.clear()
        self._wake, woken = socketpair()
        self._thread = Thread(target=self._run, args=(woken,), name="revocation-feed", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        wake, thread = self._wake, self._thread
        self._wake = self._thread = None
        if wake and thread:
            with wake:
                with suppress(BrokenPipeError):  # it has seen for itself that it is over
                    wake.send(b"!")
                thread.join(timeout=5)

    def _run(self, woken: socket) -> None:
        with woken:
            while not self._stopped.is_set():
                try:
                    self._follow(woken)
                except psycopg.Error as error:
                    log.warning("revocation feed interrupted", reason=type(error).__name__)
                    self._stopped.wait(self._poll)

    def _follow(self, woken: socket) -> None:
        with psycopg.connect(
            self._url, autocommit=True, connect_timeout=3, application_name="appanage feed"
        ) as connection:
            connection.execute(f"LISTEN {CHANNEL}")
            while not self._stopped.is_set():
                self._read(connection)
                self._forget()
                self._wait(connection, woken)

    def _wait(self, connection: Connection, woken: socket) -> None:
        """Until there is a notification, or it is time for a poll, or to stop."""
        if list(connection.notifies(timeout=0)):  # one that came with the answer to the last question
            return
        wait([connection.fileno(), woken], self._poll)
        for _ in connection.notifies(timeout=0):
            pass

    def _forget(self) -> None:
        if monotonic() >= self._forget_next:
            self._index.forget(datetime.now(UTC))
            self._forget_next = monotonic() + _FORGET_EVERY

    def _read(self, connection: Connection) -> None:
        for kind, subject, valid_from, forget_at in self._news(connection):
            self._index.add(kind, subject, valid_from, forget_at)
        self._index.heard()

    def _news(self, connection: Connection) -> Iterator[tuple[str, str, datetime, datetime]]:
        """Rows that may not have been visible at the last look; applying a row twice does no harm."""
        rows = connection.execute(_NEWS, {"horizon": self._horizon}).fetchall()
        for horizon, kind, subject, valid_from, forget_at in rows:
            self._horizon = horizon
            if kind is not None:
                yield kind, subject, valid_from, forget_at


# One statement, one snapshot: the rows and the horizon to ask from next time belong together.
_NEWS = """
SELECT horizon::text::bigint, r.kind, r.subject, r.valid_from, r.forget_at
FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS horizon) AS snapshot
LEFT JOIN revocations r ON r.xid >= %(horizon)s
"""


def _subjects(claims: AccessClaims) -> Iterable[str]:
    yield f"{RevocationKind.AUTHORIZATION}:{claims.authorization}"
    yield f"{RevocationKind.TOKEN}:{claims.token_id}"
    if claims.family:
        yield f"{RevocationKind.FAMILY}:{claims.family}"
    if claims.source:
        yield f"{RevocationKind.TOKEN}:{claims.source}"
