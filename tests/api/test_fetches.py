"""Hosts that take their time: how few of them the platform waits for, and that nobody else waits with it (REG-09)."""

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address
from threading import Event, Semaphore
from typing import Any

import pytest
from anyio import to_thread
from httpx2 import Response
from starlette.testclient import TestClient

from api.conftest import Caller, Calling
from api.drafts import INTEGRATION
from appanage.api.fetches import AT_ONCE
from appanage.deployment import Deployment
from appanage.kit.outbound import Address, Fetched, Fetcher, OutboundPolicy
from support.https_server import Authority, Host, https_host
from support.https_server import Caller as Visitor
from support.profiles import commercial_only
from support.uploads import parts, picture
from support.world import World

HERE = ip_address("127.0.0.1")
NAME = "slow.example"
WAITING = 16
SOON = 10  # seconds, of which a quick answer takes a few hundredths


class Patient(Fetcher):
    """Gives a host the time that these stories take on a busy machine."""

    def get(self, url: str, *, largest: int, within: timedelta = timedelta(seconds=30)) -> Fetched:
        return super().get(url, largest=largest, within=within)


class SlowHost:
    """slow.example, which answers nobody before it is `released`; `begun` counts the fetches that a thread began."""

    def __init__(self) -> None:
        self.content = picture()
        self.released = Event()
        self.begun = Semaphore(0)

    def begin(self, host: Host, authority: Authority) -> None:
        self.url = f"https://{NAME}:{host.port}/logo.png"
        self.fetcher = Patient(
            OutboundPolicy.LISTED,
            [f"{NAME}:{host.port}"],
            resolve=self._resolve,
            is_allowed=lambda address: address == HERE,
            ssl_context=authority.trusted(),
        )

    def answer(self, visitor: Visitor) -> None:
        self.released.wait(timeout=30)
        visitor.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(self.content), self.content)

    def _resolve(self, _: str) -> list[Address]:
        self.begun.release()
        return [HERE]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def host(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlowHost]:
    made = SlowHost()
    with https_host(authority.serving(NAME, tmp_path_factory.mktemp("host")), made.answer) as served:
        made.begin(served, authority)
        yield made
        made.released.set()


@pytest.fixture
def deployment(deployment: Deployment, host: SlowHost) -> Deployment:
    """One that fetches logos from the slow host."""
    return replace(deployment, fetcher=host.fetcher)


@pytest.fixture
def in_the_background(host: SlowHost) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(AT_ONCE + WAITING + 1) as pool:
        yield pool
        host.released.set()


@pytest.fixture
def wanted(host: SlowHost) -> dict[str, Any]:
    """An app whose logo is to be fetched."""
    return INTEGRATION | {"logo": host.url}


@pytest.fixture
def begin(
    client: TestClient, in_the_background: ThreadPoolExecutor, wanted: dict[str, Any]
) -> Callable[[str], "Future[Response]"]:
    """Asks for an app with such a logo, and does not wait for the answer."""

    def post(token: str) -> "Future[Response]":
        headers = {"Authorization": f"Bearer {token}"}
        return in_the_background.submit(client.post, "/v1/applications", json=wanted, headers=headers)

    return post


def test_a_developer_has_one_address_fetched_at_a_time(
    begin: Callable[[str], "Future[Response]"],
    host: SlowHost,
    developer: Caller,
    token: str,
    wanted: dict[str, Any],
):
    first = begin(token)
    assert host.begun.acquire(timeout=SOON)

    refused = developer.post("/applications", wanted, 429)

    assert developer.response.headers["retry-after"] == "5"
    assert refused["message"] == "Another address is being fetched; try again in a moment."
    assert not first.done()

    host.released.set()

    assert first.result(timeout=SOON).status_code == 200
    developer.post("/applications", wanted)
    assert len(developer.get("/applications")["items"]) == 2


@commercial_only
def test_slow_hosts_hold_up_nobody_who_asks_for_something_else(
    client: TestClient,
    begin: Callable[[str], "Future[Response]"],
    host: SlowHost,
    world: World,
    calling: Calling,
    wanted: dict[str, Any],
):
    """They have a few threads of their own and a short queue, which holds none of the threads that answer requests."""
    organization = world.organization()
    tokens = [world.token(world.developer(organization)) for _ in range(AT_ONCE + WAITING + 1)]
    somebody = calling(world.token(world.developer(organization)))
    narrow = calling(world.token(world.person(organization), "spark:rooms_read"))
    theirs = somebody.post("/applications", INTEGRATION)["id"]
    assert client.portal is not None
    client.portal.call(_keep_few_threads)

    held = {begin(token) for token in tokens}
    finished, held = wait(held, timeout=SOON, return_when=FIRST_COMPLETED)

    assert [one.result().status_code for one in finished] == [429]
    assert [one.result().headers["retry-after"] for one in finished] == ["5"]
    assert all(host.begun.acquire(timeout=SOON) for _ in range(AT_ONCE))

    for stranger, status in ((calling(""), 401), (calling("nonsense"), 401), (narrow, 403)):
        stranger.post("/applications", wanted, status)
        stranger.send("POST", "/applications", status, files=parts(wanted))
        stranger.patch(f"/applications/{theirs}", {"logo": host.url}, status)
    calling(tokens[0]).patch(f"/applications/{theirs}", {"logo": host.url}, 404)
    somebody.get("/people/me")
    somebody.patch(f"/applications/{theirs}", {"name": "Meeting Minutes"})

    assert not any(one.done() for one in held)
    assert not host.begun.acquire(blocking=False)

    host.released.set()

    assert {one.result(timeout=SOON).status_code for one in held} == {200}


@commercial_only
def test_an_account_has_twenty_addresses_fetched_a_minute(
    host: SlowHost, world: World, calling: Calling, developer: Caller, wanted: dict[str, Any]
):
    """Whatever is found there. Apps without an address to fetch are made all the same, and so are those of others."""
    host.released.set()
    host.content = b"no picture"
    for _ in range(20):
        developer.post("/applications", wanted, 400)
    host.content = picture()

    developer.post("/applications", wanted, 429)

    assert 0 < int(developer.response.headers["retry-after"]) <= 60
    developer.post("/applications", INTEGRATION)
    calling(world.token(world.developer(world.organization()))).post("/applications", wanted)


async def _keep_few_threads() -> None:
    """Two of them answer all requests of this server."""
    to_thread.current_default_thread_limiter().total_tokens = 2
