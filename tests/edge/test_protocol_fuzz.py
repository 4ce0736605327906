"""Whatever is sent, in whatever pieces: with the shortcut a client gets what it gets without."""

import asyncio
import io
import logging
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from appanage.edge.protocol import STATE, EdgeProtocol, Shortcut
from support.echo import PATHS, RECOGNIZED, Echo
from support.raw_http import read_reply

PASSED_ON = {b"cold", b"fail", b"unsafe", b"soon-cold", b"soon-fail"}
REFUSED = (400, b"Invalid HTTP request received.")
TURNS = 40  # of the loop, after which every request that is whole has been answered


class Piece(NamedTuple):
    """Bytes that are sent together, and how often the loop turns before the next ones."""

    data: bytes
    turns: int


class Outcome(NamedTuple):
    replies: list[tuple[int, bytes]]
    is_closed: bool


class Exact(Echo):
    """Says all that it was told about a request, except where the shortcut may have answered in its place."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_hot = (scope["method"], scope["raw_path"].decode()) in PATHS and scope[
            "query_string"
        ] not in PASSED_ON
        if not is_hot and scope["path"] != "/early":
            told = {name: scope[name] for name in ("path", "raw_path", "http_version", "headers", "scheme")}
            scope = {**scope, "path": str(told)}
        await super().__call__(scope, receive, send)


class Stage:
    """One of the protocols, and conversations with it over real sockets in one loop that turns as often as we say."""

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: "type[Counting]") -> None:
        echo = Exact()
        self._loop = loop
        self._app_state = {STATE: Shortcut(echo, PATHS, recognized=RECOGNIZED)}
        self._server = ServerState()
        self._config = Config(
            echo, log_config=None, log_level="critical", access_log=False, ws="none", proxy_headers=False
        )
        self._protocol = protocol

    def hold(self, pieces: list[Piece]) -> Outcome:
        return self._loop.run_until_complete(asyncio.wait_for(self._conversation(pieces), 30))

    async def _conversation(self, pieces: list[Piece]) -> Outcome:
        ours, theirs = socket.socketpair()
        with ours:
            ours.setblocking(False)
            _, protocol = await self._loop.connect_accepted_socket(self._new_protocol, theirs)
            await self._send(ours, protocol, pieces)
            is_closed = protocol.transport.is_closing()
            ours.shutdown(socket.SHUT_WR)
            data = await self._rest(ours)
        await turn(TURNS)
        assert not self._server.connections
        assert not self._server.tasks
        return Outcome(list(replies_in(data)), is_closed)

    async def _rest(self, ours: socket.socket) -> bytes:
        data = b""
        with suppress(ConnectionResetError):  # the server ended the connection before it had read everything
            while part := await self._loop.sock_recv(ours, 65536):
                data += part
        return data

    def _new_protocol(self) -> "Counting":
        return self._protocol(self._config, self._server, self._app_state, self._loop)

    async def _send(self, ours: socket.socket, protocol: "Counting", pieces: list[Piece]) -> None:
        sent = 0
        for data, turns in pieces:
            if not protocol.transport.is_closing():
                ours.send(data)
                sent += len(data)
                await protocol.reads(sent)
                await turn(turns)
        await turn(TURNS)


class Counting(HttpToolsProtocol):
    """A protocol that says how much it has read."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._read = 0
        self._has_news = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._read += len(data)
        self._has_news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._has_news.set()

    async def reads(self, sent: int) -> None:
        """Waits until everything is read, or the connection has ended."""
        while self._read < sent and not self.transport.is_closing():
            await self._has_news.wait()
            self._has_news.clear()


class CountingEdge(Counting, EdgeProtocol):
    pass


async def turn(times: int) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


def replies_in(data: bytes) -> Iterator[tuple[int, bytes]]:
    stream = io.BytesIO(data)
    while reply := read_reply(stream):
        yield reply.status, reply.body


@pytest.fixture(scope="module")
def stages() -> Iterator[tuple[Stage, Stage]]:
    logging.getLogger("appanage.edge").setLevel(logging.CRITICAL)
    loop = uvloop.new_event_loop()
    yield Stage(loop, Counting), Stage(loop, CountingEdge)
    loop.close()
    logging.getLogger("appanage.edge").setLevel(logging.NOTSET)


