"""The platform as a real server: in a thread, or as processes of its own."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import httpx2
import uvicorn

from appanage.app import create_app
from appanage.cli.serving import configured
from appanage.deployment import Deployment, assemble
from appanage.profiles import PasswordHash
from appanage.settings import Settings
from appanage.signin.passwords import Passwords

SECRET_KEY = "a secret key for tests that is long enough"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def in_a_thread(deployment: Deployment) -> Iterator[str]:
    """Serves the deployment at its own base URL."""
    url = httpx2.URL(deployment.settings.base_url)
    server = uvicorn.Server(configured(create_app(deployment), host=url.host, port=url.port or 80))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until_ready(str(url))
    yield str(url).rstrip("/")
    server.should_exit = True
    thread.join(timeout=10)


@contextmanager
def as_a_process(database_url: str, base_url: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """One web process of the platform, as an operator starts it."""
    environment = os.environ | {
        "APPANAGE_DATABASE_URL": database_url,
        "APPANAGE_BASE_URL": base_url,
        "APPANAGE_SECRET_KEY": SECRET_KEY,
        "APPANAGE_LOG_LEVEL": "warning",
    }
    command = [sys.executable, "-m", "appanage", "serve", "--role", "web", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        wait_until_ready(f"http://127.0.0.1:{port}")
        yield process
    finally:
        process.terminate()
        process.wait(timeout=15)


def wait_until_ready(base_url: str, *, seconds: float = 60) -> None:
    """Asks for readiness until it is given."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if httpx2.get(f"{base_url}/readyz", timeout=2).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        threading.Event().wait(0.05)
    message = f"{base_url} did not become ready within {seconds} s"
    raise AssertionError(message)


_settings: dict[str, Settings] = {}  # nobody changes them, and to look at the environment takes 10 ms


def settings_for(base_url: str = "http://localhost:8080", **changes: object) -> Settings:
    values: dict[str, object] = {
        "base_url": base_url,
        "secret_key": SECRET_KEY,
        "revocation_poll": timedelta(milliseconds=200),
        "database_pool": 5,
        "outbound": "off",
    }
    values |= changes
    key = repr(sorted(values.items()))
    if key not in _settings:
        _settings[key] = Settings.model_validate(values)
    return _settings[key]


def with_quick_passwords(deployment: Deployment) -> Deployment:
    """PBKDF2 takes a third of a second by design, which is not what most stories are about."""
    if deployment.settings.password_hash is not PasswordHash.PBKDF2:
        return deployment
    return replace(deployment, passwords=Passwords(PasswordHash.PBKDF2, iterations=1000))


def deployment_for(database_url: str, base_url: str, **changes: object) -> Deployment:
    return assemble(settings_for(base_url, **changes), database_url)
