"""`appanage serve`: one program that starts everything, and leaves nothing behind."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import LiteralString

import httpx2
import psycopg
import pytest

from appanage.cli.processes import JobWorker
from cli.program import COMMAND, appanage, on, plain, served
from support.live import wait_until_ready


@pytest.fixture
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("d")  # short, for the socket inside


def is_running(data: Path) -> bool:
    return (data / "postgres" / "postmaster.pid").exists()


def test_the_demonstration_from_its_start_to_its_end(data: Path):
    with served("--demo", "--port", "0", "--data", data) as demo:
        wait_until_ready(demo.url)
        told = appanage("demo", "--json", "--data", data)
        printed = appanage("demo", "--data", data)
        examined = appanage("doctor", "--data", data)
        second = appanage("serve", "--demo", "--port", demo.port, "--data", data)
        document = json.loads(told.stdout)
        admin = next(person for person in document["people"] if person["email"] == "admin@northwind.example")
        roles = httpx2.get(f"{demo.url}/v1/roles", headers={"Authorization": f"Bearer {admin['token']}"})
        with httpx2.Client() as client:
            keep_alive = client.get(f"{demo.url}/healthz")
            status = demo.stop()

    assert document["baseUrl"] == demo.url
    assert [one["name"] for one in document["organizations"]] == [
        "Northwind Traders",
        "Contoso Health",
        "Fabrikam",
        "Appanage",
    ]
    assert set(admin) == {"email", "password", "organizationId", "roles", "token"}
    assert [app["type"] for app in document["apps"]] == ["serviceApp", "integration", "bot"]
    assert all(
        set(app) == {"id", "type", "name", "clientId", "clientSecret", "redirectUrls", "organizationId"}
        for app in document["apps"][:2]
    )
    assert set(document["apps"][2]) == {"id", "type", "name", "organizationId", "botEmail", "botToken"}
    assert admin["password"] in demo.said
    assert all(person["email"] in demo.said for person in document["people"])
    assert all(person["email"] in printed.stdout for person in document["people"])
    assert roles.status_code == 200
    assert "server" not in keep_alive.headers
    assert examined.returncode == 0, examined.stdout
    assert second.returncode == 1
    assert f"Cannot listen on 127.0.0.1 port {demo.port}: Address already in use." in second.stderr
    assert status == 0
    assert not demo.logged
    assert not is_running(data)
    stopped = appanage("demo", "--json", "--data", data)
    assert stopped.returncode == 1
    assert "The demonstration is not running" in stopped.stderr
    assert not is_running(data)


def test_after_kill_minus_nine_the_next_start_finds_port_and_data_as_they_were(data: Path):
    """The embedded database goes on, everything else dies with its parent, and at last all of it can be stopped."""
    with served("--port", "0", "--workers", "2", "--data", data) as first:
        wait_until_ready(first.url)
        made = appanage("organization", "create", "Acme", "--data", data)
        first.process.kill()
        first.process.wait()

    assert is_running(data)
    with served("--port", first.port, "--data", data) as second:
        wait_until_ready(second.url)
        created = appanage(
            "person", "create", "--organization", "Acme", "--email", "ada@acme.example", "--first-name", "Ada", "--data", data
        )  # fmt: skip
        status = second.stop(signal.SIGINT)

    assert (made.returncode, created.returncode) == (0, 0)
    assert status == 0
    assert not is_running(data)


def test_several_web_processes_answer_and_stop_with_the_program(new_database: Callable[[], str], data: Path):
    url = new_database()  # of its own, because those who follow revocations in it are counted
    with served("--port", "0", "--workers", "2", "--role", "web", "--data", data, environment=on(url)) as web:
        wait_until_ready(web.url)
        both = until(url, FOLLOWING, wanted=2)
        status = web.stop()

    assert both
    assert status == 0
    assert not web.logged
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", int(web.port)), timeout=5)


def test_a_job_worker_by_itself_stops_when_it_is_told_to(new_database: Callable[[], str]):
    url = new_database()
    appanage("migrate", environment=on(url))
    command = [*COMMAND, "worker"]
    with subprocess.Popen(command, env=plain(on(url)), stderr=subprocess.PIPE, text=True) as worker:
        working = until(url, "SELECT count(*) > 0 FROM procrastinate_periodic_defers", wanted=True)
        worker.terminate()
        said = worker.communicate(timeout=30)[1]

    assert working
    assert worker.returncode == 0
    assert not said


def test_a_job_worker_that_dies_is_begun_anew_and_ends_with_the_server(
    database_url: str, monkeypatch: pytest.MonkeyPatch
):
    for name, value in plain(on(database_url)).items():
        monkeypatch.setenv(name, value)
    before = children()
    with JobWorker():
        started = until(database_url, WORKING, wanted=True)
        (first,) = children() - before
        os.kill(first, signal.SIGKILL)
        gone = until(database_url, WORKING, wanted=False)
        anew = until(database_url, WORKING, wanted=True)
        (second,) = children() - before

    assert (started, gone, anew) == (True, True, True)
    assert first != second
    assert children() == before


def children() -> set[int]:
    """The child processes of this one."""
    return {
        int(pid) for path in Path("/proc/self/task").glob("*/children") for pid in path.read_text().split()
    }


SESSIONS = "FROM pg_stat_activity WHERE datname = current_database() AND application_name"
FOLLOWING = f"SELECT count(*) {SESSIONS} LIKE 'appanage feed %'"
WORKING = f"SELECT count(*) > 0 {SESSIONS} = 'appanage jobs'"


def until(database_url: str, query: LiteralString, *, wanted: object) -> bool:
    """Whether the query gives what is wanted within half a minute."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        for _ in range(300):
            if connection.execute(query).fetchone() == (wanted,):
                return True
            connection.execute("SELECT pg_sleep(0.1)")
    return False
