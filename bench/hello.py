"""The references: the least that an application can do, on granian (RSGI) and on uvicorn (ASGI)."""

from typing import Any

from starlette.types import Receive, Scope, Send

BODY = b"Hello, world!"
_LENGTH = str(len(BODY))
_RSGI_HEADERS = [("content-type", "text/plain"), ("content-length", _LENGTH)]
_ASGI_HEADERS = [(name.encode(), value.encode()) for name, value in _RSGI_HEADERS]


async def rsgi(scope: Any, protocol: Any) -> None:
    del scope
    protocol.response_bytes(200, _RSGI_HEADERS, BODY)


async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
    del scope, receive
    await send({"type": "http.response.start", "status": 200, "headers": _ASGI_HEADERS})
    await send({"type": "http.response.body", "body": BODY})
