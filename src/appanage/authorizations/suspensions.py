"""The kill switch: the operator suspends an app everywhere in one act, and lifts the suspension (decision 0024)."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select

from appanage import events
from appanage.apps.model import App
from appanage.apps.platform import lock_app
from appanage.apps.queries import no_such_app
from appanage.authorizations.administrators import require_role
from appanage.authorizations.model import Authorization, AuthorizationKind, RefreshToken
from appanage.directory.model import Account
from appanage.directory.roles import Role
from appanage.kit.errors import Conflict, Invalid, Refused
from appanage.storage import Transaction

LONGEST_REASON = 500
SETTLING = timedelta(seconds=5)
"""By then every process has heard of a suspension, and issues nothing more (the published bound, checklist REV-09)."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom an app's suspension concerns: organizations in all; those that authorized it, and people who connected it.

    It was last used when tokens were last fetched or renewed, anywhere.
    """

    organizations: int = 0
    authorizations: int = 0
    connections: int = 0
    last_used_at: datetime | None = None


def suspend(tx: Transaction, app_id: uuid.UUID, *, by: Account, reason: str) -> App | Refused:
    """Suspends any organization's app: within the bound nothing is issued for it and none of its tokens works.

    The same writes however many authorizations there are. The operator's role is read again here, locked (checklist
    CONS-06); a refusal is recorded. Raises NotFound, for everybody outside the operator's organization too, Invalid
    without a reason, Conflict for an app that is suspended.
    """
    app, refused = _lock(tx, app_id, by, f"suspending the app {app_id}")
    if refused:
        return refused
    reason = _checked(reason)
    if app.suspended_at is not None:
        sentence = f"{app.name} was suspended by {app.suspended_by_name or 'the operator'} already. Nothing was changed."
        raise Conflict(sentence, code="already_suspended")
    app.suspended_at, app.suspended_by_name, app.suspension_reason = tx.now, by.display_name, reason
    app.valid_from = app.birth(tx.now)
    _record(tx, "app.suspended", app, by=by, reason=reason)
    return app


def lift(tx: Transaction, app_id: uuid.UUID, *, by: Account) -> App | Refused:
    """Ends the suspension. The authorizations hold again; nothing that was issued before works ever again.

    As `suspend`; raises Conflict for an app that is not suspended.
    """
    app, refused = _lock(tx, app_id, by, f"lifting the suspension of the app {app_id}")
    if refused:
        return refused
    if app.suspended_at is None:
        raise Conflict(f"{app.name} is not suspended. Nothing was changed.", code="not_suspended")
    # Once more: a process that had not heard of the suspension may have issued something since.
    app.valid_from = max(app.birth(tx.now), app.suspended_at + SETTLING)
    reason = app.suspension_reason or ""
    app.suspended_at = app.suspended_by_name = app.suspension_reason = None
    _record(tx, "app.suspension_lifted", app, by=by, reason=reason)
    return app


def count_organizations(tx: Transaction, app: App) -> int:
    """In how many organizations the app is authorized, or connected by somebody."""
    return tx.scalar(select(func.count(Authorization.organization_id.distinct())).where(*_active(app))) or 0


def reach_of(tx: Transaction, app: App) -> Reach:
    """Whom a suspension of the app concerns now."""
    is_organizations = Authorization.kind == AuthorizationKind.ORGANIZATION
    active = _active(app)
    counted = tx.execute(
        select(
            func.count(Authorization.organization_id.distinct()),
            func.count().filter(is_organizations),
            func.count().filter(~is_organizations),
            func.max(Authorization.last_used_at),
        ).where(*active)
    ).one()
    organizations, authorizations, connections, fetched_at = counted
    renewed_at = tx.scalar(
        select(func.max(func.coalesce(RefreshToken.last_used_at, RefreshToken.issued_at)))
        .join(Authorization, Authorization.id == RefreshToken.authorization_id)
        .where(*active)
    )
    used = [at for at in (fetched_at, renewed_at) if at is not None]
    return Reach(organizations, authorizations, connections, max(used, default=None))


def reason_problem(reason: str) -> str:
    """What is wrong with a reason; empty when it will do."""
    if not reason.strip():
        return "Say why: its owners and the administrators of every organization that uses it read this."
    if len(reason) > LONGEST_REASON:
        return f"The reason has {len(reason)} characters; at most {LONGEST_REASON} are possible."
    return ""


def _active(app: App) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return Authorization.app_id == app.id, Authorization.ended_at.is_(None)


def _checked(reason: str) -> str:
    problem = reason_problem(reason)
    if problem:
        raise Invalid(problem, fields={"reason": problem})
    return reason.strip()


def _lock(tx: Transaction, app_id: uuid.UUID, by: Account, act: str) -> tuple[App, Refused | None]:
    """The app, and the refusal when the operator is none any more. For who never could be one there is no such app."""
    if not by.organization.is_operator:
        raise no_such_app()
    app = lock_app(tx, app_id)
    _, refused = require_role(tx, by.organization, by, [Role.OPERATOR], act=act)
    return app, refused


def _record(tx: Transaction, type_: str, app: App, *, by: Account, reason: str) -> None:
    """One event, in the audit log of the app's organization; whoever else is concerned is told because of it."""
    events.record(
        tx,
        type_,
        organization_id=app.organization_id,
        actor=by.as_actor(),
        target=app.as_target(),
        app_id=app.id,
        data={"reason": reason, "organizations": count_organizations(tx, app)},
    )
