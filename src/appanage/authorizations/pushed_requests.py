"""Pushed authorization requests (RFC 9126): sent ahead by the client, fetched once by the browser."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import update

from appanage.apps.model import App
from appanage.authorizations.model import PushedRequest
from appanage.kit.secrets import digest
from appanage.storage import Transaction
from appanage.storage.expiry import Expiry

URN = "urn:ietf:params:oauth:request_uri:"
EXPIRY = Expiry(PushedRequest, PushedRequest.expires_at)
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Taken:
    """The parameters, and whether the client itself sent them: a browser's form is kept in the same way."""

    parameters: Mapping[str, str]
    by_client: bool


def push(
    tx: Transaction, app: App, parameters: Mapping[str, str], *, lifetime: timedelta, by_client: bool
) -> str:
    """Keeps the parameters; returns the `request_uri` under which they can be used once."""
    request_uri = URN + secrets.token_urlsafe(32)
    row = PushedRequest(
        digest=digest(request_uri),
        app_id=app.id,
        parameters=dict(parameters),
        by_client=by_client,
        created_at=tx.now,
        expires_at=tx.now + lifetime,
    )
    tx.add(row)
    tx.flush()
    return request_uri


def take(tx: Transaction, app: App, request_uri: str) -> Taken | None:
    """What was kept for this client; None when there are none, they are too old or were used (AUTHZ-07)."""
    if not request_uri.startswith(URN) or len(request_uri) > _LONGEST:
        return None
    # One UPDATE … RETURNING: of two requests with the same URI only one can win.
    taken = update(PushedRequest).where(
        PushedRequest.digest == digest(request_uri),
        PushedRequest.app_id == app.id,
        PushedRequest.spent_at.is_(None),
        PushedRequest.expires_at > tx.now,
    )
    kept = taken.values(spent_at=tx.now).returning(PushedRequest.parameters, PushedRequest.by_client)
    found = tx.execute(kept).one_or_none()
    return Taken(found.parameters, found.by_client) if found else None
