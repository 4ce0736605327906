"""Scaling: one and two web processes, which share the cores with the load and with PostgreSQL."""

from contextlib import ExitStack

import cases
from measuring import Target, measure
from options import Options
from results import Compared
from sections.conditions import Watch
from servers import Running
from stage import Stage

_WORKERS = (1, 2)


def run(stage: Stage, options: Options) -> Compared:
    """Nothing is pinned: two processes on two cores leave none for the load alone."""
    with ExitStack() as started:
        targets = []
        for workers in _WORKERS:
            server = stage.platform(workers=workers, core=None)
            running = started.enter_context(server.running())
            targets += _targets(stage, server.name, running, workers)
        watch = Watch(stage)
        figures, missing = measure(targets, rounds=options.rounds, seconds=options.seconds, say=stage.say)
        return Compared(watch.conditions(options), figures, missing)


def _targets(stage: Stage, name: str, server: Running, workers: int) -> list[Target]:
    asked = (
        cases.introspection(stage.customers),
        cases.me(stage.customers),
        cases.forward_auth(stage.customers),
        cases.refresh(stage.customers),
    )
    return [Target(case, name, server, stage.database_pid, size=workers, core=None) for case in asked]
