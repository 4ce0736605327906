"""The targets: what each figure must be, what it should be, and what was measured. Pure functions of the results."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

import cases
from results import Compared, Results
from servers import GRANIAN
from stage import PLATFORM

_SMALL, _LARGE = 10_000, 10_000_000  # authorizations that the target about scale speaks of
_LISTED = 100_000
SCALED = (
    cases.INTROSPECTION,
    cases.ME,
    cases.FORWARD_AUTH,
    cases.REFRESH,
    cases.INTROSPECTION_MISS,
    cases.ME_MISS,
    cases.REFRESH_MISS,
)


class Verdict(StrEnum):
    YES = "yes"
    MUST_ONLY = "must only"
    NO = "no"
    UNKNOWN = "not measured"


@dataclass(frozen=True, slots=True)
class Bound:
    """One figure: what it must be at least, or at most, and what it should be if there is such a goal."""

    value: float | None
    must: float
    goal: float | None = None
    is_upper: bool = False

    @property
    def verdict(self) -> Verdict:
        if self.value is None:
            return Verdict.UNKNOWN
        if not self._holds(self.must):
            return Verdict.NO
        return Verdict.YES if self.goal is None or self._holds(self.goal) else Verdict.MUST_ONLY

    def _holds(self, limit: float) -> bool:
        assert self.value is not None
        return self.value <= limit if self.is_upper else self.value >= limit


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table of targets, which may speak of several figures."""

    figure: str
    must: str
    goal: str
    measured: str
    bounds: Sequence[Bound]

    @property
    def verdict(self) -> Verdict:
        """The worst one of all its figures; one that was not measured makes the row unknown unless another one fails."""
        worst_first = (Verdict.NO, Verdict.UNKNOWN, Verdict.MUST_ONLY, Verdict.YES)
        return min((bound.verdict for bound in self.bounds), key=worst_first.index)


def rows(known: Results) -> list[Row]:
    return [
        _share(
            known, "Introspection, cache hit: share of bare granian hello", cases.INTROSPECTION, 0.45, 0.80
        ),
        _share(known, "`people/me`, likewise", cases.ME, 0.36, 0.65),
        _share(known, "Forward-auth, likewise", cases.FORWARD_AUTH, 0.50, 1.0),
        _share(
            known, "Refresh grant, ES256, durable commit, 64 connections, likewise", cases.REFRESH, 0.11, 0.14
        ),
        _against(
            known,
            "oidc-provider",
            "Against oidc-provider (in memory): introspection / refresh",
            (5, 2),
            (10, 3),
        ),
        _against(known, "Glewlwyd", "Against Glewlwyd (C): introspection / refresh", (20, 5), (40, 8)),
        _against_python(known),
        _scale(known),
        _start(known),
        _catalogue(known),
    ]


def share_of_hello(known: Compared, case: str, size: int = 0) -> float | None:
    """How much of the bare server's speed is left: its CPU per request, divided by the case's."""
    return ratio(known, (GRANIAN, cases.HELLO, 0), (PLATFORM, case, size))


def times_as_fast(known: Compared, peer: str, case: str) -> float | None:
    """The peer's CPU per request, divided by ours."""
    return ratio(known, (peer, case, 0), (PLATFORM, case, 0))


def growth(known: Compared, case: str) -> float | None:
    """CPU per request with the most authorizations, divided by that with the fewest."""
    if len(known.sizes) < 2:
        return None
    return ratio(known, (PLATFORM, case, known.sizes[-1]), (PLATFORM, case, known.sizes[0]))


def ratio(known: Compared, above: tuple[str, str, int], below: tuple[str, str, int]) -> float | None:
    """Of the medians of CPU per request; None where one of them is missing."""
    one, other = known.find(*above), known.find(*below)
    if one is None or other is None or not other.server_cpu.median:
        return None
    return one.server_cpu.median / other.server_cpu.median


def _share(known: Results, figure: str, case: str, must: float, goal: float) -> Row:
    value = share_of_hello(known.core, case) if known.core else None
    return Row(figure, f"≥ {must:.2f}", f"≥ {goal:.2f}", _told(value, _plain), [Bound(value, must, goal)])


