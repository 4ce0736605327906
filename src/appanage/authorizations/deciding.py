"""What every decision on a Service App begins with: nobody else decides at the same time, and whoever decides may."""

import uuid
from collections.abc import Collection, Mapping

from sqlalchemy import text

from appanage import events
from appanage.apps import queries as apps
from appanage.apps.model import App, AppKind
from appanage.apps.scopes import needs_compliance_officer
from appanage.authorizations.app_policy_rules import Verdict
from appanage.directory import queries as directory
from appanage.directory.model import Account, Organization
from appanage.directory.roles import Role
from appanage.kit.errors import Conflict, Invalid, NotPermitted, Refusal, Refused
from appanage.storage import Transaction

_LONGEST_NOTE = 500


def lock_pair(tx: Transaction, app: App, organization_id: uuid.UUID) -> None:
    """Decisions on one app in one organization happen one after the other (checklist MACH-01, CONS-09).

    Whoever needs the organization's policy too takes that lock afterwards, and those of accounts after that.
    """
    take_turn(tx, app.id, organization_id)
    tx.refresh(app, with_for_update={"read": True, "of": App})
    if app.deleted_at is not None:
        raise apps.no_such_app()


def take_turn(tx: Transaction, app_id: uuid.UUID, organization_id: uuid.UUID) -> None:
    """As `lock_pair`, for who reads and locks the app itself afterwards."""
    key = f"authorization:{app_id}:{organization_id}"
    tx.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})


def require_decider(
    tx: Transaction, app: App, by: Account, scopes: Collection[str] = ()
) -> tuple[Account, Refused | None]:
    """The administrator as they are now, locked, and the refusal if a role is missing; the refusal is recorded.

    `scopes` are those that the decision would grant: some of them only a Compliance Officer grants.
    """
    fresh = directory.find_account_for_update(tx, by.id)
    if fresh is None or not fresh.is_active or not fresh.is_person:
        return by, _lacking(tx, app, by, [Role.FULL_ADMIN], scopes)
    missing = missing_roles(fresh, scopes)
    return fresh, _lacking(tx, app, fresh, missing, scopes) if missing else None


def missing_roles(account: Account, scopes: Collection[str]) -> list[Role]:
    """The roles that the account would need to authorize an app with these scopes."""
    needed = [Role.FULL_ADMIN] + ([Role.COMPLIANCE_OFFICER] if needs_compliance_officer(scopes) else [])
    return [role for role in needed if role not in account.roles]


def refuse(
    tx: Transaction, app: App, by: Account, error: Refusal, data: Mapping[str, object] | None = None
) -> Refused:
    """Records that somebody was kept from deciding."""
    record_decision(
        tx,
        "authorization.refused",
        app,
        by.organization,
        by=by,
        data={"code": error.code, **(data or {})},
        outcome=events.Outcome.REFUSED,
    )
    return Refused(error)


def refuse_by_policy(tx: Transaction, app: App, by: Account, verdict: Verdict) -> Refused:
    error = Conflict(verdict.sentence, code="refused_by_policy", details=[f"Rule: {verdict.rule.value}."])
    return refuse(tx, app, by, error, {"rule": verdict.rule.value})


def require_short(note: str, field: str) -> None:
    if len(note) > _LONGEST_NOTE:
        sentence = f"The {field} has {len(note)} characters; at most {_LONGEST_NOTE} are possible."
        raise Invalid(sentence, fields={field: sentence})


def require_authorizable(app: App, organization: Organization) -> None:
    require_administration(organization)
    require_service_app(app)
    if not app.is_active:
        raise Conflict(f"{app.name} is suspended and cannot be authorized now.", code="app_suspended")
    if not app.scopes:
        raise Conflict(
            f"{app.name} asks for no scopes yet, so there is nothing to authorize.", code="no_scopes"
        )


def require_service_app(app: App) -> None:
    if app.kind != AppKind.SERVICE_APP:
        raise Conflict("Only Service Apps are authorized for an organization.", code="not_a_service_app")


def require_administration(organization: Organization) -> None:
    if organization.is_free:
        sentence = "A free organization has no administrators who could authorize a Service App."
        raise Conflict(sentence, code="free_organization")


def require_as_seen(app: App, version: int | None) -> None:
    if version is not None and version != app.version:
        sentence = (
            f"{app.name} was changed by its developer meanwhile. Look at what it asks for now, then decide."
        )
        raise Conflict(sentence, code="changed_meanwhile")


def record_decision(
    tx: Transaction,
    type_: str,
    app: App,
    organization: Organization,
    *,
    by: Account | events.Actor,
    data: Mapping[str, object] | None = None,
    outcome: events.Outcome = events.Outcome.SUCCESS,
) -> None:
    """One event in the audit log of the organization that decides; the app's developers see it too, unless it is among
    administrators (`events.catalogue`).
    """
    events.record(
        tx,
        type_,
        organization_id=organization.id,
        actor=by.as_actor() if isinstance(by, Account) else by,
        target=events.Target("app", str(app.id), app.name, organization.id, organization.name),
        app_id=app.id,
        data=data,
        outcome=outcome,
    )


def _lacking(
    tx: Transaction, app: App, by: Account, missing: Collection[Role], scopes: Collection[str]
) -> Refused:
    labels = [role.label for role in missing]
    sentence = _explanation(missing, needs_compliance_officer(scopes))
    error = NotPermitted(sentence, code="role_missing", roles=labels)
    return refuse(tx, app, by, error, {"missingRoles": labels})


def _explanation(missing: Collection[Role], compliance_scopes: Collection[str]) -> str:
    sentence = "Your changes were not updated. The request was unauthorized."
    if Role.FULL_ADMIN in missing:
        return f"{sentence} Only a Full Administrator can decide on Service Apps."
    scope = min(compliance_scopes)
    return (
        f"{sentence} You need the Compliance Officer role to approve `{scope}`. "
        "Ask a Full Administrator to assign it under Users."
    )
