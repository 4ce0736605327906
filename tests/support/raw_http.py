"""HTTP as bytes: a small server whose connections can be watched, and clients that send what they like."""

import asyncio
import logging
import socket
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NamedTuple

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

PATIENCE = 10


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def read_reply(stream: BinaryIO) -> Reply | None:
    """The next answer, an interim one too; None when the server has ended the connection."""
    line = stream.readline()
    if not line:
        return None
    headers = dict(_headers(stream))
    return Reply(int(line.split()[1]), headers, _body(stream, headers))


def _headers(stream: BinaryIO) -> Iterator[tuple[str, str]]:
    while line := stream.readline().decode("latin-1").strip():
        name, _, value = line.partition(":")
        yield name.lower(), value.strip()


def _body(stream: BinaryIO, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return stream.read(int(headers.get("content-length", 0)))
    parts = []
    while size := int(stream.readline(), 16):
        parts.append(stream.read(size))
        stream.readline()
    stream.readline()
    return b"".join(parts)


class Client:
    """One connection to a server."""

    def __init__(self, address: tuple[str, int], *, receive_buffer: int | None = None) -> None:
        self._socket = socket.socket()
        if receive_buffer is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.connect(address)
        self._stream = self._socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def end(self) -> None:
        """Says that nothing more will come."""
        self._socket.shutdown(socket.SHUT_WR)

    def reply(self) -> Reply:
        reply = read_reply(self._stream)
        assert reply is not None, "the server ended the connection"
        return reply

    def replies(self, count: int) -> list[Reply]:
        return [self.reply() for _ in range(count)]

    def rest(self) -> bytes:
        """Everything until the server ends the connection."""
        return self._stream.read()

    def close(self) -> None:
        self._stream.close()
        self._socket.close()


@dataclass
class Served:
    """A server, and what its connections do."""

    address: tuple[str, int]
    server: uvicorn.Server
    loop: asyncio.AbstractEventLoop | None = None
    delivered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    ended: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    protocols: "weakref.WeakSet[HttpToolsProtocol]" = field(default_factory=weakref.WeakSet)
    _clients: list[Client] = field(default_factory=list)

    def client(self, **options: Any) -> Client:
        client = Client(self.address, **options)
        self._clients.append(client)
        return client

    def await_delivery(self) -> None:
        """Waits until the server has read what was sent last."""
        assert self.delivered.acquire(timeout=PATIENCE)

    def await_end(self) -> None:
        """Waits until the server has put a connection away."""
        assert self.ended.acquire(timeout=PATIENCE)

    def close_clients(self) -> None:
        for client in self._clients:
            client.close()

    def watching(self, protocol: type[HttpToolsProtocol]) -> type[HttpToolsProtocol]:
        """The same protocol, telling us what it is told."""
        served = self

        class Watched(protocol):  # type: ignore[valid-type, misc]
            def connection_made(self, transport: asyncio.Transport) -> None:
                super().connection_made(transport)
                served.loop = self.loop
                served.protocols.add(self)

            def data_received(self, data: bytes) -> None:
                super().data_received(data)
                served.delivered.release()

            def connection_lost(self, exc: Exception | None) -> None:
                super().connection_lost(exc)
                served.ended.release()

        return Watched


@contextmanager
def serving(app: ASGIApp, protocol: type[HttpToolsProtocol], **options: Any) -> Iterator[Served]:
    """The application on a real server, in a thread, on a socket that listens already."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        defaults: dict[str, Any] = {"log_config": None, "log_level": logging.WARNING, "access_log": False}
        config = uvicorn.Config(app, loop="uvloop", ws="none", lifespan="on", **(defaults | options))
        served = Served(listener.getsockname(), uvicorn.Server(config))
        config.http = served.watching(protocol)
        thread = threading.Thread(target=served.server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield served
        finally:
            served.close_clients()
            served.server.should_exit = True
            thread.join(PATIENCE)
