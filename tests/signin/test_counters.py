"""Counters in memory: they count exactly what is in the window, and cost what is in it, not what ever was."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from limits import RateLimitItemPerMinute
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter

from appanage.signin.counters import Counters

THREE = RateLimitItemPerMinute(3, 1, "three")
HOUR = RateLimitItemPerMinute(3, 60, "hour")


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def counters(clock: Clock) -> Counters:
    return Counters(clock=clock, most=1_000)


@pytest.fixture
def limiter(counters: Counters) -> MovingWindowRateLimiter:
    return MovingWindowRateLimiter(counters)


def test_a_window_moves_with_the_time(limiter: MovingWindowRateLimiter, clock: Clock):
    for at in (1_000.0, 1_020.0, 1_040.0):
        clock.now = at
        assert limiter.hit(THREE, "dana")

    clock.now = 1_060.0
    assert not limiter.hit(THREE, "dana")
    clock.now = 1_060.1
    assert limiter.hit(THREE, "dana")
    assert not limiter.hit(THREE, "dana")


def test_what_is_refused_is_not_counted(limiter: MovingWindowRateLimiter, clock: Clock):
    for _ in range(9):
        limiter.hit(THREE, "dana")
        clock.now += 1

    clock.now = 1_062.5
    assert limiter.get_window_stats(THREE, "dana").remaining == 3


def test_several_at_once_count_all_or_nothing(limiter: MovingWindowRateLimiter):
    assert not limiter.hit(THREE, "dana", cost=4)
    assert limiter.hit(THREE, "dana", cost=2)
    assert not limiter.hit(THREE, "dana", cost=2)
    assert limiter.test(THREE, "dana")
    assert limiter.hit(THREE, "dana", cost=1)
    assert not limiter.test(THREE, "dana")


def test_it_says_when_to_try_again(limiter: MovingWindowRateLimiter, clock: Clock):
    assert limiter.get_window_stats(THREE, "dana") == (1_060.0, 3)
    limiter.hit(THREE, "dana", cost=2)
    clock.now = 1_030.0
    limiter.hit(THREE, "dana")

    assert limiter.get_window_stats(THREE, "dana") == (1_060.0, 0)
    clock.now = 1_061.0
    assert limiter.get_window_stats(THREE, "dana") == (1_090.0, 2)


def test_each_is_counted_by_themselves_and_can_be_cleared(limiter: MovingWindowRateLimiter):
    limiter.hit(THREE, "dana", cost=3)
    limiter.hit(HOUR, "dana", cost=3)
    assert limiter.hit(THREE, "omar", cost=3)

    limiter.clear(THREE, "dana")

    assert limiter.hit(THREE, "dana", cost=3)
    assert not limiter.hit(THREE, "omar")
    assert not limiter.hit(HOUR, "dana")


def test_many_at_the_same_moment_are_counted_exactly(limiter: MovingWindowRateLimiter):
    """SES-04."""
    hundred = RateLimitItemPerMinute(100, 1, "hundred")

    with ThreadPoolExecutor(8) as pool:
        allowed = list(pool.map(lambda _: limiter.hit(hundred, "dana"), range(1_000)))

    assert sum(allowed) == 100


def test_those_who_do_not_come_again_are_forgotten(
    limiter: MovingWindowRateLimiter, counters: Counters, clock: Clock
):
    """One a second for hours: those of the last minute count, and at most as many again are kept."""
    for number in range(10_000):
        clock.now += 1
        limiter.hit(THREE, f"person {number}")

        assert len(counters) <= 2 * 61 + 1


def test_long_windows_do_not_keep_short_ones(
    limiter: MovingWindowRateLimiter, counters: Counters, clock: Clock
):
    for number in range(200):
        limiter.hit(HOUR, f"person {number}")
    for number in range(3_000):
        clock.now += 1
        limiter.hit(THREE, f"person {number}")

        assert len(counters) <= 2 * (200 + 61) + 1

    limiter.hit(HOUR, "person 0", cost=2)
    assert not limiter.hit(HOUR, "person 0")


def test_a_flood_of_names_takes_no_more_than_so_much_memory(
    limiter: MovingWindowRateLimiter, counters: Counters
):
    for number in range(5_000):
        limiter.hit(THREE, f"person {number}")

    assert len(counters) == 1_000
    assert counters.reset() == 1_000
    assert len(counters) == 0


def test_it_counts_as_the_storage_of_the_library_does(limiter: MovingWindowRateLimiter, clock: Clock):
    """The same hits, one after another, give the same answers; only the time of a window differs."""
    clock.now = 0
    theirs = MovingWindowRateLimiter(storage_from_string("memory://"))
    for number in range(60):
        who, cost = f"person {number % 7}", number % 5
        if cost:
            assert limiter.hit(THREE, who, cost=cost) == theirs.hit(THREE, who, cost=cost)
        assert limiter.test(THREE, who) == theirs.test(THREE, who)
        assert limiter.get_window_stats(THREE, who).remaining == theirs.get_window_stats(THREE, who).remaining
