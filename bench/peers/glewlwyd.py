"""Glewlwyd, of Debian: a server in C. It is unpacked, not installed, so that nothing on the machine changes."""

import json
import os
import re
import shutil
import sqlite3
from collections.abc import Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPCookieProcessor, build_opener
from urllib.request import Request as Call

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from load import Case, WrongAnswer
from peers.peer import (
    CLIENT_ID,
    CLIENT_SECRET,
    TOKENS,
    Peer,
    Unavailable,
    introspection,
    own_credentials,
    refresh,
    run,
)
from servers import Server, free_port

_PERSON = {"username": "person", "password": "correct horse battery"}
_ADMINISTRATOR = {"username": "admin", "password": "password"}  # as its first database has it
_FORTNIGHT, _QUARTER = 14 * 24 * 3600, 90 * 24 * 3600
_STORE = {"use-glewlwyd-connection": True, "pbkdf2-iterations": 1000, "data-format": {}}
_SECONDS = 30

_CONFIGURATION = """\
port = {port}
bind_address = "127.0.0.1"
external_url = "http://127.0.0.1:{port}/"
login_url = "login.html"
api_prefix = "api"
static_files_path = "{root}/usr/share/glewlwyd/webapp"
log_mode = "console"
log_level = "NONE"
cookie_secure = false
session_key = "GLEWLWYD2_SESSION_ID"
session_expiration = 86400
admin_scope = "g_admin"
profile_scope = "g_profile"
user_module_path = "{root}/usr/lib/glewlwyd/user"
client_module_path = "{root}/usr/lib/glewlwyd/client"
user_auth_scheme_module_path = "{root}/usr/lib/glewlwyd/scheme"
plugin_module_path = "{root}/usr/lib/glewlwyd/plugin"
hash_algorithm = "SHA512"
login_api_enabled = true
database = {{ type = "sqlite3"; path = "{database}"; }};
"""


class Glewlwyd(Peer):
    name = "Glewlwyd"
    about = (
        "C, SQLite in WAL mode, ES256 JWT as access tokens, log off. Client secrets are hashed with 1,000 instead of the "
        "usual 150,000 rounds. Its refresh token stays."
    )

    def install(self) -> str:
        self._root = Path("/") if shutil.which("glewlwyd") else self._unpacked()
        told = run(self._program, "--version", folder=self.folder, environment=os.environ | self._libraries)
        self._make_database()
        return told.strip().splitlines()[0]

    def server(self) -> Server:
        port = free_port()
        configuration = self.scene / "glewlwyd.conf"
        configuration.write_text(
            _CONFIGURATION.format(port=port, root=str(self._root).rstrip("/"), database=self._database)
        )
        command = (str(self._program), f"--config-file={configuration}")
        return Server(self.name, command, port, "/api/", self.log(), self._libraries, self.folder)

    def cases(self, port: int) -> list[Case]:
        pairs = _Console(port).prepare()
        return [
            introspection(
                "/api/oidc/introspect", [pair["access_token"] for pair in pairs], own_credentials()
            ),
            refresh("/api/oidc/token", [pair["refresh_token"] for pair in pairs], own_credentials()),
        ]

    @property
    def _program(self) -> Path:
        return self._root / "usr" / "bin" / "glewlwyd"

    @property
    def _database(self) -> Path:
        return self.scene / "glewlwyd.sqlite"

    @property
    def _libraries(self) -> dict[str, str]:
        folders = [str(one.parent) for one in self._root.glob("usr/lib/*/libulfius.so.*")]
        return {"LD_LIBRARY_PATH": os.pathsep.join(sorted(set(folders)))}

    def _unpacked(self) -> Path:
        """The package and what it needs beside what is installed, in a folder of ours. Raises Unavailable."""
        root, archives = self.folder / "root", self.folder / "archives"
        if not (root / "usr" / "bin" / "glewlwyd").exists():
            (archives / "partial").mkdir(parents=True, exist_ok=True)
            keep = (f"-oDir::Cache::archives={archives}", "-oDebug::NoLocking=true")
            fetch = ("apt-get", *keep, "--yes", "--download-only", "--no-install-recommends", "install")
            run(*fetch, "glewlwyd", "dbconfig-no-thanks", folder=self.folder)
            for archive in sorted(archives.glob("*.deb")):
                run("dpkg-deb", "--extract", archive, root, folder=self.folder)
        return root

    def _make_database(self) -> None:
        scripts = sorted(self._root.glob("usr/share/dbconfig-common/data/glewlwyd/install/sqlite3"))
        if not scripts:
            raise Unavailable("its package has no script for an SQLite database")
        connection = sqlite3.connect(self._database)
        connection.executescript(scripts[0].read_text(encoding="utf-8"))
        connection.execute("PRAGMA journal_mode=WAL")
        connection.close()


