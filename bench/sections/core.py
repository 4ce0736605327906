"""The core: what a request costs, beside a bare server that says hello."""

from contextlib import ExitStack

import cases
from measuring import Target, measure
from options import Options
from results import Compared
from sections.conditions import Watch
from servers import granian_hello, uvicorn_hello
from stage import Stage


def run(stage: Stage, options: Options) -> Compared:
    ours = stage.platform()
    with ExitStack() as started:
        targets = [
            Target(case, server.name, started.enter_context(server.running()), stage.database_pid)
            for server, case in (
                (granian_hello(stage.folder), cases.of_hello()),
                (uvicorn_hello(stage.folder), cases.of_hello()),
            )
        ]
        platform = started.enter_context(ours.running())
        asked = cases.of_platform(stage.customers)
        targets += [Target(case, ours.name, platform, stage.database_pid) for case in asked]
        watch = Watch(stage)
        figures, missing = measure(targets, rounds=options.rounds, seconds=options.seconds, say=stage.say)
        return Compared(watch.conditions(options), figures, missing)
