"""Passwords (NIST SP 800-63B-4 §3.1.1)."""

import pytest

from appanage.kit.errors import Invalid
from appanage.profiles import PasswordHash
from appanage.signin.passwords import Passwords, require_acceptable

GOOD = "correct horse battery staple"
BOTH = [Passwords(PasswordHash.ARGON2ID), Passwords(PasswordHash.PBKDF2, iterations=1000)]


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

    for passwords in BOTH:
        hashed = passwords.hash(password)

        assert passwords.matches(hashed, password)
        assert not passwords.matches(hashed, password + "x")


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


def test_the_same_characters_written_differently_are_the_same_password():
    """800-63B §3.1.1.2: Unicode is normalized."""
    for passwords in BOTH:
        hashed = passwords.hash("Ame\u0301lie goes to the sea")

        assert passwords.matches(hashed, "Am\u00e9lie goes to the sea")
