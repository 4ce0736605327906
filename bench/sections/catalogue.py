"""How long the App Hub's catalogue takes to find apps, and whether that grows with what has nothing to do with it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from statistics import median, quantiles
from time import perf_counter
from typing import Any

from sqlalchemy import event

from appanage.apphub.search import ListingFilter, search
from appanage.apphub.vocabulary import CATEGORIES
from appanage.deployment import Deployment
from appanage.kit.origin import internal_origin
from appanage.kit.paging import PageRequest
from crowd import gather, loading
from options import Options
from results import Searched, Searches
from sections.conditions import Watch
from shelf import Shelf, fill
from stage import Stage

_EACH = 100
_ROWS = 24
_DEEP = 8  # pages before the deep one
_BESIDE = ((1_000, 0), (20_000, 100_000))
"""Organizations and authorizations beside the catalogue."""


@dataclass(frozen=True, slots=True)
class _Asked:
    wanted: ListingFilter
    pages: int = 0


_Choose = Callable[[Shelf, Random], _Asked]

_FREQUENT, _RARE = slice(9, 50), slice(-3000, None)
"""Places in the lexicon: behind the words that English leaves out, and at its end."""

CASES: Mapping[str, _Choose] = {
    "rare word": lambda shelf, by: _Asked(ListingFilter(by.choice(shelf.words[_RARE]))),
    "frequent word": lambda shelf, by: _Asked(ListingFilter(by.choice(shelf.words[_FREQUENT]))),
    "two frequent words": lambda shelf, by: _Asked(
        ListingFilter(" ".join(by.sample(shelf.words[_FREQUENT], 2)))
    ),
    "name": lambda shelf, by: _Asked(ListingFilter(by.choice(shelf.names))),
    "beginning of a word": lambda shelf, by: _Asked(ListingFilter(by.choice(shelf.words[_FREQUENT])[:4])),
    "category and word": lambda shelf, by: _Asked(
        ListingFilter(by.choice(shelf.words[_FREQUENT]), category=by.choice(list(CATEGORIES)))
    ),
    "tag": lambda shelf, by: _Asked(ListingFilter(tag=by.choice(shelf.tags))),
    "no word": lambda _shelf, by: _Asked(ListingFilter(category=by.choice([None, *CATEGORIES]))),
    "frequent word, deep page": lambda shelf, by: _Asked(
        ListingFilter(by.choice(shelf.words[_FREQUENT])), pages=_DEEP
    ),
    "no word, deep page": lambda _shelf, _by: _Asked(ListingFilter(), pages=_DEEP * 4),
}


def run(stage: Stage, options: Options) -> Searches:
    """The same catalogue in two worlds."""
    found: list[Searched] = []
    watch = Watch(stage)
    for organizations, authorizations in _BESIDE:
        name = f"catalogue_{organizations}"
        database = (
            gather(stage, name, size=authorizations, customers=1).database
            if authorizations
            else stage.new_database(name)
        )
        with stage.deployment(database) as deployment:
            shelf = _filled(stage, database, apps=options.catalogue, organizations=organizations)
            stage.say(
                f"Searching beside {organizations:,} organizations and {authorizations:,} authorizations"
            )
            times = _measure(deployment, shelf)
            found += [_searched(case, organizations, authorizations, taken) for case, taken in times.items()]
    return Searches(watch.conditions(), options.catalogue, _EACH, found)


def _filled(stage: Stage, database: str, *, apps: int, organizations: int) -> Shelf:
    stage.say(f"Listing {apps:,} apps of {organizations:,} organizations")
    with loading(stage, database) as connection:
        shelf = fill(connection, apps=apps, organizations=organizations)
        connection.execute("VACUUM (ANALYZE)")
    return shelf


def _measure(deployment: Deployment, shelf: Shelf) -> Mapping[str, list[float]]:
    """Every kind in turn, again and again, so that a disturbance hits them alike; the first round is not counted."""
    by = Random(7)  # noqa: S311 – the same searches in every run
    times: dict[str, list[float]] = {case: [] for case in CASES}
    cursors: dict[_Asked, str | None] = {}
    with _stopwatch(deployment) as spent:
        for number in range(_EACH + 1):
            for case, choose in CASES.items():
                asked = choose(shelf, by)
                if asked.pages and asked not in cursors:
                    cursors[asked] = _cursor(deployment, asked)
                spent.clear()
                _search(deployment, asked.wanted, cursors.get(asked))
                if number:
                    times[case].append(1000 * sum(spent))
    return times


def _cursor(deployment: Deployment, asked: _Asked) -> str | None:
    """Where the page begins; the last one there is if there are not so many."""
    cursor = None
    for _ in range(asked.pages):
        cursor = _search(deployment, asked.wanted, cursor) or cursor
    return cursor


def _search(deployment: Deployment, wanted: ListingFilter, cursor: str | None) -> str | None:
    with deployment.transaction(internal_origin()) as tx:
        return search(tx, wanted, PageRequest(_ROWS, cursor)).next_cursor


@contextmanager
def _stopwatch(deployment: Deployment) -> Iterator[list[float]]:
    """The seconds that each statement takes, from when it is sent until its rows are there."""
    engine = deployment.database.engine
    spent: list[float] = []
    began = [0.0]

    def begin(*_: Any) -> None:
        began[0] = perf_counter()

    def end(*_: Any) -> None:
        spent.append(perf_counter() - began[0])

    event.listen(engine, "before_cursor_execute", begin)
    event.listen(engine, "after_cursor_execute", end)
    yield spent
    event.remove(engine, "before_cursor_execute", begin)
    event.remove(engine, "after_cursor_execute", end)


def _searched(case: str, organizations: int, authorizations: int, taken: list[float]) -> Searched:
    p95 = quantiles(taken, n=20, method="inclusive")[-1]
    return Searched(case, organizations, authorizations, median(taken), p95, max(taken))
