"""Results as a run leaves them, with figures that a test chooses."""

import cases
from results import Beginning, Beginnings, Compared, Conditions, Figures, Memory, Sample, Soak
from servers import GRANIAN
from stage import PLATFORM


def conditions(other_work=0.0):
    return Conditions("2026-01-05", {"Processor": "One of many"}, 2, other_work, 0.4, rounds=1, seconds=3)


def figures(server, case, *cpu, size=0):
    samples = [Sample(1e6 / one, one, 1.0, 0.5, 2.5) for one in cpu]
    return Figures(server, case, 64, samples, size)


def beside_hello(**cpu_of):
    """A core section in which hello takes 20 µs; cases by their names in `cases`."""
    ours = [figures(PLATFORM, getattr(cases, name), cpu) for name, cpu in cpu_of.items()]
    return Compared(conditions(), [figures(GRANIAN, cases.HELLO, 20), *ours])


def beside_peers(**cpu_of):
    """A section of peers in which ours takes 10 µs to introspect and 100 µs to refresh; of others both are told."""
    servers = {PLATFORM: (10, 100), **cpu_of}
    both = (cases.PEER_INTROSPECTION, cases.PEER_REFRESH)
    taken = [
        figures(name, case, cpu)
        for name, told in servers.items()
        for case, cpu in zip(both, told, strict=False)
    ]
    return Compared(conditions(), taken)


def scaled(cpu_of):
    """A section of scale: the CPU of an introspection by the number of authorizations."""
    taken = [figures(PLATFORM, cases.INTROSPECTION, cpu, size=size) for size, cpu in cpu_of.items()]
    return Compared(conditions(), taken, notes={"distinct": "5,000", "remembered": "1,000"})


def begun(seconds, rss):
    return Beginnings(conditions(), [Beginning(1, [seconds] * 3, [rss] * 3, [rss / 2] * 3)])


def soaked(memory):
    return Soak(conditions(), 300.0, 1_000_000, [Memory(at, mib) for at, mib in memory])
