"""How a client proves who it is with a key: `private_key_jwt` (RFC 7523 §3)."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from appanage.oauth.errors import InvalidClient
from appanage.oauth.jose import Malformed, PublicKey, UnusableKey, public_key_of
from appanage.oauth.jwt import SignedClaims, read_signed_claims

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST = 4096  # characters of a whole assertion
LONGEST_LIFE = timedelta(minutes=5)
SKEW = timedelta(seconds=60)  # how far a client's clock may be ahead

# No type, any JWT, or the type that newer clients write; a DPoP proof or an access token is no assertion
# (RFC 8725 §3.11).
_TYPES = frozenset({"jwt", "client-authentication+jwt"})


@dataclass(frozen=True, slots=True)
class ClientAssertion:
    """A genuine assertion. Until `expires_at` its `token_id` must not be accepted again."""

    client_id: str
    token_id: str
    expires_at: datetime
    key_thumbprint: str


def client_of(assertion: str) -> str:
    """The client that an assertion is said to be of: only good for looking up its keys. Raises InvalidClient."""
    try:
        return _issuer_of(_read(assertion))
    except Malformed as cause:
        raise _failed() from cause


def verify(
    assertion: str,
    keys: Sequence[Mapping[str, Any]],
    *,
    client_id: str,
    audiences: Collection[str],
    now: datetime,
    algorithms: Collection[str],
) -> ClientAssertion:
    """The client's proof; `keys` are the JWKs that it registered, and no other key counts.

    A key that signs with none of `algorithms` counts no more, whatever was accepted when it was registered.

    Raises InvalidClient. Its sentence is always the same, so that nothing can be told apart; the cause is for logs.
    """
    try:
        message = _read(assertion)
        key = _signer(message, keys, algorithms)
        _require_parties(message, client_id, audiences)
        expires_at = _expiry(message, now)
        return ClientAssertion(client_id, message.text("jti"), expires_at, key.thumbprint)
    except Malformed as cause:
        raise _failed() from cause


def _read(assertion: str) -> SignedClaims:
    message = read_signed_claims(assertion, longest=LONGEST)
    if str(message.header.get("typ", "JWT")).lower() not in _TYPES or "jwk" in message.header:
        raise Malformed("another type of token, or one that brings its own key")
    return message


def _issuer_of(message: SignedClaims) -> str:
    issuer = message.text("iss")
    if issuer != message.text("sub"):
        raise Malformed("iss and sub differ")
    return issuer


def _signer(
    message: SignedClaims, keys: Sequence[Mapping[str, Any]], algorithms: Collection[str]
) -> PublicKey:
    """The registered key that made the signature: the one that `kid` names, or any when it names none of them."""
    known = list(_usable(keys, algorithms))
    kid = message.header.get("kid")
    named = [key for key in known if kid in {key.kid, key.thumbprint}] if isinstance(kid, str) else []
    for key in named or known:
        if message.is_signed_by(key, algorithms):
            return key
    raise Malformed("not signed by a registered key with an allowed algorithm")


def _usable(keys: Sequence[Mapping[str, Any]], algorithms: Collection[str]) -> Iterator[PublicKey]:
    """One key that is no longer accepted must not keep the others from working."""
    for jwk in keys:
        with suppress(UnusableKey):
            yield public_key_of(jwk, algorithms=algorithms)


def _require_parties(message: SignedClaims, client_id: str, audiences: Collection[str]) -> None:
    if _issuer_of(message) != client_id:
        raise Malformed("another client")
    named = message.claims.get("aud")
    audience = named[0] if isinstance(named, list) and len(named) == 1 else named
    # Exactly one, or else another server that it names too could use it here.
    if not isinstance(audience, str) or audience not in audiences:
        raise Malformed("another audience, or several")


def _expiry(message: SignedClaims, now: datetime) -> datetime:
    """Its end, which is near: whoever remembers it until then remembers little (checklist CRED-07)."""
    expires_at = message.moment("exp")
    if not now < expires_at <= now + LONGEST_LIFE + SKEW:
        raise Malformed("expired, or valid for too long")
    for name in {"iat", "nbf"} & message.claims.keys():
        if message.moment(name) > now + SKEW:
            raise Malformed(f"{name} is in the future")
    return expires_at


def _failed() -> InvalidClient:
    return InvalidClient("Client authentication failed.")
