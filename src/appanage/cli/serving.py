"""`appanage serve`: the database, the web processes and the job worker of one machine."""

import os
import socket
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from appanage.app import create_app
from appanage.cli.console import Problem, progress, say
from appanage.cli.demo.description import announcement
from appanage.cli.demo.stage import refuse_demo_data, set_up
from appanage.cli.opening import connected, settings_of
from appanage.cli.processes import JobWorker, stopping_cleanly
from appanage.deployment import Deployment
from appanage.edge.protocol import EdgeProtocol
from appanage.kit.logs import configure_logs
from appanage.kit.process import keep_what_exists, share_heaps
from appanage.settings import Settings, is_loopback_host

ROLES = ("all", "web")
DRAIN_WITHIN = 10  # seconds that running requests have to finish
_BACKLOG = 2048


@dataclass(frozen=True, slots=True)
class Serving:
    """What the command line asked for."""

    host: str
    port: int
    data: Path | None
    workers: int
    role: str
    demo: bool = False

    def run(self) -> None:
        """Serves until it is told to stop; then stops what it started in the opposite order, the database last."""
        with stopping_cleanly():
            configured = settings_of(self.data, demo=self.demo or None)
            self._refuse_public_demo(configured)
            with closing(listen(self.host, self.port)) as listener:
                self._serve(self._at_its_address(configured, listener), listener)

    def _serve(self, settings: Settings, listener: socket.socket) -> None:
        configure_logs(settings.log_format, settings.log_level)
        with connected(settings) as deployment:
            os.environ.update(environment_of(deployment))
            self._prepare(deployment)
            with JobWorker() if self.role == "all" else nullcontext():
                serve_web(deployment, listener, workers=self.workers)

    def _refuse_public_demo(self, settings: Settings) -> None:
        if settings.demo and not is_loopback_host(self.host):
            sentence = "The demonstration has public passwords and is served on a loopback address only: leave --host away."
            raise Problem(sentence, exit_code=2)

    def _at_its_address(self, configured: Settings, listener: socket.socket) -> Settings:
        """The settings, with the address where we listen as the base URL unless one is configured."""
        if "base_url" in configured.model_fields_set:
            return configured
        if not is_loopback_host(self.host):
            sentence = f"Other machines can reach {self.host}: set APPANAGE_BASE_URL to the https address that they use."
            raise Problem(sentence, exit_code=2)
        return settings_of(self.data, demo=self.demo or None, base_url=url_of(self.host, listener))

    def _prepare(self, deployment: Deployment) -> None:
        """Brings the database up to date and says where to go."""
        settings = deployment.settings
        with progress("Preparing the database"):
            deployment.prepare()
        if settings.demo:
            with progress("Making the demonstration data"):
                set_up(deployment)
            say(announcement(settings, settings.base_url))
        else:
            refuse_demo_data(deployment, self.host)
            say(f"{settings.brand.product} is served at {settings.base_url}")


def environment_of(deployment: Deployment) -> dict[str, str]:
    """What the processes that we start must know beside the environment that they inherit."""
    settings = deployment.settings
    return {
        "APPANAGE_BASE_URL": settings.base_url,
        "APPANAGE_DATA": str(settings.data.expanduser().resolve()),
        "APPANAGE_DATABASE_URL": deployment.database.url,
        "APPANAGE_DEMO": str(settings.demo).lower(),
    }


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, so that a port in use is known at once and nobody is turned away while we start."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address, family=family, backlog=_BACKLOG)
    except socket.gaierror as cause:
        raise Problem(f"There is no address {host} to listen on.") from cause
    except OSError as cause:
        reason = os.strerror(cause.errno or 0)
        sentence = f"Cannot listen on {host} port {port}: {reason}. Choose another with --host or --port."
        raise Problem(sentence) from cause


def url_of(host: str, listener: socket.socket) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{listener.getsockname()[1]}"


def serve_web(deployment: Deployment, listener: socket.socket, *, workers: int) -> None:
    """Serves with one web process, this one, or with several of their own."""
    if workers == 1:
        _serve_here(deployment, listener)
    else:
        _serve_in_processes(listener, workers)


def _serve_here(deployment: Deployment, listener: socket.socket) -> None:
    server = uvicorn.Server(configured(create_app(deployment)))
    share_heaps()
    keep_what_exists()
    server.run(sockets=[listener])
    if not server.started:
        raise Problem("The web process did not start; the log says why.")


def _serve_in_processes(listener: socket.socket, workers: int) -> None:
    inside = "appanage.cli.web_process"
    config = configured(
        f"{inside}:web_application", http=f"{inside}:EdgeProtocol", factory=True, workers=workers
    )
    supervisor = Multiprocess(config, sockets=[listener])
    supervisor.run()
    if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
        raise Problem("The web processes did not start; the log says why.")


def configured(app: Any, *, http: type[EdgeProtocol] | str = EdgeProtocol, **more: Any) -> uvicorn.Config:
    """How the server is set. Our frame logs requests and knows the proxies, so the server does neither."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=http,
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_WITHIN,
        **more,
    )
