"""What the figures were taken on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter

from sqlalchemy import text

from appanage.deployment import Deployment
from server import CORES

_PACKAGES = (
    "appanage",
    "uvicorn",
    "uvloop",
    "httptools",
    "starlette",
    "fastapi",
    "pydantic",
    "sqlalchemy",
    "psycopg",
    "joserfc",
    "cryptography",
)
_BLOCK = os.urandom(8192)  # a page of PostgreSQL


def describe(deployment: Deployment, folder: Path) -> dict[str, str]:
    """Facts by name."""
    return {
        "Processor": f"{_processor()}, {len(CORES)} cores",
        "System": f"{platform.system()} {platform.release()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "PostgreSQL": _database(deployment),
        "Storage": f"{_durable_write(folder) * 1000:.2f} ms for a durable write of 8 KiB",
        "Packages": ", ".join(f"{name} {version(name)}" for name in _PACKAGES),
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _database(deployment: Deployment) -> str:
    names = ("server_version", "fsync", "synchronous_commit")
    with deployment.database.engine.connect() as connection:
        number, *durable = (connection.execute(text(f"SHOW {name}")).scalar_one() for name in names)
    return f"{number}, embedded, fsync {durable[0]}, synchronous_commit {durable[1]}"


def _durable_write(folder: Path, *, times: int = 50) -> float:
    """The median of seconds; it bounds every commit, and tells a disk from memory."""
    with (folder / "durable-write").open("wb", buffering=0) as file:
        taken = []
        for _ in range(times):
            began = perf_counter()
            file.write(_BLOCK)
            os.fdatasync(file.fileno())
            taken.append(perf_counter() - began)
    return median(taken)
