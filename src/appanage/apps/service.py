"""What developers do with their apps."""

import uuid
from dataclasses import replace
from datetime import timedelta

from appanage.apps import bots, credentials, drafts, logos, queries, versions
from appanage.apps.drafts import AppDraft, draft_of
from appanage.apps.logos import Logo
from appanage.apps.model import (
    App,
    AppKind,
    AppLogo,
    AppOwner,
    ClientProof,
    ProposedLogo,
    Visibility,
    new_client_id,
)
from appanage.apps.records import record
from appanage.apps.rules import AppRules
from appanage.directory import queries as directory
from appanage.directory.model import Account
from appanage.events.service import changes
from appanage.kit.errors import Conflict, Invalid, NotPermitted
from appanage.kit.secrets import Secret
from appanage.storage import Transaction


def create_client(
    tx: Transaction, draft: AppDraft, *, by: Account, rules: AppRules
) -> tuple[App, Secret | None]:
    """Registers a private Service App or Integration. One that proves itself by a secret gets its first.

    Raises Invalid, naming every wrong field, and NotPermitted for who may not make apps here.
    """
    app = _create(tx, draft, by=by, rules=rules)
    with_secret = app.client_proof == ClientProof.SECRET
    return app, credentials.first_secret(tx, app, by=by, rules=rules) if with_secret else None


def create_bot(tx: Transaction, draft: AppDraft, *, by: Account, rules: AppRules) -> App:
    """Registers a private bot with an account of its own, without any token yet. Raises as `create_client`."""
    return _create(tx, replace(draft, kind=AppKind.BOT), by=by, rules=rules)


def get_to_change(tx: Transaction, by: Account, app_id: uuid.UUID, *, rules: AppRules) -> App:
    """An app of this owner, freshly read and locked. Raises NotFound, and NotPermitted as `create_client`."""
    app = queries.get_owned(tx, by, app_id, for_update=True)
    _require_registrar(tx, by, rules)
    return app


def _create(tx: Transaction, draft: AppDraft, *, by: Account, rules: AppRules) -> App:
    draft = draft.tidy()
    problem = bots.address_problem(tx, draft.bot_email, by=by, rules=rules) if draft.is_bot else ""
    _require_registrar(tx, by, rules)
    drafts.require_valid(draft, {"botEmail": problem} if problem else {})
    _require_room(tx, by, rules)
    app = _new_app(tx, draft, by=by)
    tx.add(app)
    tx.flush()
    tx.add(AppOwner(app_id=app.id, account_id=by.id, since=tx.now))
    data = {"kind": app.kind, "scopes": list(app.scopes), "clientId": app.client_id}
    if app.is_bot:
        data["botEmail"] = draft.bot_email
    record(tx, "app.created", app, by=by, data=data)
    return app


def _new_app(tx: Transaction, draft: AppDraft, *, by: Account) -> App:
    """What the draft says, with the account of a bot; not stored yet."""
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
    if draft.is_bot:
        bots.make_account(tx, app, draft, by=by)
    return app


def _require_registrar(tx: Transaction, by: Account, rules: AppRules) -> None:
    """Whoever makes or changes apps is looked at once more, since a lock was waited for (checklist CONS-06).

    The account is held after the app, in the order in which administrators decide.
    """
    fresh = directory.find_account_for_update(tx, by.id)
    if fresh is None or not fresh.is_active:
        raise NotPermitted("Your account cannot act any more.", code="inactive")
    rules.require_registrar(fresh)


def _require_room(tx: Transaction, by: Account, rules: AppRules) -> None:
    """Nobody fills the platform, nor takes addresses without end (checklist TEN-02); the account is held."""
    if queries.count_recent(tx, by, since=tx.now - timedelta(days=1)) >= rules.most_apps:
        sentence = (
            f"You have {rules.most_apps} apps, with those deleted within a day, and there can be no more."
        )
        raise Conflict(sentence, code="too_many_apps")


