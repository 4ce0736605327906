"""The program as an operator runs it: a process of its own."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from support.live import SECRET_KEY

COMMAND = [sys.executable, "-P", "-m", "appanage"]
_ADDRESS = re.compile(r"(http://\S+:\d+)$", re.MULTILINE)


def appanage(
    *arguments: str | Path, environment: Mapping[str, str] | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Runs one command to its end."""
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(
        command, env=plain(environment), input=stdin, capture_output=True, text=True, timeout=60, check=False
    )


def on(database_url: str) -> dict[str, str]:
    """The environment of a command that works on this database."""
    return {"APPANAGE_DATABASE_URL": database_url, "APPANAGE_SECRET_KEY": SECRET_KEY}


class Served:
    """`appanage serve`, from the line that tells its address until it has ended."""

    def __init__(self, process: subprocess.Popen[str], log: IO[str]) -> None:
        self.process = process
        self._log = log
        self.said = self.logged = ""
        assert process.stdout is not None
        for line in process.stdout:
            self.said += line
            if _ADDRESS.search(line):
                break
        assert _ADDRESS.search(self.said), f"it did not start: {self.said}{self._read_log()}"
        self.url = _ADDRESS.findall(self.said)[0]
        self.port = self.url.rpartition(":")[2]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """The exit status after a signal; `logged` is then all that was logged."""
        self.process.send_signal(number)
        assert self.process.stdout is not None
        self.said += self.process.stdout.read()
        status = self.process.wait(timeout=30)
        self.logged = self._read_log()
        return status

    def _read_log(self) -> str:
        self._log.seek(0)
        return self._log.read()


@contextmanager
def served(*arguments: str | Path, environment: Mapping[str, str] | None = None) -> Iterator[Served]:
    """Serves as long as the block, if nobody ends it before."""
    command = [*COMMAND, "serve", *map(str, arguments)]
    with (
        TemporaryFile("w+") as log,
        subprocess.Popen(
            command, env=plain(environment), stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        try:
            yield Served(process, log)
        finally:
            process.terminate()
            process.wait(timeout=30)


def plain(more: Mapping[str, str] | None) -> dict[str, str]:
    """The environment without anybody's settings, and with warnings as errors."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("APPANAGE_")}
    return kept | {"APPANAGE_LOG_LEVEL": "warning", "PYTHONWARNINGS": "error"} | dict(more or {})
