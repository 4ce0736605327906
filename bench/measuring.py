"""The measurement: every case in every round, one after the other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from load import Case, Driven, WrongAnswer, drive, verify
from processes import LOAD_CORE, cpu_seconds, drain
from results import Figures, Missing, Sample
from servers import Running

CONNECTIONS = 64
FEW_CONNECTIONS = 8
_WARM_UP = 1  # second, with few and then with many connections
_RUN_IN = 1  # seconds at the beginning of every round, which do not count
FLUENT = 100 * CONNECTIONS
"""Requests in a run, of which those in flight at its end, which wrk does not count, are a hundredth at the most."""

Say = Callable[[str], None]


@dataclass(slots=True)
class Target:
    """A case, the server that answers it, and the database server that may have to work for it.

    `size` is what a section compares: workers, or authorizations. A slow server gets fewer connections: of requests
    that are in flight when a run ends the server has the work, but they are not counted.
    """

    case: Case
    name: str
    server: Running
    database_pid: int
    size: int = 0
    core: int | None = LOAD_CORE
    connections: int = CONNECTIONS
    samples: list[Sample] = field(default_factory=list)
    problem: str = ""
    sent: int = 0

    @property
    def figures(self) -> Figures:
        return Figures(self.name, self.case.name, self.connections, self.samples, self.size)

    @property
    def missing(self) -> Missing:
        return Missing(f"{self.name}, {self.case.name}", self.problem)

    def warm_up(self, seconds: int) -> None:
        """Looks at the answers, and at how many to expect in a run of so many seconds. Raises WrongAnswer."""
        verify(self.server.port, self.case)
        wanted, self.connections = self.connections, FEW_CONNECTIONS
        enough = FLUENT * _WARM_UP / seconds
        # Many connections may well be four times as quick; a server that is far from it is spared the crowd.
        if self._drive(_WARM_UP).requests >= enough / 4:
            self.connections = wanted
            if self._drive(_WARM_UP).requests < enough:
                self.connections = FEW_CONNECTIONS
        drain(self.server.pid)

    def measure(self, seconds: int) -> None:
        """Takes one sample, of a server that has worked for a moment. Raises WrongAnswer."""
        self._drive(_RUN_IN)
        drain(self.server.pid)
        server, database = cpu_seconds(self.server.pid), cpu_seconds(self.database_pid)
        driven = self._drive(seconds)
        drain(self.server.pid)
        server, database = cpu_seconds(self.server.pid) - server, cpu_seconds(self.database_pid) - database
        if not driven.requests:
            raise WrongAnswer(f"no answer within {seconds} s")
        each = 1e6 / driven.requests
        speed = driven.requests / driven.seconds
        self.samples.append(Sample(speed, each * server, each * database, driven.p50, driven.p99))

    def _drive(self, seconds: int) -> Driven:
        driven = drive(
            self.server.port,
            self.case,
            seconds=seconds,
            connections=self.connections,
            core=self.core,
            sent=self.sent,
        )
        self.sent += driven.requests
        return driven


def measure(
    targets: Sequence[Target], *, rounds: int, seconds: int, say: Say
) -> tuple[list[Figures], list[Missing]]:
    """Visits every target in every round and every second round backwards, so that a disturbance hits them alike.

    A target that answers wrongly is visited no more and told among those that are missing.
    """
    say("Looking at the answers")
    for target in targets:
        _try(target, partial(target.warm_up, seconds))
    _even_out(targets)
    for number in range(rounds):
        say(f"Round {number + 1} of {rounds}")
        for target in targets if number % 2 == 0 else reversed(targets):
            if not target.problem:
                _try(target, partial(target.measure, seconds))
    good = [target.figures for target in targets if not target.problem]
    return good, [target.missing for target in targets if target.problem]


def _even_out(targets: Sequence[Target]) -> None:
    """Sizes of the same thing are compared at the same number of connections."""
    for target in targets:
        alike = [one for one in targets if (one.name, one.case.name) == (target.name, target.case.name)]
        target.connections = min(one.connections for one in alike)


def _try(target: Target, step: Callable[[], None]) -> None:
    try:
        step()
    except WrongAnswer as error:
        target.problem = str(error)
