"""The shortcut of the hot path: requests that memory can answer are answered while they are read.

An ASGI server makes a scope, a task and two messages for every request, which costs more than most of our answers do.
So a few exact requests are collected here and answered from the parser's callbacks; or a little later, when the answer
is one that many requests wait for together. Whatever is not quite plain goes the ordinary way, as does what has no
answer here, and the client cannot tell the difference.

Reading costs more than answering, too. What comes as the very same bytes as a request before asks the very same
question, so it is not read again.
"""

import asyncio
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Mapping
from functools import partial
from hashlib import sha256
from typing import Any, Generic, cast

import httptools
import structlog
from uvicorn import Config
from uvicorn._types import HTTPScope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from appanage.edge.messages import Answer, Deliver, Headers, Hot, HotRequest, Q, lines, tracking_ids
from appanage.kit.http import is_within

STATE = "shortcut"
"""The name in the application's lifespan state under which the protocol finds its shortcut."""

ASKED = "appanage.asked"
"""In the scope of a request for which there was no answer here, so that nobody looks for it once more."""

_LONGEST = 4096  # bytes of a request that is recognized
_UNUSUAL = frozenset({b"expect", b"transfer-encoding", b"upgrade"})

log = structlog.get_logger("appanage.edge")


class Shortcut(Generic[Q]):
    """What is answered at once, and the headers that all those answers have.

    `paths` names the requests worth collecting, by method and raw path, each with the most bytes that its body may
    have; `headers` are sent with every answer, besides the server's own and the tracking id. So many requests are
    `recognized` by their bytes, of which only a digest is kept: they hold credentials.
    """

    def __init__(
        self,
        hot: Hot[Q],
        paths: Mapping[tuple[str, str], int],
        headers: Headers = (),
        *,
        recognized: int = 0,
    ) -> None:
        assert not any(method == "HEAD" for method, _ in paths), "an answer to HEAD has no body"
        self.hot = hot
        self.routes = {
            (method.encode(), path.encode()): (method, path, most) for (method, path), most in paths.items()
        }
        self._headers = headers
        self._tracking_ids = tracking_ids()
        self._defaults: list[tuple[bytes, bytes]] | None = None
        self._lines = b""
        self._questions: dict[bytes, Q] = {}
        self._recognized = recognized

    def recognize(self, request: bytes) -> Q | None:
        """What a whole request asks that came before as the same bytes."""
        if len(request) > _LONGEST:
            return None
        return self._questions.get(sha256(request).digest())

    def remember(self, request: bytes, question: Q) -> None:
        if len(request) > _LONGEST or not self._recognized:
            return
        if len(self._questions) >= self._recognized:
            del self._questions[next(iter(self._questions))]  # the oldest
        self._questions[sha256(request).digest()] = question

    def message(self, answer: Answer, defaults: list[tuple[bytes, bytes]], *, is_last: bool = False) -> bytes:
        """The answer as it is sent; the server's default headers are a new list every second, with the new date."""
        if defaults is not self._defaults:
            self._lines = lines((*defaults, *self._headers)) + b"trackingid: "
            self._defaults = defaults
        tracking_id = answer.tracking_id or next(self._tracking_ids)
        end = b"\r\nconnection: close\r\n\r\n" if is_last else b"\r\n\r\n"
        return b"".join((answer.wire, self._lines, tracking_id, end, answer.body))


class _Nothing:
    def question_of(self, _request: HotRequest) -> None:
        return None

    def answer_to(self, _question: object) -> None:
        return None

    def soon(self, _request: HotRequest, _deliver: Deliver) -> bool:
        return False


_NOTHING: Shortcut[Any] = Shortcut(_Nothing(), {})


class Waiting:
    """A request whose answer is to come, in the place of the cycle that uvicorn would have for it.

    Beside the request itself it has what uvicorn looks at or changes, as of any request in work.
    """

    __slots__ = ("disconnected", "keep_alive", "request", "response_complete", "target")

    message_event = asyncio.Event()  # for whoever reads more of the request: nobody does

    def __init__(self, request: HotRequest, target: bytes) -> None:
        self.request = request
        self.target = target
        self.keep_alive = True
        self.response_complete = False
        self.disconnected = False


