"""The two acts of an administrator, authorize and deauthorize, and the request that comes before them."""

import uuid
from collections.abc import Collection, Mapping
from datetime import timedelta

from sqlalchemy import text, update

from appanage import events
from appanage.apps import credentials
from appanage.apps import queries as apps
from appanage.apps import service as app_service
from appanage.apps.model import App, AppKind, Visibility
from appanage.apps.scopes import needs_compliance_officer
from appanage.authorizations import bots, queries
from appanage.authorizations.endings import end_connections
from appanage.authorizations.model import (
    Authorization,
    AuthorizationKind,
    AuthorizationRequest,
    RefreshToken,
    RevocationKind,
)
from appanage.authorizations.revocation import revoke
from appanage.directory import queries as directory
from appanage.directory import service as directory_service
from appanage.directory.model import Account, AccountKind, Organization
from appanage.directory.roles import Role
from appanage.kit.errors import Conflict, Invalid, NotPermitted, Refused
from appanage.kit.text import slug
from appanage.storage import Transaction

_LONGEST_NOTE = 500


def request_authorization(
    tx: Transaction, app: App, *, by: Account, message: str = ""
) -> AuthorizationRequest:
    """Asks the Full Administrators of the owner's organization; a repeat is a reminder with a new time."""
    require_short(message, "message")
    _require_service_app(app)
    _require_administration(by.organization)
    if not app.scopes:
        raise Conflict("Choose scopes first: administrators decide on scopes.", code="no_scopes")
    asked = queries.find_request(tx, app, by.organization_id) or AuthorizationRequest(
        id=uuid.uuid4(), app_id=app.id, organization_id=by.organization_id
    )
    asked.requested_by, asked.requested_by_name = by.id, by.display_name
    asked.requested_at, asked.message = tx.now, message.strip()
    tx.add(asked)
    if app.is_private:
        app.visibility = Visibility.ORGANIZATION.value
    record_decision(tx, "authorization.requested", app, by.organization, by=by)
    return asked


def authorize(
    tx: Transaction, app: App, *, by: Account, machine_domain: str, note: str = "", version: int | None = None
) -> Authorization | Refused:
    """Authorizes the app with all its scopes for the administrator's organization; a repeat changes nothing.

    The administrator's roles are read again here, inside the transaction and locked, so that a role taken away in the
    meantime is a role that is missing (checklist CONS-06). With `version` only the app as the administrator saw it is
    authorized (checklist CONS-03).
    """
    _lock_pair(tx, app, by.organization_id)
    by, refused = _require_decider(tx, app, by, needs_compliance_officer(app.scopes))
    if refused:
        return refused
    require_short(note, "note")
    _require_authorizable(app, by.organization)
    _require_as_seen(app, version)
    current = queries.lock_of_organization(tx, app, by.organization_id)
    if current is None:
        return _create(tx, app, by=by, machine_domain=machine_domain, note=note)
    _approve_changes(tx, current, by=by, note=note)
    return current


def deauthorize(
    tx: Transaction, app: App, *, by: Account, longest_token: timedelta, reason: str = ""
) -> Authorization | Refused:
    """Ends the authorization: machine account deleted, every token dead (checklist MACH-04)."""
    _lock_pair(tx, app, by.organization_id)
    by, refused = _require_decider(tx, app, by, ())
    if refused:
        return refused
    require_short(reason, "reason")
    current = queries.lock_of_organization(tx, app, by.organization_id)
    if current is None:
        raise Conflict(f"{by.organization.name} has not authorized {app.name}.", code="not_authorized")
    end(tx, current, by=by, longest_token=longest_token, reason=reason)
    return current


