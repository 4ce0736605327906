"""What one process remembers of the database, and how it forgets."""

from collections import OrderedDict
from collections.abc import Collection
from threading import Lock
from typing import Generic, TypeVar

V = TypeVar("V")


class Memory(Generic[V]):
    """Values by key, each forgotten when something that it rests on changes; of more than `most` the least used go.

    Things have names, such as `account:<id>`. Whoever asks the database for a value notes the `moment` before, so that a
    value is not kept when there was news meanwhile, which it may not contain.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[bytes, tuple[V, frozenset[str]]] = OrderedDict()
        self._resting_on: dict[str, set[bytes]] = {}
        self._lock = Lock()
        self._moment = 0

    def __len__(self) -> int:
        return len(self._values)

    @property
    def moment(self) -> int:
        return self._moment

    def recall(self, key: bytes) -> V | None:
        with self._lock:
            found = self._values.get(key)
            if found is None:
                return None
            self._values.move_to_end(key)
            return found[0]

    def keep(self, key: bytes, value: V, *, rests_on: Collection[str], asked_at: int) -> None:
        """Remembers the value, unless there was news since `asked_at`, the moment before the database was asked."""
        with self._lock:
            if asked_at != self._moment:
                return
            self._drop(key)
            things = frozenset(rests_on)
            self._values[key] = (value, things)
            for thing in things:
                self._resting_on.setdefault(thing, set()).add(key)
            if len(self._values) > self._most:
                self._drop(next(iter(self._values)))

    def forget(self, thing: str) -> None:
        """Forgets every value that rests on the thing."""
        with self._lock:
            self._moment += 1
            for key in tuple(self._resting_on.get(thing, ())):
                self._drop(key)

    def forget_all(self) -> None:
        with self._lock:
            self._moment += 1
            self._values.clear()
            self._resting_on.clear()

    def _drop(self, key: bytes) -> None:
        found = self._values.pop(key, None)
        for thing in found[1] if found else ():
            resting = self._resting_on[thing]
            resting.discard(key)
            if not resting:
                del self._resting_on[thing]
