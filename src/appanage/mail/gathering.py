"""Looking up what letters tell: a fixed number of statements, however many events there are."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import and_, or_, select, text, tuple_

from appanage.apphub.model import Submission, SubmissionMessage
from appanage.apps.model import App
from appanage.authorizations.model import (
    AppRule,
    AppRuleMode,
    Authorization,
    AuthorizationProposal,
    AuthorizationRequest,
)
from appanage.directory.model import Organization, Sandbox
from appanage.events import Event
from appanage.events.model import UntoldEvent
from appanage.kit.ids import parse_uuid
from appanage.mail.composers import IN_PORTIONS
from appanage.mail.story import Place, Story
from appanage.settings import Brand
from appanage.storage import Record, Transaction

PORTION = 50  # authorizations of an app whose organizations are told in one transaction
_REQUESTS = ("requestId", "requestIds")

R = TypeVar("R", bound=Record)


@dataclass(slots=True)
class Facts:
    """What was found, by what it is asked for with."""

    apps: Mapping[uuid.UUID, App] = field(default_factory=dict)
    organizations: Mapping[uuid.UUID, Organization] = field(default_factory=dict)
    authorizations: Mapping[uuid.UUID, Authorization] = field(default_factory=dict)
    proposals: Mapping[uuid.UUID, AuthorizationProposal] = field(default_factory=dict)
    requests: Sequence[AuthorizationRequest] = ()
    submissions: Mapping[uuid.UUID, Submission] = field(default_factory=dict)
    messages: Mapping[uuid.UUID, SubmissionMessage] = field(default_factory=dict)
    sandboxes: Mapping[uuid.UUID, Sandbox] = field(default_factory=dict)
    places: Mapping[uuid.UUID, Sequence[Place]] = field(default_factory=dict)  # by the id of the event
    blocked: Collection[tuple[uuid.UUID, uuid.UUID]] = ()  # apps and organizations


def stories_of(tx: Transaction, untold: Sequence[UntoldEvent], brand: Brand) -> list[Story]:
    """Each event with its facts, in the same order."""
    events = [one.event for one in untold]
    requests = _requests(tx, events)
    facts = Facts(
        apps=_by_id(tx, App, map(app_id_of, events)),
        organizations=_by_id(tx, Organization, (one.organization_id for one in events)),
        authorizations=_by_id(tx, Authorization, (_id_in(one, "authorizationId") for one in events)),
        proposals=_by_id(tx, AuthorizationProposal, (_id_in(one, "proposalId") for one in events)),
        requests=requests,
        submissions=_by_id(tx, Submission, (_id_in(one, "submissionId") for one in events)),
        messages=_by_id(tx, SubmissionMessage, (_id_in(one, "messageId") for one in events)),
        sandboxes=_by_id(tx, Sandbox, (_id_in(one, "sandboxId") for one in events)),
        places=_places(tx, untold),
        blocked=_blocked(tx, [one for one in requests if one.is_open]),
    )
    return [_story(one, facts, brand) for one in untold]


def app_id_of(event: Event) -> uuid.UUID | None:
    """The app that an event is about, also where its developers may not see the event."""
    if event.app_id is None and event.target_kind == "app":
        return parse_uuid(event.target_id)
    return event.app_id


def _story(untold: UntoldEvent, facts: Facts, brand: Brand) -> Story:
    event, app_id = untold.event, app_id_of(untold.event)
    requests = [one for one in facts.requests if _is_about(event, app_id, one)]
    return Story(
        event,
        brand,
        app=facts.apps.get(app_id) if app_id else None,
        organization=facts.organizations.get(event.organization_id),
        authorization=_found(facts.authorizations, _id_in(event, "authorizationId")),
        proposal=_found(facts.proposals, _id_in(event, "proposalId")),
        requests=requests,
        submission=_found(facts.submissions, _id_in(event, "submissionId")),
        message=_found(facts.messages, _id_in(event, "messageId")),
        sandbox=_found(facts.sandboxes, _id_in(event, "sandboxId")),
        places=facts.places.get(event.id, ()),
        is_first=untold.told_up_to is None,
        is_blocked=any((one.app_id, one.organization_id) in facts.blocked for one in requests),
        people=frozenset(_ids_in([event], ["personId"])),
    )


def _id_in(event: Event, name: str) -> uuid.UUID | None:
    value = event.data.get(name)
    return parse_uuid(value) if isinstance(value, str) else None


def _ids_in(events: Iterable[Event], names: Collection[str]) -> set[uuid.UUID]:
    values = (event.data.get(name) for event in events for name in names)
    listed = (one for value in values for one in (value if isinstance(value, list) else [value]))
    return {found for one in listed if isinstance(one, str) and (found := parse_uuid(one)) is not None}


def _by_id(tx: Transaction, record: type[R], ids: Iterable[uuid.UUID | None]) -> dict[uuid.UUID, R]:
    wanted = {id_ for id_ in ids if id_ is not None}
    if not wanted:
        return {}
    key: Any = record.__mapper__.primary_key[0]
    found = tx.scalars(select(record).where(key.in_(wanted)))
    return {getattr(one, key.key): one for one in found}


def _found(those: Mapping[uuid.UUID, R], id_: uuid.UUID | None) -> R | None:
    return those.get(id_) if id_ is not None else None


def _requests(tx: Transaction, events: Sequence[Event]) -> Sequence[AuthorizationRequest]:
    """Those that the events name, and those that were settled in the same transaction."""
    about = [one for one in events if one.type.startswith("authorization.") or one.type == "app.shared"]
    if not about:
        return ()
    request = AuthorizationRequest
    pairs = [(app_id, one.organization_id) for one in about if (app_id := app_id_of(one)) is not None]
    together = and_(
        tuple_(request.app_id, request.organization_id).in_(pairs),
        request.decided_at.in_({one.at for one in about}),
    )
    return list(tx.scalars(select(request).where(or_(request.id.in_(_ids_in(about, _REQUESTS)), together))))


def _is_about(event: Event, app_id: uuid.UUID | None, asked: AuthorizationRequest) -> bool:
    if asked.id in _ids_in([event], _REQUESTS):
        return True
    is_same = (asked.app_id, asked.organization_id) == (app_id, event.organization_id)
    return is_same and asked.decided_at == event.at


def _blocked(
    tx: Transaction, requests: Sequence[AuthorizationRequest]
) -> frozenset[tuple[uuid.UUID, uuid.UUID]]:
    """Of what is asked for, the apps with the organizations that block them by name."""
    if not requests:
        return frozenset()
    pairs = [(one.app_id, one.organization_id) for one in requests]
    query = select(AppRule.app_id, AppRule.organization_id).where(
        tuple_(AppRule.app_id, AppRule.organization_id).in_(pairs), AppRule.mode == AppRuleMode.BLOCK.value
    )
    return frozenset((row.app_id, row.organization_id) for row in tx.execute(query))


def _places(tx: Transaction, untold: Sequence[UntoldEvent]) -> dict[uuid.UUID, list[Place]]:
    """The next portion of those that each event concerns, in the order in which they were authorized.

    Scopes wait for approval only where an organization authorized the app, not where people did for themselves.
    """
    wide = [one for one in untold if one.event.type in IN_PORTIONS and app_id_of(one.event)]
    if not wide:
        return {}
    values = {
        "events": [one.event_id for one in wide],
        "apps": [app_id_of(one.event) for one in wide],
        "after": [one.told_up_to for one in wide],
        "narrow": [one.event.type == "app.scopes_changed" for one in wide],
        "portion": PORTION,
    }
    found: dict[uuid.UUID, list[Place]] = {}
    for row in tx.execute(text(_PORTION), values):
        place = Place(row.id, row.organization_id, row.name, frozenset(row.added))
        found.setdefault(row.event_id, []).append(place)
    return found


_PORTION = """
SELECT asked.event_id, place.id, place.organization_id, place.name, place.added
FROM unnest(
    cast(:events AS uuid[]), cast(:apps AS uuid[]), cast(:after AS uuid[]), cast(:narrow AS boolean[])
) AS asked (event_id, app_id, after, is_narrow)
CROSS JOIN LATERAL (
    SELECT z.id, z.authorized_at, z.organization_id, o.name, ARRAY(
        SELECT unnest(a.scopes) EXCEPT SELECT unnest(z.scopes) EXCEPT SELECT unnest(z.declined_scopes)
    ) AS added
    FROM authorizations z JOIN apps a ON a.id = z.app_id JOIN organizations o ON o.id = z.organization_id
    WHERE z.app_id = asked.app_id AND z.ended_at IS NULL AND (z.kind = 'organization' OR NOT asked.is_narrow) AND (
        asked.after IS NULL
        OR (z.authorized_at, z.id) > (SELECT told.authorized_at, told.id FROM authorizations told WHERE told.id = asked.after)
    )
    ORDER BY z.authorized_at, z.id LIMIT :portion
) AS place
ORDER BY asked.event_id, place.authorized_at, place.id
"""
