"""A small application that says what it was asked, with a shortcut that says the same."""

import asyncio
import threading
from collections.abc import Iterable

from starlette.types import Receive, Scope, Send

from appanage.edge.messages import Answer, Deliver, Headers, HotRequest
from appanage.edge.protocol import STATE, Shortcut

MOST = 8 * 1024
LARGE = b"x" * 64 * 1024
RECOGNIZED = 50  # requests
PATHS = {("GET", "/hot"): 0, ("POST", "/hot"): MOST}

_NOT_AT_ONCE = frozenset(
    {b"cold", b"soon", b"soon-wait", b"soon-cold", b"soon-fail", b"soon-large", b"soon-unsafe"}
)
_UNSAFE = Answer(200, ((b"x-note", b"one\r\nx-other: two"),))


def said(method: str, path: str, query: bytes, body: bytes) -> bytes:
    return b"%b %b?%b %b" % (method.encode(), path.encode(), query, body)


class Echo:
    """Answers with what it was asked and with the way that the request went.

    `/hot` has a shortcut, unless the query says `cold`, and an answer that comes a little later if it says `soon`; `/wait` waits for `release`; `/early` answers before it has
    read the body.
    """

    def __init__(self, *, headers: Headers = (), has_shortcut: bool = True) -> None:
        self.asked: list[HotRequest] = []
        self.answered = 0
        self.waits = threading.Event()
        self._headers = headers
        self._has_shortcut = has_shortcut
        self._released = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        elif scope["path"] == "/early":
            await self._answer(scope, send, b"")
        else:
            await self._answer_whole(scope, receive, send)

    def release(self) -> None:
        """Lets `/wait` and `/hot?soon-wait` answer, now and from now on."""
        self._loop_of().call_soon_threadsafe(self._released.set)

    def question_of(self, request: HotRequest) -> HotRequest:
        self.asked.append(request)
        return request

    def answer_to(self, request: HotRequest) -> Answer | None:
        self.answered += 1
        if request.query in _NOT_AT_ONCE:
            return None
        if request.query == b"fail":
            raise RuntimeError("failed on purpose")
        if request.query == b"unsafe":
            return _UNSAFE
        body = said(request.method, request.path, request.query, request.body)
        return Answer(200, ((b"x-way", b"hot"),), LARGE if request.query == b"large" else body)

    def soon(self, request: HotRequest, deliver: Deliver) -> bool:
        if not request.query.startswith(b"soon"):
            return False
        if request.query == b"soon-fail":
            raise RuntimeError("failed on purpose")
        if request.query == b"soon-wait":
            self._loop_of().create_task(self._wait_and_deliver(request, deliver))
        else:
            self._loop_of().call_soon(deliver, self._later(request))
        return True

    def _later(self, request: HotRequest) -> Answer | None:
        if request.query == b"soon-cold":
            return None
        if request.query == b"soon-unsafe":
            return _UNSAFE
        body = said(request.method, request.path, request.query, request.body)
        return Answer(200, ((b"x-way", b"soon"),), LARGE if request.query == b"soon-large" else body)

    async def _wait_and_deliver(self, request: HotRequest, deliver: Deliver) -> None:
        self.waits.set()
        await self._released.wait()
        deliver(self._later(request))

    def _loop_of(self) -> asyncio.AbstractEventLoop:
        assert self._loop is not None
        return self._loop

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._loop = asyncio.get_running_loop()
        if self._has_shortcut:
            scope["state"][STATE] = Shortcut(self, PATHS, self._headers, recognized=RECOGNIZED)
        for event in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{event}.complete"})

    async def _answer_whole(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _whole_body(receive)
        if body is None:
            return
        if scope["path"] == "/wait":
            self.waits.set()
            await self._released.wait()
        await self._answer(scope, send, body)

    async def _answer(self, scope: Scope, send: Send, body: bytes) -> None:
        text = said(scope["method"], scope["path"], scope["query_string"], body)
        if scope["query_string"].endswith(b"large"):
            text = LARGE
        headers = _with_length(text, [(b"x-way", b"ordinary")])
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else text})


def _with_length(text: bytes, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [*headers, (b"content-length", b"%d" % len(text))]


async def _whole_body(receive: Receive) -> bytes | None:
    """None when the client went before it had sent everything."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message["body"]
        if not message["more_body"]:
            return bytes(body)
