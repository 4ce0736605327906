"""The processes of `appanage serve`, how they end together, and how they begin."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from types import FrameType, TracebackType
from typing import Self

import structlog

_END_WITHIN = 15  # seconds: a little more than the worker gives its jobs
_LONGEST_PAUSE = 30
_LOOK_EVERY = 0.5

log = structlog.get_logger(__name__)


@contextmanager
def stopping_cleanly() -> Iterator[None]:
    """SIGINT and SIGTERM end the block as an exception does, once, so that everything in it is put away."""
    handlers = {signal.SIGINT: _stop, signal.SIGTERM: _stop}
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # nohup ignores it, and means it
        handlers[signal.SIGHUP] = _hang_up
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, frame: FrameType | None) -> None:
    del number, frame
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)
    raise SystemExit(0)


def _hang_up(number: int, frame: FrameType | None) -> None:
    """The terminal is gone: as if somebody had asked, whoever listens to that at this moment."""
    del number, frame
    signal.raise_signal(signal.SIGTERM)


class JobWorker:
    """Keeps one job worker running as a process of its own; begins it anew when it ends by itself."""

    def __init__(self) -> None:
        self._stopped = Event()
        # The kernel ends a child with the thread that began it, so one thread begins them all and outlives them.
        self._thread = Thread(target=self._keep_running, name="job-worker")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()

    def _keep_running(self) -> None:
        pause = 1
        while not self._stopped.is_set():
            status = self._run_once()
            if not self._stopped.is_set():
                log.warning("job worker ended, beginning it anew", status=status, seconds=pause)
                self._stopped.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    def _run_once(self) -> int:
        command = [sys.executable, "-P", "-m", "appanage", "worker", "--parent", str(os.getpid())]
        # In a session of its own Ctrl-C does not reach it: it is told to stop after the web processes have.
        with subprocess.Popen(command, start_new_session=True) as process:  # noqa: S603 – our own program
            while process.poll() is None:
                if self._stopped.wait(_LOOK_EVERY):
                    _end(process)
            return process.returncode


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_END_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
