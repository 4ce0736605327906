"""Tokens in requests (RFC 6750, RFC 9449): taken from one strict Authorization header and from nowhere else."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from appanage.oauth.errors import InvalidToken
from appanage.oauth.scopes import format_scope

# One scheme in any case, one space, one token68 (RFC 6750 §2.1, RFC 9449 §7.1, RFC 9110 §11.1).
_PRESENTED = re.compile(rb"(?i:(bearer|dpop)) ([A-Za-z0-9._~+/-]+=*)")
LONGEST = 8192


class Scheme(StrEnum):
    """How a token is presented: by whoever bears it, or with proof of a key (RFC 9449 §7.1)."""

    BEARER = "Bearer"
    DPOP = "DPoP"


@dataclass(frozen=True, slots=True)
class Presented:
    scheme: Scheme
    token: str = field(repr=False)


def read_token(headers: Sequence[bytes]) -> Presented | None:
    """The token of the request's Authorization headers; None without one, InvalidToken when it is malformed."""
    if not headers:
        return None
    if len(headers) > 1 or len(headers[0]) > LONGEST:
        raise InvalidToken("more than one Authorization header, or one that is too long")
    match = _PRESENTED.fullmatch(headers[0])
    if match is None:
        raise InvalidToken("not of the form Bearer <token> or DPoP <token>")
    scheme = Scheme.DPOP if match[1].lower() == b"dpop" else Scheme.BEARER
    return Presented(scheme, match[2].decode("ascii"))


def headers_named(name: bytes, headers: Iterable[tuple[bytes, bytes]]) -> list[bytes]:
    """Every header of this name; a second one is for its reader to refuse."""
    return [value for key, value in headers if key == name]


def require_bound(presented: Presented, bound_to: str | None, thumbprint: str | None) -> None:
    """A token that is bound to a key comes with a proof by that key, and no other does (checklist TOK-11).

    `bound_to` is the token's key, `thumbprint` that of the request's DPoP proof. Raises InvalidToken (RFC 9449 §7).
    """
    if (presented.scheme is Scheme.DPOP) != (bound_to is not None) or bound_to != thumbprint:
        raise InvalidToken("scheme, token and proof do not belong together")


def challenge(
    *,
    realm: str,
    metadata: str | None,
    algorithms: Collection[str],
    error: str | None = None,
    description: str = "",
    scopes: Collection[str] = (),
    scheme: Scheme = Scheme.BEARER,
) -> str:
    """A WWW-Authenticate value (RFC 6750 §3, RFC 9449 §7.1, RFC 9728 §5.1). Without an error it only asks for a token.

    `metadata` is the address of the resource's own, None where it publishes none that we know of; `algorithms` are those
    of DPoP proofs.
    """
    parts = {"realm": realm} | ({"resource_metadata": metadata} if metadata else {})
    if scheme is Scheme.DPOP:
        parts["algs"] = " ".join(algorithms)
    if error:
        parts |= {"error": error, "error_description": description}
    if scopes:
        parts["scope"] = format_scope(scopes)
    return f"{scheme.value} " + ", ".join(f'{name}="{_quoted(value)}"' for name, value in parts.items())


def basic_challenge(realm: str) -> str:
    return f'Basic realm="{_quoted(realm)}", charset="UTF-8"'


def _quoted(value: str) -> str:
    """`value` inside a quoted-string of RFC 9110 §5.6.4, reduced to the characters RFC 6750 §3 allows."""
    return "".join(char for char in value if 0x20 <= ord(char) <= 0x7E and char not in {'"', "\\"})
