"""Proof of possession (RFC 9449): a request is made by whoever holds the key that its token is bound to."""

import base64
import hashlib
import hmac
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from appanage.oauth.errors import InvalidDpopProof
from appanage.oauth.jose import Malformed, PublicKey, UnusableKey, public_key_of
from appanage.oauth.jwt import LONGEST_TEXT, SignedClaims, read_signed_claims

TYPE = "dpop+jwt"
LONGEST = 4096  # characters of a whole proof

# How far `iat` may be from the server's time, either way. A nonce does not widen it: the answer that brings the nonce
# also brings the server's Date, and a replay store that remembers two minutes stays small (RFC 9449 §11.1).
WINDOW = timedelta(seconds=60)
NONCE_LIFE = timedelta(minutes=5)
_STRETCH = NONCE_LIFE / 2
_SKEW = timedelta(seconds=60)

_DEFAULT_PORTS = {"http": 80, "https": 443}
_URL = re.compile(r"[!-~]+", re.ASCII)
_ENCODED = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Proof:
    """A genuine proof. Until `expires_at` its `token_id` must not be accepted again from the key `thumbprint`."""

    thumbprint: str
    token_id: str
    issued_at: datetime
    expires_at: datetime
    nonce: str | None


def read_proof(headers: Sequence[bytes]) -> str | None:
    """The request's one DPoP header, or None; two are an error, even the same twice (RFC 9449 §4.3)."""
    if not headers:
        return None
    if len(headers) > 1:
        raise InvalidDpopProof("Send one DPoP header.")
    if len(headers[0]) > LONGEST or not headers[0].isascii():
        raise _unreadable()
    return headers[0].decode("ascii")


def verify(
    proof: str,
    *,
    method: str,
    url: str,
    now: datetime,
    algorithms: Collection[str],
    access_token: str | None = None,
) -> Proof:
    """The proof, if it is of this request (RFC 9449 §4.3), and of `access_token` where one is presented.

    Raises InvalidDpopProof, which names the part that is wrong: proofs are no secret, and developers need to know.
    Whether the nonce is current and the proof new is asked by the caller.
    """
    message = _read(proof)
    key = _signer(message, algorithms)
    _require_request(message, method, url)
    if access_token is not None:
        _require_token(message, access_token)
    issued_at = _issued_at(message, now)
    return Proof(
        thumbprint=key.thumbprint,
        token_id=_text(message, "jti"),
        issued_at=issued_at,
        expires_at=issued_at + WINDOW,
        nonce=_text(message, "nonce") if "nonce" in message.claims else None,
    )


def token_hash(access_token: str) -> str:
    """The `ath` of an access token (RFC 9449 §4.2)."""
    return _base64url(hashlib.sha256(access_token.encode()).digest())


@dataclass(frozen=True, slots=True)
class Nonces:
    """Nonces that every node can make and recognise without remembering any (RFC 9449 §8).

    A nonce is the keyed hash of a stretch of time. It lives for one to two stretches, that is at most NONCE_LIFE.
    """

    key: bytes = field(repr=False)

    def make(self, now: datetime) -> str:
        stretch = int(now.timestamp() // _STRETCH.total_seconds())
        return _base64url(hmac.digest(self.key, b"dpop-nonce:%d" % stretch, "sha256"))

    def is_current(self, nonce: str | None, now: datetime) -> bool:
        given = (nonce or "").encode("utf-8", "surrogatepass")
        # The last one is made by a node whose clock is ahead (checklist TEN-06).
        current = (self.make(now), self.make(now - _STRETCH), self.make(now + _SKEW))
        return any(hmac.compare_digest(given, made.encode()) for made in current)


def _read(proof: str) -> SignedClaims:
    try:
        message = read_signed_claims(proof, longest=LONGEST)
    except Malformed as cause:
        raise _unreadable() from cause
    if message.header.get("typ") != TYPE:
        raise InvalidDpopProof(f"The typ of the DPoP proof must be {TYPE}.")
    return message


def _signer(message: SignedClaims, algorithms: Collection[str]) -> PublicKey:
    if message.algorithm not in algorithms:
        raise InvalidDpopProof(f"The alg of the DPoP proof must be one of {', '.join(algorithms)}.")
    key = _presented_key(message, algorithms)
    if not message.is_signed_by(key, algorithms):
        raise InvalidDpopProof("The signature of the DPoP proof is not by its jwk with its alg.")
    return key


def _presented_key(message: SignedClaims, algorithms: Collection[str]) -> PublicKey:
    jwk = message.header.get("jwk")
    try:
        return public_key_of(jwk if isinstance(jwk, dict) else {}, algorithms=algorithms)
    except UnusableKey as cause:
        raise InvalidDpopProof(
            "The jwk of the DPoP proof must be a public key for its alg, without any private member."
        ) from cause


def _require_request(message: SignedClaims, method: str, url: str) -> None:
    if message.claims.get("htm") != method:
        raise InvalidDpopProof("The htm of the DPoP proof is not the method of this request.")
    asked = message.claims.get("htu")
    if not isinstance(asked, str) or _target(asked) is None or _target(asked) != _target(url):
        raise InvalidDpopProof("The htu of the DPoP proof is not the URL of this request.")


def _require_token(message: SignedClaims, access_token: str) -> None:
    if message.claims.get("ath") != token_hash(access_token):
        raise InvalidDpopProof("The ath of the DPoP proof is not the hash of the access token.")


def _issued_at(message: SignedClaims, now: datetime) -> datetime:
    try:
        issued_at = message.moment("iat")
    except Malformed as cause:
        raise InvalidDpopProof("The iat of the DPoP proof must be a time in seconds.") from cause
    if not now - WINDOW < issued_at <= now + WINDOW:
        raise InvalidDpopProof(
            f"The iat of the DPoP proof is more than {WINDOW.seconds} seconds from the time of the server."
        )
    return issued_at


def _text(message: SignedClaims, name: str) -> str:
    try:
        return message.text(name)
    except Malformed as cause:
        raise InvalidDpopProof(
            f"The {name} of the DPoP proof must be a text of 1 to {LONGEST_TEXT} characters."
        ) from cause


def _target(url: str) -> tuple[str, str, int, str] | None:
    """Scheme, host, port and path in normal form (RFC 3986 §6.2.2, §6.2.3); None for what is no HTTP URL.

    Dots as segments stay, so that a path with them equals no path of ours.
    """
    try:
        parts = urlsplit(url) if _URL.fullmatch(url) else urlsplit("")
        default = _DEFAULT_PORTS[parts.scheme]
        port = default if parts.port is None else parts.port
    except (ValueError, KeyError):
        return None
    if not parts.hostname or "@" in parts.netloc:
        return None
    # A slash at the end is tolerated on every path, so it cannot tell two requests apart.
    return parts.scheme, parts.hostname, port, _ENCODED.sub(_normal_escape, parts.path).rstrip("/") or "/"


def _normal_escape(escape: re.Match[str]) -> str:
    """An escaped letter that needs no escape is itself; other escapes have capital digits."""
    char = chr(int(escape[1], 16))
    return char if _UNRESERVED.fullmatch(char) else escape[0].upper()


def _unreadable() -> InvalidDpopProof:
    return InvalidDpopProof(f"The DPoP proof must be a signed JWT of at most {LONGEST} characters.")


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode("ascii").rstrip("=")
