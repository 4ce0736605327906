"""The page: docs/benchmarks/latest.md, written from the results alone."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median

import cases
import targets
from results import (
    Beginnings,
    Compared,
    Conditions,
    Counts,
    Figures,
    Missing,
    Pruning,
    Results,
    Searches,
    Soak,
    Spread,
)
from servers import GRANIAN
from stage import PLATFORM
from targets import Row, Verdict, ratio, share_of_hello
from trend import first_minute, last_minute, slope

_INTRODUCTION = """\
# Benchmarks: the latest figures

Written by `make bench`.
Do not edit this page: run it again, or one section of it.
[How it is measured](README.md) says what the figures mean, what they do not mean, and why some fall short.

![CPU time for one request, ours beside bare servers and other authorization servers](latest.svg)

## Targets

"""

_CORE = """\
One web process with default settings, as `appanage serve --role web` starts it, pinned to one core; the load has another.
The share of hello is the CPU of bare granian divided by the case's: how much of the bare server's speed is left.

"""
_PEERS = """\
The same requests at other authorization servers, in the same rounds, each server with one process on the same core.
*Ours is faster* by the factor in the last column: the peer's CPU divided by ours.

"""
_WORKERS = """\
One and two web processes.
Nothing is pinned here: the load and PostgreSQL share the two cores with them, so two cannot be twice as fast.

"""
_START = """\
From the start of the process to its first answer, on a database that is there and up to date; nothing is pinned.
The memory is that of one web process, two seconds after its start, before any request.
Of pages that processes share RSS counts all, PSS counts each process's part.

"""
_STATEMENTS = """\
Statements that PostgreSQL logged, divided by the requests answered; BEGIN and COMMIT do not count.
What the server asks by itself, such as its poll for revocations, is left out.
With 64 connections concurrent requests share statements, and so they share the commit that makes a write durable.

"""
_SCALE = """\
The same requests on databases with more and more authorizations, each with a refresh token; one server on each, all in the same rounds.
First with 64 tokens, then with {distinct} of them in turn, spread over all rows, on servers that remember {remembered}, so that no cache of a process holds them.

"""
_PRUNE = """\
{rows:,} expired refresh tokens are removed by the platform's own housekeeping in a process of its own, while apps refresh theirs at a moderate pace.
It removed {removed:,} rows in {seconds:.0f} s, {speed:,.0f} a second.

"""
_CATALOGUE = """\
Searches among {apps:,} listed apps, each kind {each} times with words by chance, as the pages and the API make them: the time of all statements of one search, from when each is sent until its rows are there.
First beside few organizations and no authorizations, then beside many of both.

