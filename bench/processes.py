"""What the kernel says about processes: the time that they used, their memory, the cores that they may run on."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import perf_counter, sleep

_TICKS = os.sysconf("SC_CLK_TCK")
_DRAINED_WITHIN = 15.0  # seconds
_LOOK_EVERY = 0.08

CORES = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else [0]
SERVER_CORE, LOAD_CORE = CORES[0], CORES[-1]


@contextmanager
def pinned_to(core: int | None) -> Iterator[None]:
    """Keeps this process, and those that it starts meanwhile, on one core; None leaves them all cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, before if core is None else {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_seconds(pid: int) -> float:
    """What a process and its descendants have used, in user and system mode, those that have ended included."""
    return sum(_ticks(one) for one in family(pid)) / _TICKS


def drain(pid: int) -> None:
    """Waits until a server has finished what a load that stopped left behind: wrk does not count it any more."""
    deadline, before = perf_counter() + _DRAINED_WITHIN, cpu_seconds(pid)
    while perf_counter() < deadline:
        sleep(_LOOK_EVERY)
        now = cpu_seconds(pid)
        if now - before <= 1 / _TICKS:
            return
        before = now


def rss(pid: int) -> float:
    """The resident memory of one process, in MiB; pages that it shares with others count in full."""
    return _kibibytes(Path(f"/proc/{pid}/status"), "VmRSS:") / 1024


def pss(pid: int) -> float:
    """As `rss`, but of a page that several processes share each has its part."""
    return _kibibytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss:") / 1024


def family(pid: int) -> Iterator[int]:
    """A process and its descendants."""
    yield pid
    for child in children(pid):
        yield from family(child)


def children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for file in Path(f"/proc/{pid}/task").glob("*/children"):
            found += map(int, _unless_ended(file).split())
    return found


class OtherWork:
    """What the machine does beside the processes `own`, from now on; time that its host takes away counts as well."""

    def __init__(self, *own: int) -> None:
        self._own = own
        self._began, self._before = perf_counter(), self._seconds()

    def cores(self) -> float:
        """How many cores it keeps busy."""
        return max(0.0, (self._seconds() - self._before) / (perf_counter() - self._began))

    def _seconds(self) -> float:
        return _machine_seconds() - sum(cpu_seconds(pid) for pid in self._own)


def _machine_seconds() -> float:
    counters = Path("/proc/stat").read_text(encoding="ascii").split(maxsplit=9)[1:9]
    user, nice, system, _idle, _waiting, interrupts, soft_interrupts, stolen = map(int, counters)
    return (user + nice + system + interrupts + soft_interrupts + stolen) / _TICKS


def _ticks(pid: int) -> int:
    """utime, stime, cutime and cstime, which stand behind the name in proc_pid_stat(5)."""
    fields = _unless_ended(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15])


def _kibibytes(file: Path, name: str) -> int:
    for line in _unless_ended(file).splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    return 0


def _unless_ended(file: Path) -> str:
    """Empty for a process that ended meanwhile: its parent has been given its times."""
    try:
        return file.read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return ""
