"""The admin audit log (platform reference §5.1): what happened in the organization, and what its people did elsewhere.

The categories, and the words of every event, are those of `events/catalogue.py`. A category of the platform that has no
events here is not an error: nothing matches it.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Query, Response
from pydantic import Field

from appanage.api.call import Call, needs
from appanage.api.roles import separated
from appanage.api.schemas import Body, Items, Line, Time, lowered_to, new_router, set_link
from appanage.apps.queries import client_ids_of
from appanage.directory.roles import Role
from appanage.events import Event, Outcome, SeenEvent
from appanage.events.catalogue import Category, types_of
from appanage.events.queries import EventFilter, list_by_offset
from appanage.kit.errors import Invalid, NotFound
from appanage.kit.ids import Kind, PublicIds, parse_uuid

router = new_router("Admin audit")

LONGEST_WINDOW = timedelta(days=366)
FURTHEST_OFFSET = 1_000_000

AuditReader = Annotated[Call, needs("audit:events_read")]

_TARGET_TYPES = {"organization": "ORG", "account": "USER", "app": "APPLICATION"}


class EventsQuery(Body):
    """Which events; `orgId` may be left out, since there is only one that a caller can ask about."""

    since: Annotated[Time, Field(alias="from")]
    until: Annotated[Time, Field(alias="to")]
    org_id: Line | None = None
    actor_id: Line | None = None
    event_categories: Line | None = None
    size: Annotated[int, Field(alias="max", ge=1), lowered_to(200)] = 100
    offset: Annotated[int, Field(ge=0, le=FURTHEST_OFFSET)] = 0


class EventData(Body):
    """Everything about an event; `details` is an extension: what changed, from what to what."""

    event_category: str
    event_description: str
    action_text: str
    actor_name: str
    actor_email: str
    actor_org_name: str
    actor_type: str
    actor_ip: str
    actor_user_agent: str
    admin_roles: list[str]
    target_type: str
    target_id: str
    target_name: str
    target_org_id: str | None
    target_org_name: str
    tracking_id: str
    error_message: str
    error_code: str
    details: dict[str, Any]


class EventBody(Body):
    id: str
    created: Time
    actor_id: str | None
    actor_org_id: str | None
    data: EventData


class CategoriesBody(Body):
    event_categories: list[str]


@router.get("/adminAudit/events")
def list_audit_events(
    call: AuditReader, response: Response, query: Annotated[EventsQuery, Query()]
) -> Items[EventBody]:
    """Events between two times, the newest first; at most one year at once. People need to be Full Administrator."""
    call.require_role(Role.FULL_ADMIN)
    organization = call.own_organization(query.org_id)
    found, more = list_by_offset(
        call.tx, organization.id, _filter(call, query), offset=query.offset, size=query.size
    )
    if more:
        set_link(call, response, _next_query(call, query.offset + query.size))
    view = _EventView(call.ids, _client_ids(call, [seen.event for seen in found]))
    return Items(items=[view.body(seen) for seen in found])


@router.get("/adminAudit/eventCategories")
def list_event_categories(call: AuditReader) -> CategoriesBody:
    """The categories that events have."""
    call.require_role(Role.FULL_ADMIN)
    return CategoriesBody(event_categories=[category.value for category in Category])


def _filter(call: Call, query: EventsQuery) -> EventFilter:
    if query.until < query.since:
        raise _wrong_window("`to` lies before `from`.")
    if query.until - query.since > LONGEST_WINDOW:
        raise _wrong_window("At most one year can be asked for at once.")
    return EventFilter(
        since=query.since,
        until=query.until,
        actor_id=_actor_id(call, query.actor_id),
        types=_types(query.event_categories),
    )


def _wrong_window(sentence: str) -> Invalid:
    return Invalid(sentence, fields={"to": sentence})


def _actor_id(call: Call, public_id: str | None) -> uuid.UUID | None:
    try:
        return call.ids.decode(Kind.PEOPLE, public_id) if public_id else None
    except NotFound as cause:
        raise Invalid("Expect base64 ID or UUID.", fields={"actorId": "Expect base64 ID or UUID."}) from cause


def _types(categories: str | None) -> list[str] | None:
    if not categories:
        return None
    wanted = {name.upper() for name in separated([categories])}
    return [type_ for category in Category if category.value in wanted for type_ in types_of(category)]


def _next_query(call: Call, offset: int) -> str:
    return call.request.url.include_query_params(offset=offset).query


def _client_ids(call: Call, events: Sequence[Event]) -> Mapping[uuid.UUID, str]:
    """The client ids behind the apps that the events are about, in one query."""
    named = {parse_uuid(event.target_id) for event in events if event.target_kind == "app"}
    named |= {event.actor_id for event in events if event.actor_kind == "app"}
    return client_ids_of(call.tx, [one for one in named if one])


class _EventView:
    """Puts events into the words and ids of the wire."""

    def __init__(self, ids: PublicIds, client_ids: Mapping[uuid.UUID, str]) -> None:
        self._ids = ids
        self._client_ids = client_ids

    def body(self, seen: SeenEvent) -> EventBody:
        event = seen.event
        return EventBody(
            id=self._ids.encode(Kind.EVENT, event.id),
            created=event.at,
            actor_id=self._id(event.actor_kind, seen.actor_id),
            actor_org_id=self._id("organization", event.actor_organization_id),
            data=self._data(seen),
        )

    def _data(self, seen: SeenEvent) -> EventData:
        event = seen.event
        refused = event.outcome == Outcome.REFUSED
        return EventData(
            event_category=event.kind.category.value,
            event_description=event.kind.description,
            action_text=seen.action_text,
            actor_name=seen.actor_name,
            actor_email=seen.actor_email,
            actor_org_name=event.actor_organization_name,
            actor_type=event.actor_kind.upper(),
            actor_ip=seen.address,
            actor_user_agent=seen.user_agent,
            admin_roles=_admin_roles(event),
            target_type=_TARGET_TYPES.get(event.target_kind, event.target_kind.upper()),
            target_id=self._target_id(event),
            target_name=event.target_name,
            target_org_id=self._id("organization", event.target_organization_id),
            target_org_name=event.target_organization_name,
            tracking_id=event.tracking_id,
            error_message=event.kind.description if refused else "",
            error_code=event.type if refused else "",
            details=event.data,
        )

    def _target_id(self, event: Event) -> str:
        return self._id(event.target_kind, parse_uuid(event.target_id)) or event.target_id

    def _id(self, kind: str, key: uuid.UUID | None) -> str | None:
        if key is None:
            return None
        if kind == "app":
            return self._ids.encode(Kind.APPLICATION, self._client_ids.get(key, str(key)))
        return self._ids.encode(Kind.ORGANIZATION if kind == "organization" else Kind.PEOPLE, key)


def _admin_roles(event: Event) -> list[str]:
    """`User` and the keys of the roles, as the platform writes them."""
    keys = [role.value for role in Role if role.label in event.actor_roles]
    return ["User", *keys] if event.actor_kind == "person" else keys
