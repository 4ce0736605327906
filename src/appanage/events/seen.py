"""An event as one organization sees it.

Both sides of an authorization see what concerns them, and neither sees the other's private data (checklist AUD-05): a
person of another organization is somebody of that organization, in a role. The record itself keeps who it was.
"""

import uuid
from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_

from appanage.events.catalogue import SIGNED
from appanage.events.model import Event

_PERSON = "person"


@dataclass(frozen=True, slots=True)
class SeenEvent:
    """`event` holds what everybody sees who sees it at all; what may be kept back is asked of this."""

    event: Event
    shows_actor: bool

    @classmethod
    def by(cls, organization_id: uuid.UUID, event: Event) -> "SeenEvent":
        return cls(event, event.actor_kind != _PERSON or event.actor_organization_id == organization_id)

    @property
    def actor_id(self) -> uuid.UUID | None:
        return self.event.actor_id if self.shows_actor else None

    @property
    def actor_name(self) -> str:
        """What is done in an organization's name is signed: the other side learns by whom."""
        if self.shows_actor or self.event.type in SIGNED:
            return self.event.actor_name
        return f"Somebody of {self.event.actor_organization_name}"

    @property
    def actor_email(self) -> str:
        return self.event.actor_email if self.shows_actor else ""

    @property
    def address(self) -> str:
        return self.event.address if self.shows_actor else ""

    @property
    def user_agent(self) -> str:
        return self.event.user_agent if self.shows_actor else ""

    @property
    def method(self) -> str:
        return self.event.method if self.shows_actor else ""

    @property
    def action_text(self) -> str:
        """What happened as one sentence, with the names of that time."""
        event = self.event
        return event.kind.action.format(
            actor=self.actor_name, target=event.target_name, organization=event.target_organization_name
        )


def shows_actor(organization_id: uuid.UUID) -> ColumnElement[bool]:
    """The rule of `SeenEvent.shows_actor` in SQL, so that nobody finds by what they do not see."""
    return or_(Event.actor_kind != _PERSON, Event.actor_organization_id == organization_id)
