"""What every peer has in common."""

import platform
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

import cases
from load import Case, Request, post
from servers import Server

INSTALLED = Path(__file__).resolve().parents[2] / ".bench" / "peers"
PROGRAMS = Path(__file__).parent / "programs"
CLIENT_ID = "benchmark"
CLIENT_SECRET = "6f1a2b3c4d5e6f708192a3b4c5d6e7f8a9b0c1d2"
TOKENS = 64  # as many as connections
_INSTALL_WITHIN = 600  # seconds


class Unavailable(Exception):
    """The peer cannot be installed here; the text says why."""


class Peer(ABC):
    """One server. `folder` holds what is installed, `scene` what it makes in this run."""

    name: str
    about: str
    """How it is set up, for the report."""

    def __init__(self, scene: Path) -> None:
        self.folder = INSTALLED / type(self).__module__.rpartition(".")[2]
        self.folder.mkdir(parents=True, exist_ok=True)
        self.scene = scene

    @abstractmethod
    def install(self) -> str:
        """Installs it unless that is done, prepares its data, and tells its version. Raises Unavailable."""

    @abstractmethod
    def server(self) -> Server: ...

    @abstractmethod
    def cases(self, port: int) -> list[Case]:
        """The introspection of an access token, and the refresh grant, with a token for each connection."""

    def log(self) -> Path:
        return self.scene / f"{self.folder.name}.log"


def introspection(path: str, tokens: Sequence[str], credentials: Mapping[str, str]) -> Case:
    asked = [post(path, {"token": one}, credentials) for one in tokens]
    return Case(cases.PEER_INTROSPECTION, asked, '"active"')


def refresh(path: str, tokens: Sequence[str], credentials: Mapping[str, str]) -> Case:
    return Case(cases.PEER_REFRESH, [_refreshed(path, one, credentials) for one in tokens], '"access_token"')


def own_credentials() -> dict[str, str]:
    return cases.basic(CLIENT_ID, CLIENT_SECRET)


def run(*command: str | Path, folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """What a command of the installation says. Raises Unavailable with the end of what it complained about."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=_INSTALL_WITHIN,
        )
    except (OSError, subprocess.TimeoutExpired) as cause:
        raise Unavailable(f"{Path(command[0]).name}: {cause}") from cause
    if done.returncode != 0:
        complaint = (done.stderr or done.stdout).strip().splitlines() or ["no reason told"]
        raise Unavailable(f"{Path(command[0]).name} ended with {done.returncode}: {complaint[-1]}")
    return done.stdout


def environment_with(folder: Path, *packages: str) -> Path:
    """The `bin` of a virtual environment with these packages."""
    made = folder / "venv"
    marker = made / " ".join((platform.python_version(), *packages)).replace("/", "-")
    if not marker.exists():
        run(sys.executable, "-m", "venv", "--clear", made, folder=folder)
        pip = (made / "bin" / "python", "-m", "pip", "--quiet", "--disable-pip-version-check", "install")
        run(*pip, *packages, folder=folder)
        marker.touch()
    return made / "bin"


def _refreshed(path: str, token: str, credentials: Mapping[str, str]) -> Request:
    return post(path, {"grant_type": "refresh_token", "refresh_token": token}, credentials)
