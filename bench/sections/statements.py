"""How many statements a request takes: those that PostgreSQL logs while requests are answered."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import sleep

import cases
from load import Case, WrongAnswer, drive, verify
from measuring import CONNECTIONS
from options import Options
from processes import LOAD_CORE, drain
from results import Count, Counts, Missing
from sections.conditions import Watch
from servers import Running
from stage import Stage

_SECONDS = 3
_FLUENT = 20 * CONNECTIONS  # requests, of which those in flight at the end, which wrk does not count, are few
_WRITTEN_AFTER = 0.5  # seconds until the last line is in the log
_MARK = "benchmark log"
_SETTINGS = {"log_statement": "all", "log_line_prefix": f"{_MARK} [%a] "}
_LINE = re.compile(
    rf"^{_MARK} \[(?P<program>[^]]*)\] LOG:  (?:statement|execute [^:]*):\s+(?P<verb>\w+)", re.MULTILINE
)
_FRAMES = {"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"}
_WRITES = {"INSERT", "UPDATE", "DELETE", "MERGE", "WITH"}  # reads that begin so would have to be told apart
_BY_THEMSELVES = ("benchmark", "appanage feed", "appanage jobs")
"""How the names of programs begin that ask however many requests there are."""


def run(stage: Stage, options: Options) -> Counts:
    """At one connection, request by request, and at so many that concurrent ones can share statements."""
    del options
    found: list[Count] = []
    missing: list[Missing] = []
    asked = cases.of_platform(stage.customers)
    with stage.platform().running() as server, _logged(stage):
        watch = Watch(stage)
        for case in asked:
            stage.say(f"Counting the statements of {case.name}")
            try:
                found += _counts(stage, server, case)
            except WrongAnswer as error:
                missing.append(Missing(case.name, str(error)))
        return Counts(watch.conditions(), found, missing)


@dataclass(frozen=True, slots=True)
class Logged:
    statements: int
    writes: int


def counted(log: str) -> Logged:
    """What of a log with `_SETTINGS` requests caused; the frames of a transaction are no statements."""
    asked = (line for line in _LINE.finditer(log) if not line["program"].startswith(_BY_THEMSELVES))
    verbs = [line["verb"].upper() for line in asked]
    return Logged(sum(verb not in _FRAMES for verb in verbs), sum(verb in _WRITES for verb in verbs))


def _counts(stage: Stage, server: Running, case: Case) -> list[Count]:
    """At one connection, and at many unless so few answers come that those in flight at the end would count."""
    alone, together = (_count(stage, server, case, connections) for connections in (1, CONNECTIONS))
    return [alone, together] if together.requests >= _FLUENT else [alone]


def _count(stage: Stage, server: Running, case: Case, connections: int) -> Count:
    verify(server.port, case)  # what is remembered is remembered
    drain(server.pid)
    sleep(_WRITTEN_AFTER)
    before = stage.database_log.stat().st_size
    driven = drive(server.port, case, seconds=_SECONDS, connections=connections, core=LOAD_CORE)
    drain(server.pid)
    sleep(_WRITTEN_AFTER)
    logged = counted(_since(stage.database_log, before))
    return Count(case.name, connections, driven.requests, logged.statements, logged.writes)


def _since(file: Path, position: int) -> str:
    with file.open("rb") as log:
        log.seek(position)
        return log.read().decode("utf-8", "replace")


@contextmanager
def _logged(stage: Stage) -> Iterator[None]:
    """PostgreSQL writes every statement into its log, with the program that sent it."""
    with stage.connected() as connection:
        for name, value in _SETTINGS.items():
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        connection.execute("SELECT pg_reload_conf()")
        try:
            yield
        finally:
            for name in _SETTINGS:
                connection.execute(f"ALTER SYSTEM RESET {name}")
            connection.execute("SELECT pg_reload_conf()")
