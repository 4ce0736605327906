"""Every read of apps, narrowed to who may see them."""

import re
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, aliased

from appanage.apps.model import App, AppKind, AppLogo, AppOwner, ClientKey, ClientSecret, ProposedLogo
from appanage.directory.model import Account
from appanage.kit.errors import NotFound
from appanage.kit.ids import parse_uuid
from appanage.kit.paging import Page, PageRequest, encode_cursor, unknown_cursor
from appanage.storage import Transaction

_CLIENT_ID = re.compile("C[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Ownership:
    """An owner of an app."""

    account: Account
    since: datetime

    @property
    def can_act(self) -> bool:
        return self.account.is_active


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


def is_key(text: str) -> bool:
    """Whether it has the form of what names an app: an id or a client id."""
    return bool(parse_uuid(text) or _CLIENT_ID.fullmatch(text))


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


def list_owners(tx: Transaction, app: App) -> Sequence[Ownership]:
    """Everybody who owns an app, those who have left too, in the order in which they came."""
    return owners_by_app(tx, [app.id]).get(app.id, ())


def owners_by_app(tx: Transaction, app_ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, Sequence[Ownership]]:
    """As `list_owners`, for a list of apps."""
    columns = select(AppOwner.app_id, Account, AppOwner.since).select_from(AppOwner)
    query = columns.join(Account, AppOwner.account_id == Account.id)
    found: dict[uuid.UUID, list[Ownership]] = {}
    rows = tx.execute(query.where(AppOwner.app_id.in_(app_ids)).order_by(AppOwner.since, Account.id))
    for app_id, account, since in rows:
        found.setdefault(app_id, []).append(Ownership(account, since))
    return found


def list_waiting_owners(tx: Transaction, app: App) -> Sequence[Account]:
    """Those who become owners of a listed app when a reviewer approves it."""
    proposed = (app.proposed or {}).get("owners", ())
    waiting = {uuid.UUID(one) for one in proposed} - {one.account_id for one in app.owners}
    query = select(Account).where(Account.id.in_(waiting), Account.organization_id == app.organization_id)
    return list(tx.scalars(query.order_by(func.lower(Account.display_name), Account.id)))


def has_owner_who_can_act(tx: Transaction, app: App) -> bool:
    return bool(tx.scalar(select(_has_owner_who_can_act()).where(App.id == app.id)))


def list_ownerless(tx: Transaction, organization_id: uuid.UUID, page: PageRequest) -> Page[App]:
    """The apps of an organization whose owners have all left or can sign in no more, the newest first."""
    rows = list(tx.scalars(_newest_first(_ownerless(organization_id), page).limit(page.size + 1)))
    last = rows[page.size - 1] if len(rows) > page.size else None
    place = encode_cursor((last.created_at.isoformat(), str(last.id))) if last else None
    return Page(rows[: page.size], place)


def count_ownerless(tx: Transaction, organization_id: uuid.UUID) -> int:
    return tx.scalar(select(func.count()).select_from(_ownerless(organization_id).subquery())) or 0


def get_ownerless(
    tx: Transaction, organization_id: uuid.UUID, app_id: uuid.UUID, *, for_update: bool = False
) -> App:
    """An app of this organization that nobody owns; any other does not exist there (checklist CONS-12)."""
    query = _ownerless(organization_id).where(App.id == app_id)
    if for_update:
        query = query.with_for_update(of=App, key_share=True).execution_options(populate_existing=True)
    found = tx.scalar(query)
    if found is None:
        raise no_such_app()
    return found


def find_logo(tx: Transaction, app_id: uuid.UUID) -> AppLogo | None:
    return tx.get(AppLogo, app_id)


def find_proposed_logo(tx: Transaction, app: App, digest: str) -> ProposedLogo | None:
    """A picture that was proposed for a listed app, and is kept yet."""
    return tx.get(ProposedLogo, (app.id, digest))


def list_proposed_logos(tx: Transaction, app: App) -> Sequence[ProposedLogo]:
    """Those that are kept, the newest first, without their pictures."""
    query = select(ProposedLogo).where(ProposedLogo.app_id == app.id)
    return list(tx.scalars(query.order_by(ProposedLogo.added_at.desc(), ProposedLogo.digest)))


def matches(text: str) -> ColumnElement[bool]:
    return or_(App.name.icontains(text, autoescape=True), App.client_id == text.strip())


def is_honoured(
    issued_at: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None],
) -> ColumnElement[bool]:
    """As `App.honours`, for queries that join the app."""
    return or_(App.valid_from.is_(None), issued_at >= App.valid_from)


def is_owned_by(person: Account) -> ColumnElement[bool]:
    """Whether an app is one that the person owns, in their own organization; for queries of apps."""
    owned = select(AppOwner.app_id).where(AppOwner.app_id == App.id, AppOwner.account_id == person.id)
    return and_(owned.correlate(App).exists(), App.organization_id == person.organization_id)


def is_owner(tx: Transaction, app_id: uuid.UUID, person: Account) -> bool:
    """Whether the person owns the app now; nobody owns one that was deleted."""
    return tx.scalar(_owned(person).where(App.id == app_id).with_only_columns(App.id)) is not None


def no_such_app() -> NotFound:
    return NotFound("There is no app with this id, or it is not yours to see.", code="app_not_found")


def _owned(owner: Account) -> Select[App]:
    return select(App).where(is_owned_by(owner), App.deleted_at.is_(None))


def _ownerless(organization_id: uuid.UUID) -> Select[App]:
    return select(App).where(
        App.organization_id == organization_id, App.deleted_at.is_(None), ~_has_owner_who_can_act()
    )


def _has_owner_who_can_act() -> ColumnElement[bool]:
    """An owner whose account is there and may sign in; whether the organization is suspended is not about owners."""
    account = aliased(Account)
    owners = select(AppOwner.app_id).join(account, account.id == AppOwner.account_id)
    can_act = (account.deleted_at.is_(None), account.login_enabled)
    return owners.where(AppOwner.app_id == App.id, *can_act).correlate(App).exists()


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
        query = query.where(tuple_(App.created_at, App.id) < time_and_id(page.after))
    return query.order_by(App.created_at.desc(), App.id.desc())


def _place(key: tuple[str, ...]) -> tuple[str, uuid.UUID]:
    app_id = parse_uuid(key[1]) if len(key) == 2 else None
    if app_id is None:
        raise unknown_cursor()
    return key[0], app_id


def time_and_id(key: tuple[str, ...]) -> tuple[datetime, uuid.UUID]:
    """A place in a list that is in the order of times; raises Invalid for what is none."""
    text, app_id = _place(key)
    return _time(text), app_id


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as cause:
        raise unknown_cursor() from cause
