"""What every process hears of, beside revocations: that something changed which it may remember."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Identity, func, text
from sqlalchemy.orm import Mapped, mapped_column

from appanage.storage import Record


class ChangeKind(StrEnum):
    """What changed; the value is the first part of its name in the memory of a process."""

    ACCOUNT = "account"  # also its roles, licenses and personal tokens
    APP = "app"  # also its secrets, its keys and the token of a bot
    AUTHORIZATION = "authorization"
    ORGANIZATION = "organization"
    SIGNING_KEYS = "signing_keys"


class Change(Record):
    """Something that processes may remember is no longer what it was. Written by triggers of the database alone.

    So nobody who changes a row has to think of it, at whatever place, by hand either. `xid` is as in `Revocation`.
    """

    __tablename__ = "changes"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    xid: Mapped[int] = mapped_column(server_default=text("(pg_current_xact_id()::text)::bigint"), index=True)
    kind: Mapped[str]
    subject: Mapped[str]
    changed_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
