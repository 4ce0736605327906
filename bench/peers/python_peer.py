"""Servers of Python programs on granian, with their data in SQLite."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from load import Case
from peers.peer import (
    CLIENT_ID,
    CLIENT_SECRET,
    PROGRAMS,
    TOKENS,
    Peer,
    environment_with,
    introspection,
    own_credentials,
    refresh,
    run,
)
from servers import Server, free_port

_GRANIAN = "granian==2.8.7"
_SHAPE = ("--workers=1", "--blocking-threads=1", "--http=1", "--no-ws", "--log-level=warning")


class PythonPeer(Peer):
    """A WSGI application in `peers/programs`, which makes its tables and tokens when it is run as a program."""

    packages: ClassVar[Sequence[str]]
    """What it is made of, with versions; `helpers` are not worth telling."""
    helpers: ClassVar[Sequence[str]] = ()
    application: ClassVar[str]
    """Its module and its name in there."""
    introspection_path: ClassVar[str]
    token_path: ClassVar[str]
    environment: ClassVar[Mapping[str, str]] = {}

    def install(self) -> str:
        packages = (*self.packages, _GRANIAN)
        self._bin = environment_with(self.folder, *packages, *self.helpers)
        program = PROGRAMS / f"{self.application.partition(':')[0]}.py"
        run(self._bin / "python", program, folder=self.scene, environment=os.environ | self._environment)
        return ", ".join(packages).replace("==", " ")

    def server(self) -> Server:
        port = free_port()
        granian = (str(self._bin / "granian"), "--interface=wsgi", f"--port={port}", *_SHAPE)
        command = (*granian, self.application)
        return Server(self.name, command, port, "/", self.log(), self._environment, PROGRAMS)

    def cases(self, port: int) -> list[Case]:
        del port
        tokens = json.loads(self._tokens.read_text())
        return [
            introspection(self.introspection_path, tokens["access"], own_credentials()),
            refresh(self.token_path, tokens["refresh"], own_credentials()),
        ]

    @property
    def _tokens(self) -> Path:
        return self.scene / f"{self.folder.name}.json"

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "DATABASE": str(self.scene / f"{self.folder.name}.sqlite"),
            "CLIENT_ID": CLIENT_ID,
            "CLIENT_SECRET": CLIENT_SECRET,
            "TOKENS": str(TOKENS),
            "TOKENS_FILE": str(self._tokens),
            **self.environment,
        }
