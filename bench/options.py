"""What the environment says about a run."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_PAGES = Path(__file__).resolve().parent.parent / "docs" / "benchmarks"

SECTIONS = ("core", "peers", "workers", "start", "statements", "scale", "prune", "soak", "catalogue")


@dataclass(frozen=True, slots=True)
class Options:
    """`seconds` is the time of each case in each round; `distinct` a number of tokens in turn,
    more than a server of the section `scale` remembers.

    `peers` are the names of those that take part, all if none is named; `folder` is where the figures, the page and the picture are written.
    """

    sections: tuple[str, ...] = SECTIONS
    rounds: int = 5
    seconds: int = 3
    soak: int = 300
    scale: tuple[int, ...] = (10_000, 1_000_000)
    distinct: int = 5_000
    prune: int = 1_000_000
    catalogue: int = 100_000
    peers: tuple[str, ...] = ()
    folder: Path = _PAGES

    @classmethod
    def of_environment(cls) -> Self:
        """BENCH, BENCH_ROUNDS, BENCH_SECONDS and so on. Raises SystemExit for a section that is not there."""
        default = cls()
        sections = _names("BENCH") or default.sections
        unknown = set(sections) - set(SECTIONS)
        if unknown:
            raise SystemExit(
                f"BENCH: there is no {', '.join(sorted(unknown))}. Sections: {', '.join(SECTIONS)}."
            )
        return cls(
            sections=tuple(one for one in SECTIONS if one in sections),
            rounds=_number("BENCH_ROUNDS", default.rounds),
            seconds=_number("BENCH_SECONDS", default.seconds),
            soak=_number("BENCH_SOAK", default.soak),
            scale=tuple(sorted(map(int, _names("BENCH_SCALE")))) or default.scale,
            distinct=_number("BENCH_DISTINCT", default.distinct),
            prune=_number("BENCH_PRUNE", default.prune),
            catalogue=_number("BENCH_CATALOGUE", default.catalogue),
            peers=_names("BENCH_PEERS"),
            folder=Path(os.environ.get("BENCH_FOLDER") or default.folder).resolve(),
        )


def _number(name: str, default: int) -> int:
    return int(os.environ.get(name) or default)


def _names(name: str) -> tuple[str, ...]:
    return tuple(filter(None, (one.strip() for one in os.environ.get(name, "").split(","))))
