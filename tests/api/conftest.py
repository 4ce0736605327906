"""A caller of the API who checks what every answer must keep, and the people who call."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from api.contract import check_refusal
from appanage.apps.model import App
from appanage.directory.model import Account, Organization
from appanage.profiles import ProfileName
from support.consenting import integration
from support.profiles import in_every_profile
from support.world import World


class Caller:
    """Calls with one token. Every call says which status it expects; the last response stays to be looked at."""

    def __init__(self, client: TestClient, token: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._last: Response | None = None

    @property
    def response(self) -> Response:
        assert self._last is not None, "call first"
        return self._last

    def get(self, path: str, status: int = 200, **options: Any) -> Any:
        return self.send("GET", path, status, **options)

    def post(self, path: str, body: Any = None, status: int = 200, **options: Any) -> Any:
        return self.send("POST", path, status, json=body, **options)

    def put(self, path: str, body: Any, status: int = 200) -> Any:
        return self.send("PUT", path, status, json=body)

    def patch(self, path: str, body: Any, status: int = 200) -> Any:
        return self.send("PATCH", path, status, json=body)

    def delete(self, path: str, status: int = 204) -> Any:
        return self.send("DELETE", path, status)

    def send(self, method: str, path: str, status: int, **options: Any) -> Any:
        headers = self._headers | options.pop("headers", {})
        address = path if path.startswith("http") else f"/v1{path}"
        response = self._last = self._client.request(method, address, headers=headers, **options)
        assert response.status_code == status, (
            f"{response.status_code} for {method} {path}: {response.text[:800]}"
        )
        if status >= 400:
            check_refusal(response)
        if status == 204:
            assert response.content == b""
            return None
        return response.json() if response.headers["content-type"].startswith("application/json") else None

    def pages(self, path: str) -> list[Any]:
        """The items of every page, as a client gathers them by following the Link header."""
        items = []
        following: str | None = path
        while following:
            page = self.get(following)["items"]
            assert page or following == path, "an empty page after the first"
            items += page
            following = self.response.links.get("next", {}).get("url")
        return items


Calling = Callable[[str], Caller]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A route that a profile does not have is not asked there: such a module says by profile which `TABLES` there are."""
    strange = [item for item in items if _is_strange(item)]
    if strange:
        config.hook.pytest_deselected(items=strange)
        items[:] = [item for item in items if item not in set(strange)]


def _is_strange(item: pytest.Item) -> bool:
    spec, tables = getattr(item, "callspec", None), getattr(getattr(item, "module", None), "TABLES", None)
    if spec is None or tables is None or "route" not in spec.params:
        return False
    return spec.params["route"] not in tables[ProfileName(spec.params["profile"])]


@pytest.fixture
def calling(client: TestClient) -> Calling:
    """Makes callers: `calling(token)`."""
    return lambda token: Caller(client, token)


@in_every_profile
def profile(request: pytest.FixtureRequest) -> ProfileName:
    return ProfileName(request.param)


@pytest.fixture
def organization(world: World) -> Organization:
    """Where the people of a story are."""
    return world.organization("Northwind Traders")


@pytest.fixture
def account(world: World, organization: Organization) -> Account:
    """The developer's."""
    return world.developer(organization)


@pytest.fixture
def token(world: World, account: Account) -> str:
    """The developer's, for everything."""
    return world.token(account)


@pytest.fixture
def developer(calling: Calling, token: str) -> Caller:
    """Somebody who may make apps."""
    return calling(token)


@pytest.fixture
def priya(world: World, organization: Organization) -> Account:
    """The administrator's account."""
    return world.full_admin(organization, name="Priya Raman")


@pytest.fixture
def admin(world: World, calling: Calling, priya: Account) -> Caller:
    """A Full Administrator, with a token for everything."""
    return calling(world.token(priya))


@pytest.fixture
def lena(world: World, organization: Organization) -> Account:
    """A person without any role."""
    return world.person(organization, name="Lena Vogt")


@pytest.fixture
def app(world: World) -> App:
    """An Integration of another organization, "Desk Booking"."""
    return integration(world)


@pytest.fixture
def bot_without_logo(world: World) -> dict[str, str]:
    """What a bot is registered with, but for its logo."""
    return {
        "type": "bot",
        "name": "Stand-up Bot",
        "description": "Asks the team\nwhat is going on.",
        "botEmail": f"standup-{uuid.uuid4().hex}@{world.deployment.settings.bot_domain}",
    }


@pytest.fixture
def bot_draft(bot_without_logo: dict[str, str]) -> dict[str, str]:
    """What a bot is registered with."""
    return bot_without_logo | {"logo": "https://bots.example/logo.png"}
