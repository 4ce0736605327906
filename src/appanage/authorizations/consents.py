"""What a person decides on the consent page: allow an app to act for them, or not, or not any longer."""

import uuid
from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import Select, select, text

from appanage import events
from appanage.apps import queries as apps
from appanage.apps.model import App
from appanage.apps.scopes import OPENID_SCOPES, roles_to_carry, within_reach
from appanage.authorizations import deciding, policies, service
from appanage.authorizations.model import Authorization, AuthorizationKind, PolicyMode
from appanage.directory.model import Account
from appanage.kit.errors import NotPermitted, Refused
from appanage.storage import Transaction


def find(tx: Transaction, app: App, person: Account) -> Authorization | None:
    """What the person allows the app at present."""
    return tx.scalar(_active(app, person))


def refusal(tx: Transaction, app: App, person: Account, scopes: Collection[str]) -> NotPermitted | None:
    """Why the person cannot allow these scopes: their administrators block the app, or a scope needs another role."""
    if policies.mode_for(tx, person.organization_id, app.id) == PolicyMode.BLOCK:
        return _blocked(app, person)
    return _out_of_reach(app, person, scopes)


def allow(
    tx: Transaction, app: App, person: Account, *, scopes: Collection[str], resource: str | None = None
) -> Authorization | Refused:
    """Lets the app act for the person with these scopes, and with those allowed earlier (checklist CONS-02).

    The organization's policy and the person's roles are read here, inside the transaction; the policy locked, so that
    a block that is being written at this moment either comes first or finds this authorization. A refusal is recorded.
    """
    refused = _begin(tx, app, person, scopes)
    if refused:
        return refuse(tx, app, person, refused)
    current = _lock_active(tx, app, person)
    if current is None:
        return _create(tx, app, person, scopes, resource)
    _extend(tx, current, scopes, resource)
    return current


def confirm(
    tx: Transaction, app: App, person: Account, *, scopes: Collection[str], resource: str | None = None
) -> Authorization | None:
    """What the person allowed earlier, if it still covers all this when everybody who is changing it is done.

    For requests that are answered without a page: they add nothing, so a disconnection of a moment ago stays one.
    """
    if _begin(tx, app, person, scopes):
        return None
    current = _lock_active(tx, app, person)
    return current if current and frozenset(scopes) <= current.consented_at(resource) else None


def refuse(tx: Transaction, app: App, person: Account, refused: NotPermitted) -> Refused:
    """Records that the person was kept from allowing the app."""
    data = {"reason": refused.code, "missingRoles": list(refused.roles)}
    deciding.record_decision(
        tx, "consent.refused", app, person.organization, by=person, data=data, outcome=events.Outcome.REFUSED
    )
    return Refused(refused)


def decline(tx: Transaction, app: App, person: Account) -> None:
    """Records that the person did not allow what was asked; what they allowed earlier stays as it is."""
    deciding.record_decision(tx, "consent.declined", app, person.organization, by=person)


def withdraw(
    tx: Transaction, authorization: Authorization, *, by: Account, longest_token: timedelta, reason: str = ""
) -> None:
    """Disconnects the app from the person: every token is dead. `by` is the person or an administrator of theirs."""
    tx.refresh(authorization, with_for_update={"of": Authorization, "key_share": True})
    if authorization.is_active:
        service.end(tx, authorization, by=by, longest_token=longest_token, reason=reason)


def _begin(tx: Transaction, app: App, person: Account, scopes: Collection[str]) -> NotPermitted | None:
    """Takes the locks in the order that everybody keeps; the refusal, if there is one."""
    mode = policies.mode_for(tx, person.organization_id, app.id, for_share=True)
    _lock_pair(tx, app, person)
    # Whoever deletes the account waits, or has done so by now.
    tx.refresh(person, with_for_update={"read": True, "of": Account})
    if not person.is_active:
        return NotPermitted("This account is not in use any more.", code="account_inactive")
    return _blocked(app, person) if mode == PolicyMode.BLOCK else _out_of_reach(app, person, scopes)


def _lock_active(tx: Transaction, app: App, person: Account) -> Authorization | None:
    locked = _active(app, person).with_for_update(of=Authorization, key_share=True)
    return tx.scalar(locked.execution_options(populate_existing=True))


def _create(
    tx: Transaction, app: App, person: Account, scopes: Collection[str], resource: str | None
) -> Authorization:
    authorization = Authorization(
        id=uuid.uuid4(),
        app_id=app.id,
        app=app,
        kind=AuthorizationKind.PERSON.value,
        organization_id=person.organization_id,
        organization=person.organization,
        account_id=person.id,
        account=person,
        scopes=[],
        resource_scopes={},
        authorized_by=person.id,
        authorized_by_name=person.display_name,
        authorized_at=tx.now,
        valid_from=tx.now.replace(microsecond=0),
    )
    authorization.consent(scopes, resource, tx.now)
    tx.add(authorization)
    tx.flush()
    _record_consent(tx, authorization, added=authorization.scopes)
    return authorization


def _extend(tx: Transaction, current: Authorization, scopes: Collection[str], resource: str | None) -> None:
    added = frozenset(scopes) - current.consented_at(resource)
    if added:
        current.consent(scopes, resource, tx.now)
        _record_consent(tx, current, added=added)


def _record_consent(tx: Transaction, authorization: Authorization, *, added: Collection[str]) -> None:
    data = {
        "authorizationId": str(authorization.id),
        "scopes": list(authorization.scopes),
        "added": sorted(added),
        "resources": list(authorization.resources),
    }
    person = authorization.account
    deciding.record_decision(
        tx, "consent.given", authorization.app, person.organization, by=person, data=data
    )


def _active(app: App, person: Account) -> Select[Authorization]:
    return select(Authorization).where(
        Authorization.account_id == person.id,
        Authorization.app_id == app.id,
        Authorization.ended_at.is_(None),
    )


def _lock_pair(tx: Transaction, app: App, person: Account) -> None:
    """Consents of one person to one app happen one after the other (checklist CONS-09)."""
    key = f"authorization:{app.id}:{person.id}"
    tx.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})
    tx.refresh(app, with_for_update={"read": True, "of": App})
    if app.deleted_at is not None:
        raise apps.no_such_app()


def _blocked(app: App, person: Account) -> NotPermitted:
    sentence = f"The administrators of {person.organization.name} do not allow people to connect {app.name}."
    return NotPermitted(sentence, code="blocked_by_policy")


def _out_of_reach(app: App, person: Account, scopes: Collection[str]) -> NotPermitted | None:
    asked = frozenset(scopes) - OPENID_SCOPES
    beyond = sorted(asked - within_reach(person.roles, asked))
    if not beyond:
        return None
    roles = roles_to_carry(beyond[0])
    who = f"somebody with the role {' or '.join(roles)}" if roles else "a partner's administrator"
    sentence = f"{app.name} asks for `{beyond[0]}`, which only {who} can allow."
    return NotPermitted(sentence, code="role_missing", roles=roles)
