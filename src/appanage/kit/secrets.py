"""Secrets: made here, shown once, kept as digests.

A secret is `<prefix><43 base62 digits of 256 random bits><6 base62 digits of their CRC-32>`. The prefix lets leak
scanners find it; the checksum lets a typo be refused before anything is looked up.
"""

import hashlib
import hmac
import os
import zlib
from collections.abc import Callable
from enum import StrEnum

Entropy = Callable[[int], bytes]

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BODY = 43
_CHECKSUM = 6


class Prefix(StrEnum):
    CLIENT_SECRET = "apn_cs_"
    REFRESH_TOKEN = "apn_rt_"
    PERSONAL_TOKEN = "apn_pat_"
    BOT_TOKEN = "apn_bot_"
    BROWSER_SESSION = "apn_ses_"
    AUTHORIZATION_CODE = "apn_ac_"
    DEVICE_CODE = "apn_dc_"


class Secret:
    """A secret value on its way to the one place that may see it; it never prints itself."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    @property
    def digest(self) -> bytes:
        return digest(self._value)

    @property
    def last_four(self) -> str:
        return self._value[-4:]

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value, other._value)

    def __hash__(self) -> int:
        return hash((Secret, self.digest))


def new_secret(prefix: Prefix, entropy: Entropy = os.urandom) -> Secret:
    body = f"{prefix}{_base62(int.from_bytes(entropy(32)), _BODY)}"
    return Secret(body + _checksum(body))


def is_well_formed(value: str, prefix: Prefix) -> bool:
    """Whether `value` has the shape and the checksum of a secret with this prefix."""
    length = len(prefix) + _BODY + _CHECKSUM
    if len(value) != length or not value.startswith(prefix) or not value.isascii():
        return False
    return hmac.compare_digest(_checksum(value[:-_CHECKSUM]), value[-_CHECKSUM:])


def digest(value: str) -> bytes:
    """SHA-256; enough for a value of 256 random bits, and cheap enough for every request."""
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest()


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECKSUM)


def _base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
