"""The report: one Markdown page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from measuring import Figures, Spread

_INTRODUCTION = """\
# Benchmarks

Written by `make bench` on {date}.
Do not edit this page: run it again.
{quiet}

## What is measured

One web process, started by `appanage serve --role web` with its default settings and its request log written to a file, on an embedded PostgreSQL in a temporary folder.
Only the limit of requests per minute is raised.
{connections} keep-alive connections each send the next request as soon as the last one is answered; each is the Service App of another organization, with tokens of its own, and each organization has {people} people.
The status and the content of every answer are checked; a single wrong answer ends the run.
{cores}

Rounds: {rounds}, of {seconds:g} s for each case, after {warm_up:g} s of warm-up.
The rounds are interleaved: each visits every case, every second one in the opposite order.
Figures are medians of the rounds; in brackets stand the least and the most.

- **Server CPU** is the time in user and system mode that the process used for one request, in microseconds. It is the figure to compare: it does not count the time of other work, although that slows it by crowding the caches.
- **Database CPU** is the same for PostgreSQL and all its processes.
- **Requests/s** is what this machine did.
- **Share of hello** is the CPU of a bare uvicorn that answers "Hello, world!", divided by the case's: how much of the bare server's speed is left.

## Figures

"""

_CLOSING = """\

These are the figures of the straightforward path: one thread hop and one transaction through the ORM for every request.
The targets of the hot path (token, introspection, key set) need the grouped statements that are a later step, as does the comparison with other products.

## Start and memory

"""


@dataclass(frozen=True, slots=True)
class Resting:
    """One kind of server: how long it takes to start, and its memory before and after all rounds."""

    name: str
    started_in: float
    idle_mib: float
    loaded_mib: float


@dataclass(frozen=True, slots=True)
class Conditions:
    """How the figures were taken."""

    rounds: int
    seconds: float
    warm_up: float
    connections: int
    people: int
    cores: int
    other_work: float  # in cores, while the rounds ran
    machine: Mapping[str, str]

    @property
    def is_quiet(self) -> bool:
        return self.other_work < 0.05 * self.cores


def render(
    on: date, conditions: Conditions, figures: Sequence[Figures], resting: Iterable[Resting], *, base: str
) -> str:
    """The page; the share of every case is told in relation to the case called `base`."""
    base_cpu = next(one.server_cpu.median for one in figures if one.case == base)
    introduction = _INTRODUCTION.format(
        date=on,
        connections=conditions.connections,
        people=conditions.people,
        rounds=conditions.rounds,
        seconds=conditions.seconds,
        warm_up=conditions.warm_up,
        quiet=_about_other_work(conditions),
        cores=_about_cores(conditions),
    )
    headings = ("Case", "Server CPU µs", "Database CPU µs", "Requests/s", "Share of hello")
    figured = _table(headings, (_row(one, base_cpu) for one in figures))
    rested = _table(
        ("Server", "Start to first answer", "Memory idle", "Memory after the rounds"), map(_rest, resting)
    )
    return introduction + figured + _CLOSING + rested + "\n## Machine\n\n" + _machine(conditions.machine)


def _about_other_work(conditions: Conditions) -> str:
    used = f"While the rounds ran, other work took {conditions.other_work:.2f} of {conditions.cores} cores"
    if conditions.is_quiet:
        return f"{used}."
    return f"**{used} and disturbed the figures. Take them again on a quiet machine.**"


def _about_cores(conditions: Conditions) -> str:
    if conditions.cores > 1:
        return "The server is pinned to one core and the load to another; PostgreSQL runs on any."
    return "There is only one core, which server, load and PostgreSQL share."


def _row(one: Figures, base_cpu: float) -> Sequence[str]:
    return (
        one.case,
        _spread(one.server_cpu),
        _spread(one.database_cpu),
        _spread(one.requests_per_second),
        f"{base_cpu / one.server_cpu.median:.1%}",
    )


def _spread(figure: Spread) -> str:
    return f"{figure.median:,.0f} ({figure.least:,.0f}–{figure.most:,.0f})"


def _rest(one: Resting) -> Sequence[str]:
    return one.name, f"{one.started_in:.2f} s", f"{one.idle_mib:.0f} MiB", f"{one.loaded_mib:.0f} MiB"


def _machine(facts: Mapping[str, str]) -> str:
    return "".join(f"- {name}: {fact}\n" for name, fact in facts.items())


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    ruler = ["---", *["---:"] * (len(headings) - 1)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (headings, ruler, *rows))
