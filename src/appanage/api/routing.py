"""The way of a request to its endpoint: its form is looked at, then the endpoint runs in one transaction."""

import base64
from collections import Counter
from collections.abc import Callable, Coroutine
from functools import wraps
from inspect import signature
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.responses import Response

from appanage.api.call import Call, Requirement
from appanage.kit.errors import Refused

CURSORS = ("cursor", "next")
"""The parameters that carry a cursor; `next` is what the platform calls the one of a license's people."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class TransactionalRoute(APIRoute):
    """Runs an endpoint in one thread and one transaction, which is committed before the answer is written."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.requirement = _requirement_of(endpoint)
        options["response_model_exclude_none"] = True
        alternatives = [[scope] for scope in self.requirement.any_of] or [[]]
        needed = [] if self.requirement.public else [{"bearer": scopes} for scopes in alternatives]
        security = {"security": needed}
        options["openapi_extra"] = (options.get("openapi_extra") or {}) | security
        super().__init__(path, _in_one_transaction(endpoint), **options)

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()

        async def checked(request: Request) -> Response:
            request.state.call = Call(request, self.requirement)
            continue_from_cursor(request)
            refuse_contradictions(request)
            if self.body_field is not None:
                await require_json(request)
            return await handle(request)

        return checked


def continue_from_cursor(request: Request) -> None:
    """Puts the query that a cursor holds in place of the request's own.

    Clients add parameters of their first request to the next URL again, changed or misspelt; beside a cursor none of
    them counts.
    """
    given = parse_qsl(request.scope["query_string"].decode("latin-1"))
    sealed = [(name, value) for name, value in given if name in CURSORS]
    if sealed:
        request.scope["query_string"] = _opened(*sealed[0])


def sealed_cursor(request: Request, name: str, key: str) -> str:
    """A cursor that holds the query it continues, and in it the place in the list."""
    own = [(one, value) for one, value in request.query_params.multi_items() if one not in CURSORS]
    return base64.urlsafe_b64encode(urlencode([*own, (name, key)]).encode()).decode().rstrip("=")


def refuse_contradictions(request: Request) -> None:
    """A parameter may be repeated, but not with another value (checklist CONS-11)."""
    pairs = set(parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True))
    for name, count in Counter(name for name, _ in pairs).items():
        if count > 1:
            raise malformed(name, "is given more than once, with different values")


async def require_json(request: Request) -> None:
    """Refuses a body that is not labelled as JSON; reading it here keeps it for the endpoint."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = media_type == "application/json" or media_type.endswith("+json")
    if not is_json and await request.body():
        raise HTTPException(415, f"Content type '{media_type}' not supported")


def malformed(name: str, reason: str) -> RequestValidationError:
    """A fault of the query in the form of all faults that are found before the endpoint runs."""
    return RequestValidationError([{"type": "value_error", "loc": ("query", name), "msg": reason}])


def _opened(name: str, sealed: str) -> bytes:
    try:
        query = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
    except ValueError:
        query = b""
    if name not in dict(parse_qsl(query.decode("ascii", "replace"))):
        raise malformed(name, "is not one that this list gave out; start again without it")
    return query


def _requirement_of(endpoint: Callable[..., Any]) -> Requirement:
    declared = signature(endpoint).parameters["call"].annotation.__metadata__[0].dependency
    assert isinstance(declared, Requirement)
    return declared


def _in_one_transaction(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(endpoint)
    def run(**arguments: Any) -> Any:
        call: Call = arguments["call"]
        with call.acting():
            answer = endpoint(**arguments)
        if isinstance(answer, Refused):  # its record is committed by now
            raise answer.error
        return answer

    return run
