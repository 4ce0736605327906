"""Processes: a child that must not outlive its parent, and imports that are not searched for garbage."""

import ctypes
import gc
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_M_ARENA_MAX = -8  # malloc.h
_NEW_AT_MOST = 10_000  # objects that hold others
_NEVER_USED = "rich"  # structlog would draw tracebacks with it, which print local variables; four megabytes and a tenth of a start


def die_with_parent(parent: int) -> None:
    """Has the kernel end this process when the process `parent` ends, even by kill -9. Linux only, elsewhere nothing.

    What the child holds, such as the port, is then free for the next start.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before it could be asked for
        os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def importing() -> Iterator[None]:
    """For the imports of a program that serves: nearly all that they make stays, so the collector leaves it alone.

    Meanwhile, because looking takes an eighth of their time, and later, because a look through all of it would hold up
    every request for a tenth of a second. The price is one megabyte that would have been found.
    """
    gc.disable()
    try:
        with _without(_NEVER_USED):
            yield
    finally:
        keep_what_exists()
        gc.enable()


@contextmanager
def _without(package: str) -> Iterator[None]:
    """As if the package were not installed, unless somebody has imported it already."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]  # so the import system knows what to refuse
    try:
        yield
    finally:
        del sys.modules[package]


def share_heaps() -> None:
    """Has threads share two heaps of the C library: each heap keeps what was freed in it, and forty would keep much.

    They have no use for more, since one thread at a time runs Python. Of glibc only, elsewhere nothing.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_ARENA_MAX, 2)


def keep_what_exists() -> None:
    """Has the collector pass by all that was made until now; for a program that has what it serves with.

    From then on it looks when as much is new as many requests at once make, which are nearly always done with it.
    """
    gc.freeze()
    gc.set_threshold(_NEW_AT_MOST)
