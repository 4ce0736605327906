"""Letters that are to be sent or were."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from appanage.storage import Record


class Letter(Record):
    """One letter to one address. `about` names what it tells of, so that nobody is told twice."""

    __tablename__ = "letters"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    about: Mapped[str]
    account_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("accounts.id"))
    address: Mapped[str]
    name: Mapped[str]
    subject: Mapped[str]
    body: Mapped[str]
    written_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime | None]  # None when it was sent, or given up
    sent_at: Mapped[datetime | None]
    failure: Mapped[str | None]

    __table_args__ = (
        Index("uq_letters_about_address", "about", "address", unique=True),
        Index(
            "ix_letters_next_attempt_at",
            "next_attempt_at",
            postgresql_where=text("next_attempt_at IS NOT NULL"),
        ),
        Index("ix_letters_written_at", "written_at"),
    )
