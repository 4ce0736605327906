"""Where the benchmark plays: a PostgreSQL of its own in a temporary folder, and deployments in it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from sqlalchemy import make_url

from appanage.deployment import Deployment, assemble
from appanage.settings import Settings
from appanage.storage.embedded import EmbeddedPostgres
from appanage.storage.engine import plain_url
from measuring import CONNECTIONS, Say
from processes import SERVER_CORE
from scene import Customer, make_customer
from servers import Server, free_port

PLATFORM = "Appanage"
_REQUESTS_PER_MINUTE = 120_000  # of one account: far more than a connection can ask


class Stage:
    """The databases of one run, and the servers on them. All of them are one deployment to the outside."""

    def __init__(self, folder: Path, postgres: EmbeddedPostgres, say: Say) -> None:
        self.folder, self.say = folder, say
        self.base_url = f"http://127.0.0.1:{free_port()}"
        self.first_database = postgres.start()
        self.database_log = postgres.folder / "log"
        self.database_pid = int((postgres.folder / "postmaster.pid").read_text().partition("\n")[0])

    @cached_property
    def customers(self) -> list[Customer]:
        """Those of the first database, made when they are first asked for."""
        self.say(f"Making {CONNECTIONS} customers")
        with self.deployment(self.first_database) as deployment:
            return [make_customer(deployment, number) for number in range(1, CONNECTIONS + 1)]

    def new_database(self, name: str) -> str:
        """An empty database; its URL."""
        with self.connected() as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return make_url(self.first_database).set(database=name).render_as_string(hide_password=False)

    @contextmanager
    def deployment(self, database: str) -> Iterator[Deployment]:
        """The parts of the deployment on a database that is brought up to date, for use in this process."""
        settings = Settings(base_url=self.base_url, data=self.folder, database_url=database)
        deployment = assemble(settings, database)
        try:
            deployment.prepare()
            yield deployment
        finally:
            deployment.database.dispose()

    @contextmanager
    def connected(self, database: str = "") -> Iterator[psycopg.Connection[Any]]:
        url = plain_url(database or self.first_database)
        with psycopg.connect(url, autocommit=True, application_name="benchmark") as connection:
            yield connection

    def platform(
        self,
        database: str = "",
        *,
        workers: int = 1,
        core: int | None = SERVER_CORE,
        name: str = PLATFORM,
        remembered: int | None = None,
    ) -> Server:
        """What an operator starts, on a database that runs already; `remembered` is a setting of it."""
        port = free_port()
        shape = ("--role=web", f"--workers={workers}", f"--port={port}")
        command = (sys.executable, "-m", "appanage", "serve", *shape)
        log = self.folder / f"appanage-{port}.log"
        environment = self.environment(database)
        if remembered is not None:
            environment["APPANAGE_REMEMBERED"] = str(remembered)
        return Server(name, command, port, "/readyz", log, environment, core=core)

    def environment(self, database: str = "") -> dict[str, str]:
        """The settings of a deployment on the database, as its processes read them."""
        return {
            "APPANAGE_BASE_URL": self.base_url,
            "APPANAGE_DATA": str(self.folder),
            "APPANAGE_DATABASE_URL": database or self.first_database,
            "APPANAGE_REQUESTS_PER_MINUTE": str(_REQUESTS_PER_MINUTE),
        }


@contextmanager
def set_up(say: Say) -> Iterator[Stage]:
    """A stage that is taken down, database and all, when the block ends."""
    with TemporaryDirectory(prefix="appanage-bench-") as folder, EmbeddedPostgres(Path(folder)) as postgres:
        say("Starting PostgreSQL")
        yield Stage(Path(folder), postgres, say)
