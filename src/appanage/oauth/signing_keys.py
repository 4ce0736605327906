"""Our own signing keys: elliptic curve for access tokens, RSA for ID tokens, as clients expect them."""

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.jwk import ECKey, RSAKey

ACCESS_TOKEN_ALGORITHM = "ES256"
ID_TOKEN_ALGORITHMS = ("RS256", "PS256")  # a deployment signs with one of them
_RSA_BITS = 2048
_ES256 = ECDSA(Prehashed(SHA256()))  # hashlib takes a tenth of a signature less to begin
_COORDINATE = 32  # bytes


@dataclass(frozen=True)
class SigningKey:
    """A private key with its `kid`, for one algorithm; `public` is what the key set shows."""

    key_id: str
    algorithm: str
    key: ECKey | RSAKey

    @property
    def public(self) -> dict[str, Any]:
        return {**self.key.as_dict(private=False), "kid": self.key_id, "use": "sig", "alg": self.algorithm}

    def sign_es256(self, signed: bytes) -> bytes:
        """The signature as JOSE writes it, both numbers in 32 bytes each (RFC 7518 §3.4); of a key on P-256 only."""
        r, s = decode_dss_signature(self._on_curve.sign(sha256(signed).digest(), _ES256))
        return r.to_bytes(_COORDINATE, "big") + s.to_bytes(_COORDINATE, "big")

    @cached_property
    def _on_curve(self) -> EllipticCurvePrivateKey:
        private = self.key.private_key
        assert isinstance(private, EllipticCurvePrivateKey)
        return private


def new_signing_key(key_id: str, algorithm: str = ACCESS_TOKEN_ALGORITHM) -> SigningKey:
    made = (
        ECKey.generate_key("P-256") if algorithm == ACCESS_TOKEN_ALGORITHM else RSAKey.generate_key(_RSA_BITS)
    )
    return SigningKey(key_id, algorithm, made)


def import_signing_key(key_id: str, algorithm: str, pem: bytes) -> SigningKey:
    kind = ECKey if algorithm == ACCESS_TOKEN_ALGORITHM else RSAKey
    return SigningKey(key_id, algorithm, kind.import_key(pem))
