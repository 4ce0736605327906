"""Every read of apps, narrowed to who may see them."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, func, literal, or_, select, tuple_

from appanage.apps.model import App, AppKind, AppLogo, AppOwner, ClientKey, ClientSecret
from appanage.directory.model import Account
from appanage.kit.errors import NotFound
from appanage.kit.ids import parse_uuid
from appanage.kit.paging import Page, PageRequest, encode_cursor, unknown_cursor
from appanage.storage import Transaction


class AppOrder(StrEnum):
    NEWEST = "newest"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class AppFilter:
    """`search` looks for a part of the name, or for the whole client id; `also` is what floors above know of apps."""

    search: str = ""
    kind: AppKind | None = None
    bot_email: str = ""
    also: ColumnElement[bool] | None = None
    order: AppOrder = AppOrder.NEWEST


def find_by_client_id(tx: Transaction, client_id: str) -> App | None:
    """The app behind a client id. For client authentication, which proves the right to it by itself."""
    return tx.scalar(select(App).where(App.client_id == client_id, App.deleted_at.is_(None)))


def get_app(tx: Transaction, app_id: uuid.UUID) -> App:
    """The app whoever owns it. For callers that have checked, or are about to check, who may see it."""
    found = tx.scalar(select(App).where(App.id == app_id, App.deleted_at.is_(None)))
    if found is None:
        raise no_such_app()
    return found


def get_owned(tx: Transaction, owner: Account, app_id: uuid.UUID, *, for_update: bool = False) -> App:
    """An app of this owner; anybody else's does not exist for them (checklist CONS-12)."""
    query = _owned(owner).where(App.id == app_id)
    if for_update:
        query = query.with_for_update(of=App, key_share=True).execution_options(populate_existing=True)
    found = tx.scalar(query)
    if found is None:
        raise no_such_app()
    return found


def client_ids_of(tx: Transaction, app_ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, str]:
    """The client ids of these apps, deleted ones too. For records that name apps by their id alone."""
    if not app_ids:
        return {}
    return dict(tx.execute(select(App.id, App.client_id).where(App.id.in_(app_ids))).all())


def list_owned(tx: Transaction, owner: Account, wanted: AppFilter, page: PageRequest) -> Page[App]:
    """A developer's apps, the newest first or by name."""
    by_name = wanted.order is AppOrder.NAME
    query = _narrowed(_owned(owner), wanted)
    in_order = _by_name(query, page) if by_name else _newest_first(query, page)
    rows = list(tx.scalars(in_order.limit(page.size + 1)))
    last = rows[page.size - 1] if len(rows) > page.size else None
    if last is None:
        return Page(rows)
    place = last.name if by_name else last.created_at.isoformat()
    return Page(rows[: page.size], encode_cursor((place, str(last.id))))


def count_recent(tx: Transaction, creator: Account, *, since: datetime) -> int:
    """How many apps a person made that are there, or were deleted since."""
    counts = or_(App.deleted_at.is_(None), App.deleted_at > since)
    return tx.scalar(select(func.count()).where(App.created_by == creator.id, counts)) or 0


def list_secrets(tx: Transaction, app: App) -> Sequence[ClientSecret]:
    """All secrets of an app, the newest first; also those that have ended."""
    query = select(ClientSecret).where(ClientSecret.app_id == app.id)
    return list(tx.scalars(query.order_by(ClientSecret.created_at.desc(), ClientSecret.id)))


def get_secret(tx: Transaction, app: App, secret_id: uuid.UUID) -> ClientSecret:
    found = tx.scalar(select(ClientSecret).where(ClientSecret.id == secret_id, ClientSecret.app_id == app.id))
    if found is None:
        raise NotFound("There is no client secret with this id.")
    return found


def find_secret(tx: Transaction, digest: bytes) -> ClientSecret | None:
    return tx.scalar(select(ClientSecret).where(ClientSecret.digest == digest))


def list_keys(tx: Transaction, app: App, *, live_only: bool = False) -> Sequence[ClientKey]:
    """The public keys of an app, the newest first."""
    query = select(ClientKey).where(ClientKey.app_id == app.id)
    if live_only:
        query = query.where(ClientKey.revoked_at.is_(None))
    return list(tx.scalars(query.order_by(ClientKey.created_at.desc(), ClientKey.id)))


def get_key(tx: Transaction, app: App, key_id: uuid.UUID) -> ClientKey:
    found = tx.scalar(select(ClientKey).where(ClientKey.id == key_id, ClientKey.app_id == app.id))
    if found is None:
        raise NotFound("There is no client key with this id.")
    return found


def ids_with_proof(tx: Transaction, app_ids: Collection[uuid.UUID]) -> Collection[uuid.UUID]:
    """Those of the apps that have a live secret or key by which they can prove themselves."""
    has_ended = or_(ClientSecret.expires_at <= tx.now, ClientSecret.revoked_at <= tx.now)
    secrets = select(ClientSecret.app_id).where(
        ClientSecret.app_id.in_(app_ids), ~func.coalesce(has_ended, False)
    )
    keys = select(ClientKey.app_id).where(ClientKey.app_id.in_(app_ids), ClientKey.revoked_at.is_(None))
    return set(tx.scalars(secrets.union(keys)))


def find_logo(tx: Transaction, app_id: uuid.UUID) -> AppLogo | None:
    return tx.get(AppLogo, app_id)


def matches(text: str) -> ColumnElement[bool]:
    return or_(App.name.icontains(text, autoescape=True), App.client_id == text.strip())


def no_such_app() -> NotFound:
    return NotFound("There is no app with this id, or it is not yours to see.", code="app_not_found")


def _owned(owner: Account) -> Select[App]:
    return (
        select(App)
        .join(AppOwner, AppOwner.app_id == App.id)
        .where(
            AppOwner.account_id == owner.id,
            App.organization_id == owner.organization_id,
            App.deleted_at.is_(None),
        )
    )


def _narrowed(query: Select[App], wanted: AppFilter) -> Select[App]:
    if wanted.kind:
        query = query.where(App.kind == wanted.kind)
    if wanted.search:
        query = query.where(matches(wanted.search))
    if wanted.bot_email:
        query = query.where(func.lower(App.bot_email) == wanted.bot_email.lower())
    return query if wanted.also is None else query.where(wanted.also)


def _by_name(query: Select[App], page: PageRequest) -> Select[App]:
    order = (func.lower(App.name), App.id)
    if page.after is not None:
        name, app_id = _place(page.after)
        query = query.where(tuple_(*order) > tuple_(func.lower(literal(name)), literal(app_id)))
    return query.order_by(*order)


def _newest_first(query: Select[App], page: PageRequest) -> Select[App]:
    if page.after is not None:
        text, app_id = _place(page.after)
        query = query.where(tuple_(App.created_at, App.id) < (_time(text), app_id))
    return query.order_by(App.created_at.desc(), App.id.desc())


def _place(key: tuple[str, ...]) -> tuple[str, uuid.UUID]:
    app_id = parse_uuid(key[1]) if len(key) == 2 else None
    if app_id is None:
        raise unknown_cursor()
    return key[0], app_id


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as cause:
        raise unknown_cursor() from cause
