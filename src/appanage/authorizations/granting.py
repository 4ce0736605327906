"""A choice comes into force: the authorization is written, the requests that asked for it are settled, it is recorded."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from appanage import events
from appanage.apps.model import App
from appanage.authorizations import open_requests
from appanage.authorizations.choices import Choice
from appanage.authorizations.deciding import record_decision
from appanage.authorizations.model import Authorization, AuthorizationKind, RequestDecision
from appanage.directory import service as directory_service
from appanage.directory.model import Account, AccountKind, Organization
from appanage.kit.text import slug
from appanage.storage import Transaction


@dataclass(frozen=True, slots=True)
class Author:
    """Who authorizes: `name` is shown, `actor` recorded; `rule` is the policy's where no person decided.

    `account` stands behind it. `facts` are added to the record.
    """

    account: Account
    name: str
    actor: events.Actor
    rule: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def alone(cls, account: Account) -> "Author":
        return cls(account, account.display_name, account.as_actor())


def grant(
    tx: Transaction,
    app: App,
    organization: Organization,
    current: Authorization | None,
    choice: Choice,
    *,
    author: Author,
    machine_domain: str,
) -> Authorization:
    """The authorization as it is chosen: a new one, the running one changed, or, where nothing differs, as it was."""
    if current is None:
        current = _create(tx, app, organization, choice, author=author, machine_domain=machine_domain)
    elif not choice.is_in_force(current):
        _change(tx, current, choice, author=author)
    if not current.added_scopes:  # else what was asked waits for a decision still
        current.app_version = app.version
        _settle_requests(tx, app, organization, author)
    return current


def _create(
    tx: Transaction,
    app: App,
    organization: Organization,
    choice: Choice,
    *,
    author: Author,
    machine_domain: str,
) -> Authorization:
    authorization_id = uuid.uuid4()
    address = f"{slug(app.name) or 'app'}-{authorization_id.hex[:12]}@{machine_domain}"
    machine = directory_service.create_app_account(
        tx, organization, AccountKind.MACHINE, name=app.name, address=address, by=author.actor
    )
    authorization = Authorization(
        id=authorization_id,
        app_id=app.id,
        app=app,
        kind=AuthorizationKind.ORGANIZATION.value,
        organization_id=organization.id,
        organization=organization,
        account_id=machine.id,
        account=machine,
        scopes=sorted(choice.scopes),
        declined_scopes=sorted(choice.declined),
        authorized_by=author.account.id,
        authorized_by_name=author.name,
        authorized_by_rule=author.rule or None,
        authorized_at=tx.now,
        scopes_approved_at=tx.now,
        app_version=app.version,
        valid_from=tx.now.replace(microsecond=0),
        ends_at=choice.ends_at,
    )
    tx.add(authorization)
    tx.flush()
    data = {"machineAccountId": str(machine.id), "scopes": authorization.scopes}
    _record(tx, "authorization.created", authorization, choice, author, data)
    return authorization


def _change(tx: Transaction, current: Authorization, choice: Choice, *, author: Author) -> None:
    before, ends_at = frozenset(current.scopes), current.ends_at
    current.declined_scopes, current.ends_at = sorted(choice.declined), choice.ends_at
    if choice.scopes != before:
        current.approve(choice.scopes, tx.now)
    data = {
        "added": sorted(choice.scopes - before),
        "dropped": sorted(before - choice.scopes),
        "endsAtBefore": _iso(ends_at),
    }
    _record(tx, "authorization.updated", current, choice, author, data)


def _record(
    tx: Transaction,
    type_: str,
    authorization: Authorization,
    choice: Choice,
    author: Author,
    data: Mapping[str, object],
) -> None:
    said = {
        "authorizationId": str(authorization.id),
        **data,
        "declined": sorted(choice.declined),
        "endsAt": _iso(choice.ends_at),
        "appVersion": authorization.app.version,
        "note": choice.note,
        **author.facts,
    }
    if author.rule:
        said["rule"] = author.rule
    record_decision(tx, type_, authorization.app, authorization.organization, by=author.actor, data=said)


def _settle_requests(tx: Transaction, app: App, organization: Organization, author: Author) -> None:
    asked = open_requests.list_open(tx, app, organization.id)
    name = author.name if author.rule else ""
    open_requests.settle(tx, asked, RequestDecision.AUTHORIZED, by=author.account, rule=name)


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
