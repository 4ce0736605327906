"""The inbox of an organization's administrators: what waits for them, and what their policy says of it."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Subquery, func, select, tuple_, union
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import contains_eager

from appanage.apps.model import App
from appanage.apps.queries import matches
from appanage.apps.scopes import Risk, highest_risk
from appanage.authorizations import app_policies, app_policy_rules
from appanage.authorizations.app_policy_rules import Matter, Verdict
from appanage.authorizations.decisions import is_shown_to
from appanage.authorizations.model import (
    AppRule,
    AppRuleMode,
    Authorization,
    AuthorizationKind,
    AuthorizationProposal,
    AuthorizationRequest,
    ProposalState,
    RequestOrigin,
)
from appanage.authorizations.open_requests import stands
from appanage.authorizations.queries import time_and_id
from appanage.authorizations.request_queries import RequestFilter
from appanage.kit.paging import Page, PageRequest, encode_cursor
from appanage.storage import Transaction

_FEW = 25


@dataclass(frozen=True, slots=True)
class WaitingApp:
    """A Service App for which somebody asked here: how many, since when, and what has to be decided."""

    app: App
    askers: int
    since: datetime
    newest: AuthorizationRequest
    authorization: Authorization | None
    verdict: Verdict

    @property
    def scopes(self) -> list[str]:
        """Those that a decision would grant newly."""
        return _newly_granted(self.app, self.authorization)

    @property
    def risk(self) -> Risk | None:
        return highest_risk(self.scopes)


def list_waiting_apps(
    tx: Transaction, organization_id: uuid.UUID, wanted: RequestFilter, page: PageRequest
) -> Page[WaitingApp]:
    """The apps that wait for a decision here, the latest asked for first: five statements, however many there are."""
    asked = _open_by_app(organization_id, wanted.origin)
    query = (
        select(App, asked.c.askers, asked.c.since, asked.c.latest)
        .join(asked, asked.c.app_id == App.id)
        .where(App.deleted_at.is_(None), is_shown_to(organization_id))
    )
    if wanted.search:
        query = query.where(matches(wanted.search))
    if page.after is not None:
        query = query.where(tuple_(asked.c.latest, App.id) < time_and_id(page.after))
    newest_first = query.order_by(asked.c.latest.desc(), App.id.desc())
    rows = list(tx.execute(newest_first.limit(page.size + 1)))
    last = rows[page.size - 1] if len(rows) > page.size else None
    cursor = encode_cursor((last.latest.isoformat(), str(last.App.id))) if last else None
    return Page(_waiting(tx, organization_id, rows[: page.size], wanted.origin), cursor)


def count_waiting(tx: Transaction, organization_id: uuid.UUID) -> int:
    """How many apps wait for a decision here: asked for, changed since, or half decided."""
    open_requests = (
        select(AuthorizationRequest.app_id)
        .join(App, App.id == AuthorizationRequest.app_id)
        .where(*_open(organization_id, None))
    )
    proposed = _waiting_proposals(tx, organization_id).with_only_columns(AuthorizationProposal.app_id)
    changed = _changed(organization_id).with_only_columns(Authorization.app_id)
    waiting = union(open_requests, proposed, changed).subquery()
    query = (
        select(func.count(App.id))
        .join(waiting, waiting.c.app_id == App.id)
        .where(App.deleted_at.is_(None), is_shown_to(organization_id))
    )
    return tx.scalar(query) or 0


def list_waiting_proposals(tx: Transaction, organization_id: uuid.UUID) -> Sequence[AuthorizationProposal]:
    """What one administrator would authorize and a second one has not confirmed yet; the first to expire first."""
    query = _waiting_proposals(tx, organization_id).options(contains_eager(AuthorizationProposal.app))
    in_order = query.order_by(AuthorizationProposal.expires_at, AuthorizationProposal.id)
    return list(tx.scalars(in_order.limit(_FEW)))


def list_changed(tx: Transaction, organization_id: uuid.UUID) -> Sequence[Authorization]:
    """Authorizations whose app asks for scopes that nobody here has decided on, by the app's name."""
    in_order = _changed(organization_id).order_by(func.lower(App.name), App.id)
    return list(tx.scalars(in_order.limit(_FEW)))


def has_waiting_proposal(tx: Transaction, app: App, organization_id: uuid.UUID) -> bool:
    query = _waiting_proposals(tx, organization_id).where(AuthorizationProposal.app_id == app.id)
    return tx.scalar(query.with_only_columns(AuthorizationProposal.id)) is not None


def _open(organization_id: uuid.UUID, origin: RequestOrigin | None) -> list[ColumnElement[bool]]:
    """For queries of requests with their apps."""
    conditions = [
        AuthorizationRequest.organization_id == organization_id,
        AuthorizationRequest.decided_at.is_(None),
        stands(),
    ]
    return [*conditions, AuthorizationRequest.origin == origin] if origin else conditions


