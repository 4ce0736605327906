"""Throttling: enough against guessing, no weapon against anybody (checklist SES-04, CRED-12, TEN-02)."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from appanage.kit.errors import TooMany
from appanage.signin.throttle import Throttle, network_of
from support.live import settings_for

HERE, ELSEWHERE = "203.0.113.7", "198.51.100.9"


@pytest.fixture
def throttle() -> Throttle:
    return Throttle(settings_for())


def test_attempts_at_the_same_moment_gain_nothing(throttle: Throttle):
    """SES-04: an attempt counts before the password is looked at."""

    def attempt(_: int) -> bool:
        try:
            throttle.count_signin_attempt("dana@people.example", HERE)
        except TooMany:
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        allowed = list(pool.map(attempt, range(50)))

    assert sum(allowed) == 5


def test_guessing_from_one_place_locks_nobody_out_elsewhere(throttle: Throttle):
    """SES-04."""
    for _ in range(5):
        throttle.count_signin_attempt("dana@people.example", HERE)
    with pytest.raises(TooMany) as refused:
        throttle.count_signin_attempt("DANA@people.example", HERE)

    throttle.count_signin_attempt("dana@people.example", ELSEWHERE)

    assert 0 < refused.value.retry_after.total_seconds() <= 15 * 60


def test_one_place_cannot_try_one_password_on_everybody(throttle: Throttle):
    for number in range(50):
        throttle.count_signin_attempt(f"person{number}@people.example", HERE)
        throttle.signin_failed(f"person{number}@people.example", HERE)

    with pytest.raises(TooMany):
        throttle.count_signin_attempt("person51@people.example", HERE)


def test_the_right_password_forgets_the_wrong_ones(throttle: Throttle):
    for _ in range(3):
        throttle.count_signin_attempt("dana@people.example", HERE)
        throttle.signin_succeeded("dana@people.example", HERE)

    assert throttle.signin_failed("dana@people.example", HERE) == 5


def test_made_up_clients_are_counted_by_where_they_come_from(throttle: Throttle):
    """CRED-12, TEN-02."""
    for number in range(100):
        throttle.require_client_allowed(f"C{number}", HERE)
        throttle.client_failed(f"C{number}", HERE)

    with pytest.raises(TooMany):
        throttle.require_client_allowed("C101", HERE)
    throttle.require_client_allowed("C101", ELSEWHERE)


def test_codes_of_devices_are_counted_by_person_and_by_where_they_come_from(throttle: Throttle):
    """AUTHZ-13, RFC 8628 §5.1: right ones too, since whoever guesses may have a code of their own."""
    for _ in range(20):
        throttle.count_user_code_attempt("dana", HERE)

    with pytest.raises(TooMany):
        throttle.count_user_code_attempt("dana", ELSEWHERE)
    throttle.count_user_code_attempt("omar", HERE)


@pytest.mark.parametrize(
    ("source", "network"),
    [
        (HERE, HERE),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::2", "2001:db8:1:2::/64"),
        ("unknown", "unknown"),
    ],
)
def test_all_addresses_of_an_ipv6_network_are_one_source(source: str, network: str):
    assert network_of(source) == network