# What is sent.

METHODS = st.sampled_from([b"GET", b"POST", b"GET", b"POST", b"PUT", b"OPTIONS", b"CONNECT", b"get"])
TARGETS = st.sampled_from([
    *[b"/hot"] * 6, *[b"/hot?soon"] * 3, b"/hot?soon-cold", b"/hot?soon-fail", b"/hot?a=b", b"/hot?a=%20", b"/hot?cold", b"/hot?cold", b"/hot?fail", b"/hot?unsafe", b"/hot?",
    b"/hot?a#b", b"/hot#a", b"/hot??", b"/hot?\xc3\xa4", b"/hot/", b"/ho%74", b"/Hot", b"/hot%", b"//hot",
    b"http://a/hot", b"http://a", b"*", b"a:80", b"/cold", b"/cold?a", b"/early",
])  # fmt: skip
VERSIONS = st.sampled_from(
    [*[b"HTTP/1.1"] * 8, b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/1.2", b"", b"http/1.1"]
)
FIELDS = st.sampled_from([
    b"Host: a", b"host: b", b"Accept: */*", b"X-Long: " + b"x" * 300, b"X-Empty:", b"X-Byte: \xff", b"X-Null: \0",
    b"X-Folded: a\r\n b", b"No colon", b": no name", b"Space : a", b"X-Tab:\ta\t",
    b"Connection: close", b"Connection: keep-alive", b"Connection: x, close", b"Connection: upgrade", b"Connection:",
    b"Upgrade: h2c", b"Upgrade: websocket", b"Expect: 100-continue", b"Expect: x",
    b"Content-Length: 0", b"Content-Length: 3", b"Content-Length: 3 ", b"Content-Length: 03", b"Content-Length: +3",
    b"Content-Length: 3, 3", b"Content-Length: 8193", b"Content-Length: 99999999999999999999999", b"Content-Length:",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip", b"Transfer-Encoding: gzip, chunked",
])  # fmt: skip
BODIES = st.sampled_from(
    [b"", b"abc", b"abcdef", b"3\r\nabc\r\n0\r\n\r\n", b"3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n", b"z\r\n"]
)


def request(method: bytes, target: bytes, version: bytes, fields: list[bytes], body: bytes) -> bytes:
    return b"\r\n".join([b" ".join([method, target, version]), *fields, b"", body])


def framed(method: bytes, target: bytes, fields: list[bytes], body: bytes, chunked: bool) -> bytes:
    """A request that says where its body ends."""
    if chunked:
        whole = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
        return request(method, target, b"HTTP/1.1", [*fields, b"Transfer-Encoding: chunked"], whole)
    return request(method, target, b"HTTP/1.1", [*fields, b"Content-Length: %d" % len(body)], body)


def spoiled(data: bytes, place: int, removed: int, added: bytes) -> bytes:
    at = place % (len(data) + 1)
    return data[:at] + added + data[at + removed :]


PLAIN = st.one_of(
    st.builds(
        request,
        st.just(b"GET"),
        TARGETS,
        st.just(b"HTTP/1.1"),
        st.sampled_from(
            [[b"Host: a"], [b"Host: a", b"Connection: keep-alive"], [b"Host: a", b"Accept: */*"]]
        ),
        st.just(b""),
    ),
    st.builds(
        framed,
        st.sampled_from([b"POST", b"POST", b"GET", b"PUT"]),
        TARGETS,
        st.just([b"Host: a"]),
        st.binary(max_size=20),
        st.sampled_from([False, False, True]),
    ),
)
LAST = st.builds(
    request,
    st.just(b"GET"),
    TARGETS,
    st.sampled_from([b"HTTP/1.1", b"HTTP/1.0"]),
    st.sampled_from(
        [b"Connection: close", b"Connection: Close, x", b"Connection: keep-alive", b"Accept: */*"]
    ).map(lambda field: [b"Host: a", field]),
    st.just(b""),
)
ALMOST_PLAIN = st.builds(
    request,
    st.sampled_from([b"GET", b"POST"]),
    st.sampled_from([b"/hot", b"/hot?a=b"]),
    VERSIONS,
    st.lists(FIELDS, max_size=2).map(lambda fields: [b"Host: a", *fields]),
    BODIES,
)
ODD = st.builds(request, METHODS, TARGETS, VERSIONS, st.lists(FIELDS, max_size=4), BODIES)
BROKEN = st.builds(
    spoiled,
    st.one_of(PLAIN, ODD),
    st.integers(0, 10_000),
    st.integers(0, 5),
    st.sampled_from([b"", b"\r", b"\n", b"\r\n", b"\0", b" ", b"\xff", b"1", b"GET"]),
)
REQUESTS = st.lists(
    st.one_of(PLAIN, PLAIN, PLAIN, LAST, ALMOST_PLAIN, ODD, BROKEN, st.binary(max_size=20)),
    min_size=1,
    max_size=6,
)


@st.composite
def conversations(draw: st.DrawFn) -> list[Piece]:
    data = b"".join(draw(REQUESTS)) or b"\n"
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(data) - 1)), max_size=5)))
    pieces = [data[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    return [Piece(piece, draw(st.sampled_from([0, 1, 2, TURNS]))) for piece in pieces if piece]


@st.composite
def repetitions(draw: st.DrawFn) -> list[Piece]:
    """A few requests again and again, each in a piece of its own, so that they are recognized.

    Now and then between them is one that is not whole, of which the next piece is the rest, whatever it looks like.
    """
    few = draw(st.lists(st.one_of(PLAIN, PLAIN, ALMOST_PLAIN), min_size=1, max_size=3))
    between = draw(st.sampled_from([*UNFINISHED, *few]))
    order = draw(st.lists(st.sampled_from([*few * 3, between]), min_size=2, max_size=12))
    return [Piece(data, draw(st.sampled_from([0, 1, TURNS, TURNS]))) for data in order]


UNFINISHED = (
    b"POST /hot HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n",
    b"POST /hot HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc",
    b"POST /cold HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"GET /hot HTTP/1.1\r\nHost: a\r\nX-Name: ",
    b"GET /hot HTTP/1.1\r\nHost: a\r\n",
    b"GET /hot HTTP/1.1\r\nHost: a\r\n\r\n" * 2,
    b"GET /hot HTTP/1.1\r\nHost: a\r\n\r\nGE",
    b"GET /hot HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"\r\n",
    b"G",
)


@given(pieces=repetitions())
@settings(max_examples=1000, derandomize=True, database=None, deadline=None)
def test_a_client_that_repeats_itself_gets_what_it_gets_without_the_shortcut(
    stages: tuple[Stage, Stage], pieces: list[Piece]
) -> None:
    assert_no_difference(*stages, pieces)


@given(pieces=conversations())
@settings(max_examples=1000, derandomize=True, database=None, deadline=None)
def test_a_client_gets_what_it_gets_without_the_shortcut(
    stages: tuple[Stage, Stage], pieces: list[Piece]
) -> None:
    assert_no_difference(*stages, pieces)


def assert_no_difference(stock: Stage, edge: Stage, pieces: list[Piece]) -> None:
    without, with_ = stock.hold(pieces), edge.hold(pieces)
    if with_ != without:
        assert_answers_were_kept(with_, without, stock.hold(one_by_one(pieces)))


def assert_answers_were_kept(with_: Outcome, without: Outcome, patiently: Outcome) -> None:
    """The one difference: uvicorn drops the answers in work when it refuses what came with their requests.

    An answer at once is sent already. No answer may come that a client who waits for each would not get.
    """
    assert with_.is_closed
    assert without.is_closed
    assert without.replies[-1] == with_.replies[-1] == REFUSED
    assert without.replies[:-1] == with_.replies[: len(without.replies) - 1]
    assert with_.replies[:-1] == patiently.replies[: len(with_.replies) - 1]


def one_by_one(pieces: list[Piece]) -> list[Piece]:
    return [Piece(bytes([byte]), 10) for piece in pieces for byte in piece.data]
