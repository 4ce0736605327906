"""What a fetch goes by: who tells the addresses of a name, and when its time is over."""

import socket
from collections.abc import Callable, Sequence
from datetime import timedelta
from ipaddress import ip_address
from typing import TypeAlias

from appanage.kit.outbound.ranges import Address

Resolve: TypeAlias = Callable[[str], Sequence[Address]]
"""Tells the addresses of a host, best first. Raises OSError when it has none."""


def addresses_of(host: str) -> list[Address]:
    """What the system's resolver says."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(address[0]) for *_, address in found))


class Deadline:
    """The end of the time that a fetch has, over all its steps."""

    def __init__(self, within: timedelta, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._end = clock() + within.total_seconds()

    def left(self) -> float:
        """Seconds. Raises TimeoutError when there are none."""
        left = self._end - self._clock()
        if left <= 0:
            raise TimeoutError
        return left