def end(
    tx: Transaction, authorization: Authorization, *, by: Account, longest_token: timedelta, reason: str = ""
) -> None:
    """Ends an authorization, whoever decided it: the rule that every way to the end shares."""
    authorization.revoke(by=by, reason=reason, now=tx.now)
    tx.execute(
        update(RefreshToken)
        .where(RefreshToken.authorization_id == authorization.id, RefreshToken.revoked_at.is_(None))
        .values(revoked_at=tx.now)
    )
    revoke(tx, RevocationKind.AUTHORIZATION, str(authorization.id), longest_life=longest_token)
    data = {"authorizationId": str(authorization.id), "reason": reason}
    if authorization.is_personal:
        data |= {"personId": str(authorization.account_id), "person": authorization.account.display_name}
        record_decision(
            tx, "consent.withdrawn", authorization.app, authorization.organization, by=by, data=data
        )
        return
    directory_service.remove_app_account(tx, authorization.account, by=by)
    record_decision(
        tx, "authorization.revoked", authorization.app, authorization.organization, by=by, data=data
    )


def delete_app(tx: Transaction, app: App, *, by: Account, longest_token: timedelta) -> None:
    """Deletes an app and ends every authorization of it.

    Client secrets and keys end first, in the order in which a client's own requests lock: its proof, then the token.
    """
    credentials.end_secrets(tx, app)
    credentials.end_keys(tx, app)
    reason = "The app was deleted by its developer."
    for authorization in queries.list_active(tx, app, AuthorizationKind.ORGANIZATION):
        end(tx, authorization, by=by, longest_token=longest_token, reason=reason)
    of_this = Authorization.app_id == app.id
    ended = end_connections(tx, of_this, by=by, longest_token=longest_token, reason=reason)
    for (_, organization_id), people in sorted(ended.items()):
        _record_lost_connections(tx, app, organization_id, people)
    bots.end(tx, app, by=by)
    app_service.mark_deleted(tx, app, by=by)


def _record_lost_connections(tx: Transaction, app: App, organization_id: uuid.UUID, people: int) -> None:
    """One event for each organization whose people lost the app, however many they are.

    Who deleted the app is its developers' business: to the others it is the app that went (checklist AUD-05).
    """
    organization = directory.get_organization(tx, organization_id)
    events.record(
        tx,
        "app.withdrawn",
        organization_id=organization.id,
        actor=app.as_actor(),
        target=events.Target("app", str(app.id), app.name, organization.id, organization.name),
        app_id=app.id,
        data={"people": people},
    )


def missing_roles(account: Account, scopes: Collection[str]) -> list[Role]:
    """The roles that the account would need to authorize an app with these scopes."""
    needed = [Role.FULL_ADMIN] + ([Role.COMPLIANCE_OFFICER] if needs_compliance_officer(scopes) else [])
    return [role for role in needed if role not in account.roles]


def require_short(note: str, field: str) -> None:
    if len(note) > _LONGEST_NOTE:
        sentence = f"The {field} has {len(note)} characters; at most {_LONGEST_NOTE} are possible."
        raise Invalid(sentence, fields={field: sentence})


def _require_decider(
    tx: Transaction, app: App, by: Account, compliance_scopes: Collection[str]
) -> tuple[Account, Refused | None]:
    """The administrator as they are now, and the refusal if a role is missing; the refusal is recorded."""
    fresh = directory.find_account_for_update(tx, by.id)
    if fresh is None or not fresh.is_active or not fresh.is_person:
        return by, _refusal(tx, app, by, [Role.FULL_ADMIN], compliance_scopes)
    missing = missing_roles(fresh, compliance_scopes)
    return fresh, _refusal(tx, app, fresh, missing, compliance_scopes) if missing else None


def _refusal(
    tx: Transaction, app: App, by: Account, missing: Collection[Role], compliance_scopes: Collection[str]
) -> Refused:
    labels = [role.label for role in missing]
    record_decision(
        tx,
        "authorization.refused",
        app,
        by.organization,
        by=by,
        data={"missingRoles": labels},
        outcome=events.Outcome.REFUSED,
    )
    return Refused(NotPermitted(_explanation(missing, compliance_scopes), code="role_missing", roles=labels))


