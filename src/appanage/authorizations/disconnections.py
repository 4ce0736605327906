"""Administrators disconnect people of their organization from an integration: one, or all of them."""

import uuid
from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import select

from appanage import events
from appanage.apps.model import App
from appanage.authorizations import deciding, service
from appanage.authorizations.administrators import require_role
from appanage.authorizations.endings import end_connections, is_connection
from appanage.authorizations.model import Authorization
from appanage.directory.model import Account, Organization
from appanage.directory.roles import TOKEN_ADMINISTRATORS
from appanage.kit.errors import Refused
from appanage.storage import Transaction


def disconnect(
    tx: Transaction,
    organization: Organization,
    app: App,
    person_id: uuid.UUID,
    *,
    by: Account,
    longest_token: timedelta,
    reason: str = "",
) -> bool | Refused:
    """Disconnects one person; False when they are not connected. They may connect it again unless it is blocked.

    Full, User and Device Administrators only, whose role is read again here (checklist CONS-06); a machine account
    acts by its scopes.
    """
    by, refused = require_role(
        tx,
        organization,
        by,
        TOKEN_ADMINISTRATORS,
        act=f"disconnecting somebody from {app.name}",
        or_machine=True,
    )
    if refused:
        return refused
    deciding.require_short(reason, "reason")
    query = select(Authorization).where(
        is_connection(),
        Authorization.organization_id == organization.id,
        Authorization.app_id == app.id,
        Authorization.account_id == person_id,
    )
    locked = query.with_for_update(of=Authorization, key_share=True)
    connection = tx.scalar(locked.execution_options(populate_existing=True))
    if connection is None:
        return False
    service.end(tx, connection, by=by, longest_token=longest_token, reason=reason)
    return True


def disconnect_all(
    tx: Transaction,
    organization: Organization,
    app: App,
    *,
    by: Account,
    longest_token: timedelta,
    reason: str = "",
) -> int | Refused:
    """Disconnects everybody; tells how many that were. For whom, as `disconnect`."""
    by, refused = require_role(
        tx,
        organization,
        by,
        TOKEN_ADMINISTRATORS,
        act=f"disconnecting everybody from {app.name}",
        or_machine=True,
    )
    if refused:
        return refused
    deciding.require_short(reason, "reason")
    people = end_connections(
        tx,
        Authorization.organization_id == organization.id,
        Authorization.app_id == app.id,
        by=by,
        longest_token=longest_token,
        reason=reason,
    ).total()
    if people:
        _record(tx, organization, app, by=by, data={"people": people, "reason": reason})
    return people


def _record(
    tx: Transaction, organization: Organization, app: App, *, by: Account, data: Mapping[str, object]
) -> None:
    events.record(
        tx,
        "consent.withdrawn",
        organization_id=organization.id,
        actor=by.as_actor(),
        target=events.Target("app", str(app.id), app.name, organization.id, organization.name),
        app_id=app.id,
        data=data,
    )
