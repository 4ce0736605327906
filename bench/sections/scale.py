"""Scale: the same requests on databases with ever more authorizations, in the same rounds."""

from collections.abc import Sequence
from contextlib import ExitStack

import cases
from crowd import Crowd, gather
from load import Case
from measuring import CONNECTIONS, Target, measure
from options import Options
from results import Compared
from scene import Customer
from sections.conditions import Watch
from servers import GRANIAN, granian_hello
from stage import PLATFORM, Stage


def run(stage: Stage, options: Options) -> Compared:
    """Each size has a database and a server of its own, so that all of them are measured beside each other."""
    distinct = min(options.distinct, options.scale[0])  # as many in every database
    remembered = distinct // 5  # of tokens that come in turn not one is remembered until it comes again
    crowds = [gather(stage, f"crowd-{size}", size=size, customers=distinct) for size in options.scale]
    with ExitStack() as started:
        hello = started.enter_context(granian_hello(stage.folder).running())
        targets = [Target(cases.of_hello(), GRANIAN, hello, stage.database_pid)]
        for crowd in crowds:
            server = started.enter_context(stage.platform(crowd.database, remembered=remembered).running())
            targets += [
                Target(case, PLATFORM, server, stage.database_pid, size=crowd.size) for case in _asked(crowd)
            ]
        watch = Watch(stage)
        figures, missing = measure(targets, rounds=options.rounds, seconds=options.seconds, say=stage.say)
        notes = {"distinct": f"{distinct:,}", "remembered": f"{remembered:,}"}
        return Compared(watch.conditions(options), figures, missing, notes)


def _asked(crowd: Crowd) -> Sequence[Case]:
    """With few tokens, which are remembered; and with more than any cache of a process holds, spread over all rows."""
    few: Sequence[Customer] = crowd.customers[:CONNECTIONS]
    return (
        cases.introspection(few),
        cases.me(few),
        cases.forward_auth(few),
        cases.refresh(few),
        cases.introspection(crowd.customers, cases.INTROSPECTION_MISS),
        cases.me(crowd.customers, cases.ME_MISS),
        cases.refresh(crowd.customers, cases.REFRESH_MISS),
    )
