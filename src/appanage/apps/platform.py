"""Apps as those who run the platform see them: everybody's. Who may ask is the caller's to check."""

import uuid
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, or_, select, tuple_
from sqlalchemy.orm import contains_eager

from appanage.apps.model import App
from appanage.apps.queries import matches, no_such_app, time_and_id
from appanage.directory.model import Organization
from appanage.kit.ids import parse_uuid
from appanage.kit.paging import Page, PageRequest, encode_cursor
from appanage.storage import Transaction


@dataclass(frozen=True, slots=True)
class PlatformFilter:
    """`search` is a part of the name of an app or of its organization, or the whole of an id or client id."""

    search: str = ""
    suspended: bool | None = None


def list_apps(tx: Transaction, wanted: PlatformFilter, page: PageRequest) -> Page[App]:
    """Every organization's apps, the newest first."""
    query = _narrowed(_every_app(), wanted)
    if page.after is not None:
        query = query.where(tuple_(App.created_at, App.id) < time_and_id(page.after))
    newest_first = query.order_by(App.created_at.desc(), App.id.desc())
    rows = list(tx.scalars(newest_first.limit(page.size + 1)))
    last = rows[page.size - 1] if len(rows) > page.size else None
    cursor = encode_cursor((last.created_at.isoformat(), str(last.id))) if last else None
    return Page(rows[: page.size], cursor)


def lock_app(tx: Transaction, app_id: uuid.UUID) -> App:
    """Any app, freshly read; nobody else changes it until the commit. Raises NotFound."""
    query = select(App).where(App.id == app_id, App.deleted_at.is_(None))
    locked = query.with_for_update(of=App, key_share=True)
    found = tx.scalar(locked.execution_options(populate_existing=True))
    if found is None:
        raise no_such_app()
    return found


def _every_app() -> Select[App]:
    return (
        select(App)
        .join(App.organization)
        .options(contains_eager(App.organization))
        .where(App.deleted_at.is_(None))
    )


def _narrowed(query: Select[App], wanted: PlatformFilter) -> Select[App]:
    if wanted.search:
        query = query.where(_matches(wanted.search))
    if wanted.suspended is not None:
        query = query.where(App.suspended_at.is_not(None) == wanted.suspended)
    return query


def _matches(text: str) -> ColumnElement[bool]:
    id_ = parse_uuid(text)
    if id_ is not None:
        return or_(App.id == id_, App.organization_id == id_)
    return or_(matches(text), Organization.name.icontains(text, autoescape=True))
