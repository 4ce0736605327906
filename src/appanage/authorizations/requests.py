"""Asking the administrators of an organization to authorize an app: asked, reminded of, withdrawn, declined.

A repeat is a reminder. Nobody is reminded more than once a day by the same person of the same app, and nobody keeps more
than a sensible number of requests open, so that an inbox cannot be flooded.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from appanage import events
from appanage.apps import queries as apps
from appanage.apps import service as app_service
from appanage.apps.model import App, Visibility
from appanage.apps.rules import AppRules
from appanage.authorizations import (
    app_policies,
    deciding,
    decisions,
    inbox,
    proposals,
    queries,
    request_queries,
    service,
)
from appanage.authorizations.app_policy_rules import Outcome, Rule, Verdict
from appanage.authorizations.model import (
    AppRuleMode,
    Authorization,
    AuthorizationRequest,
    RequestDecision,
    RequestOrigin,
)
from appanage.authorizations.open_requests import list_open, settle
from appanage.directory import queries as directory
from appanage.directory.model import Account, Organization
from appanage.kit.errors import Conflict, Invalid, NotPermitted, Refused
from appanage.storage import Transaction

MOST_OPEN = 50
REMINDED_EVERY = timedelta(days=1)
SHARED_AGAIN_AFTER = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Asked:
    """A person's request for their organization, what its policy says, and the authorization if that settled it."""

    request: AuthorizationRequest
    verdict: Verdict
    authorization: Authorization | None = None


def get_to_request(
    tx: Transaction, by: Account, app_id: uuid.UUID, organization_id: uuid.UUID, *, rules: AppRules
) -> App:
    """An app of this owner, locked in the order in which decisions lock. Raises as `apps.service.get_to_change`."""
    deciding.take_turn(tx, app_id, organization_id)
    return app_service.get_to_change(tx, by, app_id, rules=rules)


def request_authorization(
    tx: Transaction, app: App, *, by: Account, message: str = ""
) -> AuthorizationRequest:
    """Asks the Full Administrators of the owner's organization; the app comes from `get_to_request`.

    Raises Invalid for the message, and Conflict when there is nothing to ask for, or too soon.
    """
    deciding.require_short(message, "message")
    asked = ask(tx, app, by.organization, by=by, origin=RequestOrigin.DEVELOPER, message=message)
    if app.is_private:
        app.visibility = Visibility.ORGANIZATION.value
    return asked


def request_for_organization(
    tx: Transaction, app: App, *, by: Account, message: str = "", machine_domain: str
) -> Asked:
    """Somebody asks for an app of the App Hub. The policy of their organization may refuse it, or authorize the app.

    Raises NotFound for an app that is not listed (checklist CONS-12), NotPermitted naming the rule that refuses, and
    otherwise as `request_authorization`.
    """
    deciding.require_short(message, "message")
    deciding.lock_pair(tx, app, by.organization_id)
    if not app.is_listed:
        raise apps.no_such_app()
    terms = app_policies.terms_of(tx, by.organization_id, for_share=True)
    by = _as_they_are_now(tx, by)
    _require_requestable(app, by.organization)
    _require_not_authorized(tx, app, by.organization)
    verdict = app_policies.verdict_on_request(tx, by, app, terms)
    if verdict.is_refused:
        raise NotPermitted(verdict.sentence, code="refused_by_policy")
    asked = ask(tx, app, by.organization, by=by, origin=RequestOrigin.PERSON, message=message)
    if verdict.outcome is not Outcome.AUTHORIZED:
        return Asked(asked, verdict)
    made = service.authorize_by_rule(
        tx, app, requested_by=by, verdict=verdict, terms=terms, machine_domain=machine_domain
    )
    return Asked(asked, verdict, made)


def ask(
    tx: Transaction,
    app: App,
    organization: Organization,
    *,
    by: Account,
    origin: RequestOrigin,
    message: str,
    addressed_to: str | None = None,
) -> AuthorizationRequest:
    """The request that every kind of asking comes to; whoever calls has taken the turn of app and organization."""
    by = _as_they_are_now(tx, by)
    _require_requestable(app, organization)
    _require_not_blocked(tx, app, organization)
    _require_undecided(tx, app, organization)
    asked = request_queries.find_of_asker(tx, app, organization.id, by)
    is_reminder = asked is not None and asked.is_open
    if asked is not None:
        _require_patience(asked, tx.now)
    if not is_reminder:
        _require_room(tx, by)
    asked = asked or AuthorizationRequest(
        id=uuid.uuid4(), app_id=app.id, app=app, organization_id=organization.id, organization=organization
    )
    asked.requested_by, asked.requested_by_name, asked.requested_at = by.id, by.display_name, tx.now
    asked.origin, asked.message, asked.addressed_to = origin.value, message.strip(), addressed_to
    asked.decision = asked.decided_at = asked.decided_by = None
    asked.decided_by_name = asked.decision_reason = None
    tx.add(asked)
    data = {"message": asked.message, "reminder": is_reminder}
    record_request(tx, "authorization.requested", asked, by=by, data=data)
    return asked


