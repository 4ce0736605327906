"""Passwords: what is accepted, how it is kept, how it is compared (NIST SP 800-63B-4 §3.1.1)."""

import unicodedata
from collections.abc import Collection
from functools import cached_property
from typing import Self

from appanage.kit.errors import Invalid
from appanage.profiles import PasswordHash
from appanage.settings import Settings
from appanage.signin.password_hashes import ITERATIONS, Hashing, hashings

SHORTEST = 15  # while the password is the only factor (800-63B §3.1.1.2)
LONGEST = 256
_JUDGED = 72  # characters that are looked at for patterns
_STRONG = 4  # of 0 to 4


class Passwords:
    """How this deployment keeps passwords, and which older ones it still compares.

    New hashes are made by `scheme`. Those of the ways in `accepts` are compared as well; a hash of any other way, and
    one that is damaged, matches nothing. `iterations` are those of PBKDF2.
    """

    def __init__(
        self, scheme: PasswordHash, *, accepts: Collection[PasswordHash] = (), iterations: int = ITERATIONS
    ) -> None:
        ways = hashings(iterations)
        self._own = ways[scheme]
        self._accepted = [self._own, *(ways[one] for one in accepts if one != scheme)]

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(settings.password_hash, accepts=settings.rules.password_hashes)

    @property
    def words(self) -> list[str]:
        """The ways and their parameters, for people; new passwords are kept the first way."""
        return [way.words for way in self._accepted]

    @property
    def prefixes(self) -> list[str]:
        """What every hash that can match begins with."""
        return [way.prefix for way in self._accepted]

    def hash(self, password: str) -> str:
        return self._own.hash(_normalized(password))

    def matches(self, hashed: str | None, password: str) -> bool:
        """Whether the password is right.

        A wrong one costs no less when there is nothing to compare with, or an older hash (checklist SES-11).
        """
        plain, way = _normalized(password), self._way_of(hashed or "")
        if hashed is not None and way is not None and way.matches(hashed, plain):
            return True
        if way is not self._own:
            self._own.matches(self._nobodys_hash, plain)
        return False

    def needs_rehash(self, hashed: str) -> bool:
        """Whether it was made another way, or with other parameters, than a new one would be (checklist SES-03)."""
        return not self._own.knows(hashed) or not self._own.is_current(hashed)

    def _way_of(self, hashed: str) -> Hashing | None:
        return next((way for way in self._accepted if way.knows(hashed)), None)

    @cached_property
    def _nobodys_hash(self) -> str:
        return self._own.hash("the password of nobody at all")


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
    # Imported with the first password that is chosen: its lists take 12 MiB, and most processes are never asked.
    from zxcvbn import zxcvbn

    words = [word for name in about for word in (name, *name.split())]
    judged = zxcvbn(password[:_JUDGED], user_inputs=words)
    if judged["score"] >= _STRONG:
        return ""
    reason = judged["feedback"]["warning"] or "It is made of words that are tried first."
    return f"The password is easy to guess. {reason} Choose a few unrelated words instead."


def _normalized(password: str) -> str:
    return unicodedata.normalize("NFKC", password)
