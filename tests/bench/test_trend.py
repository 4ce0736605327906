import pytest

import trend
from bench.measured import soaked

WARMING_UP = [(0, 100.0), (10, 110.0), (20, 120.0), (30, 130.0), (40, 138.0), (50, 139.0)]


def test_what_caches_take_in_the_first_minute_is_no_trend():
    flat = soaked([*WARMING_UP, *((at, 140.0) for at in range(60, 310, 10))]).memory

    assert trend.slope(flat) == pytest.approx(0.0)
    assert trend.first_minute(flat) < trend.last_minute(flat)


def test_what_grows_afterwards_is_told_for_an_hour():
    growing = soaked([*WARMING_UP, *((at, 140.0 + at / 60) for at in range(60, 310, 10))]).memory

    assert trend.slope(growing) == pytest.approx(60.0)


def test_a_short_run_tells_no_trend():
    assert trend.slope(soaked(WARMING_UP).memory) is None
