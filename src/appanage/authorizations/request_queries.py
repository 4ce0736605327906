"""Reading requests: a person's own, those about a developer's apps, those in an organization.

`queries.find_request` tells where one app stands with one organization, `inbox` what waits for its administrators.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, and_, func, or_, select, tuple_
from sqlalchemy.orm import contains_eager

from appanage.apps.model import App, Visibility
from appanage.apps.queries import is_owned_by, matches, no_such_app
from appanage.authorizations.decisions import is_shown_to
from appanage.authorizations.model import (
    AuthorizationRequest,
    RequestDecision,
    RequestOrigin,
)
from appanage.authorizations.open_requests import stands
from appanage.authorizations.queries import time_and_id
from appanage.directory.model import Account
from appanage.kit.errors import NotFound
from appanage.kit.paging import Page, PageRequest, encode_cursor
from appanage.storage import Transaction


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """`waits` None means decided or not; `search` looks for a part of the app's name."""

    waits: bool | None = None
    decision: RequestDecision | None = None
    origin: RequestOrigin | None = None
    app_id: uuid.UUID | None = None
    search: str = ""


def find_of_asker(
    tx: Transaction, app: App, organization_id: uuid.UUID, asker: Account
) -> AuthorizationRequest | None:
    query = select(AuthorizationRequest).where(
        AuthorizationRequest.app_id == app.id,
        AuthorizationRequest.organization_id == organization_id,
        AuthorizationRequest.requested_by == asker.id,
    )
    return tx.scalar(query.execution_options(populate_existing=True))


def get_of_viewer(tx: Transaction, viewer: Account, request_id: uuid.UUID) -> AuthorizationRequest:
    """One that the viewer or a co-owner of their app asked for; anybody else's does not exist."""
    found = tx.scalar(_of_viewer(viewer).where(AuthorizationRequest.id == request_id))
    if found is None:
        raise no_such_request()
    return found


def get_in_organization(
    tx: Transaction, organization_id: uuid.UUID, request_id: uuid.UUID
) -> AuthorizationRequest:
    """One that the organization's administrators can see."""
    found = tx.scalar(_in_organization(organization_id).where(AuthorizationRequest.id == request_id))
    if found is None:
        raise no_such_request()
    return found


def list_of_viewer(
    tx: Transaction, viewer: Account, wanted: RequestFilter, page: PageRequest
) -> Page[AuthorizationRequest]:
    """What the viewer asked for, and what was asked for the apps they own; the newest first."""
    return _page(tx, _narrowed(_of_viewer(viewer), wanted), page)


def count_open_of_viewer(tx: Transaction, viewer: Account) -> int:
    waiting = _of_viewer(viewer).where(AuthorizationRequest.decided_at.is_(None))
    counted = waiting.with_only_columns(AuthorizationRequest.id).order_by(None).subquery()
    return tx.scalar(select(func.count()).select_from(counted)) or 0


def count_open_of(tx: Transaction, asker: Account) -> int:
    """How many requests this person has made that nobody has decided on, for apps that are still there."""
    query = (
        select(func.count())
        .select_from(AuthorizationRequest)
        .join(App, App.id == AuthorizationRequest.app_id)
        .where(
            AuthorizationRequest.requested_by == asker.id,
            AuthorizationRequest.decided_at.is_(None),
            App.deleted_at.is_(None),
        )
    )
    return tx.scalar(query) or 0


def list_in_organization(
    tx: Transaction, organization_id: uuid.UUID, wanted: RequestFilter, page: PageRequest
) -> Page[AuthorizationRequest]:
    """What the organization's administrators were asked for, the newest first."""
    return _page(tx, _narrowed(_in_organization(organization_id), wanted), page)


def list_shares(tx: Transaction, app: App, page: PageRequest) -> Page[AuthorizationRequest]:
    """The organizations that an app was sent to, the newest first."""
    return _page(tx, _shares(app), page)


