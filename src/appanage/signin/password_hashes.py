"""How passwords are kept (checklist SES-03): each way makes hashes, knows its own, and compares in constant time.

What a stored hash asks for is bounded: nobody who can write a row of the database makes a sign-in cost what they like.
"""

import hashlib
import hmac
import os
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from argon2 import PasswordHasher, Type, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError

from appanage.profiles import PasswordHash

ITERATIONS = 600_000  # OWASP's recommendation for PBKDF2-HMAC-SHA-256
_SALT = 16
_OUTPUT = 32
_MOST = 4  # times as much as our own parameters cost

# OWASP's first recommendation for Argon2id: 19 MiB, two passes, one lane.
_MEMORY = 19 * 1024
_PASSES = 2
_HASHER = PasswordHasher(
    time_cost=_PASSES, memory_cost=_MEMORY, parallelism=1, hash_len=_OUTPUT, salt_len=_SALT, type=Type.ID
)

_PBKDF2 = re.compile(
    r"\$pbkdf2-sha256\$i=([1-9][0-9]{0,8})\$([A-Za-z0-9+/]{22})\$([A-Za-z0-9+/]{43})", re.ASCII
)


class Hashing(Protocol):
    """One way of keeping passwords. `matches` and `is_current` are asked only about a hash that it `knows`."""

    @property
    def prefix(self) -> str:
        """What its hashes, and no others, begin with."""

    @property
    def words(self) -> str:
        """Its name and its parameters, for people."""

    def hash(self, password: str) -> str: ...

    def knows(self, hashed: str) -> bool:
        """Whether it is a whole hash of this kind that costs no more than it may."""

    def matches(self, hashed: str, password: str) -> bool: ...

    def is_current(self, hashed: str) -> bool:
        """Whether it was made with the present parameters."""


class Argon2id:
    """RFC 9106."""

    prefix = "$argon2id$"
    words = f"Argon2id ({_MEMORY // 1024} MiB, {_PASSES} passes, 1 lane)"

    def hash(self, password: str) -> str:
        return _HASHER.hash(_bytes(password))

    def knows(self, hashed: str) -> bool:
        try:
            made = extract_parameters(hashed)
        except InvalidHashError:
            return False
        passes = made.time_cost * max(made.parallelism, 1)
        return made.type is Type.ID and made.memory_cost <= _MOST * _MEMORY and passes <= _MOST * _PASSES

    def matches(self, hashed: str, password: str) -> bool:
        try:
            return _HASHER.verify(hashed, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False

    def is_current(self, hashed: str) -> bool:
        return not _HASHER.check_needs_rehash(hashed)


@dataclass(frozen=True, slots=True)
class Pbkdf2:
    """PBKDF2 with HMAC-SHA-256 (RFC 8018 §5.2, NIST SP 800-132), written as `$pbkdf2-sha256$i=600000$<salt>$<hash>`."""

    iterations: int = ITERATIONS

    @property
    def prefix(self) -> str:
        return "$pbkdf2-sha256$"

    @property
    def words(self) -> str:
        return f"PBKDF2-HMAC-SHA-256 ({self.iterations:,} iterations)"

    def hash(self, password: str) -> str:
        salt = os.urandom(_SALT)
        return f"$pbkdf2-sha256$i={self.iterations}${_text(salt)}${_text(_derived(password, salt, self.iterations))}"

    def knows(self, hashed: str) -> bool:
        found = _PBKDF2.fullmatch(hashed)
        return found is not None and int(found[1]) <= _MOST * ITERATIONS

    def matches(self, hashed: str, password: str) -> bool:
        iterations, salt, expected = _parts(hashed)
        return hmac.compare_digest(_derived(password, salt, iterations), expected)

    def is_current(self, hashed: str) -> bool:
        return _parts(hashed)[0] == self.iterations


def hashings(iterations: int) -> Mapping[PasswordHash, Hashing]:
    """Every way that there is."""
    return {PasswordHash.ARGON2ID: Argon2id(), PasswordHash.PBKDF2: Pbkdf2(iterations)}


def _parts(hashed: str) -> tuple[int, bytes, bytes]:
    found = _PBKDF2.fullmatch(hashed)
    assert found is not None
    return int(found[1]), b64decode(f"{found[2]}=="), b64decode(f"{found[3]}=")


def _derived(password: str, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", _bytes(password), salt, iterations, _OUTPUT)


def _bytes(password: str) -> bytes:
    """Also of what no keyboard types: half a surrogate pair is no reason to fail."""
    return password.encode("utf-8", "surrogatepass")


def _text(value: bytes) -> str:
    return b64encode(value).decode("ascii").rstrip("=")
