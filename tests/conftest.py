"""The fixtures that every test may ask for: a real database, a deployment, a world, clients."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from starlette.testclient import TestClient

from appanage.app import create_app
from appanage.authorizations.keys import KeyRing
from appanage.deployment import Deployment, assemble
from appanage.kit.logs import configure_logs
from appanage.kit.origin import internal_origin
from appanage.profiles import ProfileName
from appanage.storage import Database
from appanage.storage.embedded import EmbeddedPostgres
from appanage.storage.engine import driver_url
from support.browser import Browser
from support.clock import MovableClock
from support.live import deployment_for, free_port, in_a_thread, settings_for, with_quick_passwords
from support.world import World

configure_logs("json", "warning")


FOLDER = "APPANAGE_TEST_FOLDER"


def pytest_configure(config: pytest.Config) -> None:
    """One folder for a run, which its worker processes inherit. Not pytest's own, which a later run may clear away."""
    if not hasattr(config, "workerinput"):
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="appanage-")


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ[FOLDER], ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL: the one that APPANAGE_TEST_DATABASE_URL names, or an embedded one for this run."""
    given = os.environ.get("APPANAGE_TEST_DATABASE_URL")
    if given:
        yield given
        return
    with EmbeddedPostgres(Path(os.environ[FOLDER])) as embedded:
        yield embedded.start()


@pytest.fixture(scope="session")
def new_database(postgres: str) -> Iterator[Callable[..., str]]:
    """Makes databases, empty ones or as the one whose name is given; they are dropped at the end of the run."""
    engine = create_engine(driver_url(postgres), isolation_level="AUTOCOMMIT")
    made: list[str] = []

    def make(template: str = "template1") -> str:
        name = f"appanage_{uuid.uuid4().hex[:12]}"
        with engine.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
        made.append(name)
        return make_url(postgres).set(database=name).render_as_string(hide_password=False)

    yield make
    with engine.connect() as connection:
        for name in made:
            connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
    engine.dispose()


@pytest.fixture(scope="session")
def new_prepared_database(new_database: Callable[..., str]) -> Callable[[], str]:
    """Makes databases at the present schema, for tests that need one of their own."""
    first = new_database()
    _prepare(first)
    return partial(new_database, make_url(first).database)


@pytest.fixture(scope="session")
def database_url(new_prepared_database: Callable[[], str]) -> str:
    """A database at the present schema, shared by the tests of one process; stories are told in their own
    organizations, so that nothing needs to be cleaned."""
    url = new_prepared_database()
    for profile in ProfileName:  # each signs with keys of its own
        _prepare(url, profile)
    return url


def _prepare(url: str, profile: ProfileName = ProfileName.COMMERCIAL) -> None:
    prepared = assemble(settings_for(profile=profile), url)
    try:
        prepared.prepare()
    finally:
        prepared.database.dispose()


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def profile() -> ProfileName:
    """Of which kind the deployment is; the API and the flows are told of every kind (see support.profiles)."""
    return ProfileName.COMMERCIAL


@dataclass
class Opened:
    """What many stories on one database share: an engine, so that statements are prepared once, and opened keys."""

    url: str
    engine: Engine
    keys: dict[ProfileName, KeyRing] = field(default_factory=dict)

    def keys_of(self, profile: ProfileName) -> KeyRing:
        if profile not in self.keys:
            first = assemble(settings_for(profile=profile), self.url)
            first.database.engine = self.engine
            with first.transaction(internal_origin()) as tx:
                first.keys.load(tx)
            self.keys[profile] = first.keys
        return self.keys[profile]


@pytest.fixture(scope="session")
def opened() -> Iterator[Callable[[str], Opened]]:
    """By the URL of the database, which a module may have for itself."""
    found: dict[str, Opened] = {}

    def find(url: str) -> Opened:
        if url not in found:
            found[url] = Opened(url, Database(url, pool=10).engine)
        return found[url]

    yield find
    for one in found.values():
        one.engine.dispose()


@pytest.fixture
def new_deployment(
    database_url: str,
    clock: MovableClock,
    opened: Callable[[str], Opened],
    profile: ProfileName,
) -> Callable[..., Deployment]:
    """Deployments with settings of their own, all on the same database: nodes of one platform."""

    def make(**settings: Any) -> Deployment:
        made = with_quick_passwords(
            assemble(settings_for(**{"profile": profile, **settings}), database_url, clock=clock)
        )
        made.database.engine = opened(database_url).engine
        made.keys._keys = opened(database_url).keys_of(profile)._keys
        return made

    return make


@pytest.fixture
def deployment(new_deployment: Callable[..., Deployment]) -> Deployment:
    """A deployment of one's own on the shared database: limits, caches and clock are this test's alone."""
    return new_deployment()


@pytest.fixture
def world(deployment: Deployment) -> World:
    return World(deployment)


@pytest.fixture
def client(deployment: Deployment) -> Iterator[TestClient]:
    """HTTP without a socket."""
    with TestClient(
        create_app(deployment), base_url=deployment.settings.base_url, follow_redirects=True
    ) as client:
        yield client


@pytest.fixture
def browser(client: TestClient) -> Browser:
    return Browser(client)


@pytest.fixture
def new_browser(client: TestClient) -> Callable[[], Browser]:
    """Further browsers of the same deployment, each with its own cookies."""

    def make() -> Browser:
        return Browser(TestClient(client.app, base_url=str(client.base_url), follow_redirects=True))

    return make


@pytest.fixture(scope="session")
def live_url(database_url: str) -> Iterator[str]:
    """A real server on a port of its own, for clients that bring their own HTTP."""
    served = deployment_for(database_url, f"http://127.0.0.1:{free_port()}")
    with in_a_thread(served) as url:
        yield url


@pytest.fixture
def live(live_url: str, database_url: str) -> Iterator[World]:
    """A world whose stories the live server tells."""
    made = deployment_for(database_url, live_url)
    yield World(made)
    made.database.dispose()
