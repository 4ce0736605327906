"""The device grant (RFC 8628)."""

import itertools
import os
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appanage.oauth import errors
from appanage.oauth.device import INTERVAL, USER_CODE, DeviceGrant, new_user_code, poll, tidy_user_code

NOW = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
EARLIER = NOW - timedelta(minutes=1)
LETTERS = st.text(USER_CODE, min_size=8, max_size=8)


def grant(**changes: Any) -> DeviceGrant:
    values: dict[str, Any] = {
        "client_id": "C1",
        "expires_at": EARLIER + timedelta(seconds=300),
        "interval": INTERVAL,
        "last_polled_at": None,
        "approved_at": None,
        "denied_at": None,
        "spent_at": None,
    }
    return DeviceGrant(**(values | changes))


def test_a_user_code_is_read_out_and_typed_with_ease():
    """RFC 8628 §6.1, AUTHZ-13."""
    codes = {new_user_code(os.urandom) for _ in range(100)}

    assert len(codes) == 100
    assert all(re.fullmatch(f"[{USER_CODE}]{{4}}-[{USER_CODE}]{{4}}", code) for code in codes)
    assert not set(USER_CODE) & set("AEIOUY0123456789")


def test_no_letter_is_likelier_than_another():
    """AUTHZ-13: every byte once, so that every letter comes up equally often."""
    every_byte = itertools.cycle(range(256))
    codes = "".join(new_user_code(lambda size: bytes(itertools.islice(every_byte, size))) for _ in range(30))
    counted = Counter(codes.replace("-", ""))

    assert counted == dict.fromkeys(USER_CODE, 12)


def test_bytes_that_would_be_unfair_are_thrown_away():
    given_bytes = iter([bytes([255, 240, 0, 1, 2, 3, 254, 239]), bytes([4, 250, 5, 6, 7, 8, 9, 10])])

    assert new_user_code(lambda _: next(given_bytes)) == "BCDF-ZGHJ"


@given(LETTERS, st.sampled_from(["", " ", "-", "–", "\u2011", "\u00a0", " - ", ".", "\n"]), st.booleans())
def test_a_code_may_be_typed_in_any_manner(letters: str, separator: str, is_lower: bool):
    typed = f" {letters[:4]}{separator}{letters[4:]}\n"

    assert tidy_user_code(typed.lower() if is_lower else typed) == f"{letters[:4]}-{letters[4:]}"


@given(st.text() | st.text(USER_CODE + "- "))
def test_what_is_tidied_is_a_code_or_nothing(text: str):
    tidied = tidy_user_code(text)

    assert tidied is None or re.fullmatch(f"[{USER_CODE}]{{4}}-[{USER_CODE}]{{4}}", tidied)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "BCDF",
        "BCDF-GHJ",
        "BCDF-GHJKL",
        "BCDF-GHJA",
        "BCDF-GHJ0",
        "BCDF-GHJ'",
        "BCDF-GHJK" + " " * 100,
        "12345678",
    ],
)
def test_what_cannot_be_a_code(text: str):
    assert tidy_user_code(text) is None


def test_an_approved_device_gets_its_token():
    poll(grant(approved_at=EARLIER), client_id="C1", now=NOW)


def test_an_approved_device_is_not_told_to_wait():
    poll(grant(approved_at=NOW, last_polled_at=NOW), client_id="C1", now=NOW)


POLLS = {
    "unknown": (None, errors.InvalidGrant),
    "another client's": (grant(client_id="C2", approved_at=EARLIER), errors.InvalidGrant),
    "another client's, denied": (grant(client_id="C2", denied_at=EARLIER), errors.InvalidGrant),
    "spent": (grant(approved_at=EARLIER, spent_at=EARLIER), errors.InvalidGrant),
    "denied": (grant(denied_at=EARLIER), errors.AccessDenied),
    "denied and expired": (grant(denied_at=EARLIER, expires_at=NOW), errors.AccessDenied),
    "expired": (grant(expires_at=NOW), errors.ExpiredToken),
    "approved and expired": (grant(approved_at=EARLIER, expires_at=NOW), errors.ExpiredToken),
    "first poll": (grant(), errors.AuthorizationPending),
    "after the interval": (grant(last_polled_at=NOW - INTERVAL), errors.AuthorizationPending),
    "a little before the interval": (
        grant(last_polled_at=NOW - INTERVAL + timedelta(milliseconds=300)),
        errors.AuthorizationPending,
    ),
    "too soon": (grant(last_polled_at=NOW - timedelta(seconds=1)), errors.SlowDown),
    "at once": (grant(last_polled_at=NOW), errors.SlowDown),
    "too soon for a longer interval": (
        grant(last_polled_at=NOW - timedelta(seconds=3), interval=timedelta(seconds=7)),
        errors.SlowDown,
    ),
}


@pytest.mark.parametrize(("presented", "kind"), POLLS.values(), ids=POLLS)
def test_what_a_poll_is_answered_with(presented: DeviceGrant | None, kind: type[errors.OAuthError]):
    """RFC 8628 §3.5."""
    with pytest.raises(errors.OAuthError) as refused:
        poll(presented, client_id="C1", now=NOW)

    assert type(refused.value) is kind


def test_the_statuses_are_those_that_clients_of_the_platform_wait_for():
    assert errors.AuthorizationPending.status == 428
    assert errors.SlowDown.status == 400


MOMENTS = st.none() | st.integers(-600, 600).map(lambda seconds: NOW + timedelta(seconds=seconds))


@given(MOMENTS, MOMENTS, MOMENTS, MOMENTS, st.sampled_from(["C1", "C2"]), st.booleans())
def test_only_what_is_approved_alive_and_its_own_gets_a_token(
    polled: datetime | None,
    approved: datetime | None,
    denied: datetime | None,
    spent: datetime | None,
    client_id: str,
    is_alive: bool,
):
    """RFC 8628 §3.5: no grant that breaks a MUST gets a token."""
    presented = grant(
        last_polled_at=polled,
        approved_at=approved,
        denied_at=denied,
        spent_at=spent,
        expires_at=NOW + timedelta(seconds=1) if is_alive else NOW,
    )
    deserves_it = approved and not denied and not spent and client_id == "C1" and is_alive
    try:
        poll(presented, client_id=client_id, now=NOW)
    except errors.OAuthError:
        assert not deserves_it
    else:
        assert deserves_it
