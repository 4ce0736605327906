"""What memory does over time."""

from collections.abc import Sequence
from statistics import linear_regression, median

from results import Memory

_WARM_AFTER = 60.0  # seconds: until then caches fill
_MINUTE = 60.0


def slope(memory: Sequence[Memory]) -> float | None:
    """By how many MiB an hour it grows once caches are warm; None where there are too few samples to tell."""
    warm = [one for one in memory if one.at >= _WARM_AFTER]
    if len(warm) < 3:
        return None
    per_second, _ = linear_regression([one.at for one in warm], [one.mib for one in warm])
    return per_second * 3600


def first_minute(memory: Sequence[Memory]) -> float:
    return median(one.mib for one in memory if one.at <= memory[0].at + _MINUTE)


def last_minute(memory: Sequence[Memory]) -> float:
    return median(one.mib for one in memory if one.at >= memory[-1].at - _MINUTE)
