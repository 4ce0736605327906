"""How fresh the knowledge of one process is, and therefore whether it may be trusted (design decision 7)."""

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from threading import Lock

Uptime = Callable[[], float]
"""Seconds that only grow, also while the machine sleeps."""


def uptime() -> float:
    """The time since the machine started; what no clock of the wall does to it, a suspended machine does not either."""
    return time.clock_gettime(_CLOCK)


class Freshness:
    """Knowledge is fresh when the database was asked a moment ago, and since this process itself last changed anything.

    What is not fresh is not trusted: who needs to know asks the database, and refuses when it does not answer.
    """

    def __init__(self, stale_after: timedelta, *, clock: Uptime = uptime) -> None:
        self._stale_after = stale_after.total_seconds()
        self._clock = clock
        self._heard_at = self._doubted_at = float("-inf")
        self._waiting: dict[object, Callable[[], None]] = {}
        self._lock = Lock()

    @property
    def is_fresh(self) -> bool:
        heard_at = self._heard_at
        return heard_at > self._doubted_at and self._clock() - heard_at <= self._stale_after

    @property
    def age(self) -> float:
        """Seconds since the database was asked; infinite before the first time."""
        return self._clock() - self._heard_at

    def now(self) -> float:
        """The time to tell `heard` later. Take it before the database is asked: the process may be paused in between."""
        return self._clock()

    def heard(self, asked_at: float) -> None:
        """Everything is known that was committed at that time."""
        self._heard_at = asked_at
        if not self.is_fresh:
            return
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for wake in waiting.values():
            wake()

    def doubt(self) -> None:
        """This process changed something: its memory is behind until it has heard of that."""
        self._doubted_at = self._clock()

    def when_heard(self, wake: Callable[[], None]) -> Callable[[], object]:
        """Calls `wake` once, from another thread, as soon as everything is known again.

        Whoever gives up waiting calls what is returned, and is forgotten.
        """
        key = object()
        with self._lock:
            self._waiting[key] = wake
        if self.is_fresh and self._withdraw(key):
            wake()
        return partial(self._withdraw, key)

    def _withdraw(self, key: object) -> bool:
        """Whether it was still waiting."""
        with self._lock:
            return self._waiting.pop(key, None) is not None


_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
