"""Bringing a database to the present schema.

Alembic is imported where something is migrated. Most processes find a database that is up to date, and to know that
takes the names of our files and one row.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, MetaData, text

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 7_265_419_803  # one migration at a time, whichever process starts first


def upgrade(engine: Engine) -> None:
    """Applies every migration that is missing; waits when another process is doing it."""
    if is_current(engine):
        return
    from alembic import command

    with _locked(engine) as connection:
        command.upgrade(config(connection), "head")


def is_current(engine: Engine) -> bool:
    with engine.connect() as connection:
        return _revision(connection) == head()


def head() -> str:
    """The newest revision. Our migrations are one line, and their files are named by their place in it."""
    return max(file.name.partition("_")[0] for file in (_MIGRATIONS / "versions").glob("[0-9]*.py"))


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
def _locked(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        yield connection
