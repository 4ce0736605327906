"""Every read of requests, authorizations and tokens."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, exists, func, literal, or_, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import InstrumentedAttribute

from appanage.apps.model import App
from appanage.apps.queries import is_honoured
from appanage.authorizations.model import (
    Authorization,
    AuthorizationKind,
    AuthorizationRequest,
    BotToken,
    PersonalToken,
    RefreshToken,
    RequestOrigin,
    Revocation,
    RevocationKind,
)
from appanage.authorizations.revocation import first_living_second
from appanage.directory.model import Account, Organization
from appanage.kit.errors import NotFound
from appanage.kit.ids import parse_uuid
from appanage.kit.paging import Page, PageRequest, encode_cursor, unknown_cursor
from appanage.oauth.access_tokens import AccessClaims
from appanage.storage import Transaction


def find_of_organization(tx: Transaction, app: App, organization_id: uuid.UUID) -> Authorization | None:
    """What the organization authorized as a whole; what its people allowed for themselves is something else."""
    return tx.scalar(_of_organization(app, organization_id))


def lock_of_organization(tx: Transaction, app: App, organization_id: uuid.UUID) -> Authorization | None:
    locked = _of_organization(app, organization_id).with_for_update(of=Authorization, key_share=True)
    return tx.scalar(locked.execution_options(populate_existing=True))


def find_by_account(tx: Transaction, account_id: uuid.UUID) -> Authorization | None:
    """The authorization that a machine account was made by."""
    query = select(Authorization).where(
        Authorization.account_id == account_id, Authorization.kind == AuthorizationKind.ORGANIZATION
    )
    return tx.scalar(query)


def find_authorization(tx: Transaction, authorization_id: uuid.UUID) -> Authorization | None:
    """The authorization that a token names; its state is the caller's to look at."""
    return tx.scalar(select(Authorization).where(Authorization.id == authorization_id))


def lock_authorization(tx: Transaction, authorization_id: uuid.UUID) -> Authorization | None:
    """The authorization as it is now; whoever ends it waits until what is issued under it is there to be ended too."""
    query = select(Authorization).where(Authorization.id == authorization_id)
    locked = query.with_for_update(of=Authorization, key_share=True)
    return tx.scalar(locked.execution_options(populate_existing=True))


def find_request(
    tx: Transaction, app: App, organization_id: uuid.UUID, origin: RequestOrigin | None = None
) -> AuthorizationRequest | None:
    """The newest request that waits; when none does, the newest of all. `origin` narrows it to one kind."""
    query = select(AuthorizationRequest).where(
        AuthorizationRequest.app_id == app.id, AuthorizationRequest.organization_id == organization_id
    )
    if origin is not None:
        query = query.where(AuthorizationRequest.origin == origin)
    open_first = AuthorizationRequest.decided_at.isnot(None), AuthorizationRequest.requested_at.desc()
    return tx.scalar(query.order_by(*open_first, AuthorizationRequest.id).limit(1))


def is_revoked(tx: Transaction, claims: AccessClaims) -> bool:
    """Whether the database knows a revocation of this token that the index may not have heard of yet."""
    born = int(claims.issued_at.timestamp())
    subjects = [
        (RevocationKind.TOKEN, claims.token_id),
        (RevocationKind.AUTHORIZATION, str(claims.authorization)),
    ]
    if claims.family:
        subjects.append((RevocationKind.FAMILY, claims.family))
    if claims.source:
        subjects.append((RevocationKind.TOKEN, claims.source))
    query = select(Revocation.valid_from).where(tuple_(Revocation.kind, Revocation.subject).in_(subjects))
    return any(born < first_living_second(valid_from) for valid_from in tx.scalars(query))


def revokes_at_least(tx: Transaction, authorization: Authorization, number: int) -> bool:
    """Whether so many of its access tokens are remembered one by one as revoked."""
    of_it = Revocation.authorization_id == authorization.id, Revocation.forget_at > tx.now
    return tx.scalar(select(literal(1)).where(*of_it).offset(number - 1).limit(1)) is not None


def find_refresh_token(tx: Transaction, digest: bytes, *, for_update: bool = False) -> RefreshToken | None:
    query = select(RefreshToken).where(RefreshToken.digest == digest)
    if for_update:
        query = query.with_for_update(of=RefreshToken, key_share=True)
    return tx.scalar(query.execution_options(populate_existing=for_update))


def lock_refresh_token(tx: Transaction, token_id: uuid.UUID) -> RefreshToken | None:
    query = select(RefreshToken).where(RefreshToken.id == token_id)
    locked = query.with_for_update(of=RefreshToken, key_share=True)
    return tx.scalar(locked.execution_options(populate_existing=True))


