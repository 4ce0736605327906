"""`make bench`: what a request costs, beside a bare server, written to docs/benchmarks/latest.md.

BENCH_ROUNDS (3) and BENCH_SECONDS (3, of each case in each round) make it longer.
"""

import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import cases
from appanage.deployment import assemble
from appanage.kit.logs import configure_logs
from appanage.settings import Settings
from appanage.storage.embedded import EmbeddedPostgres
from machine import describe
from measuring import WARM_UP, Figures, Target, measure
from report import Conditions, Resting, render
from scene import PEOPLE, Customer, make_customer
from server import CORES, OtherWork, Server, memory_mib

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "3"))
CONNECTIONS = 16
PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks" / "latest.md"

_UNLIMITED = 1_000_000_000
_AS_SERVE_DOES = (
    "--loop=uvloop",
    "--http=httptools",
    "--ws=none",
    "--no-access-log",
    "--no-proxy-headers",
    "--no-server-header",
)


def main() -> None:
    if sys.platform != "linux":
        sys.exit("The benchmarks need Linux, whose kernel tells what a process used.")
    _forget_own_settings()
    configure_logs("console", "warning")
    # To be told to stop is then the same as Ctrl-C: the servers are stopped and the folder is removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with TemporaryDirectory(prefix="appanage-bench-") as folder:
        page = bench(Path(folder))
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page, encoding="utf-8")
    sys.stdout.write(page)


def bench(folder: Path) -> str:
    """Measures with a database in `folder` and returns the report."""
    with EmbeddedPostgres(folder) as postgres:
        settings = Settings(
            base_url=f"http://127.0.0.1:{_free_port()}",
            data=folder,
            database_url=postgres.start(),
            requests_per_minute=_UNLIMITED,
        )
        customers, machine = _prepare(settings)
        figures, resting, other_work = _measure(settings, customers, database_pid=_pid_of(postgres))
    conditions = Conditions(
        rounds=ROUNDS,
        seconds=SECONDS,
        warm_up=WARM_UP,
        connections=CONNECTIONS,
        people=PEOPLE,
        cores=len(CORES),
        other_work=other_work,
        machine=machine,
    )
    return render(datetime.now(UTC).date(), conditions, figures, resting, base=cases.HELLO)


def _prepare(settings: Settings) -> tuple[list[Customer], Mapping[str, str]]:
    _say("Preparing the database")
    deployment = assemble(settings, str(settings.database_url))
    deployment.prepare()
    customers = [make_customer(deployment, number) for number in range(1, CONNECTIONS + 1)]
    machine = describe(deployment, settings.data)
    deployment.database.dispose()
    return customers, machine


def _measure(
    settings: Settings, customers: Sequence[Customer], *, database_pid: int
) -> tuple[list[Figures], list[Resting], float]:
    platform, hello = _platform(settings), _hello(settings.data)
    _say("Starting the servers")
    platform_start, hello_start = _start_time(platform), _start_time(hello)
    with platform.running() as ours, hello.running() as bare:
        platform_idle, hello_idle = memory_mib(ours.pid), memory_mib(bare.pid)
        targets = [Target(cases.hello(CONNECTIONS), bare, database_pid)]
        targets += [Target(case, ours, database_pid) for case in cases.of_platform(customers)]
        others = OtherWork(os.getpid(), database_pid)
        figures = measure(targets, rounds=ROUNDS, seconds=SECONDS, say=_say)
        other_work = others.cores()
        resting = [
            Resting("Bare uvicorn", hello_start, hello_idle, memory_mib(bare.pid)),
            Resting("Appanage", platform_start, platform_idle, memory_mib(ours.pid)),
        ]
    return figures, resting, other_work


def _platform(settings: Settings) -> Server:
    """What an operator starts, on a database that runs already."""
    port = settings.base_url.rpartition(":")[2]
    return Server(
        ("-m", "appanage", "serve", "--role", "web", "--port", port),
        port=int(port),
        ready="/readyz",
        log=settings.data / "appanage.log",
        environment={
            "APPANAGE_BASE_URL": settings.base_url,
            "APPANAGE_DATA": str(settings.data),
            "APPANAGE_DATABASE_URL": str(settings.database_url),
            "APPANAGE_REQUESTS_PER_MINUTE": str(settings.requests_per_minute),
        },
    )


def _hello(folder: Path) -> Server:
    port = _free_port()
    return Server(
        ("-m", "uvicorn", "hello:app", "--port", str(port), *_AS_SERVE_DOES),
        port=port,
        ready="/",
        log=folder / "hello.log",
    )


def _start_time(server: Server) -> float:
    """The median of as many starts as there are rounds."""
    taken = []
    for _ in range(ROUNDS):
        with server.running() as running:
            taken.append(running.started_in)
    return median(taken)


def _forget_own_settings() -> None:
    """What is configured for a deployment of one's own must not change what is measured here."""
    for name in [name for name in os.environ if name.startswith("APPANAGE_")]:
        del os.environ[name]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _pid_of(postgres: EmbeddedPostgres) -> int:
    return int((postgres.folder / "postmaster.pid").read_text(encoding="utf-8").partition("\n")[0])


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main()
