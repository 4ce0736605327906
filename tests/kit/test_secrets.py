"""Secrets: entropy, shape, checksum, silence."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appanage.kit.secrets import Prefix, Secret, digest, is_well_formed, new_secret

ALPHABET = string.ascii_letters + string.digits + "_"


def test_a_secret_carries_its_prefix_256_random_bits_and_a_checksum():
    """CRED-01."""
    asked: list[int] = []

    def entropy(count: int) -> bytes:
        asked.append(count)
        return b"\xff" * count

    made = new_secret(Prefix.CLIENT_SECRET, entropy).reveal()

    assert asked == [32]
    assert made.startswith("apn_cs_")
    assert len(made) == len("apn_cs_") + 43 + 6
    assert is_well_formed(made, Prefix.CLIENT_SECRET)


def test_two_secrets_are_never_the_same():
    assert len({new_secret(Prefix.REFRESH_TOKEN).reveal() for _ in range(1000)}) == 1000


@given(
    entropy=st.binary(min_size=32, max_size=32), place=st.integers(0), steps=st.integers(1, len(ALPHABET) - 1)
)
def test_a_changed_character_is_found_out_without_asking_anybody(entropy: bytes, place: int, steps: int):
    """CRED-01, TOK-01: every position, every other character."""
    made = new_secret(Prefix.REFRESH_TOKEN, lambda _: entropy).reveal()
    place %= len(made)
    other = ALPHABET[(ALPHABET.index(made[place]) + steps) % len(ALPHABET)]

    assert not is_well_formed(made[:place] + other + made[place + 1 :], Prefix.REFRESH_TOKEN)


@pytest.mark.parametrize(
    "spoil", [lambda s: s[:-1], lambda s: s + "A", str.lower, str.upper, lambda s: " " + s]
)
def test_a_truncated_extended_or_recased_secret_is_refused(spoil):
    """TOK-01."""
    assert not is_well_formed(spoil(new_secret(Prefix.PERSONAL_TOKEN).reveal()), Prefix.PERSONAL_TOKEN)


def test_a_secret_of_one_kind_is_not_one_of_another():
    made = new_secret(Prefix.REFRESH_TOKEN).reveal()

    assert not is_well_formed(made, Prefix.CLIENT_SECRET)


def test_a_secret_never_prints_itself():
    """CRED-02."""
    secret = Secret("apn_cs_very_secret")

    assert "very" not in f"{secret} {secret!r} {[secret]}"
    assert secret.digest == digest("apn_cs_very_secret")
    assert secret.last_four == "cret"
