"""Bringing a database to the present schema."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, MetaData, text

_LOCK = 7_265_419_803  # one migration at a time, whichever process starts first


def upgrade(engine: Engine) -> None:
    """Applies every migration that is missing; waits when another process is doing it."""
    with _locked(engine) as connection:
        command.upgrade(config(connection), "head")


def is_current(engine: Engine) -> bool:
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == head()


def head() -> str | None:
    return ScriptDirectory.from_config(config()).get_current_head()


def compare(connection: Connection, metadata: MetaData) -> list[Any]:
    """How the tables of the database differ from the models; empty when they agree.

    The tables of the job queue are its own affair.
    """
    options = {"compare_type": True, "compare_server_default": True, "include_name": _is_ours}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def config(connection: Connection | None = None) -> Config:
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    made.attributes["connection"] = connection
    return made


def _is_ours(name: str | None, kind: str, _parents: Any) -> bool:
    return kind != "table" or not (name or "").startswith("procrastinate_")


@contextmanager
def _locked(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        yield connection
