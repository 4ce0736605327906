"""`make bench`: measures, keeps the figures in docs/benchmarks/latest.json and writes the page and the picture from them.

BENCH=core,peers,… selects sections; `--render` only writes the page. See docs/benchmarks/README.md.
"""

import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import results
from appanage.kit.logs import configure_logs
from load import WrongAnswer
from options import Options
from picture import draw
from report import page
from results import Results
from sections import catalogue, core, peers, prune, scale, soak, start, statements, workers
from servers import NotStarted
from stage import Stage, set_up

SECTIONS: Mapping[str, Callable[[Stage, Options], object]] = {
    "core": core.run,
    "peers": peers.run,
    "workers": workers.run,
    "start": start.run,
    "statements": statements.run,
    "scale": scale.run,
    "prune": prune.run,
    "soak": soak.run,
    "catalogue": catalogue.run,
}


def main() -> None:
    if sys.platform != "linux":
        sys.exit("The benchmarks need Linux, whose kernel tells what a process used.")
    options = Options.of_environment()
    figures = options.folder / "latest.json"
    failed = [] if "--render" in sys.argv[1:] else bench(options, figures)
    render(results.load(figures), options.folder)
    if failed:
        sys.exit(f"Not measured: {', '.join(failed)}")


def bench(options: Options, figures: Path) -> list[str]:
    """Runs the chosen sections; what each one measured is kept as soon as it is known. Returns those that failed."""
    _forget_own_settings()
    configure_logs("console", "warning")
    # To be told to stop is then the same as Ctrl-C: the servers are stopped and the folder is removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    failed = []
    with set_up(_say) as stage:
        for section in options.sections:
            _say(f"== {section}")
            try:
                _keep(section, SECTIONS[section](stage, options), figures)
            except (WrongAnswer, NotStarted) as error:
                _say(f"{section}: {error}")
                failed.append(section)
    return failed


def render(known: Results, folder: Path) -> None:
    (folder / "latest.svg").write_text(draw(known), encoding="utf-8")
    (folder / "latest.md").write_text(page(known), encoding="utf-8")


def _keep(section: str, measured: object, figures: Path) -> None:
    known = results.load(figures)
    setattr(known, section, measured)
    results.save(known, figures)


def _forget_own_settings() -> None:
    """What is configured for a deployment of one's own must not change what is measured here."""
    for name in [name for name in os.environ if name.startswith("APPANAGE_")]:
        del os.environ[name]


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main()
