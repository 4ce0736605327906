"""What the figures were taken on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter

from processes import CORES
from stage import Stage

_PACKAGES = (
    "appanage",
    "granian",
    "uvicorn",
    "uvloop",
    "httptools",
    "starlette",
    "fastapi",
    "msgspec",
    "sqlalchemy",
    "psycopg",
    "joserfc",
    "cryptography",
)
_BLOCK = os.urandom(8192)  # a page of PostgreSQL


def describe(stage: Stage) -> dict[str, str]:
    """Facts by name."""
    return {
        "Processor": f"{_processor()}, {len(CORES)} cores",
        "System": f"{platform.system()} {platform.release()}",
        "Python": _python(),
        "PostgreSQL": _database(stage),
        "Packages": ", ".join(f"{name} {version(name)}" for name in _PACKAGES),
    }


def _python() -> str:
    """With its build, since one that is optimized by profiles does the same work in much less time."""
    branch, built = platform.python_build()
    name = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{name} ({branch}, {' '.join(built.split())}, {platform.python_compiler()})"


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _database(stage: Stage) -> str:
    with stage.connected() as connection:
        number, fsync, commit, buffers = (
            connection.execute(statement).fetchone() or ("unknown",)
            for statement in (
                "SHOW server_version",
                "SHOW fsync",
                "SHOW synchronous_commit",
                "SHOW shared_buffers",
            )
        )
    return f"{number[0]}, embedded, fsync {fsync[0]}, synchronous_commit {commit[0]}, shared_buffers {buffers[0]}"


def durable_write(folder: Path, *, times: int = 50) -> float:
    """The median of seconds that a page of the database takes to the disk; it bounds every commit, and tells a disk from memory."""
    with (folder / "durable-write").open("wb", buffering=0) as file:
        taken = []
        for _ in range(times):
            began = perf_counter()
            file.write(_BLOCK)
            os.fdatasync(file.fileno())
            taken.append(perf_counter() - began)
    return median(taken)
