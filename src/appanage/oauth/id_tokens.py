"""ID tokens (OpenID Connect Core §2): who signed in, when, for which client."""

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError

from appanage.oauth.errors import InvalidRequest
from appanage.oauth.signing_keys import ID_TOKEN_ALGORITHMS, SigningKey

TYPE = "JWT"
LONGEST = 8192
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_REGISTRY = jws.JWSRegistry(algorithms=list(ID_TOKEN_ALGORITHMS))


@dataclass(frozen=True, slots=True)
class IdClaims:
    """What an ID token says. `session` names the browser session that the person signed in with."""

    issuer: str
    subject: str
    client_id: str
    organization: str
    issued_at: datetime
    expires_at: datetime
    authenticated_at: datetime
    nonce: str | None = None
    session: str | None = None


@dataclass(frozen=True, slots=True)
class Hint:
    """What an `id_token_hint` proves, however old it is (OpenID Connect RP-Initiated Logout §2)."""

    subject: str
    client_id: str
    session: str | None


def sign(claims: IdClaims, key: SigningKey, *, access_token: str) -> str:
    header = {"alg": key.algorithm, "typ": TYPE, "kid": key.key_id}
    return jwt.encode(header, _as_json(claims, access_token), key.key, registry=_REGISTRY)


def read_hint(token: str, find_key: Callable[[str], SigningKey | None], *, issuer: str) -> Hint:
    """What one of our own ID tokens says, expired or not; raises InvalidRequest for anything else."""
    try:
        return _hint(_verified(token, find_key), issuer)
    except (JoseError, ValueError, KeyError, TypeError, AttributeError) as cause:
        raise InvalidRequest("The id_token_hint is not an ID token of this server.") from cause


def _verified(token: str, find_key: Callable[[str], SigningKey | None]) -> Mapping[str, Any]:
    if len(token) > LONGEST or not _COMPACT.fullmatch(token):
        raise ValueError("not a compact JWS")
    header = jws.extract_compact(token.encode("ascii")).headers()
    key = find_key(header["kid"]) if set(header) == {"alg", "typ", "kid"} else None
    if key is None or header["alg"] != key.algorithm or header["typ"] != TYPE:
        raise ValueError("a header that we do not write")
    return jwt.decode(token, key.key, registry=_REGISTRY).claims


def _hint(claims: Mapping[str, Any], issuer: str) -> Hint:
    if claims["iss"] != issuer:
        raise ValueError("another issuer")
    return Hint(subject=str(claims["sub"]), client_id=str(claims["aud"]), session=claims.get("sid"))


def _as_json(claims: IdClaims, access_token: str) -> dict[str, Any]:
    optional = {"nonce": claims.nonce, "sid": claims.session}
    return {
        "iss": claims.issuer,
        "sub": claims.subject,
        "aud": claims.client_id,
        "org": claims.organization,
        "iat": int(claims.issued_at.timestamp()),
        "exp": int(claims.expires_at.timestamp()),
        "auth_time": int(claims.authenticated_at.timestamp()),
        "at_hash": _half_hash(access_token),
    } | {name: value for name, value in optional.items() if value is not None}


def _half_hash(value: str) -> str:
    """The left half of the hash of the signature's algorithm, SHA-256 for each of ours, by which a client sees that token and ID token belong together (Core §3.1.3.6)."""
    half = hashlib.sha256(value.encode("ascii")).digest()[:16]
    return urlsafe_b64encode(half).rstrip(b"=").decode("ascii")
