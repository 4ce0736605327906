"""The logo of an app and the address that a developer names for it (checklist REG-09, GOV-07)."""

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from api.conftest import Caller
from appanage.app import create_app
from appanage.directory.model import Organization
from appanage.kit.outbound import Fetcher, OutboundPolicy
from support.https_server import Authority, Host, https_host
from support.https_server import Caller as Visitor
from support.uploads import parts, picture
from support.world import World

HERE = ip_address("127.0.0.1")
NAME = "logo.example"


class Logos:
    """logo.example, and the fetcher that may call it here and nothing else on this machine."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.content = picture("JPEG")
        self.connections: list[int] = []  # to our database, whenever the host was asked for something

    def answer(self, visitor: Visitor) -> None:
        self.connections.append(self._world.deployment.database.engine.pool.checkedout())  # type: ignore[attr-defined]
        visitor.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(self.content), self.content)

    def begin(self, host: Host, authority: Authority) -> None:
        self.url = f"https://{NAME}:{host.port}/logo.png"
        self.fetcher = Fetcher(
            OutboundPolicy.LISTED,
            [f"{NAME}:{host.port}"],
            resolve=lambda _: [HERE],
            is_allowed=lambda address: address == HERE,
            ssl_context=authority.trusted(),
        )

    @property
    def times_asked(self) -> int:
        return len(self.connections)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def logos(authority: Authority, world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logos]:
    made = Logos(world)
    with https_host(authority.serving(NAME, tmp_path_factory.mktemp("host")), made.answer) as host:
        made.begin(host, authority)
        yield made


@pytest.fixture
def calling_where_logos_are_fetched(world: World, logos: Logos) -> Callable[[str], Caller]:
    node = replace(world.deployment, fetcher=logos.fetcher)
    return lambda token: Caller(TestClient(create_app(node), base_url=node.settings.base_url), token)


@pytest.fixture
def fetching(calling_where_logos_are_fetched: Callable[[str], Caller], token: str) -> Caller:
    """The developer of a platform that fetches logos."""
    return calling_where_logos_are_fetched(token)


def test_a_picture_is_fetched_drawn_anew_and_served_by_us(
    fetching: Caller, logos: Logos, bot_without_logo: dict[str, str], world: World, organization: Organization
):
    made = fetching.post("/applications", bot_without_logo | {"logo": logos.url})
    fetching.get(made["logo"])

    assert made["logo"].startswith(f"http://localhost:8080/v1/applications/{made['id']}/logo?v=")
    assert Image.open(io.BytesIO(fetching.response.content)).format == "PNG"
    [told] = world.events(organization, "app.updated")
    assert told.data["logo"]["before"] == logos.url


def test_no_connection_is_held_while_a_host_is_asked(
    fetching: Caller, logos: Logos, bot_without_logo: dict[str, str]
):
    """A host that takes its time holds up nobody but its own developer."""
    made = fetching.post("/applications", bot_without_logo | {"logo": logos.url})
    fetching.patch(f"/applications/{made['id']}", {"logo": f"{logos.url}?v=2"})

    assert logos.connections == [0, 0]


def test_an_address_is_asked_only_when_it_is_new_for_the_app(
    fetching: Caller, logos: Logos, bot_without_logo: dict[str, str]
):
    made = fetching.post("/applications", bot_without_logo | {"logo": logos.url})
    path = f"/applications/{made['id']}"
    shown = fetching.get(path)
    put, patched = fetching.put(path, shown), fetching.patch(path, {"logo": logos.url})

    assert put == patched == shown
    assert logos.times_asked == 1

    logos.content = picture(side=50)
    moved = fetching.patch(path, {"logo": f"{logos.url}?v=2"})

    assert logos.times_asked == 2
    assert moved["logo"] != shown["logo"]


def test_a_picture_goes_with_its_address(fetching: Caller, logos: Logos, bot_without_logo: dict[str, str]):
    path = f"/applications/{fetching.post('/applications', bot_without_logo | {'logo': logos.url})['id']}"

    put = fetching.put(path, bot_without_logo)

    assert "logo" not in put
    fetching.get(f"{path}/logo", 404)


def test_an_uploaded_picture_takes_the_place_of_an_address(
    developer: Caller, bot_without_logo: dict[str, str]
):
    """It stays until it is said that there is none."""
    made = developer.post("/applications", bot_without_logo | {"logo": f"https://{NAME}/logo.png"})
    path = f"/applications/{made['id']}"
    uploaded = developer.send("PATCH", path, 200, files=parts({}, logo=picture()))
    put = developer.put(path, bot_without_logo)
    patched = developer.patch(path, {"logo": None})

    assert put["logo"] == uploaded["logo"]
    assert "/logo?v=" in uploaded["logo"]
    assert "logo" not in patched
    developer.get(f"{path}/logo", 404)


def test_an_app_put_back_with_the_address_of_its_last_picture_keeps_its_present_one(
    fetching: Caller, logos: Logos, bot_without_logo: dict[str, str]
):
    uploaded = parts(bot_without_logo, logo=picture())
    path = f"/applications/{fetching.send('POST', '/applications', 200, files=uploaded)['id']}"
    last = fetching.get(path)
    present = fetching.send("PATCH", path, 200, files=parts({}, logo=picture(side=50)))

    put = fetching.put(path, last)

    assert put["logo"] == present["logo"] != last["logo"]
    assert logos.times_asked == 0


def test_where_nothing_is_fetched_the_address_is_kept(developer: Caller, bot_without_logo: dict[str, str]):
    """GOV-07: no call leaves the boundary."""
    made = developer.post("/applications", bot_without_logo | {"logo": f"https://{NAME}/logo.png"})

    assert developer.get(f"/applications/{made['id']}")["logo"] == f"https://{NAME}/logo.png"
    developer.get(f"/applications/{made['id']}/logo", 404)


@pytest.mark.parametrize("content", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\0" * 257 * 1024])
def test_what_is_found_must_be_a_picture_of_the_right_size(
    fetching: Caller, logos: Logos, bot_without_logo: dict[str, str], content: bytes
):
    logos.content = content

    refused = fetching.post("/applications", bot_without_logo | {"logo": logos.url}, 400)

    assert refused["errors"][0]["description"].startswith("logo: ")
    assert fetching.get("/applications")["items"] == []


def test_an_app_keeps_its_logo_when_another_cannot_be_had(
    fetching: Caller, logos: Logos, bot_without_logo: dict[str, str]
):
    path = f"/applications/{fetching.post('/applications', bot_without_logo | {'logo': logos.url})['id']}"
    shown = fetching.get(path)

    fetching.patch(path, {"logo": "https://elsewhere.example/logo.png", "name": "Another"}, 400)

    assert fetching.get(path) == shown


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_nothing_is_fetched_for_who_may_not_change_the_app(
    calling_where_logos_are_fetched: Callable[[str], Caller],
    fetching: Caller,
    logos: Logos,
    world: World,
    bot_without_logo: dict[str, str],
    method: str,
):
    """Nobody else finds out by it which hosts there are."""
    path = f"/applications/{fetching.post('/applications', bot_without_logo | {'logo': logos.url})['id']}"
    wanted: dict[str, Any] = bot_without_logo | {"logo": f"{logos.url}?v=2"}
    strangers = {
        "": 401,
        world.token(world.person(world.organization()), "spark:rooms_read"): 403,
        world.token(world.developer(world.organization())): 404,
    }

    for token, status in strangers.items():
        stranger = calling_where_logos_are_fetched(token)
        stranger.send(method, path, status, json=wanted)
        stranger.send(method, path, status, files=parts(wanted))

    assert logos.times_asked == 1


@pytest.mark.parametrize("way", ["JSON", "multipart"])
def test_nothing_is_fetched_for_who_may_not_make_apps(
    calling_where_logos_are_fetched: Callable[[str], Caller],
    logos: Logos,
    world: World,
    bot_without_logo: dict[str, str],
    way: str,
):
    narrow = world.token(world.person(world.organization()), "spark:rooms_read")
    wanted = bot_without_logo | {"logo": logos.url}

    for token, status in (("", 401), ("nonsense", 401), (narrow, 403)):
        stranger = calling_where_logos_are_fetched(token)
        stranger.send(
            "POST",
            "/applications",
            status,
            **({"json": wanted} if way == "JSON" else {"files": parts(wanted)}),
        )

    assert logos.times_asked == 0
