"""Servers as processes of their own, and what the kernel says that processes used."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from time import perf_counter, sleep

_TICKS = os.sysconf("SC_CLK_TCK")
_START_WITHIN = 60  # seconds
_STOP_WITHIN = 15
_LAST_LINES = 20

CORES = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else [0]
SERVER_CORE, LOAD_CORE = CORES[0], CORES[-1]


class NotStarted(Exception):
    """The server ended or did not answer in time; the text has the end of its log."""


@dataclass(frozen=True, slots=True)
class Server:
    """How to start one server; `ready` is the path that answers 200 when it can serve."""

    arguments: Sequence[str]
    port: int
    ready: str
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    @contextmanager
    def running(self) -> Iterator["Running"]:
        """The server on its core, from its first answer until the end of the block."""
        began = perf_counter()
        with self._process() as process:
            try:
                self._wait_for_first_answer(process)
                yield Running(process.pid, self.port, perf_counter() - began)
            finally:
                _stop(process)

    def _process(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log, pinned_to(SERVER_CORE):
            return subprocess.Popen(
                [sys.executable, *self.arguments],
                env=os.environ | self.environment,
                cwd=Path(__file__).parent,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _wait_for_first_answer(self, process: subprocess.Popen[bytes]) -> None:
        deadline = perf_counter() + _START_WITHIN
        while not _answers(self.port, self.ready):
            if process.poll() is not None or perf_counter() > deadline:
                lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
                raise NotStarted("\n".join(lines[-_LAST_LINES:]))
            sleep(0.01)


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers; `started_in` is the time in seconds from its start to its first answer."""

    pid: int
    port: int
    started_in: float


def _answers(port: int, path: str) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()


@contextmanager
def pinned_to(core: int) -> Iterator[None]:
    """Keeps this process, and those that it starts meanwhile, on one core; where there is only one, it is there anyway."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_seconds(pid: int) -> float:
    """What a process and its descendants have used, in user and system mode, those that have ended included."""
    return sum(_ticks(one) for one in _family(pid)) / _TICKS


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


def memory_mib(pid: int) -> float:
    """The resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError(pid)


def _machine_seconds() -> float:
    counters = Path("/proc/stat").read_text(encoding="ascii").split(maxsplit=9)[1:9]
    user, nice, system, _idle, _waiting, interrupts, soft_interrupts, stolen = map(int, counters)
    return (user + nice + system + interrupts + soft_interrupts + stolen) / _TICKS


def _family(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in _unless_ended(children).split():
            yield from _family(int(child))


def _ticks(pid: int) -> int:
    """utime, stime, cutime and cstime, which stand behind the name in proc_pid_stat(5)."""
    fields = _unless_ended(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15])


def _unless_ended(file: Path) -> str:
    """Empty for a process that ended meanwhile: its parent has been given its times."""
    try:
        return file.read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return ""
