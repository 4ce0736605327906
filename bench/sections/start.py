"""How long a start takes, and how much memory a web process has when nothing is asked."""

from time import sleep

from options import Options
from processes import children, pss, rss
from results import Beginning, Beginnings
from sections.conditions import Watch
from servers import Running
from stage import Stage

_WORKERS = (1, 2)
_TIMES = 5
_SETTLED_AFTER = 2  # seconds


def run(stage: Stage, options: Options) -> Beginnings:
    """On the database that is there; the first start brings it up to date and is not counted."""
    del options
    with stage.platform(core=None).running():
        stage.say("The first start is not counted")
    watch = Watch(stage)
    found = [_begin(stage, workers) for workers in _WORKERS]
    return Beginnings(watch.conditions(), found)


def _begin(stage: Stage, workers: int) -> Beginning:
    seconds, resident, proportional = [], [], []
    for number in range(_TIMES):
        stage.say(f"Start {number + 1} of {_TIMES} with {workers} web process(es)")
        with stage.platform(workers=workers, core=None).running() as server:
            sleep(_SETTLED_AFTER)
            pids = web_processes(server, workers)
            seconds.append(server.started_in)
            resident.append(max(map(rss, pids)))
            proportional.append(max(map(pss, pids)))
    return Beginning(workers, seconds, resident, proportional)


def web_processes(server: Running, workers: int) -> list[int]:
    """The process itself, or those that it supervises; a helper of theirs without the program is none of them."""
    if workers == 1:
        return [server.pid]
    return sorted(children(server.pid), key=rss, reverse=True)[:workers]
