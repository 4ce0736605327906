"""The picture: CPU per request on a logarithmic scale, as SVG that reads well on a light and on a dark page."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

import cases
from results import Compared, Figures, Results
from servers import GRANIAN, UVICORN
from stage import PLATFORM

_WIDTH, _LABELS, _VALUES = 860, 290, 90
_BAR, _STEP, _GAP, _TOP = 16, 24, 40, 64
_FONT = "system-ui, -apple-system, 'Segoe UI', sans-serif"
_STYLE = f"""\
text {{ font: 13px {_FONT}; fill: #24292f; }}
.title {{ font-size: 16px; font-weight: 600; }}
.group {{ font-weight: 600; }}
.quiet {{ fill: #57606a; font-size: 12px; }}
.scale {{ stroke: #d0d7de; }}
.ours {{ fill: #1a7f64; }}
.reference {{ fill: #8c959f; }}
.peer {{ fill: #b35900; }}
@media (prefers-color-scheme: dark) {{
  text {{ fill: #e6edf3; }}
  .quiet {{ fill: #9198a1; }}
  .scale {{ stroke: #3d444d; }}
  .ours {{ fill: #3fb68b; }}
  .reference {{ fill: #6e7681; }}
  .peer {{ fill: #e0883a; }}
}}"""


@dataclass(frozen=True, slots=True)
class Bar:
    label: str
    value: float
    kind: str


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    bars: Sequence[Bar]


def draw(known: Results) -> str:
    """The whole file; without figures an empty scale."""
    groups = [group for group in _groups(known) if group.bars]
    values = [bar.value for group in groups for bar in group.bars] or [10.0]
    scale = _Scale.around(values)
    height = _TOP + sum(_height(group) for group in groups) + 10
    body = [*_axis(scale, height), *_drawn(groups, scale)]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
        f'height="{height}" role="img" aria-labelledby="title">\n<style>\n{_STYLE}\n</style>\n'
        f'<title id="title">{escape(_summary(groups))}</title>\n'
        '<text class="title" x="10" y="24">CPU time for one request, in microseconds</text>\n'
        '<text class="quiet" x="10" y="42">Less is better. The scale is logarithmic.</text>\n'
    )
    return head + "\n".join(body) + "\n</svg>\n"


@dataclass(frozen=True, slots=True)
class _Scale:
    """Decades of the logarithmic scale, from 10 to the power of `least` to that of `most`."""

    least: int
    most: int

    @classmethod
    def around(cls, values: Iterable[float]) -> "_Scale":
        logarithms = [log10(value) for value in values]
        least = floor(min(logarithms))
        return cls(least, max(least + 1, ceil(max(logarithms))))

    def place(self, value: float) -> float:
        across = _WIDTH - _LABELS - _VALUES
        return _LABELS + across * (log10(value) - self.least) / (self.most - self.least)

    @property
    def decades(self) -> list[int]:
        return [10**power for power in range(self.least, self.most + 1)]


def _groups(known: Results) -> list[Group]:
    groups = []
    if known.core:
        groups.append(Group("Beside a bare server", [_bar(one, _case_of(one)) for one in known.core.figures]))
    if known.peers:
        groups += [
            _beside_peers(known.peers, case) for case in (cases.PEER_INTROSPECTION, cases.PEER_REFRESH)
        ]
    return groups


def _beside_peers(peers: Compared, case: str) -> Group:
    """The quickest first."""
    found = sorted((one for one in peers.figures if one.case == case), key=lambda one: one.server_cpu.median)
    return Group(f"{case}, beside other servers", [_bar(one, one.server) for one in found])


def _bar(one: Figures, label: str) -> Bar:
    kinds = {PLATFORM: "ours", GRANIAN: "reference", UVICORN: "reference"}
    return Bar(label.replace("`", ""), max(one.server_cpu.median, 1.0), kinds.get(one.server, "peer"))


def _case_of(one: Figures) -> str:
    return one.case if one.server == PLATFORM else one.server


def _height(group: Group) -> int:
    return _GAP + _STEP * len(group.bars)


def _axis(scale: _Scale, height: int) -> Iterator[str]:
    for value in scale.decades:
        x = f"{scale.place(value):.1f}"
        yield f'<line class="scale" x1="{x}" y1="{_TOP}" x2="{x}" y2="{height - 10}"/>'
        yield f'<text class="quiet" x="{x}" y="{_TOP - 6}" text-anchor="middle">{value:,}</text>'


def _drawn(groups: Sequence[Group], scale: _Scale) -> Iterator[str]:
    top = _TOP
    for group in groups:
        yield f'<text class="group" x="10" y="{top + _GAP - 14}">{escape(group.title)}</text>'
        for number, bar in enumerate(group.bars):
            yield from _bar_at(top + _GAP + number * _STEP, bar, scale)
        top += _height(group)


def _bar_at(top: int, bar: Bar, scale: _Scale) -> Iterator[str]:
    end, middle = scale.place(bar.value), top + _BAR - 4
    yield f'<text x="{_LABELS - 10}" y="{middle}" text-anchor="end">{escape(bar.label)}</text>'
    yield (
        f'<rect class="{bar.kind}" x="{_LABELS}" y="{top}" width="{max(end - _LABELS, 1):.1f}" '
        f'height="{_BAR}" rx="2"/>'
    )
    yield f'<text x="{end + 8:.1f}" y="{middle}">{bar.value:,.0f}</text>'


def _summary(groups: Sequence[Group]) -> str:
    """The figures in words, for whoever does not see them."""
    told = (
        f"{group.title}: " + ", ".join(f"{bar.label} {bar.value:,.0f}" for bar in group.bars)
        for group in groups
    )
    return "Microseconds of CPU for one request. " + "; ".join(told)
