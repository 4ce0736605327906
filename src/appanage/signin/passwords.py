"""Passwords: what is accepted, how it is kept, how it is compared (NIST SP 800-63B-4 §3.1.1)."""

import unicodedata
from functools import cache

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn

from appanage.kit.errors import Invalid

SHORTEST = 15  # while the password is the only factor (800-63B §3.1.1.2)
LONGEST = 256
_JUDGED = 72  # characters that are looked at for patterns
_STRONG = 4  # of 0 to 4

# OWASP's first recommendation for Argon2id: 19 MiB, two passes, one lane.
_HASHER = PasswordHasher(
    time_cost=2, memory_cost=19 * 1024, parallelism=1, hash_len=32, salt_len=16, type=Type.ID
)


def hash_password(password: str) -> str:
    return _HASHER.hash(_normalized(password))


def matches(hashed: str | None, password: str) -> bool:
    """Whether the password is right; costs the same when there is nothing to compare with (checklist SES-11)."""
    try:
        _HASHER.verify(hashed or _nobodys_hash(), _normalized(password))
    except (VerificationError, InvalidHashError):
        return False
    return hashed is not None


def needs_rehash(hashed: str) -> bool:
    return _HASHER.check_needs_rehash(hashed)


def require_acceptable(password: str, *, about: tuple[str, ...] = ()) -> None:
    """Raises Invalid with the reason (800-63B §3.1.1.2). `about` are words that make it guessable: name, address."""
    problem = _problem(password, about)
    if problem:
        raise Invalid(problem, code="weak_password", fields={"password": problem})


def _problem(password: str, about: tuple[str, ...]) -> str:
    plain = _normalized(password)
    if len(plain) < SHORTEST:
        return f"The password has {len(plain)} characters; it needs at least {SHORTEST}. A few words make a good one."
    if len(plain) > LONGEST:
        return f"The password is longer than {LONGEST} characters."
    return _weakness(plain, about)


def _weakness(password: str, about: tuple[str, ...]) -> str:
    """Why the password would be guessed; judged with lists of common passwords, names, words and patterns."""
    words = [word for name in about for word in (name, *name.split())]
    judged = zxcvbn(password[:_JUDGED], user_inputs=words)
    if judged["score"] >= _STRONG:
        return ""
    reason = judged["feedback"]["warning"] or "It is made of words that are tried first."
    return f"The password is easy to guess. {reason} Choose a few unrelated words instead."


def _normalized(password: str) -> str:
    return unicodedata.normalize("NFKC", password)


@cache
def _nobodys_hash() -> str:
    return _HASHER.hash("the password of nobody at all")