def _open_by_app(organization_id: uuid.UUID, origin: RequestOrigin | None) -> Subquery:
    return (
        select(
            AuthorizationRequest.app_id,
            func.count().label("askers"),
            func.min(AuthorizationRequest.requested_at).label("since"),
            func.max(AuthorizationRequest.requested_at).label("latest"),
        )
        .join(App, App.id == AuthorizationRequest.app_id)
        .where(*_open(organization_id, origin))
        .group_by(AuthorizationRequest.app_id)
        .subquery()
    )


def _waiting(
    tx: Transaction, organization_id: uuid.UUID, rows: Sequence[Row[Any]], origin: RequestOrigin | None
) -> list[WaitingApp]:
    found = [row.App for row in rows]
    newest = _newest_open(tx, organization_id, [app.id for app in found], origin)
    current = _in_force(tx, organization_id, [app.id for app in found])
    verdicts = _verdicts(tx, organization_id, found, current)
    return [
        WaitingApp(
            app=row.App,
            askers=row.askers,
            since=row.since,
            newest=newest[row.App.id],
            authorization=current.get(row.App.id),
            verdict=verdicts[row.App.id],
        )
        for row in rows
        if row.App.id in newest  # else it was settled a moment ago
    ]


def _newest_open(
    tx: Transaction,
    organization_id: uuid.UUID,
    app_ids: Collection[uuid.UUID],
    origin: RequestOrigin | None,
) -> Mapping[uuid.UUID, AuthorizationRequest]:
    query = (
        select(AuthorizationRequest)
        .join(App, App.id == AuthorizationRequest.app_id)
        .where(*_open(organization_id, origin), AuthorizationRequest.app_id.in_(app_ids))
        .ext(distinct_on(AuthorizationRequest.app_id))
        .order_by(AuthorizationRequest.app_id, AuthorizationRequest.requested_at.desc())
    )
    return {one.app_id: one for one in tx.scalars(query)}


def _in_force(
    tx: Transaction, organization_id: uuid.UUID, app_ids: Collection[uuid.UUID]
) -> Mapping[uuid.UUID, Authorization]:
    query = select(Authorization).where(
        Authorization.organization_id == organization_id,
        Authorization.app_id.in_(app_ids),
        Authorization.kind == AuthorizationKind.ORGANIZATION,
        Authorization.ended_at.is_(None),
    )
    return {one.app_id: one for one in tx.scalars(query)}


def _verdicts(
    tx: Transaction,
    organization_id: uuid.UUID,
    apps: Collection[App],
    current: Mapping[uuid.UUID, Authorization],
) -> Mapping[uuid.UUID, Verdict]:
    """What the organization's policy says of a decision on each of the apps."""
    terms = app_policies.terms_of(tx, organization_id)
    named = dict(
        tx.execute(
            select(AppRule.app_id, AppRule.mode).where(
                AppRule.organization_id == organization_id, AppRule.app_id.in_([app.id for app in apps])
            )
        ).all()
    )
    return {
        app.id: app_policy_rules.of_decision(
            terms,
            Matter(
                app_name=app.name,
                scopes=frozenset(_newly_granted(app, current.get(app.id))),
                is_reviewed=app.is_listed,
                named=AppRuleMode(named[app.id]) if app.id in named else None,
            ),
        )
        for app in apps
    }


def _newly_granted(app: App, current: Authorization | None) -> list[str]:
    return sorted(current.added_scopes) if current else list(app.scopes)


def _waiting_proposals(tx: Transaction, organization_id: uuid.UUID) -> Select[AuthorizationProposal]:
    """Those that can still be confirmed: in time, and of the app as it is now."""
    return (
        select(AuthorizationProposal)
        .join(App, App.id == AuthorizationProposal.app_id)
        .where(
            AuthorizationProposal.organization_id == organization_id,
            AuthorizationProposal.state == ProposalState.WAITING,
            AuthorizationProposal.expires_at > tx.now,
            AuthorizationProposal.app_version == App.version,
            App.deleted_at.is_(None),
        )
    )


def _changed(organization_id: uuid.UUID) -> Select[Authorization]:
    """The same rule as `Authorization.added_scopes`, for the database."""
    decided = Authorization.scopes.op("||")(Authorization.declined_scopes)
    return (
        select(Authorization)
        .join(App, App.id == Authorization.app_id)
        .where(
            Authorization.organization_id == organization_id,
            Authorization.kind == AuthorizationKind.ORGANIZATION,
            Authorization.ended_at.is_(None),
            App.deleted_at.is_(None),
            ~decided.bool_op("@>")(App.scopes),
        )
        .options(contains_eager(Authorization.app))
    )
