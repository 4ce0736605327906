"""The load: keep-alive connections that each send the next request as soon as the last one is answered."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import cast

import uvloop
from httptools import HttpResponseParser

_GRACE = 30  # seconds that the last answers may take


class WrongAnswer(Exception):
    """The server answered something else than it should, so there is nothing to measure."""


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of request. Each connection repeats its own of `requests`; every answer must be a 200 with `proof` in it."""

    name: str
    requests: Sequence[bytes]
    proof: bytes


@dataclass(frozen=True, slots=True)
class Driven:
    """How many requests were answered, and how long that took."""

    requests: int
    seconds: float


def drive(port: int, case: Case, *, seconds: float) -> Driven:
    """Asks for `seconds` and waits for the last answers, which count as well. Raises WrongAnswer."""
    return uvloop.run(_drive(port, case, seconds))


async def _drive(port: int, case: Case, seconds: float) -> Driven:
    connections = [await _connect(port, case, request) for request in case.requests]
    began = perf_counter()
    async with asyncio.timeout(seconds + _GRACE):
        await asyncio.gather(*(one.repeat(until=began + seconds) for one in connections))
    driven = Driven(sum(one.answered for one in connections), perf_counter() - began)
    for one in connections:
        one.close()
    return driven


async def _connect(port: int, case: Case, request: bytes) -> "_Connection":
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(lambda: _Connection(case, request), "127.0.0.1", port)
    return connection


class _Connection(asyncio.Protocol):
    """One connection; the methods `on_…` are called by the parser."""

    def __init__(self, case: Case, request: bytes) -> None:
        self.answered = 0
        self._case = case
        self._request = request
        self._body = b""
        self._until = 0.0
        self._ended = asyncio.get_running_loop().create_future()
        self._parser = HttpResponseParser(self)

    async def repeat(self, *, until: float) -> None:
        self._until = until
        self._send()
        await self._ended

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, error: Exception | None) -> None:
        if not self._ended.done():
            self._ended.set_exception(WrongAnswer(f"{self._case.name}: the connection was closed ({error})."))

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status != 200 or self._case.proof not in self._body:
            # The body stays out of the message: it may hold a token.
            self._ended.set_exception(WrongAnswer(f"{self._case.name}: a wrong answer, status {status}."))
            return
        self.answered += 1
        if perf_counter() < self._until:
            self._send()
        else:
            self._ended.set_result(None)

    def _send(self) -> None:
        self._body = b""
        self._transport.write(self._request)
