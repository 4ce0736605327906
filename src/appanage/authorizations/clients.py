"""Authenticating a client at the back-channel endpoints."""

import hmac

from appanage import events
from appanage.apps import queries as apps
from appanage.apps.model import App
from appanage.kit.secrets import Prefix, digest, is_well_formed
from appanage.oauth.clients import ClientCredentials
from appanage.storage import Transaction


def authenticate(tx: Transaction, credentials: ClientCredentials) -> App | None:
    """The app whose client this is; None, and a record, when it cannot be or may not act (checklist CRED-12).

    Unknown client, wrong secret and suspended app read the same and cost the same statements.
    """
    app = apps.find_by_client_id(tx, credentials.client_id)
    row = apps.find_secret(tx, digest(credentials.secret)) if _is_possible(credentials.secret) else None
    proven = app is not None and row is not None and hmac.compare_digest(row.app_id.bytes, app.id.bytes)
    if app is None or row is None or not proven or not row.is_live(tx.now) or not app.is_active:
        _record_failure(tx, app, credentials.client_id)
        return None
    row.mark_used(tx.now, tx.origin.address)
    return app


def _is_possible(secret: str) -> bool:
    return is_well_formed(secret, Prefix.CLIENT_SECRET)


def _record_failure(tx: Transaction, app: App | None, client_id: str) -> None:
    events.record(
        tx,
        "client.refused",
        organization_id=app.organization_id if app else events.PLATFORM,
        actor=events.Actor(name="Somebody", kind="unknown"),
        target=app.as_target() if app else events.Target("app", client_id[:80], client_id[:80]),
        app_id=app.id if app else None,
        outcome=events.Outcome.REFUSED,
    )
