"""The one table that turns a refusal into the API's error body."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from appanage.api.call import Call
from appanage.deployment import Deployment
from appanage.kit.errors import Invalid, NotPermitted, Refusal
from appanage.kit.http import headers_of, status_of
from appanage.oauth.bearer import Scheme, challenge
from appanage.oauth.errors import InvalidDpopProof, InvalidToken, OAuthError, UseDpopNonce

NO_TOKEN = "The request requires a valid access token set in the Authorization request header."
_SENTENCES = {
    400: "The body is not valid JSON in UTF-8.",
    404: "The requested resource could not be found.",
    405: "The method is not supported for this resource.",
}


class InvalidCredentials(Refusal):
    """The token is good, but the client credentials in the body are not: 401 on this platform (reference §1.6)."""

    code = "invalid_credentials"


def install(app: FastAPI) -> None:
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(InvalidCredentials, _wrong_credentials)
    app.add_exception_handler(InvalidToken, _unauthenticated)
    app.add_exception_handler(InvalidDpopProof, _unproven)
    app.add_exception_handler(UseDpopNonce, _unproven)
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
    return _answer(request, status_of(error), error.message, _details(error), headers)


async def _wrong_credentials(request: Request, error: Exception) -> Response:
    assert isinstance(error, InvalidCredentials)
    headers = {"WWW-Authenticate": _challenge(request, None, "")}
    return _answer(request, 401, error.message, error.details, headers)


async def _unauthenticated(request: Request, error: Exception) -> Response:
    del error  # why a token is not valid is nothing that its bearer should learn
    given = request.headers.get("authorization", "")
    scheme = Scheme.DPOP if given.lower().startswith("dpop ") else Scheme.BEARER
    error_code, description = ("invalid_token", NO_TOKEN) if given else (None, "")
    header = _challenge(request, error_code, description, scheme=scheme)
    return _answer(request, 401, NO_TOKEN, (), {"WWW-Authenticate": header})


async def _unproven(request: Request, error: Exception) -> Response:
    """RFC 9449 §7.1, §9: 401 with what is wrong with the proof, and with the nonce that a good one contains."""
    assert isinstance(error, OAuthError)
    deployment: Deployment = request.app.state.deployment
    headers = {
        "WWW-Authenticate": _challenge(request, error.code, error.description, scheme=Scheme.DPOP),
        "DPoP-Nonce": deployment.nonces.make(deployment.database.clock()),
    }
    return _answer(request, 401, error.description, (), headers)


async def _malformed(request: Request, error: Exception) -> Response:
    """400 with the fields named; but who is not allowed in learns that first."""
    assert isinstance(error, RequestValidationError)
    details = [_described(problem) for problem in error.errors()]
    return await _turned_away(request) or _answer(request, 400, details[0], details)


async def _not_routed(request: Request, error: Exception) -> Response:
    """No such route or method; or a body that its endpoint cannot read."""
    assert isinstance(error, HTTPException)
    message = _SENTENCES.get(error.status_code, error.detail)
    answer = _answer(request, error.status_code, message, (), dict(error.headers or {}))
    return await _turned_away(request) or answer


async def _unexpected(request: Request, error: Exception) -> Response:
    """Left to the frame around every request, which logs it and answers 500."""
    del request
    raise error


async def _turned_away(request: Request) -> Response | None:
    """The refusal of a caller who may not use the endpoint at all, whatever the request looks like."""
    call: Call | None = getattr(request.state, "call", None)
    try:
        if call is not None:
            await run_in_threadpool(_check_caller, call)
    except InvalidToken as refused:
        return await _unauthenticated(request, refused)
    except (InvalidDpopProof, UseDpopNonce) as refused:
        return await _unproven(request, refused)
    except Refusal as refused:
        return await _refused(request, refused)
    return None


def _check_caller(call: Call) -> None:
    with call.open():
        pass


def _details(error: Refusal) -> Sequence[str]:
    if isinstance(error, Invalid):
        return [f"{name}: {sentence}" for name, sentence in error.fields.items()]
    return error.details


def _described(problem: dict[str, Any]) -> str:
    """What is wrong with which field, as in `name is required.`."""
    if problem["type"] == "json_invalid":
        return "The body is not valid JSON."
    place = [str(part) for part in problem["loc"] if part not in {"body", "query", "path", "header"}]
    # A key of the client's own may be half a surrogate pair, which no answer can carry.
    name = ".".join(place).encode("utf-8", "replace").decode() or "The body"
    if problem["type"] == "missing":
        return f"{name} is required."
    if problem["type"] == "value_error":
        return f"{name} {str(problem['msg']).removeprefix('Value error, ')}."
    return f"{name}: {problem['msg']}."


def _challenge(
    request: Request,
    error: str | None,
    description: str,
    scopes: Sequence[str] = (),
    *,
    scheme: Scheme = Scheme.BEARER,
) -> str:
    settings = request.app.state.deployment.settings
    metadata = f"{settings.base_url}/.well-known/oauth-protected-resource/v1"
    return challenge(
        realm=settings.brand.product,
        metadata=metadata,
        algorithms=settings.client_algorithms,
        error=error,
        description=description,
        scopes=scopes,
        scheme=scheme,
    )


def _answer(
    request: Request, status: int, message: str, details: Sequence[str], headers: dict[str, str] | None = None
) -> Response:
    body = error_body(message, details, request.state.origin.tracking_id)
    return JSONResponse(body, status, headers)
