"""The frame around every request: where it came from, how large it may be, what is logged, and the last resort."""

import re
from collections.abc import Callable
from ipaddress import ip_address
from time import perf_counter
from typing import Any

import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from appanage.kit.http import LARGEST_BODY, LARGEST_UPLOAD, is_within, media_type_of
from appanage.kit.multipart import MULTIPART
from appanage.kit.origin import Origin, new_tracking_id
from appanage.settings import Settings

log = structlog.get_logger("appanage.request")

_UPLOADS = (
    # An app with its logo; such a body is spooled to disk, and only for callers who may send it.
    (re.compile(r"/v1/applications(/[^/]+)?"), MULTIPART, LARGEST_UPLOAD),
)
"""Where bodies may be larger than everywhere else: the path, the media type, the most bytes."""

_OTHERS = "/v1/authz/"
"""What follows here is the path of a request to another server; even one slash more is that server's."""

LastResort = Callable[[Scope, int, str], ASGIApp]
"""Makes the answer to a request that ended in an unexpected error or was too large."""


class RequestFrame:
    """Gives every request a tracking id and every response its header; logs it; turns what escapes into a 500."""

    def __init__(self, app: ASGIApp, *, settings: Settings, last_resort: LastResort) -> None:
        self._app = app
        self._proxies = frozenset(settings.trusted_proxies)
        self._last_resort = last_resort
        self._hsts = settings.is_https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        origin = origin_of(scope, self._proxies)
        scope.setdefault("state", {})["origin"] = origin
        _tolerate_trailing_slash(scope)
        answer = _Answer(send, origin, hsts=self._hsts)
        began = perf_counter()
        try:
            await self._pass_on(scope, receive, answer)
        except ClientDisconnect:
            pass  # nobody is left to be answered
        except (OperationalError, PoolTimeout) as error:
            log.warning("database not available", tracking_id=origin.tracking_id, kind=type(error).__name__)
            await self._resort(scope, receive, answer, 503)
        except Exception as error:  # the last resort: nothing of it may reach the client
            log.exception("unexpected error", tracking_id=origin.tracking_id, kind=type(error).__name__)
            await self._resort(scope, receive, answer, 500)
        finally:
            _log(scope, origin, answer.status, perf_counter() - began)

    async def _pass_on(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        try:
            largest = _largest_body(scope)
            if not _declares_at_most(scope, largest):
                answer.is_refused = True
            else:
                await self._app(scope, _counted(receive, answer, largest), answer.send_unless_refused)
        finally:
            if answer.is_refused:
                await self._resort(scope, receive, answer, 413)

    async def _resort(self, scope: Scope, receive: Receive, answer: "_Answer", status: int) -> None:
        if answer.status == 0:
            tracking_id = scope["state"]["origin"].tracking_id
            await self._last_resort(scope, status, tracking_id)(scope, receive, answer.send)


class _Answer:
    """Passes the response on with the headers that every response has."""

    def __init__(self, send: Send, origin: Origin, *, hsts: bool) -> None:
        self._send = send
        self._origin = origin
        self._hsts = hsts
        self.status = 0
        self.is_refused = False

    async def send_unless_refused(self, message: Message) -> None:
        """Drops what the application says about a body that it could not read to its end."""
        if not self.is_refused:
            await self.send(message)

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["TrackingID"] = self._origin.tracking_id
            headers.setdefault("X-Content-Type-Options", "nosniff")
            headers.setdefault("Cache-Control", "no-store")
            if self.status == 503:
                headers.setdefault("Retry-After", "1")
            if self._hsts:
                headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        await self._send(message)


def origin_of(scope: Scope, proxies: frozenset[str]) -> Origin:
    """The origin of a request; X-Forwarded-For counts only from a trusted proxy, and only its last foreign hop."""
    headers = Headers(scope=scope)
    peer = scope["client"][0] if scope.get("client") else ""
    told = ",".join(headers.getlist("x-forwarded-for"))  # a proxy may append a line of its own
    hops = [hop.strip() for hop in told.split(",") if hop.strip()]
    address = peer
    while address in proxies and hops:
        address = hops.pop()
    return Origin(new_tracking_id(), _readable(address), headers.get("user-agent", "")[:500])


def _readable(address: str) -> str:
    try:
        return str(ip_address(address))
    except ValueError:
        return "unknown"


def _tolerate_trailing_slash(scope: Scope) -> None:
    path = scope["path"]
    if path.startswith(_OTHERS):
        return
    if path.startswith("/v1/") and len(path) > 4 and path.endswith("/"):
        scope["path"] = path.rstrip("/")
        scope["raw_path"] = scope["path"].encode()


def _largest_body(scope: Scope) -> int:
    given = media_type_of(Headers(scope=scope).get("content-type", ""))
    limits = (most for path, type_, most in _UPLOADS if type_ == given and path.fullmatch(scope["path"]))
    return next(limits, LARGEST_BODY)


def _declares_at_most(scope: Scope, most: int) -> bool:
    declared = Headers(scope=scope).get("content-length")
    return declared is None or is_within(declared.encode("latin-1"), most)


def _counted(receive: Receive, answer: _Answer, largest: int) -> Receive:
    """Ends a body of undeclared length as soon as it is too long, as if the client had gone."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > largest:
            answer.is_refused = True
            return {"type": "http.disconnect"}
        return message

    return counted


def _log(scope: Scope, origin: Origin, status: int, seconds: float) -> None:
    route: Any = scope.get("route")
    log.info(
        "request",
        method=scope["method"],
        path=getattr(route, "path", None) or scope["path"],
        status=status,
        milliseconds=round(seconds * 1000, 1),
        address=origin.address,
        tracking_id=origin.tracking_id,
    )
