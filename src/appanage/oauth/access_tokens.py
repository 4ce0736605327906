"""Access tokens: signed JWTs (RFC 9068) that name their authorization."""

import re
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from msgspec import Struct, json

from appanage.oauth.errors import InvalidToken
from appanage.oauth.scopes import format_scope, parse_scope
from appanage.oauth.signing_keys import ACCESS_TOKEN_ALGORITHM as ALGORITHM
from appanage.oauth.signing_keys import SigningKey

TYPE = "at+jwt"
LONGEST = 4096  # characters of a whole token; checked before anything is parsed (checklist TOK-04)
SKEW = timedelta(seconds=60)

# Three segments; the signature has 64 bytes and one spelling only, so its last digit leaves four bits unused.
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{85}[AQgw]", re.ASCII)
_REGISTRY = jws.JWSRegistry(algorithms=[ALGORITHM])


class AccessClaims(Struct, frozen=True):
    """What an access token says.

    `family` is the refresh token that it was issued with, if any; `key_thumbprint` the key that it is bound to
    (RFC 9449 §6.1). A token that was narrowed names the client that did it in `actor` (RFC 8693 §4.1), and in `source`
    the token that it was made of, with which it ends.
    """

    issuer: str
    audience: str
    subject: uuid.UUID
    client_id: str
    organization: uuid.UUID
    authorization: uuid.UUID
    scopes: frozenset[str]
    issued_at: datetime
    expires_at: datetime
    token_id: str
    family: str | None = None
    key_thumbprint: str | None = None
    actor: str | None = None
    source: str | None = None


def sign(claims: AccessClaims, key: SigningKey) -> str:
    """The claims as a compact JWS (RFC 7515 §7.1)."""
    # By hand, because a library that can sign everything takes longer to find out how than signing takes.
    signed = _header(key.key_id) + b"." + _encoded(json.encode(_as_json(claims)))
    return (signed + b"." + _encoded(key.sign_es256(signed))).decode("ascii")


def key_id_of(token: str) -> str:
    """The `kid` of a token that is not verified yet; raises InvalidToken when it is no token of ours at all."""
    if len(token) > LONGEST or not _COMPACT.fullmatch(token):
        raise InvalidToken("not a compact JWS of ours")
    try:
        header = jws.extract_compact(token.encode("ascii")).headers()
    except (JoseError, ValueError) as cause:
        raise InvalidToken("unreadable header") from cause
    if header.get("alg") != ALGORITHM or header.get("typ") != TYPE or set(header) != {"alg", "typ", "kid"}:
        raise InvalidToken("a header that we do not write")
    if not isinstance(header["kid"], str):
        raise InvalidToken("kid is not a string")
    return header["kid"]


def verify(
    token: str, key: SigningKey, *, issuer: str, audiences: Collection[str], now: datetime
) -> AccessClaims:
    """The claims of a token that is genuine and alive (RFC 9068 §4); raises InvalidToken otherwise."""
    if key.algorithm != ALGORITHM:
        raise InvalidToken("a key for other tokens")
    try:
        claims = jwt.decode(token, key.key, registry=_REGISTRY).claims
        found = _from_json(claims)
    except (JoseError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as cause:
        raise InvalidToken("signature or claims") from cause
    if found.issuer != issuer or found.audience not in audiences:
        raise InvalidToken("another issuer or audience")
    if found.expires_at <= now or found.issued_at > now + SKEW:
        raise InvalidToken("expired or not yet valid")
    return found


@lru_cache(maxsize=16)
def _header(key_id: str) -> bytes:
    return _encoded(json.encode({"alg": ALGORITHM, "typ": TYPE, "kid": key_id}))


def _encoded(part: bytes) -> bytes:
    return urlsafe_b64encode(part).rstrip(b"=")


def _as_json(claims: AccessClaims) -> dict[str, Any]:
    organization = str(claims.organization)
    made: dict[str, Any] = {
        "iss": claims.issuer,
        "aud": claims.audience,
        "sub": str(claims.subject),
        "client_id": claims.client_id,
        "org": organization,
        "realm": organization,  # a client library reads the organization here
        "azn": str(claims.authorization),
        "scope": format_scope(claims.scopes),
        "iat": int(claims.issued_at.timestamp()),
        "exp": int(claims.expires_at.timestamp()),
        "jti": claims.token_id,
    }
    if claims.family:
        made["fam"] = claims.family
    if claims.key_thumbprint:
        made["cnf"] = {"jkt": claims.key_thumbprint}
    if claims.actor:
        made["act"] = {"sub": claims.actor}
    if claims.source:
        made["src"] = claims.source
    return made


def _from_json(claims: Mapping[str, Any]) -> AccessClaims:
    return AccessClaims(
        issuer=claims["iss"],
        audience=str(claims["aud"]),  # a list of them is never one of ours
        subject=uuid.UUID(claims["sub"]),
        client_id=claims["client_id"],
        organization=uuid.UUID(claims["org"]),
        authorization=uuid.UUID(claims["azn"]),
        scopes=parse_scope(claims["scope"]),
        issued_at=_moment(claims["iat"]),
        expires_at=_moment(claims["exp"]),
        token_id=claims["jti"],
        family=claims.get("fam"),
        key_thumbprint=claims["cnf"]["jkt"] if "cnf" in claims else None,
        actor=claims["act"]["sub"] if "act" in claims else None,
        source=claims.get("src"),
    )


def _moment(value: object) -> datetime:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(value)
    return datetime.fromtimestamp(value, UTC)