class EdgeProtocol(HttpToolsProtocol):
    """uvicorn's protocol with the shortcut that the application left in its lifespan state, if it did."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._shortcut: Shortcut[Any] = app_state.get(STATE, _NOTHING)
        self._collecting: HotRequest | None = None
        self._is_between = True  # one request and the next
        self._begun = 0  # requests in what is being read
        self._asked: Any = None  # what was answered of it
        self._idle_since: float | None = None
        self._idle_timer: TimerHandle | None = None

    # What the parser calls, in the order in which it does.

    def on_message_begin(self) -> None:
        """Leaves out the scope, which `_go_the_ordinary_way` makes for those who need it."""
        self._is_between = False
        self._begun += 1
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._idle_since = None

    def on_headers_complete(self) -> None:
        self._collecting = self._hot_request()
        if self._collecting is None:
            self._go_the_ordinary_way()

    def on_body(self, body: bytes) -> None:
        if self._collecting is None:
            super().on_body(body)
        else:
            self._collecting.body += body

    def on_message_complete(self) -> None:
        self._is_between = True
        if self._collecting is None:
            super().on_message_complete()
            return
        request, self._collecting = self._collecting, None
        message = None if self.flow.write_paused else self._answer(request)
        if message is not None:
            self._send(message)
        elif self.flow.write_paused or not self._will_come(request):
            self._pass_on(request)
            super().on_message_complete()

    # What the server calls.

    def data_received(self, data: bytes) -> None:
        """Reads what came, unless it is one whole request that is recognized."""
        is_first = self._is_between
        if is_first and self._answer_again(data):
            return
        self._begun, self._asked = 0, None
        super().data_received(data)
        if is_first and self._begun == 1 and self._asked is not None:
            self._shortcut.remember(data, self._asked)

    def shutdown(self) -> None:
        """Lets a request that is still being read be answered, as uvicorn does, and the connection end with it."""
        collecting, self._collecting = self._collecting, None
        if collecting is not None:
            self._pass_on(collecting)
        super().shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        super().connection_lost(exc)

    # The shortcut.

    def _hot_request(self) -> HotRequest | None:
        """The request, if it is one to collect: everything about it is plain, and no earlier one is in work."""
        path, _, query = self.url.partition(b"?")
        route = self._shortcut.routes.get((self.parser.get_method(), path))
        if route is None or self._is_busy():
            return None
        method, name, most = route
        if not self._is_plain(most):
            return None
        if query:
            query = httptools.parse_url(self.url).query or b""  # as uvicorn reads it: without a fragment
        return HotRequest(method, name, query, self.headers, b"")

    def _is_busy(self) -> bool:
        """Whether answers must wait for others, or the server refuses what exceeds its limit."""
        if self.cycle is not None and not self.cycle.response_complete:  # type: ignore[redundant-expr]  # None at first
            return True
        limit = self.limit_concurrency
        return limit is not None and max(len(self.connections), len(self.tasks)) >= limit

    def _is_plain(self, most: int) -> bool:
        hosts = 0
        for name, value in self.headers:
            if name == b"host":
                hosts += 1
            elif name == b"content-length":
                if not is_within(value, most):
                    return False
            elif name in _UNUSUAL:
                return False
        return hosts == 1 and self.parser.should_keep_alive() and self.parser.get_http_version() == "1.1"

    def _answer(self, request: HotRequest) -> bytes | None:
        try:
            question = self._shortcut.hot.question_of(request)
            answer = None if question is None else self._shortcut.hot.answer_to(question)
            if answer is None:
                return None
            message = self._shortcut.message(answer, self.server_state.default_headers)
        except Exception:  # the ordinary way may still know the answer, and has its own last resort
            log.exception("answering at once failed", path=request.path)
            return None
        if self.access_log:
            self._log_access(request.method, self.url, answer)
        if not self.config.access_log:  # of what is not read again no line could be written
            self._asked = question
        return message

    def _answer_again(self, data: bytes) -> bool:
        """Whether the answer was sent. Otherwise the parser reads the request, as if it had not been recognized."""
        question = self._shortcut.recognize(data)
        if question is None or self._is_busy() or self.flow.write_paused:
            return False
        try:
            answer = self._shortcut.hot.answer_to(question)
            if answer is None:
                return False
            message = self._shortcut.message(answer, self.server_state.default_headers)
        except Exception:  # the same request will be read and tried again
            log.exception("answering again failed")
            return False
        self._unset_keepalive_if_required()
        self._send(message)
        return True

    def _log_access(self, method: str, target: bytes, answer: Answer) -> None:
        peer = f"{self.client[0]}:{self.client[1]}" if self.client else ""
        named = target.decode("latin-1")
        self.access_logger.info('%s - "%s %s HTTP/1.1" %d', peer, method, named, answer.status)

    def _send(self, message: bytes) -> None:
        self.transport.write(message)
        self._note_answer()

    def _note_answer(self) -> None:
        self.server_state.total_requests += 1
        if not self._is_between:  # the next request is being read already
            return
        self._idle_since = self.loop.time()
        if self._idle_timer is None:
            self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._end_if_idle)

    def _end_if_idle(self) -> None:
        """Ends the connection when nothing has come for the keep-alive time.

        One timer serves many answers, for making and cancelling one for each is a tenth of their cost. Answers of
        the ordinary way have uvicorn's timer.
        """
        self._idle_timer = None
        if self._idle_since is None:
            return
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._idle_timer = self.loop.call_later(left, self._end_if_idle)
        else:
            self.timeout_keep_alive_handler()

    # The answer to come.

    def _will_come(self, request: HotRequest) -> bool:
        waiting = Waiting(request, self.url)
        try:
            will_come = self._shortcut.hot.soon(request, partial(self._deliver, waiting))
        except Exception:
            log.exception("beginning an answer failed", path=request.path)
            return False
        if will_come:
            self.cycle = waiting  # type: ignore[assignment]
        return will_come

    def _deliver(self, waiting: Waiting, answer: Answer | None) -> None:
        if self.transport.is_closing():
            return
        if answer is None:
            self._start_anew(waiting)
            return
        # What was found may have been done as well, so from here on no other way is tried.
        try:
            defaults = self.server_state.default_headers
            message = self._shortcut.message(answer, defaults, is_last=not waiting.keep_alive)
        except Exception:  # the client learns as much as of any answer that is lost
            log.exception("an answer cannot be sent", path=waiting.request.path)
            self.transport.close()
            return
        # Nothing was written since the request began, and then the client was reading.
        self.transport.write(message)
        waiting.response_complete = True
        if self.access_log:
            self._log_access(waiting.request.method, waiting.target, answer)
        if not waiting.keep_alive:
            self.transport.close()
        elif self.pipeline:
            self.on_response_complete()
        else:
            self._note_answer()

    def _start_anew(self, waiting: Waiting) -> None:
        """The ordinary way, behind which others may wait already."""
        cycle = self._cycle_of(waiting)
        if cast("object", self.cycle) is waiting:
            self.cycle = cycle
        self._start_asgi_task(cycle, self.app)

    def _cycle_of(self, waiting: Waiting) -> RequestResponseCycle:
        request = waiting.request
        read = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.headers, self.expect_100_continue = read
        path = self.root_path + request.path
        scope = self.scope | {
            "method": request.method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": request.query,
            "headers": request.headers,
            ASKED: True,
        }
        cycle = RequestResponseCycle(
            scope=cast("HTTPScope", scope),
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=waiting.keep_alive,
            on_response=self.on_response_complete,
        )
        cycle.body += request.body
        cycle.more_body = False
        cycle.message_event.set()
        return cycle

    # The way back.

    def _pass_on(self, request: HotRequest) -> None:
        self._go_the_ordinary_way()
        if request.body:
            super().on_body(request.body)

    def _go_the_ordinary_way(self) -> None:
        """Begins the request anew, with what has been read of it."""
        read = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.headers, self.expect_100_continue = read
        self.scope["headers"] = self.headers
        super().on_headers_complete()