"""
_SOAK = """\
Every hot request in turn, from 64 connections, for {minutes:.1f} minutes: {requests:,} requests.
"""


def page(known: Results) -> str:
    """The whole page; sections that were never measured are left out."""
    parts = [_INTRODUCTION, _target_table(targets.rows(known))]
    if known.core:
        parts.append(_core(known.core))
    if known.peers:
        parts.append(_peers(known.peers))
    if known.workers:
        parts.append(_workers(known.workers))
    if known.start:
        parts.append(_start(known.start))
    if known.statements:
        parts.append(_statements(known.statements))
    if known.scale:
        parts.append(_scale(known.scale))
    if known.prune:
        parts.append(_prune(known.prune))
    if known.soak:
        parts.append(_soak(known.soak))
    if known.catalogue:
        parts.append(_catalogue(known.catalogue))
    return "".join([*parts, _machines(known)])


def _target_table(rows: Sequence[Row]) -> str:
    headings = ("Figure", "Must", "Goal", "Measured", "Met?")
    cells = ((row.figure, row.must, row.goal, row.measured, _met(row.verdict)) for row in rows)
    short = [row.figure for row in rows if row.verdict is Verdict.NO]
    return _table(headings, cells, texts=len(headings)) + _shortfall(short)


def _met(verdict: Verdict) -> str:
    return f"**{verdict}**" if verdict is Verdict.NO else str(verdict)


def _shortfall(figures: Sequence[str]) -> str:
    if not figures:
        return "\nNothing that was measured falls short of its must.\n"
    return "\nFalls short of its must: " + "; ".join(figures) + ".\n"


def _core(core: Compared) -> str:
    headings = ("Server", "Case", *_HEADINGS, "Share of hello")
    rows = ((one.server, one.case, *_cells(one), _share(core, one)) for one in core.figures)
    return _section(
        "Hot endpoints", core.conditions, _CORE + _table(headings, rows, texts=2) + _left_out(core.missing)
    )


def _share(core: Compared, one: Figures) -> str:
    value = share_of_hello(core, one.case) if one.server == PLATFORM else ratio(core, _HELLO, _key(one))
    return "–" if value is None else f"{value:.2f}"


def _peers(peers: Compared) -> str:
    headings = ("Server", "Case", *_HEADINGS, "Ours is faster")
    rows = ((one.server, one.case, *_cells(one), _advantage(peers, one)) for one in peers.figures)
    about = "".join(f"- {name}: {note}\n" for name, note in peers.notes.items())
    text = _PEERS + _table(headings, rows, texts=2) + _left_out(peers.missing) + f"\n{about}"
    return _section("Other authorization servers", peers.conditions, text)


def _advantage(peers: Compared, one: Figures) -> str:
    factor = ratio(peers, _key(one), (PLATFORM, one.case, 0))
    return "–" if factor is None or one.server == PLATFORM else f"{factor:.1f}×"


def _workers(workers: Compared) -> str:
    headings = ("Case", "Processes", *_HEADINGS, "Requests/s, of one process")
    rows = ((one.case, str(one.size), *_cells(one), _gain(workers, one)) for one in workers.figures)
    text = _WORKERS + _table(headings, rows) + _left_out(workers.missing)
    return _section("One and two processes", workers.conditions, text)


def _gain(workers: Compared, one: Figures) -> str:
    alone = workers.find(one.server, one.case, workers.sizes[0])
    if alone is None:
        return "–"
    return f"{one.requests_per_second.median / alone.requests_per_second.median:.2f}×"


def _start(start: Beginnings) -> str:
    headings = ("Web processes", "Start to first answer", "RSS idle", "PSS idle")
    rows = (
        (
            str(one.workers),
            _spread(Spread.of(one.seconds), "{:.2f}") + " s",
            f"{median(one.rss):.0f} MiB",
            f"{median(one.pss):.0f} MiB",
        )
        for one in start.of
    )
    return _section("Start and memory", start.conditions, _START + _table(headings, rows))


def _statements(counts: Counts) -> str:
    headings = ("Case", "Connections", "Requests", "Statements a request", "Of them writes")
    rows = (
        (
            one.case,
            str(one.connections),
            f"{one.requests:,}",
            f"{one.statements / one.requests:.2f}",
            f"{one.writes / one.requests:.2f}",
        )
        for one in counts.of
    )
    text = _STATEMENTS + _table(headings, rows) + _left_out(counts.missing)
    return _section("Statements", counts.conditions, text)


def _scale(scale: Compared) -> str:
    headings = ("Case", "Authorizations", *_HEADINGS, "CPU, of the fewest")
    ours = sorted(
        (one for one in scale.figures if one.server == PLATFORM), key=lambda one: (_place(one.case), one.size)
    )
    rows = ((one.case, f"{one.size:,}", *_cells(one), _grown(scale, one)) for one in ours)
    text = _SCALE.format(**scale.notes) + _table(headings, rows) + _left_out(scale.missing)
    return _section("Many authorizations", scale.conditions, text)


def _place(case: str) -> int:
    return targets.SCALED.index(case)


def _grown(scale: Compared, one: Figures) -> str:
    factor = ratio(scale, _key(one), (one.server, one.case, scale.sizes[0]))
    return "–" if factor is None else f"{factor:.2f}×"


def _prune(prune: Pruning) -> str:
    headings = ("Refreshes", "Seconds", "Requests/s", "p50 ms", "p99 ms", "Longest ms")
    rows = (
        (
            one.name,
            f"{one.seconds:.0f}",
            f"{one.requests_per_second:,.0f}",
            f"{one.p50:.1f}",
            f"{one.p99:.1f}",
            f"{one.most:.0f}",
        )
        for one in prune.phases
    )
    speed = prune.removed / prune.seconds
    told = _PRUNE.format(rows=prune.rows, removed=prune.removed, seconds=prune.seconds, speed=speed)
    return _section("Pruning", prune.conditions, told + _table(headings, rows))


def _catalogue(searches: Searches) -> str:
    headings = ("Search", "Organizations", "Authorizations", "p50 (ms)", "p95 (ms)", "Slowest (ms)")
    rows = (
        (
            one.case,
            f"{one.organizations:,}",
            f"{one.authorizations:,}",
            *(f"{figure:.1f}" for figure in (one.p50, one.p95, one.most)),
        )
        for one in searches.of
    )
    text = _CATALOGUE.format(apps=searches.apps, each=searches.each) + _table(headings, rows)
    return _section("The catalogue of the App Hub", searches.conditions, text)


def _soak(soak: Soak) -> str:
    growth = slope(soak.memory)
    told = "too short to tell" if growth is None else f"{growth:+.1f} MiB an hour"
    facts = {
        "Median of the first minute": f"{first_minute(soak.memory):.1f} MiB",
        "Median of the last minute": f"{last_minute(soak.memory):.1f} MiB",
        "Trend after the first minute": told,
    }
    return _section(
        "Memory under load",
        soak.conditions,
        _SOAK.format(minutes=soak.seconds / 60, requests=soak.requests) + "\n" + _facts(facts),
    )


_HELLO = (GRANIAN, cases.HELLO, 0)
_HEADINGS = ("Connections", "Server CPU µs", "Database CPU µs", "Requests/s", "p50 ms", "p99 ms")


def _cells(one: Figures) -> tuple[str, ...]:
    return (
        str(one.connections),
        _spread(one.server_cpu),
        _spread(one.database_cpu),
        _spread(one.requests_per_second),
        f"{one.p50.median:.1f}",
        f"{one.p99.median:.1f}",
    )


def _key(one: Figures) -> tuple[str, str, int]:
    return one.server, one.case, one.size


def _section(title: str, conditions: Conditions, text: str) -> str:
    return f"\n## {title}\n\n{_about(conditions)}\n\n{text}"


def _about(conditions: Conditions) -> str:
    """Two sentences; bold where something else disturbed the figures."""
    rounds = f" in {conditions.rounds} rounds of {conditions.seconds} s a case" if conditions.rounds else ""
    other = f"Other work took {conditions.other_work:.2f} of {conditions.cores} cores"
    if not conditions.is_quiet:
        other = f"**{other} and disturbed the figures**"
    disk = f"a durable write of 8 KiB took {conditions.durable_write:.2f} ms"
    return f"Measured on {conditions.date}{rounds}. {other}; {disk}."


def _left_out(missing: Sequence[Missing]) -> str:
    return "".join(f"\nLeft out: {one.what} ({one.why}).\n" for one in missing)


def _machines(known: Results) -> str:
    """Each machine once, with the sections that were measured on it."""
    found: dict[str, list[str]] = {}
    for name in ("core", "peers", "workers", "start", "statements", "scale", "prune", "soak", "catalogue"):
        section = getattr(known, name)
        if section is not None:
            found.setdefault(_facts(section.conditions.machine), []).append(name)
    told = (f"Of the sections {', '.join(names)}:\n\n{machine}" for machine, names in found.items())
    return "\n## Machine and versions\n\n" + "\n".join(told)


def _facts(facts: Mapping[str, str]) -> str:
    return "".join(f"- {name}: {fact}\n" for name, fact in facts.items())


def _spread(figure: Spread, form: str = "{:,.0f}") -> str:
    middle, least, most = (form.format(one) for one in (figure.median, figure.least, figure.most))
    return f"{middle} ({least}–{most})"


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, texts: int = 1) -> str:
    """The first `texts` columns are of words, the others of numbers."""
    ruler = ["---"] * texts + ["---:"] * (len(headings) - texts)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (headings, ruler, *rows))
