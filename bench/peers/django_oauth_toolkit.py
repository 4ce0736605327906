"""django-oauth-toolkit, of PyPI: what Django projects use."""

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

_PACKAGES = ("django==5.2.8", "django-oauth-toolkit==3.4.1", "granian==2.8.7")


class DjangoOauthToolkit(Peer):
    name = "django-oauth-toolkit"
    about = (
        "Django on granian (WSGI, one thread), SQLite in WAL mode with `synchronous=NORMAL`. The client secret is kept "
        "in the clear, since hashing it as is the default would take it a quarter of a second a request. Opaque tokens."
    )

    def install(self) -> str:
        self._bin = environment_with(self.folder, *_PACKAGES)
        environment = os.environ | self._environment
        run(self._bin / "python", PROGRAMS / "django_server.py", folder=self.scene, environment=environment)
        return ", ".join(_PACKAGES).replace("==", " ")

    def server(self) -> Server:
        port = free_port()
        shape = ("--workers=1", "--blocking-threads=1", "--http=1", "--no-ws", "--log-level=warning")
        granian = (str(self._bin / "granian"), "--interface=wsgi", f"--port={port}", *shape)
        command = (*granian, "django_server:application")
        return Server(self.name, command, port, "/", self.log(), self._environment, PROGRAMS)

    def cases(self, port: int) -> list[Case]:
        del port
        tokens = json.loads(self._tokens.read_text())
        return [
            introspection("/o/introspect/", tokens["access"], own_credentials()),
            refresh("/o/token/", tokens["refresh"], own_credentials()),
        ]

    @property
    def _tokens(self) -> Path:
        return self.scene / "django.json"

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "DATABASE": str(self.scene / "django.sqlite"),
            "CLIENT_ID": CLIENT_ID,
            "CLIENT_SECRET": CLIENT_SECRET,
            "TOKENS": str(TOKENS),
            "TOKENS_FILE": str(self._tokens),
        }
