"""An event with everything that a letter about it tells, looked up for many events at once."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from appanage.apphub.model import Submission, SubmissionMessage
from appanage.apps.model import App
from appanage.authorizations.model import Authorization, AuthorizationProposal, AuthorizationRequest
from appanage.directory.model import Organization, Sandbox
from appanage.events import Event
from appanage.kit.ids import parse_uuid
from appanage.mail.text import named
from appanage.settings import Brand

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Place:
    """An organization in which an app is authorized, and the scopes that wait there for approval."""

    authorization_id: uuid.UUID
    organization_id: uuid.UUID
    organization_name: str
    added_scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Story:
    """What happened. `places` are those of one portion, `is_first` tells whether none were told before.

    `requests` are those that it is about or that it settled; `is_blocked` where the organization blocks the app by name;
    `people` are accounts that the event's data names.
    """

    event: Event
    brand: Brand
    app: App | None = None
    organization: Organization | None = None
    authorization: Authorization | None = None
    proposal: AuthorizationProposal | None = None
    requests: Sequence[AuthorizationRequest] = ()
    submission: Submission | None = None
    message: SubmissionMessage | None = None
    sandbox: Sandbox | None = None
    places: Sequence[Place] = ()
    is_first: bool = True
    is_blocked: bool = False
    people: frozenset[uuid.UUID] = field(default_factory=frozenset)

    @property
    def about(self) -> str:
        return f"event:{self.event.id}"

    @property
    def actor(self) -> str:
        return named(self.event.actor_name)

    @property
    def reason(self) -> str:
        return self.said("reason")

    def said(self, name: str) -> str:
        """A text of the event's data."""
        value = self.event.data.get(name)
        return value if isinstance(value, str) else ""

    def listed(self, name: str) -> list[str]:
        """A list of texts of the event's data."""
        value = self.event.data.get(name)
        return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []

    def id_of(self, name: str) -> uuid.UUID | None:
        return parse_uuid(self.said(name))


def app_name(app: App) -> str:
    return f"“{named(app.name)}”"


def maker(app: App) -> str:
    """Who is responsible for an app."""
    return named(app.organization.name)


def organization_name(organization: Organization | None) -> str:
    return named(organization.name) if organization else "an organization"


def day(at: datetime) -> str:
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}"


def moment(at: datetime) -> str:
    return f"{day(at)}, {at:%H:%M} UTC"


def scopes_line(scopes: Sequence[str], most: int = 12) -> str:
    """The names of scopes, so many at the most."""
    shown = ", ".join(named(one, 100) for one in scopes[:most])
    return f"{shown} and {len(scopes) - most} more" if len(scopes) > most else shown


def an_administrator_of(name: str) -> str:
    return f"you are a Full Administrator of {named(name)}"


def an_owner_of(app: App) -> str:
    return f"you are an owner of {app_name(app)}"
