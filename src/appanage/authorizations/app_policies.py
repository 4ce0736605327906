"""What an organization has settled about Service Apps: its policy, and what follows for one app.

The apps that it names are in `app_rules`, what a policy would do in `app_policy_previews`.
"""

import uuid
from collections.abc import Collection

from sqlalchemy import select, text

from appanage import events
from appanage.apps.model import App
from appanage.authorizations import app_policy_rules as rules
from appanage.authorizations import queries
from appanage.authorizations.administrators import require_role
from appanage.authorizations.app_policy_rules import Matter, Terms, Verdict
from appanage.authorizations.model import AppPolicy, AppRule, AppRuleMode
from appanage.directory.model import Account, Organization
from appanage.directory.roles import Role
from appanage.events.service import changes
from appanage.kit.errors import Conflict, Invalid, Refused
from appanage.storage import Transaction

DECIDERS = (Role.FULL_ADMIN,)
LONGEST_DAYS = 3650


def terms_of(tx: Transaction, organization_id: uuid.UUID, *, for_share: bool = False) -> Terms:
    """The policy that holds. With `for_share` it stays so until the commit; a change of it waits, or is waited for.

    Locks are taken in one order: the pair of app and organization, then the policy, then accounts, then the rest.
    """
    if for_share:
        # A statement of its own: one that also read the policy would read it as it was before the wait.
        _lock(tx, organization_id, "pg_advisory_xact_lock_shared")
    return Terms.of(tx.get(AppPolicy, organization_id, populate_existing=True))


def find_policy(tx: Transaction, organization_id: uuid.UUID) -> AppPolicy | None:
    """The policy that an administrator has settled, with who and when."""
    return tx.get(AppPolicy, organization_id)


def set_policy(
    tx: Transaction, organization: Organization, terms: Terms, *, by: Account, version: int
) -> Terms | Refused:
    """Settles what holds for Service Apps from now on; what is authorized stays so. Answers what holds then.

    Full Administrators only; the role is read again here, inside the transaction and locked (checklist CONS-06).
    `version` is that of the policy that was seen. Raises Conflict when it is another one by now, unless that says the
    same, and Invalid for a duration that makes no sense.
    """
    lock_to_change(tx, organization.id)
    by, refused = require_role(tx, organization, by, DECIDERS, act="a change of the policy on apps")
    return refused or settle(tx, organization, terms, by=by, version=version)


def settle(tx: Transaction, organization: Organization, terms: Terms, *, by: Account, version: int) -> Terms:
    """As `set_policy`, for who holds the lock and has looked at the administrator."""
    _require_sensible(terms)
    before = terms_of(tx, organization.id)
    if terms.says_the_same_as(before):
        return before
    require_seen(before, version)
    policy = note_change(tx, organization, by=by)
    policy.requesters, policy.second_administrator = terms.requesters.value, terms.second_administrator.value
    policy.authorizes_low_risk, policy.only_allowed = terms.authorizes_low_risk, terms.only_allowed
    policy.longest_days = terms.longest_days
    policy.changed_at, policy.changed_by, policy.changed_by_name = tx.now, by.id, by.display_name
    _record(tx, organization, by=by, before=before, after=terms)
    return Terms.of(policy)


def lock_to_change(tx: Transaction, organization_id: uuid.UUID) -> None:
    """Nobody decides by the policy, and nobody else changes it, until the commit."""
    _lock(tx, organization_id, "pg_advisory_xact_lock")


def require_seen(now: Terms, version: int) -> None:
    """Raises Conflict when the policy, or an app that it names, was changed since somebody looked."""
    if version != now.version:
        raise changed_meanwhile()


def changed_meanwhile() -> Conflict:
    sentence = (
        "Somebody else changed the app policy meanwhile. Look at what holds now, then save yours again."
    )
    return Conflict(sentence, code="app_policy_changed")


def note_change(tx: Transaction, organization: Organization, *, by: Account) -> AppPolicy:
    """Counts a change of the policy or of what it names, so that who has seen what was before is told."""
    policy = tx.get(AppPolicy, organization.id, populate_existing=True)
    if policy is None:
        policy = AppPolicy(
            organization_id=organization.id,
            version=0,
            changed_at=tx.now,
            changed_by=by.id,
            changed_by_name=by.display_name,
        )
        tx.add(policy)
    policy.version += 1
    tx.flush()
    return policy


def rule_on(tx: Transaction, organization_id: uuid.UUID, app_id: uuid.UUID) -> AppRuleMode | None:
    """What the organization says of one app by name."""
    query = select(AppRule.mode).where(AppRule.organization_id == organization_id, AppRule.app_id == app_id)
    mode = tx.scalar(query)
    return AppRuleMode(mode) if mode else None


def verdict_on_decision(
    tx: Transaction, organization_id: uuid.UUID, app: App, scopes: Collection[str], terms: Terms
) -> Verdict:
    """What an administrator has to hear who would authorize the app with these scopes."""
    return rules.of_decision(terms, matter_of(tx, organization_id, app, scopes))


def verdict_on_request(tx: Transaction, by: Account, app: App, terms: Terms) -> Verdict:
    """What becomes of a request of this person for their organization."""
    return rules.of_request(terms, matter_of(tx, by.organization_id, app, app.scopes), by.roles)


def matter_of(tx: Transaction, organization_id: uuid.UUID, app: App, scopes: Collection[str]) -> Matter:
    """What the rules are asked about: the app with the scopes that it is about to have."""
    return Matter(
        app_name=app.name,
        scopes=frozenset(scopes),
        is_reviewed=app.is_listed,
        named=rule_on(tx, organization_id, app.id),
        was_refused_by_a_person=bool(
            tx.scalar(select(queries.was_refused_in(organization_id)).where(App.id == app.id))
        ),
    )


def _lock(tx: Transaction, organization_id: uuid.UUID, function: str) -> None:
    key = f"app policy:{organization_id}"
    tx.execute(text(f"SELECT {function}(hashtextextended(:key, 0))"), {"key": key})


def _require_sensible(terms: Terms) -> None:
    if terms.longest_days is not None and not 1 <= terms.longest_days <= LONGEST_DAYS:
        sentence = f"The longest duration is from 1 to {LONGEST_DAYS} days, or none at all."
        raise Invalid(sentence, fields={"longestDays": sentence})


def _record(tx: Transaction, organization: Organization, *, by: Account, before: Terms, after: Terms) -> None:
    events.record(
        tx,
        "app_policy.changed",
        organization_id=organization.id,
        actor=by.as_actor(),
        target=organization.as_target(),
        data=changes(before.as_record(), after.as_record()),
    )
