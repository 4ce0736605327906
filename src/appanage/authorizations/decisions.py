"""What an organization's administrators decide on: Service Apps, and where each stands with them."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, and_, exists, false, func, or_, select, tuple_
from sqlalchemy.orm import aliased, selectinload

from appanage.apps.model import App, AppKind, AppOwner, Visibility
from appanage.apps.queries import matches, no_such_app
from appanage.authorizations.model import (
    Authorization,
    AuthorizationRequest,
)
from appanage.authorizations.queries import find_request, name_and_id, newest_last_ended
from appanage.directory.model import Account
from appanage.kit.paging import Page, PageRequest, encode_cursor
from appanage.storage import Transaction


class DecisionState(StrEnum):
    """Where a Service App stands with one organization."""

    REQUESTED = "requested"
    AUTHORIZED = "authorized"
    DEAUTHORIZED = "deauthorized"


@dataclass(frozen=True, slots=True)
class AppDecision:
    """A Service App as one organization's administrators see it."""

    app: App
    request: AuthorizationRequest | None
    authorization: Authorization | None

    @property
    def state(self) -> DecisionState:
        if self.authorization is None:
            return DecisionState.REQUESTED
        return DecisionState.AUTHORIZED if self.authorization.is_active else DecisionState.DEAUTHORIZED

    @property
    def needs_decision(self) -> bool:
        """Nobody decided yet, or what was decided is not what the app asks for any more."""
        if self.authorization is None or not self.authorization.is_active:
            return self.authorization is None or self._asked_again
        return bool(self.authorization.added_scopes)

    @property
    def _asked_again(self) -> bool:
        ended = self.authorization.ended_at if self.authorization else None
        return self.request is not None and ended is not None and self.request.requested_at > ended


def get_visible_app(tx: Transaction, viewer: Account, app_id: uuid.UUID) -> App:
    """A Service App that the viewer may decide on or owns; every other one does not exist (CONS-12).

    Administrators may decide on apps for which authorization was requested in their organization; an app that was
    authorized there once stays visible to them.
    """
    query = select(App).where(App.id == app_id, App.deleted_at.is_(None), App.kind == AppKind.SERVICE_APP)
    shown = _is_shown_to(viewer.organization_id) if viewer.is_administrator else false()
    found = tx.scalar(query.where(or_(shown, _is_owned_by(viewer))))
    if found is None:
        raise no_such_app()
    return found


def get_decision(tx: Transaction, viewer: Account, app_id: uuid.UUID) -> AppDecision:
    app = get_visible_app(tx, viewer, app_id)
    authorization = _latest_authorization(tx, app, viewer.organization_id)
    return AppDecision(app, find_request(tx, app, viewer.organization_id), authorization)


def list_decisions(
    tx: Transaction,
    organization_id: uuid.UUID,
    page: PageRequest,
    *,
    state: DecisionState | None = None,
    needs_decision: bool | None = None,
    search: str = "",
) -> Page[AppDecision]:
    """The Service Apps that an organization's administrators may decide on, by name."""
    query = _decisions(organization_id, state=state, needs_decision=needs_decision, search=search)
    order = (func.lower(App.name), App.id)
    if page.after is not None:
        name, app_id = name_and_id(page.after)
        query = query.where(tuple_(*order) > tuple_(func.lower(name), app_id))
    rows = [AppDecision(*row) for row in tx.execute(query.order_by(*order).limit(page.size + 1))]
    last = rows[page.size - 1].app if len(rows) > page.size else None
    return Page(rows[: page.size], encode_cursor((last.name, str(last.id))) if last else None)


def count_decisions(tx: Transaction, organization_id: uuid.UUID) -> Mapping[str, int]:
    """How many apps are in each state, and how many need a decision."""
    counts = {state.value: _count(tx, _decisions(organization_id, state=state)) for state in DecisionState}
    return counts | {"needs_decision": _count(tx, _decisions(organization_id, needs_decision=True))}


def _is_shown_to(organization_id: uuid.UUID) -> ColumnElement[bool]:
    requested = exists().where(
        AuthorizationRequest.app_id == App.id,
        AuthorizationRequest.organization_id == organization_id,
        App.visibility != Visibility.PRIVATE.value,
    )
    decided = exists().where(Authorization.app_id == App.id, Authorization.organization_id == organization_id)
    return or_(requested, decided)


def _is_owned_by(viewer: Account) -> ColumnElement[bool]:
    owned = exists().where(AppOwner.app_id == App.id, AppOwner.account_id == viewer.id)
    return and_(owned, App.organization_id == viewer.organization_id)


def _latest_authorization(tx: Transaction, app: App, organization_id: uuid.UUID) -> Authorization | None:
    query = select(Authorization).where(
        Authorization.app_id == app.id, Authorization.organization_id == organization_id
    )
    return tx.scalar(query.order_by(*newest_last_ended()).limit(1))


def _decisions(
    organization_id: uuid.UUID,
    *,
    state: DecisionState | None = None,
    needs_decision: bool | None = None,
    search: str = "",
) -> Select[App, AuthorizationRequest | None, Authorization | None]:
    latest = (
        select(Authorization.id)
        .where(Authorization.app_id == App.id, Authorization.organization_id == organization_id)
        .order_by(*newest_last_ended())
        .limit(1)
        .correlate(App)
        .scalar_subquery()
    )
    decided = aliased(Authorization)
    asked = aliased(AuthorizationRequest)
    query = (
        select(App, asked, decided)
        .outerjoin(asked, and_(asked.app_id == App.id, asked.organization_id == organization_id))
        .outerjoin(decided, decided.id == latest)
        # Their inner joins would drop every app that has no authorization yet.
        .options(selectinload(decided.app), selectinload(decided.organization), selectinload(decided.account))
        .where(App.deleted_at.is_(None), App.kind == AppKind.SERVICE_APP, _is_shown_to(organization_id))
    )
    if state is not None:
        query = query.where(_is_in(state, decided))
    if needs_decision is not None:
        waits = _needs_decision(asked, decided)
        query = query.where(waits if needs_decision else ~waits)
    return query.where(matches(search)) if search else query


def _is_in(state: DecisionState, decided: type[Authorization]) -> ColumnElement[bool]:
    return {
        DecisionState.REQUESTED: decided.id.is_(None),
        DecisionState.AUTHORIZED: and_(decided.id.isnot(None), decided.ended_at.is_(None)),
        DecisionState.DEAUTHORIZED: decided.ended_at.isnot(None),
    }[state]


def _needs_decision(asked: type[AuthorizationRequest], decided: type[Authorization]) -> ColumnElement[bool]:
    """The same rule as `AppDecision.needs_decision`, for the database."""
    return or_(
        decided.id.is_(None),
        and_(decided.ended_at.is_(None), ~decided.scopes.bool_op("@>")(App.scopes)),
        func.coalesce(asked.requested_at > decided.ended_at, False),
    )


def _count(tx: Transaction, query: Select[App, AuthorizationRequest | None, Authorization | None]) -> int:
    return tx.scalar(select(func.count()).select_from(query.with_only_columns(App.id).subquery())) or 0
