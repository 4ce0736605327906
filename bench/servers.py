"""Servers as processes of their own."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from time import perf_counter, sleep

from processes import SERVER_CORE, pinned_to

_HERE = Path(__file__).parent
_START_WITHIN = 60  # seconds
_STOP_WITHIN = 15
_LAST_LINES = 20


class NotStarted(Exception):
    """The server ended or did not answer in time; the text has the end of its log."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers; `started_in` is the time in seconds from its start to its first answer."""

    pid: int
    port: int
    started_in: float


@dataclass(frozen=True, slots=True)
class Server:
    """How to start one server; `ready` is a path that it answers once it can serve. It stays on its core if it has one."""

    name: str
    command: Sequence[str]
    port: int
    ready: str
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path = _HERE
    core: int | None = SERVER_CORE

    @contextmanager
    def running(self) -> Iterator[Running]:
        """The server, from its first answer until the end of the block. Raises NotStarted."""
        began = perf_counter()
        process = self._process()
        try:
            self._wait_for_first_answer(process)
            yield Running(process.pid, self.port, perf_counter() - began)
        finally:
            _stop(process)

    def _process(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log, pinned_to(self.core):
            return subprocess.Popen(
                self.command,
                env=os.environ | self.environment,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _wait_for_first_answer(self, process: subprocess.Popen[bytes]) -> None:
        deadline = perf_counter() + _START_WITHIN
        while not _answers(self.port, self.ready):
            if process.poll() is not None or perf_counter() > deadline:
                lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
                raise NotStarted("\n".join([f"{self.name} did not start:", *lines[-_LAST_LINES:]]))
            sleep(0.01)


GRANIAN = "Bare granian, hello world (RSGI)"
UVICORN = "Bare uvicorn, hello world (ASGI)"


def granian_hello(folder: Path) -> Server:
    """The reference: what a Python program can answer at most on a server of today."""
    port = free_port()
    shape = ("--workers=1", "--http=1", "--no-ws", "--loop=uvloop", "--log-level=warning")
    command = (sys.executable, "-m", "granian", "--interface=rsgi", f"--port={port}", *shape, "hello:rsgi")
    return Server(GRANIAN, command, port, "/", folder / "granian.log")


def uvicorn_hello(folder: Path) -> Server:
    """With the options that `appanage serve` gives its server."""
    port = free_port()
    parts = ("--loop=uvloop", "--http=httptools", "--ws=none", "--lifespan=off")
    quiet = ("--no-access-log", "--no-proxy-headers", "--no-server-header", "--log-level=warning")
    command = (sys.executable, "-m", "uvicorn", f"--port={port}", *parts, *quiet, "hello:asgi")
    return Server(UVICORN, command, port, "/", folder / "uvicorn.log")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _answers(port: int, path: str) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 500
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _stop(process: subprocess.Popen[bytes]) -> None:
    """As an operator does it; whatever is left of it goes with it."""
    process.terminate()
    try:
        process.wait(_STOP_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
