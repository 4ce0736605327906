"""Public keys that clients register or present (RFC 7517): which kinds are accepted, and their one canonical form."""

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, thumbprint
from joserfc.jws import JWSRegistry
from joserfc.util import base64_to_int

# What a client can sign with here: asymmetric only. "Ed25519" is what RFC 9864 calls EdDSA on that curve. Which of
# them a deployment accepts is told to every function that reads a key or verifies what was signed.
CLIENT_ALGORITHMS = ("ES256", "ES384", "PS256", "EdDSA", "Ed25519")
LONGEST = 8192  # characters of a pasted key
LONGEST_KEY_ID = 256

_VERIFIERS = {
    "ES256": JWSRegistry.algorithms["ES256"],
    "ES384": JWSRegistry.algorithms["ES384"],
    "PS256": JWSRegistry.algorithms["PS256"],
    "EdDSA": JWSRegistry.algorithms["Ed25519"],  # so that no other Edwards curve comes in under the old name
    "Ed25519": JWSRegistry.algorithms["Ed25519"],
}
_SECRET_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"})
_EXPONENT = 65537

_Key: TypeAlias = ECKey | OKPKey | RSAKey


class UnusableKey(ValueError):
    """A key that a client cannot register or present: one public sentence that tells what to do."""


class Malformed(ValueError):
    """A text that is not what its place asks for; the reason is for logs only."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """`jwk` has the public members in their canonical spelling, and the `kid` if there is one.

    `thumbprint` is that of RFC 7638, `algorithm` the one it signs with, `label` its kind in words for people.
    """

    jwk: Mapping[str, Any]
    thumbprint: str
    kid: str | None
    algorithm: str
    label: str
    _key: _Key = field(repr=False, compare=False)

    def verifies(self, signed: bytes, signature: bytes, *, algorithm: str) -> bool:
        """Whether this key made the signature with `algorithm`, which must fit the key (RFC 8725 §3.1)."""
        if algorithm not in _VERIFIERS:
            return False
        with suppress(JoseError):
            _VERIFIERS[algorithm].check_key(self._key)
            return _VERIFIERS[algorithm].verify(signed, signature, self._key)
        return False


@dataclass(frozen=True, slots=True)
class _Kind:
    label: str
    algorithms: tuple[str, ...]
    members: tuple[str, ...]
    key: type[_Key]

    def usable(self, algorithms: Collection[str]) -> list[str]:
        return [name for name in self.algorithms if name in algorithms]


_KINDS = {
    ("EC", "P-256"): _Kind("EC P-256", ("ES256",), ("kty", "crv", "x", "y"), ECKey),
    ("EC", "P-384"): _Kind("EC P-384", ("ES384",), ("kty", "crv", "x", "y"), ECKey),
    ("OKP", "Ed25519"): _Kind("Ed25519", ("EdDSA", "Ed25519"), ("kty", "crv", "x"), OKPKey),
    ("RSA", None): _Kind("RSA", ("PS256",), ("kty", "n", "e"), RSAKey),
}


def read_public_key(text: str, *, algorithms: Collection[str]) -> PublicKey:
    """The key in a pasted text: a JWK, a key set with one key, a PEM public key or certificate.

    Raises UnusableKey, which never repeats what was pasted.
    """
    if "PRIVATE KEY-----" in text:
        raise _private()
    if len(text) > LONGEST:
        raise UnusableKey("That is too long for one public key. Paste one JWK or one PEM block.")
    jwk = _jwk_of_pem(text) if "-----BEGIN" in text else _jwk_of_json(text)
    return public_key_of(jwk, algorithms=algorithms)


def public_key_of(jwk: Mapping[str, Any], *, algorithms: Collection[str]) -> PublicKey:
    """The key that a parsed JWK describes; members that say nothing about it are dropped. Raises UnusableKey."""
    _refuse_secrets(jwk)
    kind = _kind_of(jwk, algorithms)
    _refuse_other_purposes(jwk, kind.usable(algorithms))
    key = _imported(jwk, kind)
    # Spelled anew: one key has one thumbprint, whatever zeros its own library puts in front of a number.
    canonical, kid = _jwk_of(key.public_key), _kid_of(jwk)
    return PublicKey(
        jwk=canonical if kid is None else {**canonical, "kid": kid},
        thumbprint=thumbprint(canonical),
        kid=kid,
        algorithm=kind.usable(algorithms)[0],
        label=f"RSA {key.public_key.key_size}" if isinstance(key, RSAKey) else kind.label,
        _key=key,
    )


def labels_of(algorithms: Collection[str]) -> list[str]:
    """The kinds of keys that sign with one of these, in words for people."""
    return [kind.label for kind in _accepted(algorithms).values()]


def json_object(text: bytes) -> dict[str, Any]:
    """A JSON object in UTF-8 with every name once (RFC 7515 §4, RFC 7519 §4); raises Malformed."""
    try:
        found = json.loads(text.decode("utf-8"), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as cause:
        raise Malformed("not JSON, or nested too deep") from cause
    if not isinstance(found, dict):
        raise Malformed("not a JSON object")
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("a name is repeated")
    return found


def _jwk_of_json(text: str) -> Mapping[str, Any]:
    try:
        found = json_object(text.encode())
    except ValueError as cause:
        raise UnusableKey(
            "That is neither a JWK (one JSON object) nor a PEM block that begins with "
            "-----BEGIN PUBLIC KEY-----."
        ) from cause
    return _only_key(found["keys"]) if "keys" in found else found


def _only_key(keys: object) -> Mapping[str, Any]:
    found = [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []
    for key in found:
        _refuse_secrets(key)
    if len(found) != 1:
        raise UnusableKey("Paste one key at a time, or a key set that has exactly one key.")
    return found[0]


def _jwk_of_pem(text: str) -> Mapping[str, Any]:
    if text.count("-----BEGIN") > 1:
        raise UnusableKey("Paste one key at a time: a single PEM block.")
    try:
        pem = text.encode()
        is_certificate = "-----BEGIN CERTIFICATE-----" in text
        native = load_pem_x509_certificate(pem).public_key() if is_certificate else load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as cause:
        raise UnusableKey("That PEM block holds no public key that can be read. Export it again.") from cause
    return _jwk_of(native)


def _jwk_of(native: object) -> dict[str, Any]:
    """The canonical JWK of a key of the cryptography library; empty for a kind that is not accepted anyway."""
    if isinstance(native, EllipticCurvePublicKey) and native.curve.name in {"secp256r1", "secp384r1"}:
        return {**ECKey(native, native).as_dict(private=False)}
    if isinstance(native, Ed25519PublicKey):
        return {**OKPKey(native, native).as_dict(private=False)}
    if isinstance(native, RSAPublicKey):
        return {**RSAKey(native, native).as_dict(private=False)}
    return {}


def _refuse_secrets(jwk: Mapping[str, Any]) -> None:
    if jwk.get("kty") == "oct":
        raise UnusableKey(
            "That is a symmetric key, a secret that two sides share. Make a key pair, and paste its public half."
        )
    if not _SECRET_MEMBERS.isdisjoint(jwk):
        raise _private()


def _private() -> UnusableKey:
    return UnusableKey("That is a private key. Keep it secret, make a new pair, and paste the public half.")


def _kind_of(jwk: Mapping[str, Any], algorithms: Collection[str]) -> _Kind:
    for (key_type, curve), kind in _accepted(algorithms).items():
        if jwk.get("kty") == key_type and jwk.get("crv") == curve:
            return kind
    labels = ", ".join(labels_of(algorithms))
    raise UnusableKey(f"This kind of key is not accepted. Use one of these: {labels}.")


def _accepted(algorithms: Collection[str]) -> Mapping[tuple[str, str | None], _Kind]:
    return {name: kind for name, kind in _KINDS.items() if kind.usable(algorithms)}


def _refuse_other_purposes(jwk: Mapping[str, Any], algorithms: Collection[str]) -> None:
    """The members that narrow what a key is for (RFC 7517 §4.2 to §4.4)."""
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        raise UnusableKey("This key is not meant for signatures. Paste the one that the app signs with.")
    if "alg" in jwk and jwk["alg"] not in algorithms:
        raise UnusableKey(
            f"This key names another algorithm than it can be used with here: {' or '.join(algorithms)}."
        )


def _kid_of(jwk: Mapping[str, Any]) -> str | None:
    kid = jwk.get("kid")
    if kid is None or (isinstance(kid, str) and 0 < len(kid) <= LONGEST_KEY_ID and kid.isprintable()):
        return kid
    raise UnusableKey(f'The "kid" of the key must be a text of 1 to {LONGEST_KEY_ID} characters.')


def _imported(jwk: Mapping[str, Any], kind: _Kind) -> _Key:
    if kind.key is RSAKey:
        _refuse_unsound_rsa(_number(jwk.get("n")), _number(jwk.get("e")))
    try:
        return kind.key.import_key({name: jwk[name] for name in kind.members})
    except (JoseError, ValueError, KeyError, TypeError) as cause:
        raise UnusableKey("The key is incomplete or damaged. Export it again.") from cause


def _refuse_unsound_rsa(modulus: int, exponent: int) -> None:
    if not 2048 <= modulus.bit_length() <= 8192:
        raise UnusableKey("This RSA key has the wrong length. Make one of 2048 to 8192 bits.")
    # Whoever presents a key chooses its exponent, and a long one makes every verification slow.
    if exponent != _EXPONENT:
        raise UnusableKey(f"This RSA key has an unusual exponent. Make one with {_EXPONENT}.")


def _number(member: object) -> int:
    try:
        return base64_to_int(member) if isinstance(member, str) else 0
    except ValueError:
        return 0