def _against(
    known: Results, peer: str, figure: str, must: tuple[float, float], goal: tuple[float, float]
) -> Row:
    bounds = [Bound(*one) for one in zip(_speeds(known, peer), must, goal, strict=True)]
    must_be, goal_is = (f"≥ {one:g}× / {other:g}×" for one, other in (must, goal))
    return Row(figure, must_be, goal_is, _pair(bounds), bounds)


def _against_python(known: Results) -> Row:
    names, must = ("django-oauth-toolkit", "Authlib"), (20.0, 9.0)
    bounds = {name: [Bound(*one) for one in zip(_speeds(known, name), must, strict=True)] for name in names}
    figure = "Against django-oauth-toolkit and Authlib's server: introspection / refresh"
    measured = "; ".join(f"{name} {_pair(found)}" for name, found in bounds.items())
    return Row(figure, "≥ 20× / 9×", "", measured, [bound for found in bounds.values() for bound in found])


def _scale(known: Results) -> Row:
    """The worst of all cases; a run with other sizes than those of the target tells its figure but decides nothing."""
    figure, limits = "From 10 k to 10 M authorizations, CPU per request", (1.15, 1.05)
    scale = known.scale
    grown = {case: growth(scale, case) for case in SCALED} if scale else {}
    values = [value for value in grown.values() if value is not None]
    if not scale or not values:
        return Row(figure, "≤ 1.15×", "≤ 1.05×", "–", [Bound(None, *limits, is_upper=True)])
    sizes = (scale.sizes[0], scale.sizes[-1])
    worst = max(values)
    counts = worst if sizes == (_SMALL, _LARGE) else None
    told = f"at worst {worst:.2f}×, median {median(values):.2f}×" + (
        "" if counts else f" (from {_size(sizes[0])} to {_size(sizes[1])})"
    )
    return Row(figure, "≤ 1.15×", "≤ 1.05×", told, [Bound(counts, *limits, is_upper=True)])


def _start(known: Results) -> Row:
    """With one web process, as `appanage serve` starts."""
    alone = next((one for one in known.start.of if one.workers == 1), None) if known.start else None
    seconds, memory = (median(alone.seconds), median(alone.rss)) if alone else (None, None)
    bounds = [Bound(seconds, 1.5, 0.8, is_upper=True), Bound(memory, 120, 80, is_upper=True)]
    measured = f"{_told(seconds, '{:.2f} s'.format)}; {_told(memory, '{:.0f} MiB'.format)}"
    figure = "Start to first answer (existing database); RSS idle per worker"
    return Row(figure, "≤ 1.5 s; ≤ 120 MiB", "≤ 0.8 s; ≤ 80 MiB", measured, bounds)


def _catalogue(known: Results) -> Row:
    """The slowest kind of search; a catalogue of another size tells its figure but decides nothing."""
    figure, limits = (
        "Catalogue search at the database, 100,000 listed apps, p95 of the slowest kind",
        (50.0, 25.0),
    )
    searches = known.catalogue
    worst = max((one.p95 for one in searches.of), default=None) if searches else None
    counts = worst if searches and searches.apps >= _LISTED else None
    told = _told(worst, "{:.1f} ms".format)
    if searches and counts is None:
        told += f" ({searches.apps:,} apps)"
    return Row(figure, "≤ 50 ms", "≤ 25 ms", told, [Bound(counts, *limits, is_upper=True)])


def _speeds(known: Results, peer: str) -> tuple[float | None, float | None]:
    if known.peers is None:
        return None, None
    introspection = times_as_fast(known.peers, peer, cases.PEER_INTROSPECTION)
    return introspection, times_as_fast(known.peers, peer, cases.PEER_REFRESH)


def _pair(bounds: Sequence[Bound]) -> str:
    return " / ".join(_told(bound.value, "{:.1f}×".format) for bound in bounds)


def _told(value: float | None, form: Callable[[float], str]) -> str:
    return "–" if value is None else form(value)


def _plain(value: float) -> str:
    return f"{value:.2f}"


def _size(number: int) -> str:
    return f"{number // 1_000_000} M" if number % 1_000_000 == 0 else f"{number // 1000} k"