def update(tx: Transaction, app: App, draft: AppDraft, *, by: Account, edition: int | None = None) -> App:
    """Replaces what is said about an app. With `edition` it refuses to overwrite what somebody else saved since.

    Of a listed app only what takes away, and what nobody reviews, changes at once; the rest is proposed (checklist REG-13).
    With another address of the logo the picture that was there is gone, since it was the picture of the old one.
    """
    draft = draft.tidy()
    if edition is not None and edition != app.edition:
        message = f"{app.name} was changed by somebody else in the meantime. Look at the present values and save again."
        raise Conflict(message, code="changed_meanwhile")
    _require_same_address(app, draft)
    drafts.require_valid(replace(draft, kind=AppKind(app.kind)))
    versions.settle(tx, app, by=by)
    draft = replace(draft, kind=AppKind(app.kind), bot_email=app.bot_email or "")
    if app.is_listed:
        _write(tx, app, versions.at_once(app, draft), by=by)
        versions.propose_draft(tx, app, draft, by=by)
    else:
        _write(tx, app, draft, by=by)
    return app


def _write(tx: Transaction, app: App, draft: AppDraft, *, by: Account) -> None:
    before = draft_of(app)
    drafts.write(app, draft)
    bots.rename_account(tx, app)
    if draft.logo_url != before.logo_url:
        _put_picture(tx, app, None)
    if draft.client_proof != before.client_proof:
        credentials.end_other_proofs(tx, app)
    changed = changes(drafts.facts(before), drafts.facts(draft))
    if changed:
        app.version += 1
        app.edition += 1
        app.modified_at = tx.now
        if "scopes" in changed:
            record(tx, "app.scopes_changed", app, by=by, data={"scopes": changed.pop("scopes")})
        if changed:
            record(tx, "app.updated", app, by=by, data=changed)


def _require_same_address(app: App, draft: AppDraft) -> None:
    if app.is_bot and draft.bot_email not in {"", app.bot_email}:
        sentence = "The address of a bot never changes: people know it. Register another bot instead."
        raise Invalid(sentence, fields={"botEmail": sentence})


def set_logo(
    tx: Transaction, app: App, content: bytes | None, *, by: Account, source: str | None = None
) -> None:
    """Gives the app a logo, or takes it away with None. Raises Invalid when it is not a picture that we take.

    `source` is the address at which the picture was found; one that was uploaded has none. Of a listed app the logo
    stays, and the other one waits for a review (checklist REG-13).
    """
    logo = logos.read_logo(content) if content is not None else None
    versions.settle(tx, app, by=by)
    if app.is_listed:
        versions.propose_logo(tx, app, logo, by=by, source=source)
    else:
        _put_logo(tx, app, logo, by=by, source=source)


def _put_logo(tx: Transaction, app: App, logo: Logo | None, *, by: Account, source: str | None) -> None:
    before = app.logo_digest or app.logo_url
    _put_picture(tx, app, logo)
    app.logo_url = source
    after = app.logo_digest or app.logo_url
    if after != before:
        app.modified_at = tx.now
        record(tx, "app.updated", app, by=by, data={"logo": {"before": before, "after": after}})


def _put_picture(tx: Transaction, app: App, logo: Logo | None) -> None:
    tx.query(AppLogo).filter_by(app_id=app.id).delete()
    app.logo_digest = logo.digest if logo else None
    if logo is not None:
        tx.add(AppLogo(app_id=app.id, media_type=logo.media_type, content=logo.content))


def set_rules(tx: Transaction, app: App, *, is_strict: bool, pushes_requests: bool, by: Account) -> None:
    """What an app demands of itself beyond the platform's rules: strict mode, and pushed requests only (RFC 9126)."""
    if app.is_bot and (is_strict or pushes_requests):
        raise Invalid("A bot is no client, so it has no rules for clients.", code="not_a_client")
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
    app.proposed = None
    tx.query(AppLogo).filter_by(app_id=app.id).delete()
    tx.query(ProposedLogo).filter_by(app_id=app.id).delete()
    record(tx, "app.deleted", app, by=by, data={"clientId": app.client_id})
