"""Authlib's authorization server, of PyPI, in Flask."""

import json
import os
from pathlib import Path

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

_PACKAGES = ("authlib==1.9.9", "flask==3.1.3", "flask-sqlalchemy==3.1.1", "requests", "granian==2.8.7")


class AuthlibServer(Peer):
    name = "Authlib"
    about = (
        "Its Flask server after the documented example, on granian (WSGI, one thread), Flask-SQLAlchemy on SQLite in "
        "WAL mode with `synchronous=NORMAL`. Opaque tokens."
    )

    def install(self) -> str:
        self._bin = environment_with(self.folder, *_PACKAGES)
        environment = os.environ | self._environment
        run(self._bin / "python", PROGRAMS / "authlib_flask.py", folder=self.scene, environment=environment)
        return ", ".join(one for one in _PACKAGES if "==" in one).replace("==", " ")

    def server(self) -> Server:
        port = free_port()
        shape = ("--workers=1", "--blocking-threads=1", "--http=1", "--no-ws", "--log-level=warning")
        granian = (str(self._bin / "granian"), "--interface=wsgi", f"--port={port}", *shape)
        command = (*granian, "authlib_flask:app")
        return Server(self.name, command, port, "/", self.log(), self._environment, PROGRAMS)

    def cases(self, port: int) -> list[Case]:
        del port
        tokens = json.loads(self._tokens.read_text())
        return [
            introspection("/introspect", tokens["access"], own_credentials()),
            refresh("/token", tokens["refresh"], own_credentials()),
        ]

    @property
    def _tokens(self) -> Path:
        return self.scene / "authlib.json"

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "AUTHLIB_INSECURE_TRANSPORT": "1",
            "DATABASE": str(self.scene / "authlib.sqlite"),
            "CLIENT_ID": CLIENT_ID,
            "CLIENT_SECRET": CLIENT_SECRET,
            "TOKENS": str(TOKENS),
            "TOKENS_FILE": str(self._tokens),
        }
