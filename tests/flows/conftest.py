"""The cast of the protocol's stories: a person, their browser, and apps that ask them for access."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from appanage.app import create_app
from appanage.apps.model import ClientProof
from appanage.authorizations.keys import KeyRing
from appanage.deployment import Deployment, assemble
from appanage.directory.model import Account, Organization
from appanage.kit.origin import internal_origin
from appanage.storage import Database
from support.browser import Browser
from support.clock import MovableClock
from support.integration import OAuthClient, connect, sign_in_quickly
from support.keys import KEYS, ClientKey
from support.live import settings_for
from support.world import World

QUICK: dict[str, Any] = {"revocation_poll": timedelta(milliseconds=50)}  # how long a server takes to stop

# For tables of what goes wrong that are longer than anybody is allowed to fail.
PATIENT = dict.fromkeys(
    [
        "beginnings_per_source",
        "client_failures_per_client",
        "client_failures_per_source",
        "traces_per_source",
    ],
    100_000,
)


@pytest.fixture(scope="session")
def engine(database_url: str) -> Iterator[Engine]:
    """One engine for many stories: it need not prepare the same statements anew for each of them."""
    shared = Database(database_url, pool=10).engine
    yield shared
    shared.dispose()


@pytest.fixture(scope="session")
def opened_keys(database_url: str, engine: Engine) -> KeyRing:
    """The signing keys, opened once for many stories."""
    first = assemble(settings_for(), database_url)
    first.database.engine = engine
    with first.transaction(internal_origin()) as tx:
        first.keys.load(tx)
    return first.keys


@pytest.fixture
def new_deployment(
    database_url: str, clock: MovableClock, engine: Engine, opened_keys: KeyRing
) -> Callable[..., Deployment]:
    """Deployments with settings of their own, all on the same database: nodes of one platform."""

    def make(**settings: object) -> Deployment:
        made = assemble(settings_for(**(QUICK | settings)), database_url, clock=clock)
        made.database.engine = engine
        made.keys._keys = opened_keys._keys
        return made

    return make


@pytest.fixture
def deployment(new_deployment: Callable[..., Deployment]) -> Deployment:
    return new_deployment()


@pytest.fixture
def home(world: World) -> Organization:
    """The organization of the person."""
    return world.organization("Northwind Traders")


@pytest.fixture
def lena(world: World, home: Organization) -> Account:
    return world.person(home, name="Lena Vogt")


@pytest.fixture
def at_desk(world: World, browser: Browser, lena: Account) -> Browser:
    """Lena's browser, signed in."""
    return sign_in_quickly(world, browser, lena)


@pytest.fixture
def new_client(world: World, client: TestClient, lena: Account) -> Callable[..., OAuthClient]:
    """Clients of integrations that Lena has allowed everything they are registered for."""

    def make(*, dpop: ClientKey | None = None, connected: bool = True, **draft: Any) -> OAuthClient:
        made = world.integration(**draft)
        if connected:
            connect(world, made, lena)
        return OAuthClient(world, client, made, dpop=dpop)

    return make


@pytest.fixture
def on_another_node(new_deployment: Callable[..., Deployment]) -> Iterator[Callable[..., OAuthClient]]:
    """The same client, speaking to another process of the same platform, or to one that was started anew."""
    with ExitStack() as stack:

        def move(client: OAuthClient, **settings: object) -> OAuthClient:
            node = new_deployment(**settings)
            http = stack.enter_context(TestClient(create_app(node), base_url=node.settings.base_url))
            return replace(client, world=World(node), http=http)

        yield move


@pytest.fixture
def desk(new_client: Callable[..., OAuthClient]) -> OAuthClient:
    """A confidential client with a secret."""
    return new_client()


@pytest.fixture
def panel(new_client: Callable[..., OAuthClient]) -> OAuthClient:
    """A public client."""
    return new_client(client_proof=ClientProof.NONE)


@pytest.fixture
def vault(new_client: Callable[..., OAuthClient]) -> OAuthClient:
    """A confidential client with a key."""
    return new_client(key=KEYS["ES256"])
