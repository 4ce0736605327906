"""A long load of every hot request, with an eye on the memory."""

from concurrent.futures import Future, ThreadPoolExecutor, wait
from time import perf_counter

import cases
from load import Case, Driven, drive, verify
from measuring import CONNECTIONS
from options import Options
from processes import LOAD_CORE, family, rss
from results import Memory, Soak
from sections.conditions import Watch
from stage import Stage

_EVERY = 10.0  # seconds


def run(stage: Stage, options: Options) -> Soak:
    """Raises WrongAnswer."""
    mixed = _mixed(stage)
    with stage.platform().running() as server, ThreadPoolExecutor() as elsewhere:
        watch = Watch(stage)
        stage.say(f"Load for {options.soak} s")
        driven = elsewhere.submit(_drive, server.port, mixed, options.soak)
        memory = _watched(server.pid, driven)
        return Soak(watch.conditions(), driven.result().seconds, driven.result().requests, memory)


def _mixed(stage: Stage) -> Case:
    """The requests of each customer in turn."""
    customers = stage.customers
    asked = (cases.introspection, cases.me, cases.forward_auth, cases.refresh)
    each = zip(*(case(customers).requests for case in asked), strict=True)
    return Case("Every hot request", [request for requests in each for request in requests], "")


def _drive(port: int, case: Case, seconds: int) -> Driven:
    verify(port, case)
    return drive(port, case, seconds=seconds, connections=CONNECTIONS, core=LOAD_CORE)


def _watched(pid: int, driven: Future[Driven]) -> list[Memory]:
    """The memory, from before the load until it has ended."""
    began, seen = perf_counter(), []
    while True:
        seen.append(Memory(perf_counter() - began, sum(map(rss, family(pid)))))
        if wait([driven], timeout=_EVERY).done:
            return seen