def renewable_at(asked: AuthorizationRequest) -> datetime | None:
    """From when on the same person can ask again; None means at any time."""
    if asked.decision == RequestDecision.AUTHORIZED:
        return None
    if asked.decision == RequestDecision.DECLINED and asked.decided_at is not None:
        is_left_alone = asked.origin == RequestOrigin.SHARE and asked.decided_by is not None
        pause = SHARED_AGAIN_AFTER if is_left_alone else REMINDED_EVERY
        return asked.decided_at + pause
    return asked.requested_at + REMINDED_EVERY


def withdraw(tx: Transaction, request_id: uuid.UUID, *, by: Account) -> AuthorizationRequest:
    """Takes back what the person asked, or a co-owner asked for their app. A withdrawn share hides the app again, and what
    one administrator proposed on it there is over.

    Raises NotFound for anybody else's request, and Conflict when it was decided on.
    """
    asked = request_queries.get_of_viewer(tx, by, request_id)
    deciding.lock_pair(tx, asked.app, asked.organization_id)
    tx.refresh(asked)
    if not asked.is_open:
        raise Conflict(f"Nothing was changed: {outcome_of(asked)}.", code="request_decided")
    settle(tx, [asked], RequestDecision.WITHDRAWN, by=by)
    if not decisions.is_shown(tx, asked.app, asked.organization_id):
        reason = "Its developers do not ask for it any more."
        proposals.overtake(tx, asked.app, asked.organization_id, by=None, reason=reason)
    record_request(tx, "authorization.request_withdrawn", asked, by=by)
    if asked.origin == RequestOrigin.SHARE:
        record_for_developers(tx, "app.share_withdrawn", asked, by=by)
    return asked


def decline(
    tx: Transaction, app: App, *, by: Account, reason: str
) -> Sequence[AuthorizationRequest] | Refused:
    """Ends every open request for the app in the administrator's organization; who asked learns the reason.

    The role is read again and locked (checklist CONS-06). Raises Conflict when nothing waits any more, or when a proposal
    of another administrator does, which is declined as such.
    """
    deciding.lock_pair(tx, app, by.organization_id)
    by, refused = deciding.require_decider(tx, app, by)
    if refused:
        return refused
    _require_reason(reason)
    if inbox.has_waiting_proposal(tx, app, by.organization_id):
        sentence = "A decision on it waits for a second administrator. Confirm or decline that one."
        raise Conflict(sentence, code="proposal_waits")
    declined = decline_all(tx, app, by=by, reason=reason)
    if not declined:
        raise Conflict(_why_nothing_waits(tx, app, by.organization_id), code="nothing_waits")
    return declined


def require_not_over(tx: Transaction, asked: AuthorizationRequest) -> None:
    """Raises Conflict for a request that is over, so that authorizing for its sake would undo what was decided.

    One whose authorization is in force can be authorized again, as a repeat. The turn of app and organization is taken.
    """
    deciding.lock_pair(tx, asked.app, asked.organization_id)
    tx.refresh(asked)
    if not asked.is_open and not _is_in_force(tx, asked):
        raise Conflict(f"Nothing was changed: {outcome_of(asked)}.", code="request_decided")


def decline_all(tx: Transaction, app: App, *, by: Account, reason: str) -> Sequence[AuthorizationRequest]:
    """As `decline`, for who has taken the turn and looked at the administrator; there may be none."""
    waiting = list_open(tx, app, by.organization_id)
    settle(tx, waiting, RequestDecision.DECLINED, by=by, reason=reason)
    if waiting:
        _record_declined(tx, app, waiting, by=by, reason=reason)
    return waiting


def outcome_of(asked: AuthorizationRequest) -> str:
    """What became of a request, as the middle of a sentence."""
    return {
        RequestDecision.AUTHORIZED.value: "the app was authorized",
        RequestDecision.DECLINED.value: "the request was declined",
        RequestDecision.WITHDRAWN.value: "the request was withdrawn",
    }.get(asked.decision or "", "the request waits")


def is_disclosed(asked: AuthorizationRequest) -> bool:
    """Whether the developers of a shared app may know which organization it is: when its administrators decided."""
    return asked.decision in {RequestDecision.AUTHORIZED, RequestDecision.DECLINED}


def record_request(
    tx: Transaction,
    type_: str,
    asked: AuthorizationRequest,
    *,
    by: Account,
    data: dict[str, object] | None = None,
) -> None:
    """One event in the audit log of the organization that decides, and nowhere else.

    The developers of a shared app do not learn the organization's name this way, nor those of a listed app who takes an
    interest in it (checklist AUD-05).
    """
    organization, actor = asked.organization, by.as_actor()
    is_own = asked.origin == RequestOrigin.DEVELOPER
    if by.organization_id != organization.id:
        actor = replace(
            actor, organization_id=None
        )  # else it would be in their own organization's log as well
    events.record(
        tx,
        type_,
        organization_id=organization.id,
        actor=actor,
        target=_target_of(asked.app, organization),
        app_id=asked.app_id if is_own else None,
        data={"requestId": str(asked.id), "origin": asked.origin, **(data or {})},
    )


