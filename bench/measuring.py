"""The measurement: every case in every round, one after the other."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Self

from load import Case, drive
from server import LOAD_CORE, Running, cpu_seconds, pinned_to

WARM_UP = 0.5  # seconds


@dataclass(frozen=True, slots=True)
class Sample:
    """One case in one round. CPU is in microseconds per request."""

    requests_per_second: float
    server_cpu: float
    database_cpu: float


@dataclass(frozen=True, slots=True)
class Figures:
    """All rounds of one case."""

    case: str
    samples: Sequence[Sample]

    @property
    def requests_per_second(self) -> "Spread":
        return Spread.of(one.requests_per_second for one in self.samples)

    @property
    def server_cpu(self) -> "Spread":
        return Spread.of(one.server_cpu for one in self.samples)

    @property
    def database_cpu(self) -> "Spread":
        return Spread.of(one.database_cpu for one in self.samples)


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure over all rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        known = list(values)
        return cls(median(known), min(known), max(known))


@dataclass(frozen=True, slots=True)
class Target:
    """A case, the server that answers it, and the database server that may have to work for it."""

    case: Case
    server: Running
    database_pid: int

    def sample(self, seconds: float) -> Sample:
        server_before, database_before = cpu_seconds(self.server.pid), cpu_seconds(self.database_pid)
        with pinned_to(LOAD_CORE):
            driven = drive(self.server.port, self.case, seconds=seconds)
        server = cpu_seconds(self.server.pid) - server_before
        database = cpu_seconds(self.database_pid) - database_before
        return Sample(
            requests_per_second=driven.requests / driven.seconds,
            server_cpu=1e6 * server / driven.requests,
            database_cpu=1e6 * database / driven.requests,
        )


def measure(
    targets: Sequence[Target], *, rounds: int, seconds: float, say: Callable[[str], None]
) -> list[Figures]:
    """Visits every target in every round and every second round backwards, so that a disturbance hits them alike."""
    samples: dict[str, list[Sample]] = {target.case.name: [] for target in targets}
    for target in targets:
        target.sample(WARM_UP)
    for number in range(rounds):
        say(f"Round {number + 1} of {rounds}")
        for target in targets if number % 2 == 0 else reversed(targets):
            samples[target.case.name].append(target.sample(seconds))
    return [Figures(case, taken) for case, taken in samples.items()]
