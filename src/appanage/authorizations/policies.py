"""What administrators allow the people of their organization to connect: a policy, and rules on single integrations.

Whatever becomes blocked ends at once, with one event for each app that lost people, however many these are.
"""

import uuid
from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import ARRAY, ColumnElement, SQLColumnExpression, Uuid, any_, func, literal, select, text
from sqlalchemy.orm import aliased

from appanage import events
from appanage.apps.model import App
from appanage.authorizations.administrators import require_role
from appanage.authorizations.endings import end_connections
from appanage.authorizations.model import Authorization, IntegrationPolicy, IntegrationRule, PolicyMode
from appanage.directory.model import Account, Organization
from appanage.directory.roles import Role
from appanage.kit.errors import Conflict, Refused
from appanage.storage import Transaction

DECIDERS = (Role.FULL_ADMIN,)
_EVENTS = {PolicyMode.ALLOW: "integration.allowed", PolicyMode.BLOCK: "integration.blocked"}


def mode_for(
    tx: Transaction, organization_id: uuid.UUID, app_id: uuid.UUID, *, for_share: bool = False
) -> PolicyMode:
    """What holds for an integration here: the rule on it, else the policy, else it is allowed.

    With `for_share` it stays so until the commit: a change that is being written is waited for, the next one waits.
    """
    if for_share:
        # A statement of its own: one that also read the policy would read it as it was before the wait.
        _lock(tx, organization_id, "pg_advisory_xact_lock_shared")
    return PolicyMode(tx.scalars(select(mode_in_force(organization_id, app_id))).one())


def mode_in_force(
    organization_id: uuid.UUID, app_id: uuid.UUID | SQLColumnExpression[uuid.UUID]
) -> ColumnElement[str]:
    """As `mode_for`, to be asked within a query; `app_id` may be a column of it."""
    one = aliased(IntegrationRule)  # the query may have the table too
    rule = select(one.mode).where(one.organization_id == organization_id, one.app_id == app_id)
    return func.coalesce(rule.scalar_subquery(), policy_in_force(organization_id))


def policy_in_force(organization_id: uuid.UUID) -> ColumnElement[str]:
    policy = select(IntegrationPolicy.mode).where(IntegrationPolicy.organization_id == organization_id)
    return func.coalesce(policy.scalar_subquery(), PolicyMode.ALLOW.value)


def set_policy(
    tx: Transaction, organization: Organization, mode: PolicyMode, *, by: Account, longest_token: timedelta
) -> int | Refused:
    """Sets what holds for integrations that no rule names; tells how many connections this ended.

    Full Administrators only; the role is read again here, inside the transaction and locked (checklist CONS-06).
    """
    by, refused = _begin(tx, organization, by, act="a change of the policy on integrations")
    if refused:
        return refused
    policy = tx.get(IntegrationPolicy, organization.id, populate_existing=True)
    before = PolicyMode(policy.mode) if policy else PolicyMode.ALLOW
    if mode == before:
        return 0
    policy = policy or IntegrationPolicy(organization_id=organization.id)
    policy.mode, policy.changed_at, policy.changed_by_name = mode.value, tx.now, by.display_name
    tx.add(policy)
    ended = _end_blocked(tx, organization, by=by, longest_token=longest_token)
    _record_policy(tx, organization, by=by, before=before, after=mode, ended=sum(ended.values()))
    _record_blocked_by_policy(tx, organization, ended, by=by)
    return sum(ended.values())


def set_rule(
    tx: Transaction,
    organization: Organization,
    app: App,
    mode: PolicyMode,
    *,
    by: Account,
    longest_token: timedelta,
) -> int | Refused:
    """Allows or blocks one integration, whatever the policy says; tells how many connections this ended.

    Full Administrators only, as for `set_policy`. A repeat changes nothing.
    """
    by, refused = _begin(tx, organization, by, act=f"a decision on the integration {app.name}")
    if refused:
        return refused
    _require_integration(app)
    rule = _find_rule(tx, organization, app)
    before = rule.mode if rule else None
    if before == mode:
        return 0
    rule = rule or IntegrationRule(organization_id=organization.id, app_id=app.id)
    rule.mode, rule.decided_at, rule.decided_by_name = mode.value, tx.now, by.display_name
    tx.add(rule)
    ended = _end_blocked(tx, organization, app, by=by, longest_token=longest_token)
    _record(tx, _EVENTS[mode], organization, app, by=by, before=before, ended=ended.get(app.id, 0))
    return ended.get(app.id, 0)


