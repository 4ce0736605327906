"""Opening the deployment that a command works on."""

import getpass
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import SubprocessError
from typing import Any

import psycopg
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from appanage.cli.console import Problem, progress
from appanage.deployment import Deployment, assemble, database_of
from appanage.events import Actor
from appanage.kit.logs import configure_logs
from appanage.kit.origin import command_line_origin
from appanage.settings import Settings
from appanage.storage import Transaction, migrate
from appanage.storage.engine import OLDEST_POSTGRESQL, plain_url


def settings_of(data: Path | None, **values: Any) -> Settings:
    """The settings of the environment, with the values that the command line gave."""
    configuration = os.environ.get("APPANAGE_CONFIG")
    if configuration and not Path(configuration).is_file():
        raise Problem(f"APPANAGE_CONFIG names {configuration}, which is not a file.", exit_code=2)
    given = {name: value for name, value in {"data": data, **values}.items() if value is not None}
    return Settings(**given)


@contextmanager
def opened(data: Path | None) -> Iterator[Deployment]:
    """The deployment, for a command that works on what is there; its database is at the present schema."""
    settings = settings_of(data)
    configure_logs(settings.log_format, settings.log_level)
    with connected(settings) as deployment:
        _require_present_schema(deployment)
        yield deployment


@contextmanager
def connected(settings: Settings) -> Iterator[Deployment]:
    """The deployment with a database that answers; an embedded one runs as long as the block."""
    with ExitStack() as stack:
        with progress("Opening the database"):
            url = stack.enter_context(running_database(settings))
            deployment = assemble(settings, url)
            stack.callback(deployment.database.dispose)
            _require_known_version(deployment)
        yield deployment


@contextmanager
def running_database(settings: Settings) -> Iterator[str]:
    """The URL of the database; raises Problem when the embedded one does not start."""
    _require_database_url(settings.database_url)
    with ExitStack() as stack:
        try:
            url = stack.enter_context(database_of(settings))
        except (OSError, SubprocessError, RuntimeError) as cause:
            folder = settings.data.expanduser().resolve() / "postgres"
            raise Problem(f"The embedded PostgreSQL in {folder} does not start: {cause}.") from cause
        yield url


@contextmanager
def transaction(data: Path | None) -> Iterator[tuple[Deployment, Transaction]]:
    """One transaction of the operator on the deployment."""
    with opened(data) as deployment, deployment.transaction(command_line_origin()) as tx:
        yield deployment, tx


def operator() -> Actor:
    """Who works at the command line, as far as the machine knows."""
    try:
        return Actor(name=f"{getpass.getuser()} at the command line")
    except (OSError, KeyError):  # a container may run under a number without a name
        return Actor(name=f"User {os.getuid()} at the command line")


def _require_database_url(url: str | None) -> None:
    if not url:
        return
    try:
        known = make_url(url).get_backend_name() in {"postgresql", "postgres"}
        psycopg.conninfo.conninfo_to_dict(plain_url(url))
    except (ArgumentError, psycopg.ProgrammingError):
        known = False
    if not known:
        sentence = (
            "APPANAGE_DATABASE_URL is not a database URL, such as postgresql://user:password@host/name."
        )
        raise Problem(sentence, exit_code=2)


def _require_known_version(deployment: Deployment) -> None:
    version = deployment.database.version()
    if version < OLDEST_POSTGRESQL:
        raise Problem(f"The database is PostgreSQL {version // 10000}; 14 is the oldest that works.")


def _require_present_schema(deployment: Deployment) -> None:
    """An embedded database belongs to this program alone and is brought up to date; another one only on request."""
    if migrate.is_current(deployment.database.engine):
        return
    if deployment.settings.database_url:
        raise Problem("The database is not at the present schema. Run `appanage migrate` first.")
    with progress("Preparing the database"):
        deployment.prepare()
