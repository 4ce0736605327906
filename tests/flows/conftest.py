"""The cast of the protocol's stories: a person, their browser, and apps that ask them for access."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from appanage.app import create_app
from appanage.apps.model import ClientProof
from appanage.deployment import Deployment
from appanage.directory.model import Account, Organization
from appanage.profiles import ProfileName
from support.browser import Browser
from support.integration import OAuthClient, connect, sign_in_quickly
from support.keys import KEYS, ClientKey
from support.profiles import in_every_profile
from support.world import World

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


@in_every_profile
def profile(request: pytest.FixtureRequest) -> ProfileName:
    return ProfileName(request.param)


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
