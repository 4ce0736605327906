"""What a transaction writes at its very end, because others wait for it."""

import uuid
from collections.abc import Iterator
from operator import itemgetter
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction

from appanage.storage.base import Record


class Postponed:
    """Records that are to be written, and how many there were when each transaction or savepoint began."""

    def __init__(self) -> None:
        self._records: list[tuple[uuid.UUID, Record]] = []
        self._before: WeakKeyDictionary[SessionTransaction, int] = WeakKeyDictionary()

    def add(self, record: Record, order: uuid.UUID) -> None:
        self._records.append((order, record))

    def take(self) -> Iterator[Record]:
        """All of them by their order, and those of the same order in the sequence in which they were added."""
        records, self._records = sorted(self._records, key=itemgetter(0)), []
        return (record for _, record in records)

    def clear(self) -> None:
        self._records.clear()

    def begin(self, transaction: SessionTransaction) -> None:
        self._before[transaction] = len(self._records)

    def undo(self, transaction: SessionTransaction) -> None:
        del self._records[self._before[transaction] :]


class LastThings(Session):
    """A session that keeps some records back until it commits, and writes them in one order for all (decision 0039).

    They rest on locks that many transactions want. Taken last and in the same order, these are held for a moment only,
    and nobody who holds one waits for anything else. What a savepoint undoes is not written.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.postponed = Postponed()
        super().__init__(*arguments, **options)

    def add_last(self, record: Record, *, order: uuid.UUID) -> None:
        self.postponed.add(record, order)

    def commit(self) -> None:
        self.flush()
        self.add_all(self.postponed.take())
        super().commit()

    def rollback(self) -> None:
        self.postponed.clear()  # also of what came before the first statement
        super().rollback()


@event.listens_for(LastThings, "after_transaction_create")
def _begins(session: LastThings, begun: SessionTransaction) -> None:
    session.postponed.begin(begun)


@event.listens_for(LastThings, "after_soft_rollback")
def _is_undone(session: LastThings, undone: SessionTransaction) -> None:
    session.postponed.undo(undone)
