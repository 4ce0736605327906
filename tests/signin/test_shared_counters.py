"""Limits that several machines count together in a store: a real one that is stopped, killed and started again."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from limits import RateLimitItemPerMinute
from limits.strategies import MovingWindowRateLimiter
from redis import Redis
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from appanage.app import create_app
from appanage.cli.doctor import examine
from appanage.deployment import Deployment
from appanage.signin.shared_counters import SharedCounters
from support.live import SECRET_KEY, free_port
from support.world import World

FIVE = RateLimitItemPerMinute(5, 1, "five")
PASSWORD = "only-for-this-test"


class Store:
    """A Valkey or Redis of one's own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"redis://:{PASSWORD}@127.0.0.1:{self._port}"

    @property
    def socket_url(self) -> str:
        return f"redis+unix://:{PASSWORD}@{self._folder}/socket"

    def start(self) -> None:
        command = [executable(), "--bind", "127.0.0.1", "--port", str(self._port), "--requirepass", PASSWORD]
        command += ["--unixsocket", f"{self._folder}/socket"]
        nothing_kept = ["--save", "", "--appendonly", "no", "--dir", str(self._folder)]
        self._process = subprocess.Popen([*command, *nothing_kept], stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        while b"Ready to accept connections" not in (line := self._process.stdout.readline()):
            assert line, "the store did not start"

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.communicate(timeout=10)


def executable() -> str:
    """An installed one: there is no way around it."""
    found = os.environ.get("REDIS") or shutil.which("redis-server") or shutil.which("valkey-server")
    assert found, "There is no Redis or Valkey: run scripts/ensure_servers.sh, or name one in REDIS"
    return found


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Node:
    """One process that counts."""

    def __init__(self, url: str) -> None:
        self.clock = Clock()
        self.counters = SharedCounters(url, clock=self.clock)
        self.limiter = MovingWindowRateLimiter(self.counters)

    def hits(self, times: int, who: str) -> int:
        """How many of so many are let through."""
        return sum(self.limiter.hit(FIVE, who) for _ in range(times))


def count_questions(node: Node) -> list[str]:
    """The keys that the store is asked for from now on."""
    asked: list[str] = []
    acquire = node.counters._there.acquire_entry

    def counted(key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        asked.append(key)
        return acquire(key, limit, expiry, amount)

    node.counters._there.acquire_entry = counted  # type: ignore[method-assign]
    return asked


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(tmp_path_factory.mktemp("store"))
    yield store
    store.kill()


@pytest.fixture
def store(running: Store) -> Store:
    with Redis.from_url(running.url) as redis:
        redis.flushall()
    return running


@pytest.fixture
def new_node(store: Store) -> Callable[..., Node]:
    return lambda url=store.url: Node(url)


@pytest.mark.parametrize("brand", ["redis", "valkey"])
@pytest.mark.parametrize("way", ["url", "socket_url"])
def test_all_processes_count_together(new_node: Callable[..., Node], store: Store, way: str, brand: str):
    one, other = new_node(), new_node(getattr(store, way).replace("redis", brand, 1))

    assert one.hits(3, "dana") == 3
    assert other.hits(3, "dana") == 2
    assert one.hits(1, "dana") == 0
    assert other.limiter.get_window_stats(FIVE, "dana").remaining == 0

    other.limiter.clear(FIVE, "dana")
    assert one.hits(6, "dana") == 5
    assert one.hits(1, "omar") == 1


def test_while_the_store_is_gone_each_process_counts_by_itself(new_node: Callable[..., Node], store: Store):
    """SES-04, CRED-12: nobody is refused for that, and nobody guesses without limit."""
    node = new_node()
    assert node.hits(2, "dana") == 2
    store.kill()
    try:
        with capture_logs() as logs:
            assert node.hits(9, "dana") == 5
            assert node.counters.is_apart
        assert not node.counters.check()
        node.limiter.clear(FIVE, "dana")
        assert node.hits(1, "dana") == 1
    finally:
        store.start()

    assert [log["event"] for log in logs] == ["each process counts limits by itself"]
    assert PASSWORD not in str(logs)

    assert node.hits(9, "omar") == 5
    assert node.counters.is_apart, "the store is asked again in a while, not for each request"

    node.clock.now += 5.1
    assert node.hits(9, "omar") == 5
    assert not node.counters.is_apart


def test_a_store_that_hangs_is_waited_for_once(new_node: Callable[..., Node], store: Store):
    node = new_node()
    asked = count_questions(node)
    store.send(signal.SIGSTOP)
    try:
        assert node.hits(9, "dana") == 5
        assert node.counters.is_apart
        assert len(asked) == 1
        node.clock.now += 5.1
        assert node.hits(1, "dana") == 0
        assert node.counters.is_apart
    finally:
        store.send(signal.SIGCONT)

    node.clock.now += 5.1
    assert node.hits(9, "omar") == 5
    assert not node.counters.is_apart


def test_a_connection_that_grew_old_is_made_anew(new_node: Callable[..., Node], store: Store):
    node = new_node()
    node.hits(1, "dana")
    store.kill()
    store.start()

    assert node.hits(9, "dana") == 5
    assert not node.counters.is_apart


def test_a_wrong_password_for_the_store_is_no_fault_of_the_caller_s(
    new_node: Callable[..., Node], store: Store
):
    node = new_node(store.url.replace(PASSWORD, "wrong"))

    assert node.hits(9, "dana") == 5
    assert node.counters.is_apart


@pytest.fixture
def nodes(new_deployment: Callable[..., Deployment], store: Store) -> Iterator[list[TestClient]]:
    made = [new_deployment(requests_per_minute=5, limits_storage=store.url) for _ in range(2)]
    clients = [TestClient(create_app(one), base_url=one.settings.base_url) for one in made]
    with clients[0], clients[1]:
        yield clients


def test_requests_to_several_nodes_count_together(world: World, nodes: list[TestClient], store: Store):
    """The front door: an account asks two nodes in turn, then the store goes."""
    headers = {"Authorization": f"Bearer {world.token(world.developer(world.organization()))}"}

    def ask(node: TestClient) -> httpx2.Response:
        return node.get("/v1/people/me", headers=headers)

    statuses = [ask(nodes[number % 2]).status_code for number in range(7)]
    store.kill()
    try:
        alone = [ask(nodes[0]).status_code for _ in range(7)]
    finally:
        store.start()

    assert statuses == [200] * 5 + [429] * 2
    assert alone == [200] * 5 + [429] * 2


def test_the_doctor_asks_the_store(database_url: str, store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("APPANAGE_DATABASE_URL", database_url)
    monkeypatch.setenv("APPANAGE_SECRET_KEY", SECRET_KEY)

    def found(url: str) -> str:
        monkeypatch.setenv("APPANAGE_LIMITS_STORAGE", url)
        [finding] = [str(one) for one in examine(None) if one.subject == "limits"]
        return finding

    assert "Their store answers; all processes count together." in found(store.url)
    wrong = found(store.url.replace(PASSWORD, "wrong"))
    assert (
        "Their store does not answer; each process counts by itself. Check APPANAGE_LIMITS_STORAGE" in wrong
    )
