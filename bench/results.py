"""What was measured, as it is kept in docs/benchmarks/latest.json. CPU is in microseconds per request."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Self

import msgspec


@dataclass(frozen=True, slots=True)
class Conditions:
    """How the figures of one section were taken. `other_work` is in cores, while they were taken.

    `durable_write` is how long a page of the database took to the disk before, in milliseconds.
    """

    date: str
    machine: Mapping[str, str]
    cores: int
    other_work: float
    durable_write: float
    rounds: int = 0
    seconds: int = 0

    @property
    def is_quiet(self) -> bool:
        return self.other_work < 0.05 * self.cores


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
class Sample:
    """One case in one round. Latencies are in milliseconds."""

    requests_per_second: float
    server_cpu: float
    database_cpu: float
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class Figures:
    """All rounds of one case of one server; `size` is what the section compares: workers, or authorizations."""

    server: str
    case: str
    connections: int
    samples: Sequence[Sample]
    size: int = 0

    @property
    def requests_per_second(self) -> Spread:
        return Spread.of(one.requests_per_second for one in self.samples)

    @property
    def server_cpu(self) -> Spread:
        return Spread.of(one.server_cpu for one in self.samples)

    @property
    def database_cpu(self) -> Spread:
        return Spread.of(one.database_cpu for one in self.samples)

    @property
    def p50(self) -> Spread:
        return Spread.of(one.p50 for one in self.samples)

    @property
    def p99(self) -> Spread:
        return Spread.of(one.p99 for one in self.samples)


@dataclass(frozen=True, slots=True)
class Missing:
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Compared:
    """The cases of several servers, in interleaved rounds. `notes` tell what else is to be known about each server."""

    conditions: Conditions
    figures: Sequence[Figures]
    missing: Sequence[Missing] = ()
    notes: Mapping[str, str] = field(default_factory=dict)

    def find(self, server: str, case: str, size: int = 0) -> Figures | None:
        for one in self.figures:
            if (one.server, one.case, one.size) == (server, case, size):
                return one
        return None

    @property
    def sizes(self) -> list[int]:
        return sorted({one.size for one in self.figures if one.size})


@dataclass(frozen=True, slots=True)
class Beginning:
    """Starts with a number of web processes: seconds to the first answer, then MiB when nothing is asked.

    `rss` and `pss` are those of one web process; the supervisor of several is not one.
    """

    workers: int
    seconds: Sequence[float]
    rss: Sequence[float]
    pss: Sequence[float]


@dataclass(frozen=True, slots=True)
class Beginnings:
    conditions: Conditions
    of: Sequence[Beginning]


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of the server's processes at a time in seconds since the load began."""

    at: float
    mib: float


@dataclass(frozen=True, slots=True)
class Soak:
    conditions: Conditions
    seconds: float
    requests: int
    memory: Sequence[Memory]


@dataclass(frozen=True, slots=True)
class Phase:
    """The load before, while or after rows are pruned."""

    name: str
    seconds: float
    requests_per_second: float
    p50: float
    p99: float
    most: float


@dataclass(frozen=True, slots=True)
class Pruning:
    """`seconds` is how long it took to remove `removed` of `rows` expired refresh tokens."""

    conditions: Conditions
    rows: int
    removed: int
    seconds: float
    phases: Sequence[Phase]


@dataclass(frozen=True, slots=True)
class Count:
    """Statements of one case, and how many of them write; without what the server asks by itself meanwhile."""

    case: str
    connections: int
    requests: int
    statements: int
    writes: int


@dataclass(frozen=True, slots=True)
class Counts:
    conditions: Conditions
    of: Sequence[Count]
    missing: Sequence[Missing] = ()


@dataclass(frozen=True, slots=True)
class Searched:
    """One kind of search in a catalogue beside so many organizations and authorizations, in milliseconds at the database."""

    case: str
    organizations: int
    authorizations: int
    p50: float
    p95: float
    most: float


@dataclass(frozen=True, slots=True)
class Searches:
    """`apps` is how many are listed, `each` how often each kind of search was asked."""

    conditions: Conditions
    apps: int
    each: int
    of: Sequence[Searched]


@dataclass(slots=True)
class Results:
    """The sections, each as it was measured last."""

    core: Compared | None = None
    peers: Compared | None = None
    scale: Compared | None = None
    workers: Compared | None = None
    start: Beginnings | None = None
    soak: Soak | None = None
    prune: Pruning | None = None
    statements: Counts | None = None
    catalogue: Searches | None = None


def load(file: Path) -> Results:
    return msgspec.json.decode(file.read_bytes(), type=Results) if file.exists() else Results()


def save(results: Results, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