class _Console:
    """Its administrator's interface."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self._opener = build_opener(HTTPCookieProcessor(CookieJar(DefaultCookiePolicy())))

    def prepare(self) -> list[dict[str, Any]]:
        """A plugin that speaks OpenID Connect, a client, a person, and a pair of tokens for each connection."""
        self._send("POST", "/auth/", _ADMINISTRATOR)
        for kind in ("user", "client"):
            if not self._send("GET", f"/mod/{kind}/"):
                self._send("POST", f"/mod/{kind}/", _module("database", _STORE))
        self._send("POST", "/scope/", {"name": "api", "password_required": False, "scheme": {}})
        self._send("POST", "/mod/plugin/", _module("oidc", _protocol(self._url)))
        self._send("POST", "/user/", {**_PERSON, "scope": ["openid", "api"], "enabled": True})
        self._send("POST", "/client/", _client())
        return [self._tokens() for _ in range(TOKENS)]

    def _tokens(self) -> dict[str, Any]:
        form = "&".join(f"{name}={value.replace(' ', '+')}" for name, value in _PERSON.items())
        body = f"grant_type=password&scope=openid+api&{form}".encode()
        url = f"{self._url}/api/oidc/token"
        found: dict[str, Any] = self._call(Call(url, body, own_credentials()))  # noqa: S310 – our own server
        return found

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        json_headers = {"Content-Type": "application/json"}
        url = f"{self._url}/api{path}"
        return self._call(Call(url, data, json_headers, method=method))  # noqa: S310 – our own server

    def _call(self, call: Call) -> Any:
        try:
            with self._opener.open(call, timeout=_SECONDS) as answer:
                return json.loads(answer.read() or b"null")
        except HTTPError as error:
            reason = re.sub(r"\s+", " ", error.read().decode("utf-8", "replace"))[:200]
            raise WrongAnswer(f"{call.method} {call.selector}: {error.code} {reason}") from error


def _module(module: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    named = {"module": module, "name": module, "display_name": module}
    return {**named, "order_rank": 1, "readonly": False, "parameters": parameters}


def _protocol(issuer: str) -> dict[str, Any]:
    private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key()
    kinds = ("none", "code", "token", "id-token", "password", "client", "refresh")
    return {
        "iss": issuer,
        "jwt-type": "ecdsa",
        "jwt-key-size": "256",
        "key": private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        "cert": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        "access-token-duration": _FORTNIGHT,
        "refresh-token-duration": _QUARTER,
        "code-duration": 600,
        "refresh-token-rolling": False,
        "allow-non-oidc": True,
        "subject-type": "public",
        **{f"auth-type-{kind}-enabled": True for kind in kinds},
        "introspection-revocation-allowed": True,
        "introspection-revocation-auth-scope": [],
        "introspection-revocation-allow-target-client": True,
        "scope": [],
        "additional-parameters": [],
        "claims": [],
        "name-claim": "on-demand",
        "email-claim": "on-demand",
    }


def _client() -> dict[str, Any]:
    return {
        "client_id": CLIENT_ID,
        "name": CLIENT_ID,
        "confidential": True,
        "enabled": True,
        "client_secret": CLIENT_SECRET,
        "password": CLIENT_SECRET,
        "redirect_uri": ["https://app.example.com/callback"],
        "scope": ["openid", "api"],
        "token_endpoint_auth_method": ["client_secret_basic"],
        "authorization_type": ["code", "password", "client_credentials", "refresh_token"],
    }
