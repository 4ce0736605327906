"""Passwords (NIST SP 800-63B-4 §3.1.1)."""

import time
from statistics import median

import pytest
from argon2 import PasswordHasher

from appanage.kit.errors import Invalid
from appanage.signin.passwords import hash_password, matches, needs_rehash, require_acceptable

GOOD = "correct horse battery staple"


@pytest.mark.parametrize(
    "password",
    [
        GOOD,
        "mountain river lantern",
        "пароль из нескольких слов",
        "🐎🔋📎🐎🔋📎 with some words",
        " spaces at both ends ",
        "a long way to walk before anybody would call this a hike, " * 3,
    ],
)
def test_any_long_password_of_any_characters_is_taken(password: str):
    """SES-01: no composition rules, any Unicode, blanks, more than 64 characters."""
    require_acceptable(password)

    assert matches(hash_password(password), password)
    assert not matches(hash_password(password), password + "x")


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "0 characters"),
        ("fourteen chars", "14 characters"),
        ("x" * 300, "longer than 256"),
        ("aaaaaaaaaaaaaaaaaaaa", "Repeats"),
        ("abcdefghijklmnopqrst", "Sequences"),
        ("1234567890123456", "commonly used"),
        ("qwertyuiopasdfgh", "commonly used"),
        ("passwordpassword1234", "Repeats"),
        ("Dana Kim Dana Kim 2026", "easy to guess"),
    ],
)
def test_a_weak_password_is_refused_with_the_reason(password: str, reason: str):
    """SES-01, SES-02."""
    with pytest.raises(Invalid, match=reason):
        require_acceptable(password, about=("Dana Kim", "dana.kim"))


def test_a_password_is_kept_as_argon2id_at_owasps_parameters():
    """SES-03."""
    assert hash_password(GOOD).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_hash_of_older_parameters_is_noticed():
    """SES-03: parameters can be raised at the next sign-in."""
    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(GOOD)

    assert matches(old, GOOD)
    assert needs_rehash(old)
    assert not needs_rehash(hash_password(GOOD))


def test_the_same_characters_written_differently_are_the_same_password():
    """800-63B §3.1.1.2: Unicode is normalized."""
    assert matches(hash_password("Ame\u0301lie goes to the sea"), "Am\u00e9lie goes to the sea")


@pytest.mark.parametrize("hashed", [None, "", "nonsense", "$argon2id$v=19$m=19456,t=2,p=1$bad"])
def test_without_a_usable_hash_no_password_is_right(hashed: str | None):
    assert not matches(hashed, GOOD)


def test_nobody_costs_as_much_as_somebody():
    """SES-11: the time of a refusal does not tell whether the address exists."""
    hashed = hash_password(GOOD)
    matches(None, GOOD)

    def cost(known: str | None) -> float:
        began = time.process_time()
        matches(known, "wrong password of some length")
        return time.process_time() - began

    somebody, nobody = (median(cost(known) for _ in range(9)) for known in (hashed, None))

    assert 0.5 < nobody / somebody < 2
