"""What developers do with their apps."""

import uuid
from dataclasses import replace
from datetime import timedelta

from appanage.apps import credentials, drafts, logos
from appanage.apps.drafts import AppDraft, draft_of
from appanage.apps.model import App, AppKind, AppLogo, AppOwner, ClientProof, Visibility, new_client_id
from appanage.apps.records import record
from appanage.directory.model import Account
from appanage.events.service import changes
from appanage.kit.errors import Conflict
from appanage.kit.secrets import Secret
from appanage.storage import Transaction


def create(
    tx: Transaction, draft: AppDraft, *, by: Account, secret_lifetime: timedelta
) -> tuple[App, Secret | None]:
    """Registers a private app. Only a client that proves itself by a secret gets one, its first.

    Raises Invalid, naming every wrong field.
    """
    app = _create(tx, draft, by=by)
    with_secret = app.client_proof == ClientProof.SECRET
    return app, credentials.first_secret(tx, app, by=by, lifetime=secret_lifetime) if with_secret else None


def create_service_app(
    tx: Transaction, draft: AppDraft, *, by: Account, secret_lifetime: timedelta
) -> tuple[App, Secret]:
    """Registers a private Service App with its first client secret. Raises Invalid, naming every wrong field."""
    app = _create(tx, replace(draft, kind=AppKind.SERVICE_APP, client_proof=ClientProof.SECRET), by=by)
    return app, credentials.first_secret(tx, app, by=by, lifetime=secret_lifetime)


def create_integration(
    tx: Transaction, draft: AppDraft, *, by: Account, secret_lifetime: timedelta
) -> tuple[App, Secret | None]:
    """Registers a private Integration, as `create` does."""
    return create(tx, replace(draft, kind=AppKind.INTEGRATION), by=by, secret_lifetime=secret_lifetime)


def _create(tx: Transaction, draft: AppDraft, *, by: Account) -> App:
    draft = draft.tidy()
    drafts.require_valid(draft)
    app = App(
        id=uuid.uuid4(),
        organization_id=by.organization_id,
        organization=by.organization,
        creator=by,
        kind=draft.kind.value,
        visibility=Visibility.PRIVATE.value,
        client_id=new_client_id(),
        created_by=by.id,
        created_at=tx.now,
        modified_at=tx.now,
        version=1,
    )
    drafts.write(app, draft)
    tx.add(app)
    tx.flush()
    tx.add(AppOwner(app_id=app.id, account_id=by.id, since=tx.now))
    data = {"kind": app.kind, "scopes": list(app.scopes), "clientId": app.client_id}
    record(tx, "app.created", app, by=by, data=data)
    return app


def update(tx: Transaction, app: App, draft: AppDraft, *, by: Account, version: int | None = None) -> App:
    """Replaces what is said about an app. With `version` it refuses to overwrite what somebody else saved since."""
    draft = draft.tidy()
    if version is not None and version != app.version:
        message = f"{app.name} was changed by somebody else in the meantime. Look at the present values and save again."
        raise Conflict(message, code="changed_meanwhile")
    drafts.require_valid(replace(draft, kind=AppKind(app.kind)))
    before = draft_of(app)
    draft = replace(draft, kind=before.kind)
    drafts.write(app, draft)
    if draft.client_proof != before.client_proof:
        credentials.end_other_proofs(tx, app)
    changed = changes(drafts.facts(before), drafts.facts(draft))
    if changed:
        app.version += 1
        app.modified_at = tx.now
        if "scopes" in changed:
            record(tx, "app.scopes_changed", app, by=by, data={"scopes": changed.pop("scopes")})
        if changed:
            record(tx, "app.updated", app, by=by, data=changed)
    return app


def set_logo(tx: Transaction, app: App, content: bytes | None, *, by: Account) -> None:
    """Gives the app a logo, or takes it away with None. Raises Invalid when it is not a picture that we take."""
    before = app.logo_digest
    logo = logos.read_logo(content) if content is not None else None
    tx.query(AppLogo).filter_by(app_id=app.id).delete()
    app.logo_digest = None
    if logo is not None:
        app.logo_digest = logo.digest
        tx.add(AppLogo(app_id=app.id, media_type=logo.media_type, content=logo.content))
    if app.logo_digest != before:
        app.modified_at = tx.now
        record(tx, "app.updated", app, by=by, data={"logo": {"before": before, "after": app.logo_digest}})


def set_rules(tx: Transaction, app: App, *, is_strict: bool, pushes_requests: bool, by: Account) -> None:
    """What an app demands of itself beyond the platform's rules: strict mode, and pushed requests only (RFC 9126)."""
    before = _rules(app)
    app.is_strict, app.pushes_requests = is_strict, pushes_requests
    changed = changes(before, _rules(app))
    if changed:
        app.modified_at = tx.now
        record(tx, "app.updated", app, by=by, data=changed)


def _rules(app: App) -> dict[str, bool]:
    return {"strict": app.is_strict, "pushedRequests": app.pushes_requests}


def mark_deleted(tx: Transaction, app: App, *, by: Account) -> None:
    """Ends the app itself; its authorizations are ended by the floor above before this is called."""
    app.deleted_at = app.modified_at = tx.now
    credentials.end_secrets(tx, app)
    credentials.end_keys(tx, app)
    tx.query(AppLogo).filter_by(app_id=app.id).delete()
    record(tx, "app.deleted", app, by=by, data={"clientId": app.client_id})
