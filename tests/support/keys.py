"""Keys of clients, and what they sign: also what no honest client would."""

import base64
import json
from collections.abc import Mapping
from typing import Any, TypeAlias

from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

ClientKey: TypeAlias = ECKey | OKPKey | RSAKey

# By the algorithm that each signs with.
KEYS: dict[str, ClientKey] = {
    "ES256": ECKey.generate_key("P-256"),
    "ES384": ECKey.generate_key("P-384"),
    "PS256": RSAKey.generate_key(2048),
    "EdDSA": OKPKey.generate_key("Ed25519"),
}
KEYS["Ed25519"] = KEYS["EdDSA"]


def public(key: ClientKey, **members: Any) -> dict[str, Any]:
    """The public JWK of a key."""
    return {**key.as_dict(private=False), **members}


def segment(value: bytes | str | Mapping[str, Any]) -> str:
    """A segment of a compact JWS: bytes, a text, or JSON."""
    text = value if isinstance(value, bytes | str) else json.dumps(value)
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def signed(header: Mapping[str, Any] | str, claims: Mapping[str, Any] | str, key: ClientKey, alg: str) -> str:
    """A compact JWS with a genuine signature by `alg`, whatever its header says."""
    signing_input = f"{segment(header)}.{segment(claims)}"
    signer = JWSRegistry.algorithms["Ed25519" if alg == "EdDSA" else alg]
    return f"{signing_input}.{segment(signer.sign(signing_input.encode(), key))}"