def remove_rule(
    tx: Transaction, organization: Organization, app: App, *, by: Account, longest_token: timedelta
) -> int | Refused:
    """Leaves an integration to the policy; tells how many connections this ended. Full Administrators only."""
    by, refused = _begin(tx, organization, by, act=f"a decision on the integration {app.name}")
    if refused:
        return refused
    rule = _find_rule(tx, organization, app)
    if rule is None:
        return 0
    tx.delete(rule)
    ended = _end_blocked(tx, organization, app, by=by, longest_token=longest_token).get(app.id, 0)
    _record(tx, "integration.rule_removed", organization, app, by=by, before=rule.mode, ended=ended)
    return ended


def _begin(
    tx: Transaction, organization: Organization, by: Account, *, act: str
) -> tuple[Account, Refused | None]:
    _lock(tx, organization.id, "pg_advisory_xact_lock")
    return require_role(tx, organization, by, DECIDERS, act=act)


def _lock(tx: Transaction, organization_id: uuid.UUID, take: str) -> None:
    """Consents share the lock, a change has it alone: so no consent passes a block that does not see it."""
    key = f"integration_policy:{organization_id}"
    tx.execute(text(f"SELECT {take}(hashtextextended(:key, 0))"), {"key": key})


def _find_rule(tx: Transaction, organization: Organization, app: App) -> IntegrationRule | None:
    return tx.get(IntegrationRule, (organization.id, app.id), populate_existing=True)


def _require_integration(app: App) -> None:
    if not app.is_integration:
        sentence = "Only integrations are allowed or blocked here. A Service App is authorized or not."
        raise Conflict(sentence, code="not_an_integration")


def _end_blocked(
    tx: Transaction,
    organization: Organization,
    app: App | None = None,
    *,
    by: Account,
    longest_token: timedelta,
) -> Mapping[uuid.UUID, int]:
    """Ends the connections that are not allowed any more; how many of each app."""
    tx.flush()
    is_blocked = mode_in_force(organization.id, Authorization.app_id) == PolicyMode.BLOCK
    conditions = [Authorization.organization_id == organization.id, is_blocked]
    if app is not None:
        conditions.append(Authorization.app_id == app.id)
    reason = f"{organization.name} does not allow this integration any more."
    ended = end_connections(tx, *conditions, by=by, longest_token=longest_token, reason=reason)
    return {app_id: people for (app_id, _), people in ended.items()}


def _record_policy(
    tx: Transaction,
    organization: Organization,
    *,
    by: Account,
    before: PolicyMode,
    after: PolicyMode,
    ended: int,
) -> None:
    events.record(
        tx,
        "integration_policy.changed",
        organization_id=organization.id,
        actor=by.as_actor(),
        target=organization.as_target(),
        data={"mode": {"before": before, "after": after}, "connectionsEnded": ended},
    )


def _record_blocked_by_policy(
    tx: Transaction, organization: Organization, ended: Mapping[uuid.UUID, int], *, by: Account
) -> None:
    if not ended:
        return
    apps = select(App).where(App.id == any_(literal(list(ended), ARRAY(Uuid())))).order_by(App.id)
    for app in tx.scalars(apps):
        _record(tx, "integration.blocked", organization, app, by=by, before=None, ended=ended[app.id])


def _record(
    tx: Transaction,
    type_: str,
    organization: Organization,
    app: App,
    *,
    by: Account,
    before: str | None,
    ended: int,
) -> None:
    """The app's developers learn of it when people lost their connection.

    What an organization decides ahead of that is its own business (checklist AUD-05).
    """
    events.record(
        tx,
        type_,
        organization_id=organization.id,
        actor=by.as_actor(),
        target=events.Target("app", str(app.id), app.name, organization.id, organization.name),
        app_id=app.id if ended else None,
        data={"ruleBefore": before, "connectionsEnded": ended},
    )