def list_live_refresh_tokens(tx: Transaction, person: Account) -> Sequence[RefreshToken]:
    """The refresh tokens that apps hold for a person, the newest first."""
    query = _live_refresh_tokens(tx).where(Authorization.account_id == person.id)
    return list(tx.scalars(query.order_by(RefreshToken.issued_at.desc(), RefreshToken.id)))


def find_live_refresh_token(
    tx: Transaction, organization_id: uuid.UUID, token_id: uuid.UUID
) -> RefreshToken | None:
    """One that an app holds for a person of this organization."""
    query = _live_refresh_tokens(tx).where(Authorization.organization_id == organization_id)
    return tx.scalar(query.where(RefreshToken.id == token_id))


def find_personal_token(tx: Transaction, digest: bytes) -> PersonalToken | None:
    return tx.scalar(select(PersonalToken).where(PersonalToken.digest == digest))


def find_bot_token(tx: Transaction, digest: bytes) -> BotToken | None:
    return tx.scalar(select(BotToken).where(BotToken.digest == digest))


@dataclass(frozen=True, slots=True)
class AuthorizationFilter:
    """`search` matches an organization's name in part; `active` and `outdated` None mean both.

    An active authorization is outdated when the app asks for scopes that nobody there has approved.
    """

    search: str = ""
    organization_ids: Collection[uuid.UUID] | None = None
    active: bool | None = None
    outdated: bool | None = None


@dataclass(frozen=True, slots=True)
class AuthorizationSummary:
    """Who authorized an app, in numbers: now, in how many organizations, with scopes to approve, with tokens."""

    active: int = 0
    organizations: int = 0
    outdated: int = 0
    with_tokens: int = 0
    last_ended_at: datetime | None = None


def list_of_organizations(
    tx: Transaction, app: App, wanted: AuthorizationFilter, page: PageRequest
) -> Page[Authorization]:
    """Who authorized an app: the newest authorization of each organization, the newest first."""
    query = _narrowed(_newest_per_organization(app), wanted)
    if page.after is not None:
        query = query.where(tuple_(Authorization.authorized_at, Authorization.id) < time_and_id(page.after))
    newest_first = query.order_by(Authorization.authorized_at.desc(), Authorization.id.desc())
    rows = list(tx.scalars(newest_first.limit(page.size + 1)))
    last = rows[page.size - 1] if len(rows) > page.size else None
    cursor = encode_cursor((last.authorized_at.isoformat(), str(last.id))) if last else None
    return Page(rows[: page.size], cursor)


def get_of_organization(tx: Transaction, app: App, organization_id: uuid.UUID) -> Authorization:
    """The active authorization that one organization gave an app."""
    found = find_of_organization(tx, app, organization_id)
    if found is None:
        raise NotFound("This organization has not authorized the app.", code="not_authorized_here")
    return found


def summarize_by_app(
    tx: Transaction, app_ids: Collection[uuid.UUID]
) -> Mapping[uuid.UUID, AuthorizationSummary]:
    """The numbers of each of these apps that was ever authorized."""
    active, has_tokens = Authorization.ended_at.is_(None), Authorization.tokens_retrieved_at.is_not(None)
    query = (
        select(
            Authorization.app_id,
            func.count().filter(active),
            func.count(Authorization.organization_id.distinct()).filter(active),
            func.count().filter(active, _is_outdated()),
            func.count().filter(active, is_honoured(Authorization.tokens_retrieved_at), has_tokens),
            func.max(Authorization.ended_at),
        )
        .select_from(Authorization)
        .join(App, App.id == Authorization.app_id)
        .where(Authorization.app_id.in_(app_ids))
        .group_by(Authorization.app_id)
    )
    return {
        app_id: AuthorizationSummary(active_ones, organizations, outdated, with_tokens, last_ended_at)
        for app_id, active_ones, organizations, outdated, with_tokens, last_ended_at in tx.execute(query)
    }


@dataclass(frozen=True, slots=True)
class Connections:
    """The people of one organization who connected an Integration: how many, and when last. Never who (AUD-05).

    It was last used when tokens were last fetched or renewed for one of them.
    """

    organization_id: uuid.UUID
    organization_name: str
    people: int
    last_connected_at: datetime
    last_used_at: datetime | None


