"""What administrators do with Service Apps: authorize them, decline what they ask for beyond that, deauthorize them."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update

from appanage import events
from appanage.apps import credentials
from appanage.apps import service as app_service
from appanage.apps.model import App
from appanage.authorizations import app_policies, bots, deciding, decisions, open_requests, proposals, queries
from appanage.authorizations.app_policy_rules import Outcome, Terms, Verdict
from appanage.authorizations.choices import End, choose, wanted_scopes
from appanage.authorizations.deciding import (
    lock_pair,
    record_decision,
    refuse_by_policy,
    require_as_seen,
    require_authorizable,
    require_decider,
    require_short,
)
from appanage.authorizations.endings import end_connections, lock_to_end
from appanage.authorizations.granting import Author, grant
from appanage.authorizations.model import (
    AppPolicy,
    Authorization,
    AuthorizationProposal,
    RefreshToken,
    RequestDecision,
    RevocationKind,
)
from appanage.authorizations.revocation import revoke
from appanage.directory import queries as directory
from appanage.directory import service as directory_service
from appanage.directory.model import Account
from appanage.events.service import SYSTEM
from appanage.kit.errors import Conflict, Refused
from appanage.storage import Transaction


def authorize(  # noqa: PLR0913 – each is something that an administrator can say, or not
    tx: Transaction,
    app: App,
    *,
    by: Account,
    machine_domain: str,
    note: str = "",
    version: int | None = None,
    scopes: Collection[str] | None = None,
    ends_at: datetime | End | None = End.KEPT,
    policy_version: int | None = None,
    proposal_lifetime: timedelta = timedelta(days=7),
) -> Authorization | AuthorizationProposal | Refused:
    """Authorizes the app for the administrator's organization, or proposes it where the policy wants a second one.

    `scopes` may leave out those that are optional, `ends_at` bounds it in time (checklist CONS-05); without `scopes` it
    is everything that was not declined here before. A repeat changes nothing.

    The administrator's roles are read again here, inside the transaction and locked, so that a role taken away in the
    meantime is a role that is missing (checklist CONS-06). With `version` only the app as the administrator saw it is
    authorized (checklist CONS-03), with `policy_version` only under the policy that they saw. Raises NotFound for an app
    that is not shown to them any more, Conflict and Invalid; what the policy refuses is returned, so that it is kept.
    """
    lock_pair(tx, app, by.organization_id)
    terms = app_policies.terms_of(tx, by.organization_id, for_share=True)
    current = queries.find_of_organization(tx, app, by.organization_id)
    wanted = wanted_scopes(app, current, scopes)
    by, refused = require_decider(tx, app, by, wanted)
    if refused:
        return refused
    decisions.get_visible_app(tx, by, app.id)
    require_short(note, "note")
    require_authorizable(app, by.organization)
    require_as_seen(app, version)
    _require_same_policy(terms, policy_version)
    current = queries.lock_of_organization(tx, app, by.organization_id)
    choice = choose(app, current, wanted=wanted, ends_at=ends_at, note=note, terms=terms, now=tx.now)
    judged = choice.judged_by_policy(current)
    verdict = app_policies.verdict_on_decision(tx, by.organization_id, app, judged, terms) if judged else None
    if verdict is not None and verdict.is_refused:
        return refuse_by_policy(tx, app, by, verdict)
    if verdict is not None and verdict.outcome is Outcome.TWO_ADMINISTRATORS:
        rule = verdict.rule.value
        return proposals.propose(tx, app, choice, by=by, terms=terms, rule=rule, lifetime=proposal_lifetime)
    if judged:
        proposals.overtake(tx, app, by.organization_id, by=by, reason="One administrator decided.")
    author = Author.alone(by)
    return grant(tx, app, by.organization, current, choice, author=author, machine_domain=machine_domain)


def authorize_by_rule(
    tx: Transaction, app: App, *, requested_by: Account, verdict: Verdict, terms: Terms, machine_domain: str
) -> Authorization:
    """Authorizes the app because the organization's policy says so, when somebody who may ask for it does.

    `terms` and the `verdict` on them were read for share, so that they hold. Whoever set the policy stands behind it.
    """
    organization = requested_by.organization
    lock_pair(tx, app, organization.id)
    require_authorizable(app, organization)
    current = queries.lock_of_organization(tx, app, organization.id)
    if current is not None:
        return current
    wanted = wanted_scopes(app, None, None)
    choice = choose(app, None, wanted=wanted, ends_at=None, note="", terms=terms, now=tx.now)
    author = _policy_of(tx, requested_by, verdict)
    proposals.overtake(tx, app, organization.id, by=None, reason="The policy decided.")
    return grant(tx, app, organization, None, choice, author=author, machine_domain=machine_domain)


def decline_changes(
    tx: Transaction, app: App, *, by: Account, reason: str = "", version: int | None = None
) -> Authorization | Refused:
    """What the app asks for beyond its authorization is declined: it keeps what it has, and nobody is asked again.

    The developers learn it, with the reason. A repeat changes nothing.
    """
    lock_pair(tx, app, by.organization_id)
    by, refused = require_decider(tx, app, by)
    if refused:
        return refused
    require_short(reason, "reason")
    require_as_seen(app, version)
    current = queries.lock_of_organization(tx, app, by.organization_id)
    if current is None:
        raise _not_authorized(app, by)
    declined = sorted(current.added_scopes)
    if declined:
        current.declined_scopes = sorted({*current.declined_scopes, *declined})
        proposals.overtake(tx, app, by.organization_id, by=by, reason="The added scopes were declined.")
        asked = open_requests.list_open(tx, app, by.organization_id)
        open_requests.settle(tx, asked, RequestDecision.DECLINED, by=by, reason=reason)
        data = {"authorizationId": str(current.id), "declined": declined, "reason": reason}
        record_decision(tx, "authorization.changes_declined", app, by.organization, by=by, data=data)
    return current


def deauthorize(
    tx: Transaction, app: App, *, by: Account, longest_token: timedelta, reason: str = ""
) -> Authorization | Refused:
    """Ends the authorization: machine account deleted, every token dead, what was asked for is declined (checklist MACH-04)."""
    lock_pair(tx, app, by.organization_id)
    by, refused = require_decider(tx, app, by)
    if refused:
        return refused
    require_short(reason, "reason")
    current = queries.lock_of_organization(tx, app, by.organization_id)
    if current is None:
        raise _not_authorized(app, by)
    end(tx, current, by=by, longest_token=longest_token, reason=reason)
    return current


def end(
    tx: Transaction, authorization: Authorization, *, by: Account, longest_token: timedelta, reason: str = ""
) -> None:
    """Ends an authorization, whoever decided it: the rule that every way to the end shares."""
    authorization.revoke(by=by, reason=reason, now=tx.now)
    _end_tokens(tx, authorization, longest_token)
    data = {"authorizationId": str(authorization.id), "reason": reason}
    if authorization.is_personal:
        data |= {"personId": str(authorization.account_id), "person": authorization.account.display_name}
        record_decision(
            tx, "consent.withdrawn", authorization.app, authorization.organization, by=by, data=data
        )
        return
    directory_service.remove_app_account(tx, authorization.account, by=by)
    is_here = by.organization_id == authorization.organization_id  # nobody decides elsewhere
    decider = by if is_here else None
    proposals.overtake(
        tx, authorization.app, authorization.organization_id, by=decider, reason="It was deauthorized."
    )
    _void_requests(tx, authorization, by=decider, reason=reason)
    record_decision(
        tx, "authorization.revoked", authorization.app, authorization.organization, by=by, data=data
    )


def list_overdue(tx: Transaction, *, most: int, but: Collection[uuid.UUID] = ()) -> Sequence[uuid.UUID]:
    """Those that nobody has ended yet although their end has passed, the oldest first."""
    query = select(Authorization.id).where(
        Authorization.ends_at <= tx.now, Authorization.ended_at.is_(None), Authorization.id.not_in(but)
    )
    return list(tx.scalars(query.order_by(Authorization.ends_at).limit(most)))


def expire(tx: Transaction, authorization_id: uuid.UUID, *, longest_token: timedelta) -> bool:
    """Ends an authorization whose end has passed (checklist CONS-05); False if that is no longer so."""
    found = queries.find_authorization(tx, authorization_id)
    if found is None:
        return False
    app, organization = found.app, found.organization
    deciding.take_turn(tx, app.id, organization.id)
    current = queries.lock_authorization(tx, authorization_id)
    if current is None or not current.is_active or not current.is_over_at(tx.now):
        return False
    assert current.ends_at is not None
    ends_at = current.ends_at.isoformat()
    current.revoke(by=None, reason="It was authorized until then.", now=tx.now)
    _end_tokens(tx, current, longest_token)
    directory_service.remove_app_account(tx, current.account, by=SYSTEM)
    proposals.overtake(tx, app, organization.id, by=None, reason="The authorization has ended.")
    _void_requests(tx, current, by=None, reason="The authorization has ended.")
    data = {"authorizationId": str(current.id), "endsAt": ends_at, "authorizedBy": str(current.authorized_by)}
    record_decision(tx, "authorization.expired", app, organization, by=SYSTEM, data=data)
    return True


def delete_app(tx: Transaction, app: App, *, by: Account, longest_token: timedelta) -> None:
    """Deletes an app and ends every authorization of it.

    Client secrets and keys end first, in the order in which a client's own requests lock: its proof, then the token.
    """
    credentials.end_secrets(tx, app)
    credentials.end_keys(tx, app)
    reason = "The app was deleted by its developer."
    of_this = Authorization.app_id == app.id
    in_force = {one.organization_id: one for one in lock_to_end(tx, of_this)}
    for organization_id in sorted({*in_force, *proposals.list_waiting_organizations(tx, app)}):
        if organization_id in in_force:
            end(tx, in_force[organization_id], by=by, longest_token=longest_token, reason=reason)
        proposals.overtake(tx, app, organization_id, by=None, reason=reason)
    ended = end_connections(tx, of_this, by=by, longest_token=longest_token, reason=reason)
    for (_, organization_id), people in ended.items():
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


def _require_same_policy(terms: Terms, seen: int | None) -> None:
    if seen is not None and seen != terms.version:
        sentence = "The policy of your organization on apps was changed meanwhile. Look at what it says now, then decide."
        raise Conflict(sentence, code="policy_changed")


def _policy_of(tx: Transaction, requested_by: Account, verdict: Verdict) -> Author:
    organization = requested_by.organization
    policy = tx.get_one(AppPolicy, organization.id)
    setter = tx.get_one(Account, policy.changed_by)
    name = f"Policy of {organization.name}"
    actor = events.Actor(name, organization_id=organization.id, organization_name=organization.name)
    facts = {
        "policyVersion": policy.version,
        "policySetBy": policy.changed_by_name,
        "requestedBy": str(requested_by.id),
        "requestedByName": requested_by.display_name,
    }
    return Author(setter, name, actor, rule=verdict.rule.value, facts=facts)


def _not_authorized(app: App, by: Account) -> Conflict:
    return Conflict(f"{by.organization.name} has not authorized {app.name}.", code="not_authorized")


def _void_requests(tx: Transaction, ended: Authorization, *, by: Account | None, reason: str) -> None:
    """What was asked for beyond an authorization is over with it (checklist MACH-04)."""
    asked = open_requests.list_open(tx, ended.app, ended.organization_id)
    open_requests.settle(tx, asked, RequestDecision.DECLINED, by=by, reason=reason)


def _end_tokens(tx: Transaction, authorization: Authorization, longest_token: timedelta) -> None:
    tx.execute(
        update(RefreshToken)
        .where(RefreshToken.authorization_id == authorization.id, RefreshToken.revoked_at.is_(None))
        .values(revoked_at=tx.now)
    )
    revoke(tx, RevocationKind.AUTHORIZATION, str(authorization.id), longest_life=longest_token)
