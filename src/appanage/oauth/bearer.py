"""Bearer tokens in requests (RFC 6750): taken from one strict Authorization header and from nowhere else."""

import re
from collections.abc import Collection, Sequence

from appanage.oauth.errors import InvalidToken
from appanage.oauth.scopes import format_scope

# One scheme in any case, one space, one b64token (RFC 6750 §2.1, RFC 9110 §11.1).
_BEARER = re.compile(rb"(?i:bearer) ([A-Za-z0-9._~+/-]+=*)")
LONGEST = 8192


def read_bearer(headers: Sequence[bytes]) -> str | None:
    """The token of the request's Authorization headers; None without one, InvalidToken when it is malformed."""
    if not headers:
        return None
    if len(headers) > 1 or len(headers[0]) > LONGEST:
        raise InvalidToken("more than one Authorization header, or one that is too long")
    match = _BEARER.fullmatch(headers[0])
    if match is None:
        raise InvalidToken("not of the form Bearer <token>")
    return match[1].decode("ascii")


def challenge(
    *,
    realm: str,
    metadata: str,
    error: str | None = None,
    description: str = "",
    scopes: Collection[str] = (),
) -> str:
    """A WWW-Authenticate value (RFC 6750 §3, RFC 9728 §5.1). Without an error it only asks for a token."""
    parts = {"realm": realm, "resource_metadata": metadata}
    if error:
        parts |= {"error": error, "error_description": description}
    if scopes:
        parts["scope"] = format_scope(scopes)
    return "Bearer " + ", ".join(f'{name}="{_quoted(value)}"' for name, value in parts.items())


def basic_challenge(realm: str) -> str:
    return f'Basic realm="{_quoted(realm)}", charset="UTF-8"'


def _quoted(value: str) -> str:
    """`value` inside a quoted-string of RFC 9110 §5.6.4, reduced to the characters RFC 6750 §3 allows."""
    return "".join(char for char in value if 0x20 <= ord(char) <= 0x7E and char not in {'"', "\\"})
