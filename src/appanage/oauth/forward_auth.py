"""Forward-auth: a proxy asks whether a request may pass, and in whose name (RFC 6750, RFC 9449).

Everything here decides about values: what the proxy demands of the token, what it tells of the request that waits, whose
token was presented, and what the proxy is answered.
"""

import re
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urljoin

from appanage.oauth.bearer import headers_named
from appanage.oauth.errors import (
    InsufficientScope,
    InvalidDpopProof,
    InvalidRequest,
    InvalidTarget,
    InvalidToken,
    Refused,
)
from appanage.oauth.parameters import parse_lists
from appanage.oauth.scopes import format_scope, name_some, parse_scope

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]

# Scheme and host of http(s), a path, and a query that no proof covers (RFC 9449 §4.2).
_URL = re.compile(r'(https?://[A-Za-z0-9._:\[\]-]+/[!-"$->@-~]*)(?:\?[!-"$-~]*)?', re.ASCII)


@dataclass(frozen=True, slots=True)
class Demand:
    """What a token must be for, and the scopes that it must have, all of them."""

    audience: str
    scopes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class OriginalRequest:
    """The request that waits at the proxy, as a DPoP proof names it: its URL is without the query."""

    method: str
    url: str


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose token was presented, and what it is worth now.

    `kind` is person, machine or bot; `client_id` is None for a token that no client was given; `bound_to` is the
    thumbprint of the token's key.
    """

    account: uuid.UUID
    organization: uuid.UUID
    kind: str
    client_id: str | None
    audience: str
    scopes: frozenset[str]
    bound_to: str | None


def read_demand(query: bytes, headers: Headers, *, issuer: str, resources: Collection[str]) -> Demand:
    """What the proxy demands: in the query of the address that it asks, and in X-Required-Scope.

    Of all the scopes that are named the union is demanded, so a header that a client smuggles in can only demand more.
    The audience is named in the query alone, which no client writes; without one it is the platform itself. A parameter
    that is not known is an error: it may be a misspelled demand. Raises InvalidRequest, InvalidTarget.
    """
    asked = parse_lists(query)
    if asked.keys() - {"scope", "resource"}:
        raise InvalidRequest("The only parameters here are scope and resource.")
    named = [one.decode("latin-1") for one in headers_named(b"x-required-scope", headers)]
    scopes = frozenset[str]().union(*map(parse_scope, asked.get("scope", []) + named))
    return Demand(_audience(asked.get("resource", []), issuer=issuer, resources=resources), scopes)


def original_request(headers: Headers, *, method: str, path: bytes | None) -> OriginalRequest:
    """The one request that everything speaks of which may have been told by the proxy.

    A proxy says it in X-Original-* (nginx), in X-Forwarded-* (Traefik, Caddy), or asks with the very `method` and has
    the `path` follow our address (Envoy; None where nothing follows). What each says is complete by itself: another
    one's headers may be the client's own, and a proof for another host must not become one for this. Raises
    InvalidDpopProof, also when the proxy and the client tell different stories.
    """
    told = {
        one
        for one in (_by_original(headers), _by_forwarded(headers), _by_path(headers, method, path))
        if one is not None
    }
    if len(told) > 1:
        raise _contradiction()
    if not told:
        raise _incomplete()
    return told.pop()


def require_audience(holder: Holder, demand: Demand) -> None:
    """A token is for one resource server (RFC 9700 §2.3, checklist TOK-06). Raises InvalidToken."""
    if holder.audience != demand.audience:
        raise InvalidToken("for another resource")


def decide(holder: Holder, demand: Demand) -> Mapping[str, str] | Refused:
    """The headers that tell the server behind the proxy who calls, or what the token lacks."""
    missing = demand.scopes - holder.scopes
    if missing:
        sentence = f"The access token lacks what this request needs: {name_some(missing)}."
        return Refused(InsufficientScope(sentence, scopes=missing))
    return identity_of(holder)


def identity_of(holder: Holder) -> Mapping[str, str]:
    """Always every header, if need be an empty one: copying them replaces what the client sent under these names."""
    return {
        "X-Auth-Account": str(holder.account),
        "X-Auth-Kind": holder.kind,
        "X-Auth-Organization": str(holder.organization),
        "X-Auth-Client": holder.client_id or "",
        "X-Auth-Scope": format_scope(holder.scopes),
    }


def _audience(named: Sequence[str], *, issuer: str, resources: Collection[str]) -> str:
    if len(named) > 1:
        raise InvalidRequest("The parameter resource is repeated.")
    audience = "".join(named) or issuer
    if audience != issuer and audience not in resources:
        raise InvalidTarget("The resource is none that tokens are issued for.")
    return audience


def _by_original(headers: Headers) -> OriginalRequest | None:
    """X-Original-URL, or X-Original-URI with a whole URL; where both are told, the latter may be only its path."""
    method = _one(headers, b"x-original-method")
    url, uri = _one(headers, b"x-original-url"), _one(headers, b"x-original-uri")
    if method is None and url is None and uri is None:
        return None
    named = _request(method, uri if url is None else url)
    if url is not None and uri is not None and _request(method, urljoin(url, uri)) != named:
        raise _contradiction()
    return named


def _by_forwarded(headers: Headers) -> OriginalRequest | None:
    """X-Forwarded-Proto and -Host alone are sent to every server behind a proxy and name no request."""
    method, uri = _one(headers, b"x-forwarded-method"), _one(headers, b"x-forwarded-uri")
    if method is None and uri is None:
        return None
    return _request(method, _joined(headers, b"x-forwarded-host", uri))


def _by_path(headers: Headers, method: str, path: bytes | None) -> OriginalRequest | None:
    return None if path is None else _request(method, _joined(headers, b"host", path.decode("latin-1")))


def _joined(headers: Headers, host: bytes, path: str | None) -> str | None:
    """A URL of parts, none of which may reach into the next; None when one is missing."""
    told_scheme, told_host = _one(headers, b"x-forwarded-proto"), _one(headers, host)
    if told_scheme is None or told_host is None or "/" in told_host or not (path or "").startswith("/"):
        return None
    return f"{told_scheme}://{told_host}{path}"


def _request(method: str | None, url: str | None) -> OriginalRequest:
    address = _URL.fullmatch(url or "")
    if not method or address is None:
        raise _incomplete()
    return OriginalRequest(method, address[1])


def _one(headers: Headers, name: bytes) -> str | None:
    values = headers_named(name, headers)
    if len(values) > 1:
        raise _contradiction()
    return values[0].decode("latin-1") if values else None


def _incomplete() -> InvalidDpopProof:
    return InvalidDpopProof(
        "The proxy does not tell method and URL of the request that the DPoP proof is for."
    )


def _contradiction() -> InvalidDpopProof:
    return InvalidDpopProof("Different things are told about the request that the DPoP proof is for.")
