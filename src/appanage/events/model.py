"""An event and the two that it is about: who acted and on what."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import FetchedValue, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from appanage.events.catalogue import EventType, event_types, unknown_type
from appanage.storage import Record

PLATFORM = uuid.UUID(int=0)
"""The organization of events that belong to none, such as a sign-in with an unknown address."""


class Outcome(StrEnum):
    SUCCESS = "success"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it, as they were at that time; names are kept because people and organizations change."""

    name: str
    kind: str = "system"
    id: uuid.UUID | None = None
    email: str = ""
    organization_id: uuid.UUID | None = None
    organization_name: str = ""
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """What it was done to."""

    kind: str
    id: str
    name: str
    organization_id: uuid.UUID | None = None
    organization_name: str = ""


class Event(Record):
    """One fact. `organization_id` is whose audit log it is in; `app_id` the app whose developer may see it.

    `sequence` counts without gaps within the organization and `digest` chains each event to the one before; both are
    set by the database, which also refuses to change or delete an event (NIST SP 800-53 AU-9).
    """

    __tablename__ = "events"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    position: Mapped[int] = mapped_column(Identity(always=True), unique=True)
    organization_id: Mapped[uuid.UUID]
    sequence: Mapped[int] = mapped_column(FetchedValue())
    type: Mapped[str]
    outcome: Mapped[str]
    at: Mapped[datetime]
    app_id: Mapped[uuid.UUID | None]

    actor_id: Mapped[uuid.UUID | None]
    actor_kind: Mapped[str]
    actor_name: Mapped[str]
    actor_email: Mapped[str]
    actor_roles: Mapped[list[str]]
    actor_organization_id: Mapped[uuid.UUID | None]
    actor_organization_name: Mapped[str]

    target_kind: Mapped[str]
    target_id: Mapped[str]
    target_name: Mapped[str]
    target_organization_id: Mapped[uuid.UUID | None]
    target_organization_name: Mapped[str]

    tracking_id: Mapped[str]
    address: Mapped[str]
    user_agent: Mapped[str]
    method: Mapped[str]
    data: Mapped[dict[str, Any]]
    digest: Mapped[bytes] = mapped_column(FetchedValue())

    __mapper_args__ = {"eager_defaults": False}  # noqa: RUF012 – SQLAlchemy reads this attribute under this name
    __table_args__ = (
        Index("uq_events_organization_id_sequence", "organization_id", "sequence", unique=True),
        Index("ix_events_organization_id_at_position", "organization_id", "at", "position"),
        # What people did outside their own organization is rare among all that they did, hence only that.
        Index(
            "ix_events_actor_organization_id_at_position",
            "actor_organization_id",
            "at",
            "position",
            postgresql_where=text("actor_organization_id <> organization_id"),
        ),
        Index("ix_events_app_id_at", "app_id", "at"),
    )

    @property
    def kind(self) -> EventType:
        """What the catalogue says about this type of event."""
        return event_types().get(self.type) or unknown_type(self.type)


class UntoldEvent(Record):
    """An event of which somebody is still to be told; written with it, and gone when that is settled.

    Where it concerns many organizations they are told in portions: `told_up_to` names the last one's authorization. The
    database wakes whoever writes the letters.
    """

    __tablename__ = "untold_events"

    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("events.id"), primary_key=True)
    told_up_to: Mapped[uuid.UUID | None]

    event: Mapped[Event] = relationship()


class EventChain(Record):
    """The end of an organization's chain of events."""

    __tablename__ = "event_chains"

    organization_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    sequence: Mapped[int]
    digest: Mapped[bytes]
