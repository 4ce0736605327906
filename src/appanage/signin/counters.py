"""Counting in moving windows, in the memory of one process."""

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from time import time
from typing import NoReturn

from limits.storage import MovingWindowSupport, Storage

_LOOKED_AT = 2  # for each new one, so that counters that nobody asks for go faster than new ones come


@dataclass(slots=True)
class _Counter:
    """What was counted in the last `window` seconds: when and how much, oldest first."""

    window: float
    hits: list[tuple[float, int]] = field(default_factory=list)
    count: int = 0

    def add(self, now: float, amount: int) -> None:
        self.hits.append((now, amount))
        self.count += amount

    def forget(self, now: float) -> None:
        old = bisect_left(self.hits, (now - self.window,))
        if old:
            self.count -= sum(amount for _, amount in self.hits[:old])
            del self.hits[:old]


class MovingWindows(Storage, MovingWindowSupport):
    """A storage of `limits` in which fixed windows are not counted: nothing here counts in them."""

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        return ()

    def incr(self, key: str, expiry: int, amount: int = 1) -> NoReturn:
        raise NotImplementedError

    def get(self, key: str) -> NoReturn:
        raise NotImplementedError

    def get_expiry(self, key: str) -> NoReturn:
        raise NotImplementedError


class Counters(MovingWindows):
    """Moving windows in memory (decision 0038). Times are seconds of the clock that it is given.

    A counter forgets when it is used. Whenever a new one is made, the two that were not looked at for longest are, and
    go if nothing is left in them: so there are at most twice as many as were used within their windows, and forgetting
    costs the same however many there are. Of more than `most` the first ones go, whatever they counted.
    """

    def __init__(self, *, most: int = 100_000, clock: Callable[[], float] = time) -> None:
        super().__init__()
        self._most = most
        self._clock = clock
        self._counters: OrderedDict[str, _Counter] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._counters)

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Counts `amount` if that makes no more than `limit` in the last `expiry` seconds; whether it did."""
        if amount > limit:
            return False
        now = self._clock()
        with self._lock:
            counter = self._counters.get(key) or self._new(key, expiry, now)
            counter.forget(now)
            if counter.count + amount > limit:
                return False
            counter.add(now, amount)
            return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """When the oldest that still counts was counted, or now, and how much counts."""
        del limit, expiry  # the first is the caller's business, the second the counter's
        now = self._clock()
        with self._lock:
            counter = self._counters.get(key)
            if counter is None:
                return now, 0
            counter.forget(now)
            return (counter.hits[0][0] if counter.hits else now), counter.count

    def clear(self, key: str) -> None:
        with self._lock:
            self._counters.pop(key, None)

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        with self._lock:
            number = len(self._counters)
            self._counters.clear()
            return number

    def _new(self, key: str, window: float, now: float) -> _Counter:
        for _ in range(min(_LOOKED_AT, len(self._counters))):
            self._look_at_first(now)
        if len(self._counters) >= self._most:
            self._counters.popitem(last=False)
        return self._counters.setdefault(key, _Counter(window))

    def _look_at_first(self, now: float) -> None:
        key, counter = next(iter(self._counters.items()))
        counter.forget(now)
        if counter.hits:
            self._counters.move_to_end(key)
        else:
            del self._counters[key]
