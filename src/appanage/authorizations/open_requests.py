"""Requests that wait for administrators, and their end."""

import uuid
from collections.abc import Sequence

from sqlalchemy import select

from appanage.apps.model import App
from appanage.authorizations.model import AuthorizationRequest, RequestDecision
from appanage.directory.model import Account
from appanage.storage import Transaction


def list_open(tx: Transaction, app: App, organization_id: uuid.UUID) -> Sequence[AuthorizationRequest]:
    """Those for one app in one organization, the newest first."""
    query = select(AuthorizationRequest).where(
        AuthorizationRequest.app_id == app.id,
        AuthorizationRequest.organization_id == organization_id,
        AuthorizationRequest.decided_at.is_(None),
    )
    return list(tx.scalars(query.order_by(AuthorizationRequest.requested_at.desc(), AuthorizationRequest.id)))


def settle(
    tx: Transaction,
    requests: Sequence[AuthorizationRequest],
    decision: RequestDecision,
    *,
    by: Account,
    reason: str = "",
    rule: str = "",
) -> None:
    """Ends them; with `rule` it was the organization's policy that decided, when `by` asked."""
    for request in requests:
        request.decision, request.decided_at = decision.value, tx.now
        request.decided_by, request.decided_by_name = by.id, rule or by.display_name
        request.decision_reason = reason or None
        if decision is RequestDecision.DECLINED:
            request.declined_at = tx.now
