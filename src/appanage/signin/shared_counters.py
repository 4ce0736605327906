"""Counting in moving windows for several machines together, in a Valkey or Redis."""

from collections.abc import Callable
from time import monotonic
from typing import TypeVar

import structlog
from limits.errors import StorageError
from limits.storage import RedisStorage

from appanage.signin.counters import Counters, MovingWindows

A = TypeVar("A")
Question = Callable[[RedisStorage | Counters], A]

_PATIENCE = 0.5  # seconds
_APART = 5.0  # seconds until a store that did not answer is asked again

log = structlog.get_logger(__name__)


class SharedCounters(MovingWindows):
    """Counts in a store elsewhere; while that does not answer, this process counts by itself (decision 0038).

    So nobody is refused because the store is down, and nobody guesses without limit either.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._here = Counters()
        self._there = _store(url)
        self._apart_until: float | None = None

    @property
    def is_apart(self) -> bool:
        """Whether this process counts by itself."""
        return self._apart_until is not None

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        return self._ask(lambda counters: counters.acquire_entry(key, limit, expiry, amount))

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        return self._ask(lambda counters: counters.get_moving_window(key, limit, expiry))

    def clear(self, key: str) -> None:
        self._here.clear(key)
        self._ask(lambda counters: counters.clear(key))

    def check(self) -> bool:
        return self._there.check()

    def reset(self) -> int | None:
        return self._ask(lambda counters: counters.reset())

    def _ask(self, question: Question[A]) -> A:
        if not self._may_ask_there():
            return question(self._here)
        try:
            answer = question(self._there)
        except StorageError as error:
            self._part(error.storage_error)
            return question(self._here)
        self._join()
        return answer

    def _may_ask_there(self) -> bool:
        """Once apart, one request in a while finds out; the others do not wait with it."""
        until, now = self._apart_until, self._clock()  # read once: another thread may change it
        if until is None:
            return True
        if now < until:
            return False
        self._apart_until = now + _APART
        return True

    def _part(self, reason: Exception) -> None:
        if self._apart_until is None:
            log.warning("each process counts limits by itself", reason=type(reason).__name__)
        self._apart_until = self._clock() + _APART

    def _join(self) -> None:
        if self._apart_until is not None:
            self._apart_until = None
            self._here.reset()
            log.info("limits are counted together again")


def _store(url: str) -> RedisStorage:
    """Valkey speaks as Redis does, so one client speaks with both."""
    from redis import ConnectionPool  # needed by those alone who name a store
    from redis.backoff import NoBackoff
    from redis.exceptions import ConnectionError as Disconnected
    from redis.retry import Retry

    url = f"redis{url.removeprefix('valkey')}" if url.startswith("valkey") else url
    connections = ConnectionPool.from_url(
        url.removeprefix("redis+") if url.startswith("redis+unix:") else url,
        socket_timeout=_PATIENCE,
        socket_connect_timeout=_PATIENCE,
        retry=Retry(
            NoBackoff(), 1, supported_errors=(Disconnected,)
        ),  # one that has grown old, not one that hangs
    )
    return RedisStorage(url, connections, wrap_exceptions=True)
