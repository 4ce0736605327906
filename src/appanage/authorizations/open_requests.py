"""Requests that wait for administrators, and their end."""

import uuid
from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, or_, select

from appanage.apps.model import App, Visibility
from appanage.authorizations.model import AuthorizationRequest, RequestDecision, RequestOrigin
from appanage.directory.model import Account
from appanage.events.service import SYSTEM
from appanage.storage import Transaction


def stands() -> ColumnElement[bool]:
    """Whether a request still concerns administrators; for queries of requests with their apps.

    What people asked of an app that was taken out of the App Hub rests, until it is listed again (checklist CONS-12).
    """
    is_of_their_own = and_(
        App.organization_id == AuthorizationRequest.organization_id, App.visibility != Visibility.PRIVATE
    )
    is_shared = AuthorizationRequest.origin == RequestOrigin.SHARE
    return or_(App.visibility == Visibility.PUBLIC, is_shared, is_of_their_own)


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
    by: Account | None,
    reason: str = "",
    rule: str = "",
) -> None:
    """Ends them; with `rule` it was the organization's policy that decided, when `by` asked.

    Without `by` nobody of the organization did: they are over, but nobody said no.
    """
    for request in requests:
        request.decision, request.decided_at = decision.value, tx.now
        request.decided_by = by.id if by else None
        request.decided_by_name = rule or (by.display_name if by else SYSTEM.name)
        request.decision_reason = reason or None
        if decision is RequestDecision.DECLINED and by is not None:
            request.declined_at = tx.now
