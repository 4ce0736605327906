"""What developers do with their apps."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from urllib.parse import urlsplit

from appanage import events
from appanage.apps import logos, queries
from appanage.apps.model import App, AppKind, AppLogo, AppOwner, ClientSecret, Visibility, new_client_id
from appanage.apps.scopes import check_for_service_app
from appanage.directory.model import Account
from appanage.events.service import changes
from appanage.kit.addresses import is_email_address
from appanage.kit.errors import Conflict, Invalid
from appanage.kit.secrets import Secret
from appanage.kit.text import has_control_characters
from appanage.storage import Transaction

LIVE_SECRETS = 2
_LONGEST_NAME = 80
_LONGEST_COMPANY = 200
_LONGEST_DESCRIPTION = 2000
_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class AppDraft:
    """What a developer says about an app; the editable part of it."""

    name: str
    description: str = ""
    contact_email: str = ""
    scopes: Sequence[str] = ()
    scope_reasons: Mapping[str, str] = field(default_factory=dict)
    company_name: str | None = None
    support_url: str | None = None
    privacy_url: str | None = None
    logo_url: str | None = None

    def tidy(self) -> "AppDraft":
        """Without surrounding blanks, repeated scopes, and reasons for scopes that are not asked for."""
        scopes = sorted(set(self.scopes))
        reasons = {
            name: self.scope_reasons[name].strip()
            for name in scopes
            if self.scope_reasons.get(name, "").strip()
        }
        return replace(
            self,
            name=self.name.strip(),
            description=self.description.strip(),
            contact_email=self.contact_email.strip(),
            scopes=scopes,
            scope_reasons=reasons,
            company_name=(self.company_name or "").strip() or None,
            support_url=(self.support_url or "").strip() or None,
            privacy_url=(self.privacy_url or "").strip() or None,
            logo_url=(self.logo_url or "").strip() or None,
        )


def draft_of(app: App) -> AppDraft:
    return AppDraft(
        name=app.name,
        description=app.description,
        contact_email=app.contact_email,
        scopes=app.scopes,
        scope_reasons=app.scope_reasons,
        company_name=app.company_name,
        support_url=app.support_url,
        privacy_url=app.privacy_url,
        logo_url=app.logo_url,
    )


def create_service_app(
    tx: Transaction, draft: AppDraft, *, by: Account, secret_lifetime: timedelta
) -> tuple[App, Secret]:
    """Registers a private Service App with its first client secret. Raises Invalid, naming every wrong field."""
    draft = draft.tidy()
    require_valid(draft)
    app = App(
        id=uuid.uuid4(),
        organization_id=by.organization_id,
        organization=by.organization,
        creator=by,
        kind=AppKind.SERVICE_APP.value,
        visibility=Visibility.PRIVATE.value,
        client_id=new_client_id(),
        created_by=by.id,
        created_at=tx.now,
        modified_at=tx.now,
        version=1,
    )
    _write(app, draft)
    tx.add(app)
    tx.flush()
    tx.add(AppOwner(app_id=app.id, account_id=by.id, since=tx.now))
    row, secret = ClientSecret.make(app, by=by, now=tx.now, lifetime=secret_lifetime)
    tx.add(row)
    record(tx, "app.created", app, by=by, data={"scopes": list(app.scopes), "clientId": app.client_id})
    return app, secret


def update(tx: Transaction, app: App, draft: AppDraft, *, by: Account, version: int | None = None) -> App:
    """Replaces what is said about an app. With `version` it refuses to overwrite what somebody else saved since."""
    draft = draft.tidy()
    if version is not None and version != app.version:
        message = f"{app.name} was changed by somebody else in the meantime. Look at the present values and save again."
        raise Conflict(message, code="changed_meanwhile")
    require_valid(draft)
    before = draft_of(app)
    _write(app, draft)
    changed = changes(_facts(before), _facts(draft))
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


def add_secret(
    tx: Transaction, app: App, *, by: Account, lifetime: timedelta, overlap: timedelta = timedelta(0)
) -> Secret:
    """A new client secret; the others end after `overlap`. At most two are alive at once (checklist CRED-04)."""
    live = [one for one in queries.list_secrets(tx, app) if one.is_live(tx.now)]
    for older in live[LIVE_SECRETS - 1 :]:
        older.end(tx.now)
    for current in live[: LIVE_SECRETS - 1]:
        current.end(tx.now + overlap)
    row, secret = ClientSecret.make(app, by=by, now=tx.now, lifetime=lifetime)
    tx.add(row)
    data = {"endsIn": row.last_four, "previousEndsAt": (tx.now + overlap).isoformat() if live else None}
    record(tx, "secret.created", app, by=by, data=data)
    return secret


def revoke_secret(tx: Transaction, app: App, secret: ClientSecret, *, by: Account) -> None:
    """Ends one secret at once; the others stay as they are."""
    if not secret.is_live(tx.now):
        return
    secret.end(tx.now)
    record(tx, "secret.revoked", app, by=by, data={"endsIn": secret.last_four})


def end_secrets(tx: Transaction, app: App) -> None:
    for secret in queries.list_secrets(tx, app):
        secret.end(tx.now)
    tx.flush()


def mark_deleted(tx: Transaction, app: App, *, by: Account) -> None:
    """Ends the app itself; its authorizations are ended by the floor above before this is called."""
    app.deleted_at = app.modified_at = tx.now
    end_secrets(tx, app)
    tx.query(AppLogo).filter_by(app_id=app.id).delete()
    record(tx, "app.deleted", app, by=by, data={"clientId": app.client_id})


def require_valid(draft: AppDraft) -> None:
    """Raises Invalid with a sentence for every field that is wrong."""
    problems = {name: sentence for name, sentence in _problems(draft).items() if sentence}
    if problems:
        raise Invalid("The app cannot be saved: " + " ".join(problems.values()), fields=problems)


def about_problems(draft: AppDraft) -> dict[str, str]:
    """What is wrong with everything but the scopes, which a wizard asks for later."""
    later = {"scopes", "scopeReasons"}
    return {name: text for name, text in _problems(draft.tidy()).items() if text and name not in later}


def record(tx: Transaction, type_: str, app: App, *, by: Account, data: Mapping[str, object]) -> None:
    """One event in the audit log of the app's own organization."""
    events.record(
        tx,
        type_,
        organization_id=app.organization_id,
        actor=by.as_actor(),
        target=app.as_target(),
        app_id=app.id,
        data=data,
    )


