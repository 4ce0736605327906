"""What an organization's administrators decide on: Service Apps, and where each stands with them."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, exists, false, func, or_, select, tuple_
from sqlalchemy.orm import aliased, selectinload

from appanage.apps.model import App, AppKind, Visibility
from appanage.apps.queries import is_owned_by, matches, no_such_app
from appanage.authorizations.model import (
    Authorization,
    AuthorizationProposal,
    AuthorizationRequest,
    ProposalState,
    RequestDecision,
)
from appanage.authorizations.open_requests import stands
from appanage.authorizations.queries import name_and_id, newest_last_ended
from appanage.directory.model import Account
from appanage.kit.paging import Page, PageRequest, encode_cursor
from appanage.storage import Transaction


class DecisionState(StrEnum):
    """Where a Service App stands with one organization."""

    REQUESTED = "requested"
    PROPOSED = "proposed"  # by one administrator; a second one has to confirm
    AUTHORIZED = "authorized"
    DEAUTHORIZED = "deauthorized"
    DECLINED = "declined"  # what was asked, before it was ever authorized
    NONE = "none"  # nobody asked and nobody decided


@dataclass(frozen=True, slots=True)
class AppDecision:
    """A Service App as one organization's administrators see it.

    `request` is the newest that waits, else the newest that was decided on; `askers` is how many wait. `proposal` is
    one that can be confirmed.
    """

    app: App
    request: AuthorizationRequest | None
    authorization: Authorization | None
    proposal: AuthorizationProposal | None = None
    askers: int = 0

    @property
    def state(self) -> DecisionState:
        if self._is_active:
            return DecisionState.AUTHORIZED
        if self.proposal is not None:
            return DecisionState.PROPOSED
        if self.authorization is not None:
            return DecisionState.DEAUTHORIZED
        if self.request is None:
            return DecisionState.NONE
        return DecisionState.REQUESTED if self.request.is_open else DecisionState.DECLINED

    @property
    def needs_decision(self) -> bool:
        """Somebody waits, or what was decided is not what the app asks for any more."""
        if self.proposal is not None:
            return True
        if self.authorization is not None and self._is_active:
            return bool(self.authorization.added_scopes)
        return self._is_asked_for

    @property
    def _is_active(self) -> bool:
        return self.authorization is not None and self.authorization.is_active

    @property
    def _is_asked_for(self) -> bool:
        return self.request is not None and self.request.is_open


def get_visible_app(tx: Transaction, viewer: Account, app_id: uuid.UUID) -> App:
    """A Service App that the viewer may decide on or owns; every other one does not exist (CONS-12).

    Administrators may decide on apps for which authorization was requested in their organization, on those that were
    sent to it, and on everything in the App Hub; an app that was authorized there once stays visible to them.
    """
    query = select(App).where(App.id == app_id, App.deleted_at.is_(None), App.kind == AppKind.SERVICE_APP)
    is_listed = App.visibility == Visibility.PUBLIC
    shown = or_(is_shown_to(viewer.organization_id), is_listed) if viewer.is_administrator else false()
    found = tx.scalar(query.where(or_(shown, is_owned_by(viewer))))
    if found is None:
        raise no_such_app()
    return found


def get_decision(tx: Transaction, viewer: Account, app_id: uuid.UUID) -> AppDecision:
    """How an app that is visible to the viewer stands with their organization. Raises NotFound."""
    app = get_visible_app(tx, viewer, app_id)
    row = tx.execute(_standing(tx, viewer.organization_id).query.where(App.id == app.id)).one()
    return AppDecision(*row)


def list_decisions(
    tx: Transaction,
    organization_id: uuid.UUID,
    page: PageRequest,
    *,
    state: DecisionState | None = None,
    needs_decision: bool | None = None,
    search: str = "",
) -> Page[AppDecision]:
    """The Service Apps that were asked for in an organization or decided on there, by name."""
    query = _decisions(tx, organization_id, state=state, needs_decision=needs_decision, search=search)
    order = (func.lower(App.name), App.id)
    if page.after is not None:
        name, app_id = name_and_id(page.after)
        query = query.where(tuple_(*order) > tuple_(func.lower(name), app_id))
    rows = [AppDecision(*row) for row in tx.execute(query.order_by(*order).limit(page.size + 1))]
    last = rows[page.size - 1].app if len(rows) > page.size else None
    return Page(rows[: page.size], encode_cursor((last.name, str(last.id))) if last else None)


def count_decisions(tx: Transaction, organization_id: uuid.UUID) -> Mapping[str, int]:
    """How many apps are in each state, and how many need a decision; in one statement."""
    standing = _standing(tx, organization_id)
    conditions = {state.value: standing.is_in(state) for state in DecisionState}
    conditions["needs_decision"] = standing.needs_decision
    listed = standing.query.where(is_shown_to(organization_id))
    counts = [func.count().filter(condition) for condition in conditions.values()]
    row = tx.execute(listed.with_only_columns(*counts)).one()
    return dict(zip(conditions, row, strict=True))


def is_shown_to(organization_id: uuid.UUID) -> ColumnElement[bool]:
    """Whether an app is in the lists of an organization's administrators; for queries of apps.

    A private app is when its developer sent it to this organization, and as long as they do not take that back. One that
    was taken out of the App Hub is only where it was sent, or was authorized once (checklist CONS-12).
    """
    asked = exists().where(
        AuthorizationRequest.app_id == App.id,
        AuthorizationRequest.organization_id == organization_id,
        AuthorizationRequest.decision.is_distinct_from(RequestDecision.WITHDRAWN),
        stands(),
    )
    decided = exists().where(Authorization.app_id == App.id, Authorization.organization_id == organization_id)
    proposed = exists().where(
        AuthorizationProposal.app_id == App.id,
        AuthorizationProposal.organization_id == organization_id,
        AuthorizationProposal.state == ProposalState.WAITING,
        AuthorizationProposal.app_version == App.version,
        or_(App.visibility == Visibility.PUBLIC, App.organization_id == organization_id),
    )
    # The query may have these tables too.
    return or_(*(one.correlate(App) for one in (asked, proposed, decided)))


def is_shown(tx: Transaction, app: App, organization_id: uuid.UUID) -> bool:
    """Whether one app is."""
    tx.flush()
    query = select(App.id).where(App.id == app.id, is_shown_to(organization_id))
    return tx.scalar(query) is not None


@dataclass(frozen=True, slots=True)
class _Standing:
    """Apps with how they stand in one organization; the rules of `AppDecision` for the database."""

    query: Select[App, AuthorizationRequest, Authorization, AuthorizationProposal, int]
    asked: type[AuthorizationRequest]
    decided: type[Authorization]
    proposed: type[AuthorizationProposal]

    def is_in(self, state: DecisionState) -> ColumnElement[bool]:
        """As `AppDecision.state`."""
        undecided = and_(self.decided.id.is_(None), self.proposed.id.is_(None))
        return {
            DecisionState.AUTHORIZED: self._is_active,
            DecisionState.PROPOSED: and_(~self._is_active, self.proposed.id.is_not(None)),
            DecisionState.DEAUTHORIZED: and_(self.decided.ended_at.is_not(None), self.proposed.id.is_(None)),
            DecisionState.REQUESTED: and_(undecided, self._waits),
            DecisionState.DECLINED: and_(undecided, self.asked.decided_at.is_not(None)),
            DecisionState.NONE: and_(undecided, self.asked.id.is_(None)),
        }[state]

    @property
    def needs_decision(self) -> ColumnElement[bool]:
        """As `AppDecision.needs_decision`."""
        settled = self.decided.scopes.op("||")(self.decided.declined_scopes)
        return or_(
            self.proposed.id.is_not(None),
            and_(self._is_active, ~settled.bool_op("@>")(App.scopes)),
            and_(~self._is_active, self._waits),
        )

    @property
    def _is_active(self) -> ColumnElement[bool]:
        return and_(self.decided.id.is_not(None), self.decided.ended_at.is_(None))

    @property
    def _waits(self) -> ColumnElement[bool]:
        return and_(self.asked.id.is_not(None), self.asked.decided_at.is_(None))


def _standing(tx: Transaction, organization_id: uuid.UUID) -> _Standing:
    asked, decided = aliased(AuthorizationRequest), aliased(Authorization)
    proposed = aliased(AuthorizationProposal)
    can_be_confirmed = and_(
        proposed.app_id == App.id,
        proposed.organization_id == organization_id,
        proposed.state == ProposalState.WAITING,
        proposed.expires_at > tx.now,
        proposed.app_version == App.version,
    )
    query = (
        select(App, asked, decided, proposed, _open_requests(organization_id))
        .select_from(App)
        .outerjoin(asked, asked.id == _newest_request(organization_id))
        .outerjoin(decided, decided.id == _latest_authorization(organization_id))
        .outerjoin(proposed, can_be_confirmed)
        # Their inner joins would drop every app that has none.
        .options(selectinload(asked.app), selectinload(asked.organization), selectinload(proposed.app))
        .options(selectinload(decided.app), selectinload(decided.organization), selectinload(decided.account))
        .where(App.deleted_at.is_(None), App.kind == AppKind.SERVICE_APP)
    )
    return _Standing(query, asked, decided, proposed)


def _newest_request(organization_id: uuid.UUID) -> ScalarSelect[uuid.UUID]:
    """Those that wait come first; those that were taken back do not count, nor those that rest."""
    query = select(AuthorizationRequest.id).where(
        AuthorizationRequest.app_id == App.id,
        AuthorizationRequest.organization_id == organization_id,
        AuthorizationRequest.decision.is_distinct_from(RequestDecision.WITHDRAWN),
        or_(AuthorizationRequest.decided_at.is_not(None), stands()),
    )
    newest_first = AuthorizationRequest.decided_at.is_not(None), AuthorizationRequest.requested_at.desc()
    return query.order_by(*newest_first, AuthorizationRequest.id).limit(1).correlate(App).scalar_subquery()


def _open_requests(organization_id: uuid.UUID) -> ScalarSelect[int]:
    query = select(func.count(AuthorizationRequest.id)).where(
        AuthorizationRequest.app_id == App.id,
        AuthorizationRequest.organization_id == organization_id,
        AuthorizationRequest.decided_at.is_(None),
        stands(),
    )
    return query.correlate(App).scalar_subquery()


def _latest_authorization(organization_id: uuid.UUID) -> ScalarSelect[uuid.UUID]:
    query = select(Authorization.id).where(
        Authorization.app_id == App.id, Authorization.organization_id == organization_id
    )
    return query.order_by(*newest_last_ended()).limit(1).correlate(App).scalar_subquery()


def _decisions(
    tx: Transaction,
    organization_id: uuid.UUID,
    *,
    state: DecisionState | None,
    needs_decision: bool | None,
    search: str,
) -> Select[App, AuthorizationRequest, Authorization, AuthorizationProposal, int]:
    standing = _standing(tx, organization_id)
    query = standing.query.where(is_shown_to(organization_id))
    if state is not None:
        query = query.where(standing.is_in(state))
    if needs_decision is not None:
        waits = standing.needs_decision
        query = query.where(waits if needs_decision else ~waits)
    return query.where(matches(search)) if search else query
