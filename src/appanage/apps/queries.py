"""Every read of apps, narrowed to who may see them."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, func, or_, select, tuple_

from appanage.apps.model import App, AppKind, AppLogo, AppOwner, ClientKey, ClientSecret
from appanage.directory.model import Account
from appanage.kit.errors import NotFound
from appanage.kit.ids import parse_uuid
from appanage.kit.paging import Page, PageRequest, encode_cursor, unknown_cursor
from appanage.storage import Transaction


@dataclass(frozen=True, slots=True)
class AppFilter:
    """`search` looks for a part of the name, or for the whole client id."""

    search: str = ""
    kind: AppKind | None = None


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
    """A developer's apps, the newest first."""
    query = _owned(owner)
    if wanted.kind:
        query = query.where(App.kind == wanted.kind)
    if wanted.search:
        query = query.where(matches(wanted.search))
    if page.after is not None:
        query = query.where(tuple_(App.created_at, App.id) < _after(tx, page.after))
    rows = list(tx.scalars(query.order_by(App.created_at.desc(), App.id.desc()).limit(page.size + 1)))
    last = rows[page.size - 1] if len(rows) > page.size else None
    return Page(rows[: page.size], encode_cursor((str(last.id),)) if last else None)


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


def _after(tx: Transaction, key: tuple[str, ...]) -> tuple[datetime, uuid.UUID]:
    app_id = parse_uuid(key[0]) if len(key) == 1 else None
    created_at = tx.scalar(select(App.created_at).where(App.id == app_id)) if app_id else None
    if app_id is None or created_at is None:
        raise unknown_cursor()
    return created_at, app_id