def list_connections(tx: Transaction, app: App, page: PageRequest, *, search: str = "") -> Page[Connections]:
    """How many people of each organization have an Integration connected, by the organization's name."""
    order = (func.lower(Organization.name), Organization.id)
    used_at = func.coalesce(RefreshToken.last_used_at, RefreshToken.issued_at)
    query = (
        select(
            Organization.id,
            Organization.name,
            func.count(Authorization.id.distinct()),
            func.max(Authorization.authorized_at),
            func.max(used_at),
        )
        .join(Authorization, Authorization.organization_id == Organization.id)
        .outerjoin(RefreshToken, RefreshToken.authorization_id == Authorization.id)
        .where(
            Authorization.app_id == app.id,
            Authorization.kind == AuthorizationKind.PERSON,
            Authorization.ended_at.is_(None),
        )
        .group_by(Organization.id)
    )
    if search:
        query = query.where(Organization.name.icontains(search, autoescape=True))
    if page.after is not None:
        name, organization_id = name_and_id(page.after)
        query = query.where(tuple_(*order) > tuple_(func.lower(name), organization_id))
    rows = [Connections(*row) for row in tx.execute(query.order_by(*order).limit(page.size + 1))]
    last = rows[page.size - 1] if len(rows) > page.size else None
    cursor = encode_cursor((last.organization_name, str(last.organization_id))) if last else None
    return Page(rows[: page.size], cursor)


def requested_at_by_app(
    tx: Transaction,
    app_ids: Collection[uuid.UUID],
    origins: Collection[RequestOrigin] = (RequestOrigin.DEVELOPER,),
) -> Mapping[uuid.UUID, datetime]:
    """Since when the developers of these apps wait for administrators, for those apps for which they do.

    What people of other organizations ask for is never told here (checklist AUD-05).
    """
    query = (
        select(AuthorizationRequest.app_id, func.max(AuthorizationRequest.requested_at))
        .where(
            AuthorizationRequest.app_id.in_(app_ids),
            AuthorizationRequest.origin.in_(origins),
            AuthorizationRequest.decided_at.is_(None),
        )
        .group_by(AuthorizationRequest.app_id)
    )
    return dict(tx.execute(query).all())


def list_authorized_in(
    tx: Transaction, organization_id: uuid.UUID, app_ids: Collection[uuid.UUID]
) -> Collection[uuid.UUID]:
    """Those of the apps that the organization has authorized."""
    query = select(Authorization.app_id).where(
        Authorization.organization_id == organization_id,
        Authorization.app_id.in_(app_ids),
        Authorization.kind == AuthorizationKind.ORGANIZATION,
        Authorization.ended_at.is_(None),
    )
    return list(tx.scalars(query))


def is_requested() -> ColumnElement[bool]:
    """Whether an app waits for the administrators of its own organization; for queries of apps."""
    return exists().where(
        AuthorizationRequest.app_id == App.id,
        AuthorizationRequest.origin == RequestOrigin.DEVELOPER,
        AuthorizationRequest.decided_at.is_(None),
    )


def is_authorized_in(organization_id: uuid.UUID) -> ColumnElement[bool]:
    """Whether the organization has authorized an app; for queries of apps."""
    return exists().where(
        Authorization.app_id == App.id,
        Authorization.organization_id == organization_id,
        Authorization.kind == AuthorizationKind.ORGANIZATION,
        Authorization.ended_at.is_(None),
    )


def was_refused_in(organization_id: uuid.UUID) -> ColumnElement[bool]:
    """Whether administrators there said no to an app last: deauthorized it, or declined a request; for queries of apps."""
    declined = select(func.max(AuthorizationRequest.declined_at)).where(
        AuthorizationRequest.app_id == App.id, AuthorizationRequest.organization_id == organization_id
    )
    declined_at = declined.correlate(App).scalar_subquery()
    ended_by = _of_latest(organization_id, Authorization.ended_by)
    approved_at = _of_latest(organization_id, Authorization.scopes_approved_at)
    return or_(ended_by.is_not(None), func.coalesce(declined_at > approved_at, declined_at.is_not(None)))


def _of_latest(organization_id: uuid.UUID, column: InstrumentedAttribute[Any]) -> ScalarSelect[Any]:
    """Of the latest authorization of an app by the organization as a whole."""
    query = select(column).where(
        Authorization.app_id == App.id,
        Authorization.organization_id == organization_id,
        Authorization.kind == AuthorizationKind.ORGANIZATION,
    )
    return query.order_by(*newest_last_ended()).limit(1).correlate(App).scalar_subquery()


def count_live_refresh_tokens(tx: Transaction, authorization: Authorization) -> int:
    query = select(func.count()).where(
        RefreshToken.authorization_id == authorization.id,
        RefreshToken.revoked_at.is_(None),
        RefreshToken.expires_at > tx.now,
        App.id == authorization.app_id,
        is_honoured(RefreshToken.issued_at),
    )
    return tx.scalar(query) or 0


def list_of_person(tx: Transaction, person: Account, page: PageRequest) -> Page[Authorization]:
    """What a person allows apps at present, the newest first (checklist CONS-10)."""
    query = _of_person(person)
    if page.after is not None:
        query = query.where(tuple_(Authorization.authorized_at, Authorization.id) < time_and_id(page.after))
    newest_first = query.order_by(Authorization.authorized_at.desc(), Authorization.id.desc())
    rows = list(tx.scalars(newest_first.limit(page.size + 1)))
    last = rows[page.size - 1] if len(rows) > page.size else None
    cursor = encode_cursor((last.authorized_at.isoformat(), str(last.id))) if last else None
    return Page(rows[: page.size], cursor)


