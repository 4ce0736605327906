"""Answering many questions together: what comes while one group is being worked on makes up the next."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from msgspec import Struct

Q = TypeVar("Q")
A = TypeVar("A")


_TURNS = 8  # of the event loop


class Busy(Exception):
    """More questions wait than may: try again in a moment."""


class Again(Struct, Generic[Q], frozen=True):
    """Instead of an answer: the question to be asked in its place, in a later group."""

    question: Q


class Grouping(Generic[Q, A]):
    """Asks `answer` for groups of at most `largest` questions; it gives an answer for each, in their order.

    Belongs to one event loop. A question whose asker has gone is left out. An answer that is an exception is raised for
    its asker, and one that is `Again` makes the question part of a later group; what `answer` raises is raised for the
    whole group.
    """

    def __init__(
        self,
        answer: Callable[[Sequence[Q]], Awaitable[Sequence[A | Exception | Again[Q]]]],
        *,
        largest: int = 128,
        most_waiting: int = 1024,
    ) -> None:
        self._answer = answer
        self._largest = largest
        self._most_waiting = most_waiting
        self._waiting: deque[tuple[Q, asyncio.Future[A]]] = deque()
        self._work: asyncio.Task[None] | None = None

    def ask(self, question: Q) -> "asyncio.Future[A]":
        """The answer to come; Busy, instead of letting more wait than there is room for."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[A] = loop.create_future()
        if len(self._waiting) >= self._most_waiting:
            future.set_exception(Busy())
            return future
        self._waiting.append((question, future))
        if self._work is None:
            self._work = loop.create_task(self._answer_all())
        return future

    async def _answer_all(self) -> None:
        try:
            while self._waiting:
                await self._let_them_come()
                await self._answer_some()
        finally:
            self._work = None

    async def _let_them_come(self) -> None:
        """Until a turn of the loop brings nobody more, or for a few of them: a larger group costs each one less.

        Whoever was answered just now is likely to ask again, and to be heard by then.
        """
        there = 0
        for _ in range(_TURNS):  # in the first one, the answers of the last group go out
            await asyncio.sleep(0)
            if not there < len(self._waiting) < self._largest:
                return
            there = len(self._waiting)

    async def _answer_some(self) -> None:
        size = min(len(self._waiting), self._largest)
        group = [self._waiting.popleft() for _ in range(size)]
        asked = [(question, future) for question, future in group if not future.done()]
        if not asked:
            return
        try:
            answers = await self._answer([question for question, _ in asked])
        except BaseException as error:
            _refuse([future for _, future in asked], error)
            if not isinstance(error, Exception):
                raise
            return
        for (_, future), answer in zip(asked, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Again):
                self._waiting.append((answer.question, future))
            elif isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)


def _refuse(futures: "Sequence[asyncio.Future[A]]", error: BaseException) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(error) if isinstance(error, Exception) else future.cancel()
