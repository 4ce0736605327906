"""Passwords and browser sessions."""

import uuid
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from appanage.directory.model import Account
from appanage.storage import Record
from appanage.storage.use import NOTED_EVERY


class Password(Record):
    """A person's password, as a hash that names how it was made (see `password_hashes`)."""

    __tablename__ = "passwords"

    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    hash: Mapped[str]
    changed_at: Mapped[datetime]


class BrowserSession(Record):
    """A signed-in browser. The cookie's value exists only in the browser; this keeps its digest."""

    __tablename__ = "browser_sessions"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    digest: Mapped[bytes] = mapped_column(unique=True)
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    created_at: Mapped[datetime]
    authenticated_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    address: Mapped[str]
    user_agent: Mapped[str]
    theme: Mapped[str] = mapped_column(default="")
    notices: Mapped[list[str]] = mapped_column(default=list)
    ended_at: Mapped[datetime | None]

    account: Mapped[Account] = relationship(lazy="joined", innerjoin=True)

    def is_live(self, now: datetime, *, idle: timedelta, absolute: timedelta) -> bool:
        return (
            self.ended_at is None
            and now < self.last_seen_at + idle
            and now < self.created_at + absolute
            and self.account.is_active
            and self.account.is_person
        )

    def was_seen_lately(self, now: datetime) -> bool:
        """Whether that was noted, so that not every page writes."""
        return now - self.last_seen_at < NOTED_EVERY


class Reveal(Record):
    """A secret that one page of one session may show once, sealed under a key that only the browser's cookie gives."""

    __tablename__ = "reveals"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    session_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("browser_sessions.id", ondelete="CASCADE"), index=True
    )
    sealed: Mapped[bytes]
    created_at: Mapped[datetime]