def get_of_person(tx: Transaction, person: Account, authorization_id: uuid.UUID) -> Authorization:
    """What this person allows an app at present; anybody else's does not exist for them."""
    found = tx.scalar(_of_person(person).where(Authorization.id == authorization_id))
    if found is None:
        raise NotFound("You have not connected this app.", code="authorization_not_found")
    return found


def last_used_at(tx: Transaction, authorization_ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, datetime]:
    """When tokens of each of these authorizations were last fetched or renewed, for those that ever were."""
    renewed = func.max(func.coalesce(RefreshToken.last_used_at, RefreshToken.issued_at))
    latest = func.greatest(Authorization.last_used_at, renewed)
    query = (
        select(Authorization.id, latest)
        .outerjoin(RefreshToken, RefreshToken.authorization_id == Authorization.id)
        .where(Authorization.id.in_(authorization_ids))
        .group_by(Authorization.id)
    )
    return {authorization_id: at for authorization_id, at in tx.execute(query) if at is not None}


def last_refreshed_at(tx: Transaction, authorization: Authorization) -> datetime | None:
    """When the app last renewed or fetched its tokens by itself: the latest sign of life that is known here."""
    query = select(func.greatest(func.max(RefreshToken.last_used_at), authorization.last_used_at))
    return tx.scalar(query.where(RefreshToken.authorization_id == authorization.id))


def _of_person(person: Account) -> Select[Authorization]:
    return select(Authorization).where(
        Authorization.account_id == person.id,
        Authorization.kind == AuthorizationKind.PERSON,
        Authorization.ended_at.is_(None),
    )


def _live_refresh_tokens(tx: Transaction) -> Select[RefreshToken]:
    return (
        select(RefreshToken)
        .join(Authorization, Authorization.id == RefreshToken.authorization_id)
        .join(App, App.id == Authorization.app_id)
        .where(
            Authorization.kind == AuthorizationKind.PERSON,
            Authorization.ended_at.is_(None),
            RefreshToken.revoked_at.is_(None),
            RefreshToken.expires_at > tx.now,
            is_honoured(RefreshToken.issued_at),
        )
    )


def _of_organization(app: App, organization_id: uuid.UUID) -> Select[Authorization]:
    return select(Authorization).where(
        Authorization.app_id == app.id,
        Authorization.organization_id == organization_id,
        Authorization.kind == AuthorizationKind.ORGANIZATION,
        Authorization.ended_at.is_(None),
    )


def newest_last_ended() -> tuple[ColumnElement[bool], ColumnElement[datetime]]:
    """An active authorization comes before every ended one."""
    return Authorization.ended_at.isnot(None), Authorization.authorized_at.desc()


def _newest_per_organization(app: App) -> Select[Authorization]:
    newest = (
        select(Authorization.id)
        .where(Authorization.app_id == app.id, Authorization.kind == AuthorizationKind.ORGANIZATION)
        .ext(distinct_on(Authorization.organization_id))
        .order_by(Authorization.organization_id, *newest_last_ended())
    )
    return select(Authorization).where(Authorization.id.in_(newest))


def _narrowed(query: Select[Authorization], wanted: AuthorizationFilter) -> Select[Authorization]:
    if wanted.active is not None:
        query = query.where(Authorization.ended_at.is_(None) == wanted.active)
    if wanted.outdated is not None:
        outdated = _is_outdated()
        query = query.join(App, App.id == Authorization.app_id).where(
            outdated if wanted.outdated else ~outdated
        )
    if wanted.organization_ids is not None:
        query = query.where(Authorization.organization_id.in_(wanted.organization_ids))
    if wanted.search:
        named = exists().where(
            Organization.id == Authorization.organization_id,
            Organization.name.icontains(wanted.search, autoescape=True),
        )
        query = query.where(named)
    return query


def _is_outdated() -> ColumnElement[bool]:
    """The app asks for scopes on which nobody there has decided; as `Authorization.added_scopes`."""
    return ~Authorization.scopes.op("||")(Authorization.declined_scopes).bool_op("@>")(App.scopes)


def name_and_id(key: tuple[str, ...]) -> tuple[str, uuid.UUID]:
    """A place in a list that is in the order of names; raises Invalid for what is none."""
    row_id = parse_uuid(key[1]) if len(key) == 2 else None
    if row_id is None:
        raise unknown_cursor()
    return key[0], row_id


def time_and_id(key: tuple[str, ...]) -> tuple[datetime, uuid.UUID]:
    text, row_id = name_and_id(key)
    try:
        return datetime.fromisoformat(text), row_id
    except ValueError as cause:
        raise unknown_cursor() from cause
