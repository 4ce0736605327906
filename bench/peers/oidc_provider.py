"""oidc-provider, of npm: the protocol library that most JavaScript servers are built on."""

import json
import os
import sys
from pathlib import Path

from load import Case
from peers.peer import (
    CLIENT_ID,
    CLIENT_SECRET,
    PROGRAMS,
    TOKENS,
    Peer,
    introspection,
    own_credentials,
    refresh,
    run,
)
from servers import Server, free_port

_VERSION = "9.13.3"
_BIN = Path(sys.executable).parent


class OidcProvider(Peer):
    name = "oidc-provider"
    about = (
        "Node.js, everything in memory (a `Map`), so nothing is durable. Introspects opaque access tokens; "
        "a refresh signs an ES256 JWT and keeps the refresh token."
    )

    def install(self) -> str:
        package = self.folder / "node_modules" / "oidc-provider" / "package.json"
        if not package.exists() or json.loads(package.read_text())["version"] != _VERSION:
            (self.folder / "package.json").write_text("{}")
            wanted = f"oidc-provider@{_VERSION}"
            npm = (_BIN / "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--save-exact")
            run(*npm, wanted, folder=self.folder, environment=_with_own_node())
        # Node finds packages beside the program.
        (self.folder / "server.mjs").write_bytes((PROGRAMS / "oidc_provider.mjs").read_bytes())
        node = run(_BIN / "node", "--version", folder=self.folder).strip()
        return f"{_VERSION} on Node.js {node}"

    def server(self) -> Server:
        port = free_port()
        environment = {
            "NODE_ENV": "production",
            "PORT": str(port),
            "CLIENT_ID": CLIENT_ID,
            "CLIENT_SECRET": CLIENT_SECRET,
            "TOKENS": str(TOKENS),
            "TOKENS_FILE": str(self._tokens),
        }
        command = (str(_BIN / "node"), "server.mjs")
        ready = "/.well-known/openid-configuration"
        return Server(self.name, command, port, ready, self.log(), environment, self.folder)

    def cases(self, port: int) -> list[Case]:
        del port
        tokens = json.loads(self._tokens.read_text())
        return [
            introspection("/token/introspection", tokens["access"], own_credentials()),
            refresh("/token", tokens["refresh"], own_credentials()),
        ]

    @property
    def _tokens(self) -> Path:
        return self.scene / "oidc_provider.json"


def _with_own_node() -> dict[str, str]:
    return os.environ | {"PATH": f"{_BIN}{os.pathsep}{os.environ.get('PATH', '')}"}
