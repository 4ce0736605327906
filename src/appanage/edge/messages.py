"""What the hot path is asked and what it answers, free of any server's interface."""

import re
import uuid
from collections.abc import Callable, Iterator
from functools import cached_property, lru_cache
from http import HTTPStatus
from random import SystemRandom
from typing import Protocol, TypeVar

from msgspec import Struct

Headers = tuple[tuple[bytes, bytes], ...]

_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")


class HotRequest(Struct):
    """One whole request for an exact method and path; header names are in lower case, values as they came."""

    method: str
    path: str
    query: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def __repr__(self) -> str:
        return f"HotRequest({self.method} {self.path})"  # the rest holds credentials


class Answer(Struct, frozen=True, dict=True):
    """A whole answer; its length, its date and its tracking id, if it has none, are added when it is sent."""

    status: int
    headers: Headers
    body: bytes = b""
    tracking_id: bytes | None = None

    @cached_property
    def wire(self) -> bytes:
        """The status line and the headers with the length, ready to be sent; raises ValueError for unsafe ones."""
        return b"%bcontent-length: %d\r\n" % (_head(self.status, self.headers), len(self.body))


Deliver = Callable[[Answer | None], None]
"""Takes an answer, or that there is none after all."""

Q = TypeVar("Q")


class Hot(Protocol[Q]):
    """Answers from memory, or soon, or says None: then the request goes the ordinary way."""

    def question_of(self, request: HotRequest) -> Q | None:
        """What the request asks, if memory may know it; that depends on nothing but the request."""

    def answer_to(self, question: Q) -> Answer | None:
        """The answer of this moment, without ever waiting."""

    def soon(self, request: HotRequest, deliver: Deliver) -> bool:
        """Whether a request that was not answered at once is being worked on: then `deliver` is called once, later."""


def lines(headers: Headers) -> bytes:
    """Headers as they are sent; raises ValueError for one that could not be told from two (RFC 9112 §5)."""
    for name, value in headers:
        if not (_NAME.fullmatch(name) and _VALUE.fullmatch(value)):
            raise ValueError(f"The header {name!r} cannot be sent.")
    return b"".join(b"%b: %b\r\n" % (name.lower(), value) for name, value in headers)


def tracking_ids() -> Iterator[bytes]:
    """Endless names for requests, unique among processes: a random UUID whose last group is a number.

    The number goes round in random odd steps, so that it meets every value once before it repeats and does not tell
    at a glance how many requests there were.
    """
    shape = b"APN_" + str(uuid.uuid4()).upper().encode()[:24] + b"%012X"
    number, step = SystemRandom().getrandbits(48), SystemRandom().getrandbits(48) | 1
    while True:
        yield shape % number
        number = (number + step) % 2**48


@lru_cache(maxsize=1024)
def _head(status: int, headers: Headers) -> bytes:
    return b"HTTP/1.1 %d %b\r\n" % (status, HTTPStatus(status).phrase.encode()) + lines(headers)
