"""A clock that stands where a test puts it."""

from datetime import UTC, datetime, timedelta


class MovableClock:
    """Starts at the real time, since cookies and other programs live in it, and moves when told to."""

    def __init__(self) -> None:
        self.moved = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.moved

    def advance(self, **by: float) -> None:
        self.moved += timedelta(**by)
