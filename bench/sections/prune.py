"""Pruning: what refreshes notice while very many expired refresh tokens are removed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter

import cases
from crowd import Crowd, add_expired, gather
from load import Case, Driven, drive, verify
from measuring import CONNECTIONS
from options import Options
from processes import LOAD_CORE
from results import Phase, Pruning
from sections.conditions import Watch
from servers import NotStarted, Running
from stage import Stage

_SIZE = 10_000  # authorizations, to which the expired tokens belong
_SLICE = 10  # seconds; a phase is made of several
_SLICES = 3
_FEW = 16  # connections
_PAUSE = 20  # the most milliseconds before a request: of a full machine every other work takes something
_AT_MOST = 900  # seconds of pruning
_LOG = "pruner.log"
_PRUNER = Path(__file__).resolve().parents[1] / "pruner.py"


def run(stage: Stage, options: Options) -> Pruning:
    """Raises WrongAnswer, NotStarted."""
    crowd = gather(stage, "pruned", size=_SIZE, customers=CONNECTIONS)
    add_expired(stage, crowd, options.prune)
    asked = cases.refresh(crowd.customers)
    with stage.platform(crowd.database).running() as server:
        verify(server.port, asked)
        watch, load = Watch(stage), _Load(stage, server, asked)
        rows = _expired(stage, crowd)
        phases = [load.phase("before")]
        with _pruner(stage, crowd) as process:
            began = perf_counter()
            phases.append(load.while_running(process, "while pruning"))
            seconds = perf_counter() - began
            if process.poll():
                raise NotStarted((stage.folder / _LOG).read_text(encoding="utf-8")[-2000:])
        removed = rows - _expired(stage, crowd)
        phases.append(load.phase("after"))
        return Pruning(watch.conditions(), rows, removed, seconds, phases)


class _Load:
    """A moderate load in slices, so that a phase can be as long as need be."""

    def __init__(self, stage: Stage, server: Running, case: Case) -> None:
        self._stage, self._server, self._case = stage, server, case

    def phase(self, name: str) -> Phase:
        self._stage.say(f"Refreshing {name}")
        return _phase(name, [self._slice() for _ in range(_SLICES)])

    def while_running(self, process: "subprocess.Popen[bytes]", name: str) -> Phase:
        """Until the process has ended, or for as long as we have patience."""
        self._stage.say(f"Refreshing {name}")
        deadline, slices = perf_counter() + _AT_MOST, [self._slice()]
        while process.poll() is None and perf_counter() < deadline:
            slices.append(self._slice())
        return _phase(name, slices)

    def _slice(self) -> Driven:
        return drive(
            self._server.port, self._case, seconds=_SLICE, connections=_FEW, core=LOAD_CORE, pause=_PAUSE
        )


def _phase(name: str, slices: list[Driven]) -> Phase:
    """The medians of its slices, and the longest of all answers."""
    seconds = sum(one.seconds for one in slices)
    return Phase(
        name,
        seconds,
        sum(one.requests for one in slices) / seconds,
        median(one.p50 for one in slices),
        median(one.p99 for one in slices),
        max(one.most for one in slices),
    )


@contextmanager
def _pruner(stage: Stage, crowd: Crowd) -> Iterator["subprocess.Popen[bytes]"]:
    """The platform's own pruning in a process of its own, as the job worker is one."""
    environment = os.environ | stage.environment(crowd.database)
    with (stage.folder / _LOG).open("ab") as log:
        process = subprocess.Popen([sys.executable, _PRUNER], env=environment, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def _expired(stage: Stage, crowd: Crowd) -> int:
    with stage.connected(crowd.database) as connection:
        found = connection.execute("SELECT count(*) FROM refresh_tokens WHERE expires_at < now()").fetchone()
    return int(found[0]) if found else 0