def record_for_developers(tx: Transaction, type_: str, asked: AuthorizationRequest, *, by: Account) -> None:
    """One event in the log of the app's own organization, with the words by which they named the other one.

    Not with its id: of who named a domain that would tell whose it is (checklist AUD-05).
    """
    events.record(
        tx,
        type_,
        organization_id=asked.app.organization_id,
        actor=by.as_actor(),
        target=asked.app.as_target(),
        app_id=asked.app_id,
        data={
            "requestId": str(asked.id),
            "addressedTo": asked.addressed_to,
            "message": asked.message,
        },
    )


def _as_they_are_now(tx: Transaction, by: Account) -> Account:
    """Locked, so that several requests of one person at the same moment are counted one after the other."""
    fresh = directory.find_account_for_update(tx, by.id)
    if fresh is None or not fresh.is_active or not fresh.is_person:
        raise NotPermitted("Only people who can sign in ask for apps.", code="person_needed")
    return fresh


def _require_requestable(app: App, organization: Organization) -> None:
    deciding.require_service_app(app)
    deciding.require_administration(organization)
    if not app.scopes:
        raise Conflict("Choose scopes first: administrators decide on scopes.", code="no_scopes")
    if not app.is_active:
        raise Conflict(f"{app.name} is suspended and cannot be authorized now.", code="app_suspended")


def _require_not_blocked(tx: Transaction, app: App, organization: Organization) -> None:
    """In the developers' own organization. What another one settles is its own business (checklist AUD-05)."""
    if organization.id != app.organization_id:
        return
    if app_policies.rule_on(tx, organization.id, app.id) is AppRuleMode.BLOCK:
        sentence = f"The policy of your organization blocks {app.name} by name."
        rule = Rule.BLOCKED_BY_NAME
        raise Conflict(sentence, code="refused_by_policy", details=[f"Rule: {rule.value}."])


def _require_undecided(tx: Transaction, app: App, organization: Organization) -> None:
    current = queries.find_of_organization(tx, app, organization.id)
    if current is not None and not current.added_scopes:
        raise _already_authorized(app, organization)


def _require_not_authorized(tx: Transaction, app: App, organization: Organization) -> None:
    """Scopes that wait for approval are the administrators' and the developers' business."""
    if queries.find_of_organization(tx, app, organization.id) is not None:
        raise _already_authorized(app, organization)


def _already_authorized(app: App, organization: Organization) -> Conflict:
    return Conflict(f"{organization.name} has authorized {app.name} already.", code="already_authorized")


def _is_in_force(tx: Transaction, asked: AuthorizationRequest) -> bool:
    """Whether the authorization that the request led to has not ended since."""
    if asked.decision != RequestDecision.AUTHORIZED or asked.decided_at is None:
        return False
    current = queries.find_of_organization(tx, asked.app, asked.organization_id)
    return current is not None and current.authorized_at <= asked.decided_at


def _require_patience(asked: AuthorizationRequest, now: datetime) -> None:
    again_at = renewable_at(asked)
    if again_at is None or now >= again_at:
        return
    before = "You asked already" if asked.is_open else f"You asked, and {outcome_of(asked)}"
    raise Conflict(
        f"{before}. You can ask again from {again_at:%Y-%m-%d %H:%M} UTC on.", code="asked_recently"
    )


def _require_room(tx: Transaction, by: Account) -> None:
    if request_queries.count_open_of(tx, by) >= MOST_OPEN:
        sentence = f"You have {MOST_OPEN} requests that wait for a decision. Withdraw one to ask for more."
        raise Conflict(sentence, code="too_many_requests_open")


def _require_reason(reason: str) -> None:
    deciding.require_short(reason, "reason")
    if not reason.strip():
        sentence = "Say why: whoever asked is told. Nothing was changed."
        raise Invalid(sentence, fields={"reason": sentence})


def _why_nothing_waits(tx: Transaction, app: App, organization_id: uuid.UUID) -> str:
    latest = queries.find_request(tx, app, organization_id)
    if latest is None or latest.decided_at is None:
        return f"Nobody waits for a decision on {app.name}. Nothing was changed."
    by = f" by {latest.decided_by_name}" if latest.decision != RequestDecision.WITHDRAWN else ""
    return f"Nothing was changed: {outcome_of(latest)}{by} on {latest.decided_at:%Y-%m-%d %H:%M} UTC."


def _record_declined(
    tx: Transaction, app: App, declined: Sequence[AuthorizationRequest], *, by: Account, reason: str
) -> None:
    """The developers learn of it only if one of them asked."""
    of_developers = any(one.origin != RequestOrigin.PERSON for one in declined)
    events.record(
        tx,
        "authorization.request_declined",
        organization_id=by.organization_id,
        actor=by.as_actor(),
        target=_target_of(app, by.organization),
        app_id=app.id if of_developers else None,
        data={"reason": reason, "requestIds": [str(one.id) for one in declined]},
    )


def _target_of(app: App, organization: Organization) -> events.Target:
    return events.Target("app", str(app.id), app.name, organization.id, organization.name)
