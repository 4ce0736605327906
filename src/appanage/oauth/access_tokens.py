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
from msgspec import Struct, ValidationError, convert, json

from appanage.oauth.errors import InvalidToken
from appanage.oauth.scopes import format_granted, parse_scope
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


class _Confirmation(Struct):
    jkt: str


class _Actor(Struct):
    sub: str


class _Written(Struct, omit_defaults=True):
    """The claims as they stand in the token."""

    iss: str
    aud: str
    sub: uuid.UUID
    client_id: str
    org: uuid.UUID
    realm: uuid.UUID  # the organization once more: a client library reads it here
    azn: uuid.UUID
    scope: str
    iat: int
    exp: int
    jti: str
    fam: str | None = None
    cnf: _Confirmation | None = None
    act: _Actor | None = None
    src: str | None = None


def sign(claims: AccessClaims, key: SigningKey) -> str:
    """The claims as a compact JWS (RFC 7515 §7.1)."""
    # By hand, because a library that can sign everything takes longer to find out how than signing takes.
    signed = _header(key.key_id) + b"." + _encoded(json.encode(_written(claims)))
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
        found = _read(jwt.decode(token, key.key, registry=_REGISTRY).claims)
    except (JoseError, ValidationError, ValueError, OverflowError, OSError) as cause:
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


def _written(claims: AccessClaims) -> _Written:
    thumbprint, actor = claims.key_thumbprint, claims.actor
    return _Written(
        claims.issuer,
        claims.audience,
        claims.subject,
        claims.client_id,
        claims.organization,
        claims.organization,
        claims.authorization,
        format_granted(claims.scopes),
        int(claims.issued_at.timestamp()),
        int(claims.expires_at.timestamp()),
        claims.token_id,
        claims.family,
        _Confirmation(thumbprint) if thumbprint else None,
        _Actor(actor) if actor else None,
        claims.source,
    )


def _read(claims: Mapping[str, Any]) -> AccessClaims:
    """Raises ValidationError, and for times that no clock shows ValueError, OverflowError and OSError."""
    written = convert(claims, _Written)
    return AccessClaims(
        issuer=written.iss,
        audience=written.aud,
        subject=written.sub,
        client_id=written.client_id,
        organization=written.org,
        authorization=written.azn,
        scopes=parse_scope(written.scope),
        issued_at=datetime.fromtimestamp(written.iat, UTC),
        expires_at=datetime.fromtimestamp(written.exp, UTC),
        token_id=written.jti,
        family=written.fam,
        key_thumbprint=written.cnf.jkt if written.cnf else None,
        actor=written.act.sub if written.act else None,
        source=written.src,
    )
