"""Deleting much without being in anybody's way."""

from sqlalchemy import ColumnElement, delete, inspect, select, tuple_

from appanage.storage.base import Record
from appanage.storage.engine import Transaction


def delete_batch(tx: Transaction, record: type[Record], doomed: ColumnElement[bool], *, limit: int) -> int:
    """Deletes at most `limit` of the rows and tells how many; rows that somebody else holds are left for next time."""
    key = tuple_(*inspect(record).primary_key)
    # A common table expression, because a subquery with a limit may be evaluated more than once.
    batch = select(*key.clauses).where(doomed).limit(limit).with_for_update(skip_locked=True).cte("batch")
    deletion = delete(record).where(key.in_(select(*batch.c))).returning(*key.clauses)
    return len(tx.execute(deletion, execution_options={"synchronize_session": False}).all())
