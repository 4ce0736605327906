"""Sealing: values that must be read again are encrypted with AES-256-GCM under a key derived for one purpose."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE = 12


class Unsealable(Exception):
    """The value was sealed under another key, or altered."""


def derive_key(secret: bytes, purpose: str) -> bytes:
    """A 256-bit key for one purpose (RFC 5869)."""
    return HKDF(hashes.SHA256(), length=32, salt=None, info=purpose.encode()).derive(secret)


def seal(key: bytes, value: bytes, context: bytes = b"") -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, value, context)


def unseal(key: bytes, sealed: bytes, context: bytes = b"") -> bytes:
    """Raises Unsealable when the key or the context is another one."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], context)
    except (InvalidTag, ValueError) as cause:
        raise Unsealable from cause
