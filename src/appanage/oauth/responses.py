"""Authorization responses: what the browser brings back to the client, always with the issuer (RFC 9207)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from urllib.parse import quote, urlencode

from appanage.oauth.errors import OAuthError

_PRINTABLE = re.compile(r"[!-~]+")
_NOT_IN_A_DESCRIPTION = re.compile(r"[^ !#-\[\]-~]")  # RFC 6749 §4.1.2.1


class ResponseMode(StrEnum):
    """How the answer travels: in the URL, or as a form that the browser posts."""

    QUERY = "query"
    FORM_POST = "form_post"


class Answerable(Protocol):
    """Where an answer goes: an authorization request, or the error that refused one."""

    @property
    def redirect_uri(self) -> str: ...

    @property
    def response_mode(self) -> ResponseMode: ...

    @property
    def state(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class AuthorizationResponse:
    """`parameters` are the fields of the form, or what `location` adds to the URL."""

    redirect_uri: str
    mode: ResponseMode
    parameters: Mapping[str, str]

    def __post_init__(self) -> None:
        if not _PRINTABLE.fullmatch(self.redirect_uri) or "#" in self.redirect_uri:
            raise ValueError("not a redirect URL that could have been registered")


def success(code: str, *, to: Answerable, issuer: str) -> AuthorizationResponse:
    """RFC 6749 §4.1.2."""
    return _response({"code": code}, to=to, issuer=issuer)


def failure(error: OAuthError, *, to: Answerable, issuer: str) -> AuthorizationResponse:
    """RFC 6749 §4.1.2.1."""
    description = _NOT_IN_A_DESCRIPTION.sub("", error.description)
    return _response({"error": error.code, "error_description": description}, to=to, issuer=issuer)


def location(response: AuthorizationResponse) -> str:
    """The redirect URL with the answer added to the query that it may have (RFC 6749 §3.1.2)."""
    url = response.redirect_uri
    added = urlencode(response.parameters, quote_via=quote, safe="")
    if "?" not in url:
        return f"{url}?{added}"
    return f"{url}{added}" if url.endswith(("?", "&")) else f"{url}&{added}"


def _response(parameters: dict[str, str], *, to: Answerable, issuer: str) -> AuthorizationResponse:
    if to.state is not None:
        parameters["state"] = to.state
    return AuthorizationResponse(to.redirect_uri, to.response_mode, {**parameters, "iss": issuer})
