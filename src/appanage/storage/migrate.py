"""Bringing a database to the present schema.

Alembic is imported where something is migrated. Most processes find a database that is up to date, and to know that
takes the names of our files and one row.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Any

from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, Engine, MetaData, text
from sqlalchemy.exc import OperationalError

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 7_265_419_803  # one migration at a time, whichever process starts first

# Who waits for the lock of a table keeps everybody behind it waiting, so a migration gives way and begins anew.
_LONGEST_WAIT = "2s"
_PAUSE = 0.5  # seconds in which the others go on
_ATTEMPTS = 30

_CONCURRENT = frozenset({"0013"})
"""Migrations that make the index of a large table while it is used, which PostgreSQL does in no transaction.

What they did not come to an end with, they begin anew.
"""


def upgrade(engine: Engine) -> None:
    """Applies every migration that is missing, each by itself; waits when another process is doing it."""
    if is_current(engine):
        return
    with _locked(engine):
        for revision in _missing(engine):
            _apply(engine, revision)


def is_current(engine: Engine) -> bool:
    with engine.connect() as connection:
        return _revision(connection) == head()


def head() -> str:
    """The newest revision. Our migrations are one line, and their files are named by their place in it."""
    return _revisions()[-1]


def _revisions() -> list[str]:
    return sorted(file.name.partition("_")[0] for file in (_MIGRATIONS / "versions").glob("[0-9]*.py"))


def _missing(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        present = _revision(connection) or ""
    return [revision for revision in _revisions() if revision > present]


def _apply(engine: Engine, revision: str) -> None:
    """As a whole or not at all, where the migration does not say that it is no transaction."""
    from alembic import command

    if revision in _CONCURRENT:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            command.upgrade(config(connection), revision)
        return
    for left in reversed(range(_ATTEMPTS)):
        try:
            with engine.begin() as connection:
                connection.execute(text(f"SET LOCAL lock_timeout = '{_LONGEST_WAIT}'"))
                command.upgrade(config(connection), revision)
        except OperationalError as error:
            if left == 0 or not isinstance(error.orig, LockNotAvailable):
                raise
            sleep(_PAUSE)
        else:
            return


def _revision(connection: Connection) -> str | None:
    """The revision that the database is at; None when nothing was migrated yet."""
    if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar_one() is None:
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def compare(connection: Connection, metadata: MetaData) -> list[Any]:
    """How the tables of the database differ from the models; empty when they agree.

    The tables of the job queue are its own affair.
    """
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    options = {"compare_type": True, "compare_server_default": True, "include_name": _is_ours}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def config(connection: Connection | None = None) -> "Config":
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(_MIGRATIONS))
    made.attributes["connection"] = connection
    return made


def _is_ours(name: str | None, kind: str, _parents: Any) -> bool:
    return kind != "table" or not (name or "").startswith("procrastinate_")


@contextmanager
def _locked(engine: Engine) -> Iterator[None]:
    """Holds the lock by a session, and in no transaction: an index that is made concurrently waits for all of them.

    For the same reason whoever waits asks again and again, instead of by a statement that waits.
    """
    lock = {"lock": _LOCK}
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while not connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), lock).scalar_one():
            sleep(_PAUSE)
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), lock)
