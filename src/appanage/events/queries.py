"""Reading the record: an organization's audit log and an app's activity."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, or_, select, text, tuple_

from appanage.events.model import Event
from appanage.kit.paging import Page, PageRequest, encode_cursor, unknown_cursor
from appanage.storage import Transaction


@dataclass(frozen=True, slots=True)
class EventFilter:
    """What to narrow a list of events by; `until` is exclusive, `search` looks into names and ids."""

    since: datetime | None = None
    until: datetime | None = None
    actor_id: uuid.UUID | None = None
    types: Collection[str] | None = None
    search: str = ""


def list_for_organization(
    tx: Transaction, organization_id: uuid.UUID, wanted: EventFilter, page: PageRequest
) -> Page[Event]:
    """The audit log, newest first: what concerns the organization and what its own people did elsewhere."""
    return _page(tx, _narrowed(_audit_log(organization_id), wanted), page)


def list_by_offset(
    tx: Transaction, organization_id: uuid.UUID, wanted: EventFilter, *, offset: int, size: int
) -> tuple[list[Event], bool]:
    """As `list_for_organization`, in the way of the audit API; the second value tells whether more follow."""
    query = _newest_first(_narrowed(_audit_log(organization_id), wanted)).offset(offset).limit(size + 1)
    rows = list(tx.scalars(query))
    return rows[:size], len(rows) > size


def list_for_app(tx: Transaction, app_id: uuid.UUID, wanted: EventFilter, page: PageRequest) -> Page[Event]:
    """An app's activity as its developers may see it, newest first."""
    return _page(tx, _narrowed(select(Event).where(Event.app_id == app_id), wanted), page)


def list_about_app_in(
    tx: Transaction, app_id: uuid.UUID, organization_id: uuid.UUID, *, limit: int
) -> list[Event]:
    """What happened to an app in one organization, newest first."""
    query = select(Event).where(Event.app_id == app_id, Event.organization_id == organization_id)
    return list(tx.scalars(_newest_first(query).limit(limit)))


def broken_links(tx: Transaction) -> list[str]:
    """Places where an organization's chain of events was altered, cut or reordered; empty when all is well."""
    rows = tx.execute(text(_VERIFY)).all()
    return [
        f"organization {organization_id}, event {sequence}: {fault}"
        for organization_id, sequence, fault in rows
    ]


_VERIFY = """
SELECT organization_id, sequence, fault FROM (
    SELECT e.organization_id, e.sequence, CASE
        WHEN e.sequence <> coalesce(lag(e.sequence) OVER chain, 0) + 1 THEN 'an event before it is missing'
        WHEN e.digest <> event_digest(coalesce(lag(e.digest) OVER chain, ''::bytea), e) THEN 'it was altered'
    END AS fault
    FROM events e WINDOW chain AS (PARTITION BY e.organization_id ORDER BY e.sequence)
    UNION ALL
    SELECT c.organization_id, c.sequence, 'the newest events are missing' FROM event_chains c
    WHERE c.sequence <> coalesce((SELECT max(sequence) FROM events e WHERE e.organization_id = c.organization_id), 0)
) AS links WHERE fault IS NOT NULL ORDER BY 1, 2
"""


def _audit_log(organization_id: uuid.UUID) -> Select[Event]:
    return select(Event).where(
        or_(Event.organization_id == organization_id, Event.actor_organization_id == organization_id)
    )


def _narrowed(query: Select[Event], wanted: EventFilter) -> Select[Event]:
    if wanted.since:
        query = query.where(Event.at >= wanted.since)
    if wanted.until:
        query = query.where(Event.at < wanted.until)
    if wanted.actor_id:
        query = query.where(Event.actor_id == wanted.actor_id)
    if wanted.types is not None:
        query = query.where(Event.type.in_(wanted.types))
    for word in wanted.search.split():
        query = query.where(_mentions(word))
    return query


def _mentions(word: str) -> ColumnElement[bool]:
    columns = (
        Event.actor_name,
        Event.actor_email,
        Event.target_name,
        Event.target_id,
        Event.address,
        Event.type,
    )
    return or_(*(column.icontains(word, autoescape=True) for column in columns))


def _newest_first(query: Select[Event]) -> Select[Event]:
    return query.order_by(Event.at.desc(), Event.position.desc())


def _page(tx: Transaction, query: Select[Event], page: PageRequest) -> Page[Event]:
    if page.after is not None:
        query = query.where(tuple_(Event.at, Event.position) < _position(page.after))
    rows = list(tx.scalars(_newest_first(query).limit(page.size + 1)))
    last = rows[page.size - 1] if len(rows) > page.size else None
    return Page(rows[: page.size], encode_cursor((last.at.isoformat(), str(last.position))) if last else None)


def _position(key: tuple[str, ...]) -> tuple[datetime, int]:
    try:
        at, position = datetime.fromisoformat(key[0]), int(key[1])
    except (ValueError, IndexError) as cause:
        raise unknown_cursor() from cause
    if at.tzinfo is None or not 0 <= position < 2**63:
        raise unknown_cursor()
    return at, position
