"""The one table that turns a refusal into the API's error body."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from appanage.api.call import Call
from appanage.kit.errors import NotPermitted, Refusal
from appanage.kit.http import headers_of, status_of
from appanage.oauth.bearer import challenge
from appanage.oauth.errors import InvalidToken

NO_TOKEN = "The request requires a valid access token set in the Authorization request header."
_SENTENCES = {
    404: "The requested resource could not be found.",
    405: "The method is not supported for this resource.",
}


def install(app: FastAPI) -> None:
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(InvalidToken, _unauthenticated)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _not_routed)
    app.add_exception_handler(Exception, _unexpected)


def error_body(message: str, details: Sequence[str], tracking_id: str) -> dict[str, Any]:
    """The platform's error body (reference §4.2); there is always at least one description."""
    return {
        "message": message,
        "errors": [{"description": detail} for detail in details or [message]],
        "trackingId": tracking_id,
    }


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    headers = headers_of(error)
    if isinstance(error, NotPermitted) and error.scopes:
        headers["WWW-Authenticate"] = _challenge(request, "insufficient_scope", error.message, error.scopes)
    return _answer(request, status_of(error), error.message, error.details, headers)


async def _unauthenticated(request: Request, error: Exception) -> Response:
    del error  # why a token is not valid is nothing that its bearer should learn
    given = "authorization" in request.headers
    header = _challenge(request, "invalid_token" if given else None, NO_TOKEN if given else "")
    return _answer(request, 401, NO_TOKEN, (), {"WWW-Authenticate": header})


async def _malformed(request: Request, error: Exception) -> Response:
    """400 with the fields named; but who is not allowed in learns that first."""
    assert isinstance(error, RequestValidationError)
    try:
        await run_in_threadpool(_check_caller, request)
    except InvalidToken as refused:
        return await _unauthenticated(request, refused)
    except Refusal as refused:
        return await _refused(request, refused)
    details = [_described(problem) for problem in error.errors()]
    return _answer(request, 400, details[0], details)


async def _not_routed(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = _SENTENCES.get(error.status_code, error.detail)
    return _answer(request, error.status_code, message, (), dict(error.headers or {}))


async def _unexpected(request: Request, error: Exception) -> Response:
    """Left to the frame around every request, which logs it and answers 500."""
    del request
    raise error


def _check_caller(request: Request) -> None:
    call: Call = getattr(request.state, "call", None) or Call(request)
    with call.open():
        pass


def _described(problem: dict[str, Any]) -> str:
    place = [str(part) for part in problem["loc"] if part not in {"body", "query", "path", "header"}]
    if problem["type"] == "json_invalid":
        return "The body is not valid JSON."
    name = ".".join(place) or "The body"
    if problem["type"] == "missing":
        return f"{name} is required."
    reason = str(problem["msg"]).removeprefix("Value error, ")
    return f"{name}: {reason}."


def _challenge(request: Request, error: str | None, description: str, scopes: Sequence[str] = ()) -> str:
    settings = request.app.state.deployment.settings
    metadata = f"{settings.base_url}/.well-known/oauth-protected-resource/v1"
    return challenge(
        realm=settings.brand.product, metadata=metadata, error=error, description=description, scopes=scopes
    )


def _answer(
    request: Request, status: int, message: str, details: Sequence[str], headers: dict[str, str] | None = None
) -> Response:
    body = error_body(message, details, request.state.origin.tracking_id)
    return JSONResponse(body, status, headers)