def _write(app: App, draft: AppDraft) -> None:
    app.name = draft.name
    app.description = draft.description
    app.contact_email = draft.contact_email
    app.scopes = list(draft.scopes)
    app.scope_reasons = dict(draft.scope_reasons)
    app.company_name = draft.company_name
    app.support_url = draft.support_url
    app.privacy_url = draft.privacy_url
    app.logo_url = draft.logo_url


def _facts(draft: AppDraft) -> dict[str, object]:
    return {
        "name": draft.name,
        "description": draft.description,
        "contactEmail": draft.contact_email,
        "scopes": sorted(draft.scopes),
        "scopeReasons": dict(draft.scope_reasons),
        "companyName": draft.company_name,
        "supportUrl": draft.support_url,
        "privacyUrl": draft.privacy_url,
        "logo": draft.logo_url,
    }


def _problems(draft: AppDraft) -> dict[str, str]:
    return {
        "name": _name_problem(draft.name),
        "description": _description_problem(draft.description),
        "contactEmail": _email_problem(draft.contact_email),
        "scopes": " ".join(check_for_service_app(draft.scopes)),
        "scopeReasons": _reasons_problem(draft.scope_reasons),
        "companyName": _company_problem(draft.company_name or ""),
        "supportUrl": _url_problem(draft.support_url, "support page"),
        "privacyUrl": _url_problem(draft.privacy_url, "privacy page"),
        "logo": _url_problem(draft.logo_url, "logo"),
    }


def _name_problem(name: str) -> str:
    if not name:
        return "Enter a name."
    if len(name) > _LONGEST_NAME:
        return f"The name has {len(name)} characters; at most {_LONGEST_NAME} are possible."
    return "The name contains characters that cannot be shown." if has_control_characters(name) else ""


def _company_problem(name: str) -> str:
    if len(name) > _LONGEST_COMPANY:
        return f"The company has {len(name)} characters; at most {_LONGEST_COMPANY} are possible."
    return "The company contains characters that cannot be shown." if has_control_characters(name) else ""


def _description_problem(description: str) -> str:
    if not description:
        return "Describe what the app does; administrators read this before they decide."
    if len(description) > _LONGEST_DESCRIPTION:
        return (
            f"The description has {len(description)} characters; at most {_LONGEST_DESCRIPTION} are possible."
        )
    bad = has_control_characters(description, allow="\r\n\t")
    return "The description contains characters that cannot be shown." if bad else ""


def _email_problem(address: str) -> str:
    if not address:
        return "Enter an address at which administrators reach you."
    return "" if is_email_address(address) else "The contact is not a valid e-mail address."


def _reasons_problem(reasons: Mapping[str, str]) -> str:
    too_long = [name for name, reason in reasons.items() if len(reason) > _LONGEST_REASON]
    return f"The reason for {too_long[0]} is longer than {_LONGEST_REASON} characters." if too_long else ""


def _url_problem(url: str | None, what: str) -> str:
    if url is None:
        return ""
    try:
        parts = urlsplit(url)
        usable = (
            parts.scheme == "https" and bool(parts.hostname) and parts.username is None and len(url) <= 2000
        )
    except ValueError:
        usable = False
    return (
        ""
        if usable and not has_control_characters(url)
        else f"The address of the {what} must be an https URL."
    )
