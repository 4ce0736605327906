"""Reading the record: an organization's audit log and an app's activity."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, or_, select, text, tuple_, union_all
from sqlalchemy.orm import InstrumentedAttribute, aliased

from appanage.events.catalogue import AMONG_ADMINISTRATORS, SIGNED
from appanage.events.model import Event
from appanage.events.seen import SeenEvent, shows_actor
from appanage.kit.paging import Page, PageRequest, encode_cursor, unknown_cursor
from appanage.storage import Transaction

Conditions = Sequence[ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class EventFilter:
    """What to narrow a list of events by; `until` is exclusive, `search` looks into names and ids that are shown."""

    since: datetime | None = None
    until: datetime | None = None
    actor_id: uuid.UUID | None = None
    types: Collection[str] | None = None
    search: str = ""


def list_for_organization(
    tx: Transaction, organization_id: uuid.UUID, wanted: EventFilter, page: PageRequest
) -> Page[SeenEvent]:
    """The audit log, newest first: what concerns the organization and what its own people did elsewhere."""
    conditions = _later(wanted, page, seen_by=organization_id)
    query = _audit_log(organization_id, conditions, rows=page.size + 1)
    return _page(tx.scalars(query).all(), page, seen_by=organization_id)


def list_by_offset(
    tx: Transaction, organization_id: uuid.UUID, wanted: EventFilter, *, offset: int, size: int
) -> tuple[list[SeenEvent], bool]:
    """As `list_for_organization`, in the way of the audit API; the second value tells whether more follow."""
    conditions = _matching(wanted, seen_by=organization_id)
    query = _audit_log(organization_id, conditions, rows=offset + size + 1)
    rows = list(tx.scalars(query.offset(offset)))
    return [SeenEvent.by(organization_id, row) for row in rows[:size]], len(rows) > size


def list_for_app(
    tx: Transaction, app_id: uuid.UUID, wanted: EventFilter, page: PageRequest, *, developer_id: uuid.UUID
) -> Page[SeenEvent]:
    """An app's activity as its developers, who are of the organization `developer_id`, may see it, newest first.

    What administrators say to one another before they decide, and who may not, is not for developers (checklist AUD-05).
    """
    is_theirs = Event.type.not_in(AMONG_ADMINISTRATORS)
    conditions = _later(wanted, page, seen_by=developer_id)
    query = _newest(Event.app_id == app_id, is_theirs, *conditions, rows=page.size + 1)
    return _page(tx.scalars(query).all(), page, seen_by=developer_id)


def list_about_app_in(
    tx: Transaction, app_id: uuid.UUID, organization_id: uuid.UUID, *, limit: int
) -> list[SeenEvent]:
    """What happened to an app in one organization, as it sees that, newest first."""
    query = _newest(Event.app_id == app_id, Event.organization_id == organization_id, rows=limit)
    return [SeenEvent.by(organization_id, row) for row in tx.scalars(query)]


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


def _audit_log(organization_id: uuid.UUID, conditions: Conditions, *, rows: int) -> Select[Event]:
    """The newest rows of two lists, of which each is read from its own index and no further than needed.

    Asked for with one OR, no index gives the order, and every page would sort the whole log.
    """
    here = _newest(Event.organization_id == organization_id, *conditions, rows=rows)
    is_elsewhere = Event.actor_organization_id != Event.organization_id
    elsewhere = _newest(Event.actor_organization_id == organization_id, is_elsewhere, *conditions, rows=rows)
    event = aliased(Event, union_all(here, elsewhere).subquery())
    return select(event).order_by(event.at.desc(), event.position.desc()).limit(rows)


def _newest(*conditions: ColumnElement[bool], rows: int) -> Select[Event]:
    query = select(Event).where(*conditions)
    return query.order_by(Event.at.desc(), Event.position.desc()).limit(rows)


def _later(wanted: EventFilter, page: PageRequest, *, seen_by: uuid.UUID) -> Conditions:
    """What is wanted and comes after the rows that were shown already."""
    if page.after is None:
        return _matching(wanted, seen_by=seen_by)
    return [*_matching(wanted, seen_by=seen_by), tuple_(Event.at, Event.position) < _position(page.after)]


def _matching(wanted: EventFilter, *, seen_by: uuid.UUID) -> Conditions:
    found = [_mentions(word, seen_by=seen_by) for word in wanted.search.split()]
    if wanted.since:
        found.append(Event.at >= wanted.since)
    if wanted.until:
        found.append(Event.at < wanted.until)
    if wanted.actor_id:
        found.append(and_(Event.actor_id == wanted.actor_id, shows_actor(seen_by)))
    if wanted.types is not None:
        found.append(Event.type.in_(wanted.types))
    return found


def _mentions(word: str, *, seen_by: uuid.UUID) -> ColumnElement[bool]:
    return or_(
        _contain(word, Event.target_name, Event.target_id, Event.type),
        and_(shows_actor(seen_by), _contain(word, Event.actor_name, Event.actor_email, Event.address)),
        and_(Event.type.in_(SIGNED), _contain(word, Event.actor_name)),
    )


def _contain(word: str, *columns: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    return or_(*(column.icontains(word, autoescape=True) for column in columns))


def _page(rows: Sequence[Event], page: PageRequest, *, seen_by: uuid.UUID) -> Page[SeenEvent]:
    last = rows[page.size - 1] if len(rows) > page.size else None
    seen = [SeenEvent.by(seen_by, row) for row in rows[: page.size]]
    return Page(seen, encode_cursor((last.at.isoformat(), str(last.position))) if last else None)


def _position(key: tuple[str, ...]) -> tuple[datetime, int]:
    try:
        at, position = datetime.fromisoformat(key[0]), int(key[1])
    except (ValueError, IndexError) as cause:
        raise unknown_cursor() from cause
    if at.tzinfo is None or not 0 <= position < 2**63:
        raise unknown_cursor()
    return at, position