def get_share(tx: Transaction, app: App, request_id: uuid.UUID) -> AuthorizationRequest:
    found = tx.scalar(_shares(app).where(AuthorizationRequest.id == request_id))
    if found is None:
        raise no_such_request()
    return found


def share_declined_at(tx: Transaction, app: App, organization_id: uuid.UUID) -> datetime | None:
    """When the organization last declined an app that was sent to it."""
    query = select(func.max(AuthorizationRequest.decided_at)).where(
        AuthorizationRequest.app_id == app.id,
        AuthorizationRequest.organization_id == organization_id,
        AuthorizationRequest.origin == RequestOrigin.SHARE,
        AuthorizationRequest.decision == RequestDecision.DECLINED,
        AuthorizationRequest.decided_by.is_not(None),
    )
    return tx.scalar(query)


def get_listed(tx: Transaction, app_id: uuid.UUID) -> App:
    """An app that everybody may ask for; every other one does not exist (checklist CONS-12)."""
    listed = App.visibility == Visibility.PUBLIC.value, App.deleted_at.is_(None)
    found = tx.scalar(select(App).where(App.id == app_id, *listed))
    if found is None:
        raise no_such_app()
    return found


def no_such_request() -> NotFound:
    return NotFound("There is no request with this id, or it is not yours to see.", code="request_not_found")


def _requests() -> Select[AuthorizationRequest]:
    """Those whose app is still there."""
    query = select(AuthorizationRequest).join(App, App.id == AuthorizationRequest.app_id)
    return query.where(App.deleted_at.is_(None)).options(contains_eager(AuthorizationRequest.app))


def _of_viewer(viewer: Account) -> Select[AuthorizationRequest]:
    """Who in an organization takes an interest in a listed app is not its developers' business (checklist AUD-05)."""
    of_own_app = and_(is_owned_by(viewer), AuthorizationRequest.origin != RequestOrigin.PERSON)
    return _requests().where(or_(AuthorizationRequest.requested_by == viewer.id, of_own_app))


def _in_organization(organization_id: uuid.UUID) -> Select[AuthorizationRequest]:
    """A share that was withdrawn has never been (checklist CONS-12), and what rests is not to be decided on."""
    is_withdrawn_share = and_(
        AuthorizationRequest.origin == RequestOrigin.SHARE,
        func.coalesce(AuthorizationRequest.decision, "") == RequestDecision.WITHDRAWN,
    )
    return _requests().where(
        AuthorizationRequest.organization_id == organization_id,
        ~is_withdrawn_share,
        or_(AuthorizationRequest.decided_at.is_not(None), stands()),
        is_shown_to(organization_id),
    )


def _shares(app: App) -> Select[AuthorizationRequest]:
    return _requests().where(
        AuthorizationRequest.app_id == app.id, AuthorizationRequest.origin == RequestOrigin.SHARE
    )


def _narrowed(query: Select[AuthorizationRequest], wanted: RequestFilter) -> Select[AuthorizationRequest]:
    if wanted.waits is not None:
        query = query.where(AuthorizationRequest.decided_at.is_(None) == wanted.waits)
    if wanted.decision is not None:
        query = query.where(AuthorizationRequest.decision == wanted.decision)
    if wanted.origin is not None:
        query = query.where(AuthorizationRequest.origin == wanted.origin)
    if wanted.app_id is not None:
        query = query.where(AuthorizationRequest.app_id == wanted.app_id)
    return query.where(matches(wanted.search)) if wanted.search else query


def _page(
    tx: Transaction, query: Select[AuthorizationRequest], page: PageRequest
) -> Page[AuthorizationRequest]:
    order = (AuthorizationRequest.requested_at, AuthorizationRequest.id)
    if page.after is not None:
        query = query.where(tuple_(*order) < time_and_id(page.after))
    newest_first = query.order_by(*(column.desc() for column in order))
    rows = list(tx.scalars(newest_first.limit(page.size + 1)))
    last = rows[page.size - 1] if len(rows) > page.size else None
    cursor = encode_cursor((last.requested_at.isoformat(), str(last.id))) if last else None
    return Page(rows[: page.size], cursor)
