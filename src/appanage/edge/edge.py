"""The edge as an application: an exact dispatcher in front of everything else."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import structlog
from msgspec import Struct, json, structs
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from appanage.deployment import Deployment
from appanage.edge.allowances import Allowances
from appanage.edge.endpoints import Endpoint, hot_endpoints
from appanage.edge.messages import Answer, Deliver, Headers, HotRequest, tracking_ids
from appanage.edge.protocol import ASKED
from appanage.edge.questions import Found
from appanage.kit.grouping import Busy
from appanage.kit.http import is_within
from appanage.kit.memory import Memory
from appanage.kit.metrics import TURNED_AWAY

_HEARD_WITHIN = 0.25  # seconds to wait for news of what this process itself has changed
_HEALTH = ("GET", "/healthz")
_ALIVE = Answer(
    200, ((b"content-type", b"application/json"), (b"cache-control", b"no-store")), b'{"status":"ok"}'
)
_COME_AGAIN = "The platform has more to do than it can at this moment. Try again in a second."
_ADDED_TO_EACH = frozenset({b"trackingid", b"content-length", b"date", b"server"})
_LARGEST_ANSWER = 16 * 1024  # bytes that are worth remembering

log = structlog.get_logger(__name__)


class Question(Struct, frozen=True):
    """A request without what the answer does not depend on; without an endpoint the one for health."""

    endpoint: Endpoint | None
    key: bytes


_ARE_YOU_ALIVE = Question(None, b"")


class _Search(Struct, frozen=True):
    """For an answer beside the ordinary way; `asked_at` is the moment of memory before it."""

    endpoint: Endpoint
    request: HotRequest
    asked_at: int
    coming: asyncio.Future[Any]


class Edge:
    """Answers hot requests from memory or in groups, and passes everything else on to the ordinary way.

    It only ever says yes by itself: a refusal, and whatever is out of the ordinary, is the ordinary way's to answer. Of
    those requests so many are under way at a time; further ones are told to come again.
    """

    def __init__(self, ordinary: ASGIApp, deployment: Deployment) -> None:
        settings = deployment.settings
        self._ordinary = ordinary
        self._endpoints = hot_endpoints(deployment)
        self._freshness = deployment.freshness
        self._clock = deployment.database.clock
        self._answers: Memory[Found] = Memory(settings.remembered)
        deployment.feed.tell(self._answers)
        self._allowances = Allowances(deployment.throttle, a_minute=settings.requests_per_minute)
        self._tracking_ids = tracking_ids()
        self._under_way, self._most = 0, settings.requests_at_once
        self.everywhere = _everywhere(is_https=settings.is_https)
        """What every answer has beside its own headers."""

    @property
    def remembered(self) -> int:
        """How many answers are in memory."""
        return len(self._answers)

    @property
    def largest_bodies(self) -> Mapping[tuple[str, str], int]:
        """The exact methods and paths of hot requests, with the most bytes of their bodies."""
        return {of: one.largest_body for of, one in self._endpoints.items()} | {_HEALTH: 0}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        of = (scope["method"], scope["path"]) if scope["type"] == "http" else None
        endpoint = self._endpoints.get(of) if of else None
        if of == _HEALTH:
            await self._send(_ALIVE, send)
        elif endpoint is None or not _is_short(scope, endpoint.largest_body):
            await self._pass_on(scope, receive, send)
        else:
            await self._serve(endpoint, scope, receive, send)

    def question_of(self, request: HotRequest) -> Question | None:
        """What the request asks, if that may be answered from memory."""
        of = (request.method, request.path)
        if of == _HEALTH:
            return _ARE_YOU_ALIVE
        endpoint = self._endpoints.get(of)
        key = endpoint.key_of(request) if endpoint is not None else None
        return Question(endpoint, key) if key else None

    def answer_to(self, question: Question) -> Answer | None:
        """The answer, if it is in memory and may be given."""
        if question.endpoint is None:
            return _ALIVE
        return self._recall(question.endpoint, question.key) if self._freshness.is_fresh else None

    def soon(self, request: HotRequest, deliver: Deliver) -> bool:
        """Whether an answer, which is then delivered, is looked for at once, as far as memory can be relied upon."""
        endpoint = self._endpoints.get((request.method, request.path))
        if endpoint is None or not self._freshness.is_fresh:
            return False
        search = self._search(endpoint, request)
        if search is None:
            return False
        search.coming.add_done_callback(lambda _: deliver(self._settle(search)))
        return True

    def _recall(self, endpoint: Endpoint, key: bytes) -> Answer | None:
        found = self._answers.recall(key)
        if found is None or found.until <= self._clock():
            return None
        if found.account is not None and not self._allowances.spend(found.account):
            return None
        endpoint.answered.inc()
        return found.answer

    async def _serve(self, endpoint: Endpoint, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        if body is None:
            return  # nobody is left to be answered
        request = HotRequest(scope["method"], scope["path"], scope["query_string"], scope["headers"], body)
        answer = None if scope.get(ASKED) else await self._find(endpoint, request)
        if answer is not None:
            await self._send(answer, send)
        else:
            await self._capture(endpoint, request, scope, _again(body, receive), send)

    async def _find(self, endpoint: Endpoint, request: HotRequest) -> Answer | None:
        """The answer, remembered or found in a group with others, or that there is no room to wait for it."""
        await self._until_fresh()
        key = endpoint.key_of(request)
        answer = self._recall(endpoint, key) if key and self._freshness.is_fresh else None
        if answer is not None:
            return answer
        search = self._search(endpoint, request)
        if search is None:
            return None
        try:
            await asyncio.wait((search.coming,))
        except asyncio.CancelledError:
            search.coming.cancel()
            raise
        return self._settle(search)

    def _search(self, endpoint: Endpoint, request: HotRequest) -> _Search | None:
        """The search for an answer that is not remembered."""
        asked_at = self._answers.moment
        try:
            coming = endpoint.ask(request)
        except Exception:  # as below
            log.exception("looking for an answer failed", path=request.path)
            return None
        return None if coming is None else _Search(endpoint, request, asked_at, coming)

    def _settle(self, search: _Search) -> Answer | None:
        """The answer that a search has come to, from now on remembered."""
        endpoint = search.endpoint
        try:
            found = None if search.coming.cancelled() else endpoint.found(search.coming.result())
            if found is None:
                return None
            if endpoint.remembers:
                self._keep(endpoint.key_of(search.request), found, search.asked_at)
        except Busy:
            return self._come_again()
        except Exception:  # the ordinary way may still know the answer, and has its own last resort
            log.exception("finding an answer failed", path=search.request.path)
            return None
        endpoint.answered.inc()
        return found.answer

    async def _capture(
        self,
        endpoint: Endpoint,
        request: HotRequest,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        """The ordinary way, whose answer is remembered if that is possible."""
        asked_at = self._answers.moment
        key = endpoint.key_of(request) if endpoint.captures else None
        basis = await self._basis(endpoint, request) if key else None
        captured = _Captured(send, beside=self.everywhere)
        await self._pass_on(scope, receive, captured.send if basis else send)
        if basis and captured.answer is not None:
            self._keep(key, structs.replace(basis, answer=captured.answer), asked_at)
            if basis.account is not None:
                self._allowances.count(basis.account)

    async def _basis(self, endpoint: Endpoint, request: HotRequest) -> Found | None:
        try:
            return await endpoint.basis(request)
        except Exception as error:  # the ordinary way answers all the same, and tells if it meets the same
            if not isinstance(error, Busy):
                log.exception("nothing to remember an answer by")
            return None

    def _keep(self, key: bytes | None, found: Found, asked_at: int) -> None:
        if key is not None:
            self._answers.keep(key, found, rests_on=found.rests_on, asked_at=asked_at)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._ordinary(scope, receive, send)
            return
        if self._under_way >= self._most:
            await self._send(self._come_again(), send)
            return
        self._under_way += 1
        try:
            await self._ordinary(scope, self._meanwhile(receive), self._meanwhile(send))
        finally:
            self._under_way -= 1

    def _meanwhile(self, step: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """The step, during which its request takes no room: whoever sends or reads slowly keeps nobody out."""

        async def taken(*message: Message) -> Any:
            self._under_way -= 1
            try:
                return await step(*message)
            finally:
                self._under_way += 1

        return taken

    def _come_again(self) -> Answer:
        """RFC 9110 §15.6.4; in both families of error bodies."""
        TURNED_AWAY.inc()
        tracking_id = next(self._tracking_ids)
        body = {
            "error": "temporarily_unavailable",
            "error_description": _COME_AGAIN,
            "message": _COME_AGAIN,
            "errors": [{"description": _COME_AGAIN}],
            "trackingId": tracking_id.decode(),
        }
        headers = (
            (b"content-type", b"application/json"),
            (b"cache-control", b"no-store"),
            (b"retry-after", b"1"),
        )
        return Answer(503, headers, json.encode(body), tracking_id)

    async def _send(self, answer: Answer, send: Send) -> None:
        named = (b"trackingid", answer.tracking_id or next(self._tracking_ids))
        length = (b"content-length", b"%d" % len(answer.body))
        headers = [*answer.headers, *self.everywhere, length, named]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _until_fresh(self) -> None:
        """Waits a moment for news of what this process has just changed, so that it can answer from memory again."""
        if self._freshness.is_fresh or self._freshness.age > _HEARD_WITHIN:
            return
        loop, heard = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            with suppress(RuntimeError):  # the server has stopped meanwhile
                loop.call_soon_threadsafe(heard.set)

        withdraw = self._freshness.when_heard(wake)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_HEARD_WITHIN):
                    await heard.wait()
        finally:
            withdraw()


class _Captured:
    """Passes an answer on, and keeps it if it is a whole 200. `beside` are headers that every answer has."""

    def __init__(self, send: Send, *, beside: Headers) -> None:
        self._send = send
        self._left_out = _ADDED_TO_EACH | {name for name, _ in beside}
        self._headers: Headers | None = None
        self._body = b""
        self.answer: Answer | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            named = {name for name, _ in message["headers"]}
            if b"set-cookie" not in named:  # which is for one browser
                self._headers = tuple(
                    (name, value) for name, value in message["headers"] if name not in self._left_out
                )
        elif message["type"] == "http.response.body" and self._headers is not None:
            self._body += message.get("body", b"")
            if not message.get("more_body", False) and len(self._body) <= _LARGEST_ANSWER:
                self.answer = Answer(200, self._headers, self._body)
        await self._send(message)


def _is_short(scope: Scope, largest: int) -> bool:
    """Whether the body is known to be short enough to be read here; the server sees to it that it is no longer."""
    return not any(
        name == b"transfer-encoding" or (name == b"content-length" and not is_within(value, largest))
        for name, value in scope["headers"]
    )


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None when the client went away before its end."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += bytes(message.get("body", b""))
        if not message.get("more_body", False):
            return body


def _again(body: bytes, receive: Receive) -> Receive:
    """The body once more, for who reads it next."""
    first = True

    async def again() -> Message:
        nonlocal first
        if first:
            first = False
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return again


def _everywhere(*, is_https: bool) -> Headers:
    headers: Headers = ((b"x-content-type-options", b"nosniff"),)
    if is_https:
        headers += ((b"strict-transport-security", b"max-age=31536000; includeSubDomains"),)
    return headers
