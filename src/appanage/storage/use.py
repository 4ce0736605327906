"""What is used remembers when and from where, so that its owner notices when somebody else uses it."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped

from appanage.kit.origin import Origin
from appanage.storage import Database, Record
from appanage.storage.watching import NOTES_USE

NOTED_EVERY = timedelta(minutes=1)

log = structlog.get_logger(__name__)


class Used:
    """Two columns for a record that notes its use, once a minute at the most."""

    last_used_at: Mapped[datetime | None]
    last_used_from: Mapped[str | None]

    def was_noted_lately(self, now: datetime) -> bool:
        return self.last_used_at is not None and now - self.last_used_at < NOTED_EVERY

    def next_noted_at(self, now: datetime) -> datetime:
        """When a use is to be noted again, after one at this moment: nobody remembers the user for longer."""
        noted_at = self.last_used_at
        return (noted_at if noted_at is not None and self.was_noted_lately(now) else now) + NOTED_EVERY

    def mark_used(self, now: datetime, address: str) -> None:
        """Notes the use unless one was noted lately: requests of one client do not wait for each other's note."""
        if not self.was_noted_lately(now):
            self.last_used_at, self.last_used_from = now, address


def note(
    database: Database, origin: Origin, record: type[Record], row_id: uuid.UUID, *, at: str, **others: Any
) -> None:
    """Sets the column `at` of one row to the present time, and the others, unless that was done within the last minute.

    When that fails, the log tells and nobody else suffers.
    """
    # In a transaction of its own, after that of the request. A row that the request itself held would be waited for by
    # whoever ends tokens or sessions, such as a change of password, while that holds the account the request waits for.
    try:
        with database.transaction(origin) as tx:
            _mark(tx, record, row_id, at, others)
    except SQLAlchemyError as failure:
        log.warning("use not noted", table=record.__tablename__, reason=type(failure).__name__)


def _mark(tx: Any, record: Any, row_id: uuid.UUID, at: str, others: dict[str, Any]) -> None:
    """Leaves the row alone when another request has noted its use meanwhile, or when somebody holds it."""
    noted_at = getattr(record, at)
    is_due = or_(noted_at.is_(None), noted_at <= tx.now - NOTED_EVERY)
    free = (
        select(record.id).where(record.id == row_id, is_due).with_for_update(skip_locked=True, key_share=True)
    )
    noting = update(record).where(record.id.in_(free)).values({at: tx.now, **others})
    tx.execute(noting, execution_options={"synchronize_session": False, NOTES_USE: True})