def _explanation(missing: Collection[Role], compliance_scopes: Collection[str]) -> str:
    sentence = "Your changes were not updated. The request was unauthorized."
    if Role.FULL_ADMIN in missing:
        return f"{sentence} Only a Full Administrator can decide on Service Apps."
    scope = min(compliance_scopes)
    return (
        f"{sentence} You need the Compliance Officer role to approve `{scope}`. "
        "Ask a Full Administrator to assign it under Users."
    )


def _require_authorizable(app: App, organization: Organization) -> None:
    _require_administration(organization)
    _require_service_app(app)
    if not app.is_active:
        raise Conflict(f"{app.name} is suspended and cannot be authorized now.", code="app_suspended")
    if not app.scopes:
        raise Conflict(
            f"{app.name} asks for no scopes yet, so there is nothing to authorize.", code="no_scopes"
        )


def _require_service_app(app: App) -> None:
    if app.kind != AppKind.SERVICE_APP:
        raise Conflict("Only Service Apps are authorized for an organization.", code="not_a_service_app")


def _require_as_seen(app: App, version: int | None) -> None:
    if version is not None and version != app.version:
        sentence = (
            f"{app.name} was changed by its developer meanwhile. Look at what it asks for now, then decide."
        )
        raise Conflict(sentence, code="changed_meanwhile")


def _require_administration(organization: Organization) -> None:
    if organization.is_free:
        sentence = "A free organization has no administrators who could authorize a Service App."
        raise Conflict(sentence, code="free_organization")


def _lock_pair(tx: Transaction, app: App, organization_id: uuid.UUID) -> None:
    """Decisions on one app in one organization happen one after the other (checklist MACH-01, CONS-09)."""
    key = f"authorization:{app.id}:{organization_id}"
    tx.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})
    tx.refresh(app, with_for_update={"read": True, "of": App})
    if app.deleted_at is not None:
        raise apps.no_such_app()


def _create(tx: Transaction, app: App, *, by: Account, machine_domain: str, note: str) -> Authorization:
    authorization_id = uuid.uuid4()
    address = f"{slug(app.name) or 'app'}-{authorization_id.hex[:12]}@{machine_domain}"
    machine = directory_service.create_app_account(
        tx, by.organization, AccountKind.MACHINE, name=app.name, address=address, by=by
    )
    authorization = Authorization(
        id=authorization_id,
        app_id=app.id,
        app=app,
        kind=AuthorizationKind.ORGANIZATION.value,
        organization_id=by.organization_id,
        organization=by.organization,
        account_id=machine.id,
        account=machine,
        scopes=sorted(app.scopes),
        authorized_by=by.id,
        authorized_by_name=by.display_name,
        authorized_at=tx.now,
        scopes_approved_at=tx.now,
        valid_from=tx.now.replace(microsecond=0),
    )
    tx.add(authorization)
    tx.flush()
    data = {
        "authorizationId": str(authorization.id),
        "machineAccountId": str(machine.id),
        "scopes": authorization.scopes,
        "note": note,
    }
    record_decision(tx, "authorization.created", app, by.organization, by=by, data=data)
    return authorization


def _approve_changes(tx: Transaction, current: Authorization, *, by: Account, note: str) -> None:
    if not current.added_scopes and not current.dropped_scopes:
        return
    data = {
        "authorizationId": str(current.id),
        "added": sorted(current.added_scopes),
        "dropped": sorted(current.dropped_scopes),
        "note": note,
    }
    current.approve(current.app.scopes, tx.now)
    record_decision(
        tx,
        "authorization.updated",
        current.app,
        current.organization,
        by=by,
        data=data,
    )


def record_decision(
    tx: Transaction,
    type_: str,
    app: App,
    organization: Organization,
    *,
    by: Account,
    data: Mapping[str, object] | None = None,
    outcome: events.Outcome = events.Outcome.SUCCESS,
) -> None:
    """One event in the audit log of the organization that decides; the app's developers see it too."""
    events.record(
        tx,
        type_,
        organization_id=organization.id,
        actor=by.as_actor(),
        target=events.Target("app", str(app.id), app.name, organization.id, organization.name),
        app_id=app.id,
        data=data,
        outcome=outcome,
    )
