"""Our own signing keys: elliptic curve for access tokens, RSA for ID tokens, as clients expect them."""

from dataclasses import dataclass
from typing import Any

from joserfc.jwk import ECKey, RSAKey

ACCESS_TOKEN_ALGORITHM = "ES256"
ID_TOKEN_ALGORITHMS = ("RS256", "PS256")  # a deployment signs with one of them
_RSA_BITS = 2048


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with its `kid`, for one algorithm; `public` is what the key set shows."""

    key_id: str
    algorithm: str
    key: ECKey | RSAKey

    @property
    def public(self) -> dict[str, Any]:
        return {**self.key.as_dict(private=False), "kid": self.key_id, "use": "sig", "alg": self.algorithm}


def new_signing_key(key_id: str, algorithm: str = ACCESS_TOKEN_ALGORITHM) -> SigningKey:
    made = (
        ECKey.generate_key("P-256") if algorithm == ACCESS_TOKEN_ALGORITHM else RSAKey.generate_key(_RSA_BITS)
    )
    return SigningKey(key_id, algorithm, made)


def import_signing_key(key_id: str, algorithm: str, pem: bytes) -> SigningKey:
    kind = ECKey if algorithm == ACCESS_TOKEN_ALGORITHM else RSAKey
    return SigningKey(key_id, algorithm, kind.import_key(pem))
