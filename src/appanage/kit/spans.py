"""Stretches of time in words."""

from datetime import timedelta

from appanage.kit.text import count_of

_UNITS = (
    (timedelta(days=1), "day", "days"),
    (timedelta(hours=1), "hour", "hours"),
    (timedelta(minutes=1), "minute", "minutes"),
)


def span(time: timedelta) -> str:
    """In the largest unit that leaves no rest, such as "90 days" or "36 hours"."""
    for unit, one, many in _UNITS:
        if time >= unit and not time % unit:
            return count_of(time // unit, one, many)
    return count_of(int(time.total_seconds()), "second", "seconds")
