"""The database and its transactions."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, create_engine, make_url, text

from appanage.kit.clock import Clock, system_clock
from appanage.kit.origin import Origin
from appanage.storage.last_things import LastThings
from appanage.storage.watching import Watching

OLDEST_POSTGRESQL = 140000

LIVELY: Mapping[str, Any] = {
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 2,
    "tcp_user_timeout": 3000,
}
"""For connections whose other end may vanish without a word: the kernel notices, not a question that never ends."""


class Transaction(Watching, LastThings):
    """One unit of work: all of it happens or none. `now` is its time, `origin` the request that caused it.

    `on_change` is called after it has changed something that processes remember.
    """

    def __init__(
        self, engine: Engine, *, now: datetime, origin: Origin, on_change: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__(engine, expire_on_commit=False)
        self.now = now
        self.origin = origin
        self._on_change = on_change

    def commit(self) -> None:
        super().commit()
        if self.has_changed:
            self.has_changed = False
            self._on_change()


class Database:
    """A PostgreSQL database; hands out transactions."""

    def __init__(self, url: str, *, clock: Clock = system_clock, pool: int = 10) -> None:
        self.url = url
        self.clock = clock
        self.on_change: Callable[[], None] = lambda: None
        self.engine = create_engine(
            driver_url(url),
            pool_size=pool,
            max_overflow=pool,
            pool_timeout=10,
            pool_pre_ping=True,
            connect_args={"connect_timeout": 5, "application_name": "appanage", **LIVELY},
        )

    @contextmanager
    def transaction(self, origin: Origin) -> Iterator[Transaction]:
        """Commits when the block ends, rolls back when it raises."""
        tx = Transaction(self.engine, now=self.clock(), origin=origin, on_change=self.on_change)
        try:
            yield tx
            tx.commit()
        except BaseException:
            tx.rollback()
            raise
        finally:
            tx.close()

    def version(self) -> int:
        """The server's version as PostgreSQL counts it, such as 140005; raises when it cannot be reached."""
        with self.engine.connect() as connection:
            return int(connection.execute(text("SHOW server_version_num")).scalar_one())

    def dispose(self) -> None:
        self.engine.dispose()


def driver_url(url: str) -> str:
    """`url` with the driver that we use, whatever driver or alias it names."""
    return make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def plain_url(url: str) -> str:
    """`url` as libpq reads it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
