"""What App Reviewers do with what was handed in.

A reviewer is looked at anew in the deciding transaction (checklist CONS-06), sees exactly what was handed in (CONS-12), and
is never somebody who owns the app or has owned it since. Locks are taken in the order in which administrators decide:
the names of listings (by who approves), the app, the account, then the submission.
"""

import json
import uuid
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any

from sqlalchemy import and_, exists, or_, select

from appanage import events
from appanage.apphub import catalogue, checks, queries
from appanage.apphub.checks import Finding
from appanage.apphub.content import Content
from appanage.apphub.lookalikes import skeleton
from appanage.apphub.model import Submission, SubmissionMessage, SubmissionState
from appanage.apphub.states import OF_WHO_TOOK_IT, Act, after
from appanage.apphub.submissions import facts_of, required_text, write
from appanage.apps import versions
from appanage.apps.model import App, AppOwner, Visibility
from appanage.apps.records import record
from appanage.directory import queries as directory
from appanage.directory.model import Account
from appanage.directory.roles import Role
from appanage.events import Event
from appanage.kit.errors import Conflict, Invalid, NotPermitted
from appanage.storage import Transaction

CHECKLIST: Mapping[str, str] = {
    "quality": "It is of production quality: no demonstration, no early version.",
    "same_app": "The listing is of the very app that people and administrators decide on.",
    "scopes": "It asks for the smallest set of scopes, and each reason is plausible.",
    "start": "Its landing page says how to get started.",
    "privacy": "Its privacy page tells what happens with data.",
    "no_advertising": "It carries no advertising.",
    "trademarks": "Name, logo and texts use nobody else’s trademarks.",
    "tested": "It was tried out as its developers describe, and works.",
}
"""What a reviewer goes through (platform reference §8), by the key under which a tick is kept."""

_OWNERSHIP = ("app.owner_added", "app.owner_removed", "app.transferred", "app.adopted", "app.created")


def require_reviewer(account: Account) -> None:
    """Raises NotPermitted for who does not review apps for everybody."""
    if not catalogue.is_reviewer(account):
        sentence = "Only an App Reviewer of the operator sees what was handed in."
        raise NotPermitted(sentence, code="role_missing", roles=[Role.APP_REVIEWER.label])


def get_submission(tx: Transaction, by: Account, submission_id: uuid.UUID) -> Submission:
    """To look at. Raises NotFound and NotPermitted as `lock`."""
    _require_role(by)
    return queries.get_for_review(tx, submission_id)


def take(tx: Transaction, submission_id: uuid.UUID, *, by: Account, number: int | None = None) -> Submission:
    """Begins the review, or takes it over from a colleague."""
    submission = _lock(tx, submission_id, Act.TAKE, by=by, number=number)
    if submission.reviewer_id == by.id and submission.state == SubmissionState.IN_REVIEW:
        return submission
    submission.state = after(SubmissionState(submission.state), Act.TAKE)
    submission.reviewer_id, submission.reviewer_name = by.id, by.display_name
    submission.taken_at = tx.now
    record(tx, "submission.taken", submission.app, by=by, data=facts_of(submission))
    return submission


def tick(
    tx: Transaction, submission_id: uuid.UUID, checked: Collection[str], *, by: Account, number: int | None
) -> Submission:
    """Keeps which points of the checklist were gone through; unknown ones are left out."""
    submission = _lock(tx, submission_id, Act.CHECK, by=by, number=number)
    ticks = [key for key in CHECKLIST if key in checked]
    if ticks != submission.checked:
        submission.checked = ticks
        _record_ticks(tx, submission, by=by)
    return submission


def _record_ticks(tx: Transaction, submission: Submission, *, by: Account) -> None:
    """Among the reviewers: developers learn what comes of it."""
    events.record(
        tx,
        "submission.checked",
        organization_id=by.organization_id,
        actor=by.as_actor(),
        target=submission.app.as_target(),
        data=facts_of(submission) | {"checked": submission.checked},
    )


def ask(tx: Transaction, submission_id: uuid.UUID, text: str, *, by: Account) -> SubmissionMessage:
    """Writes to the developers."""
    submission = _lock(tx, submission_id, Act.ASK, by=by, number=None)
    return write(tx, submission, text, by=by, is_from_reviewer=True)


class Decision(StrEnum):
    """What a reviewer decides, in the words of the wire."""

    APPROVE = "approve"
    REJECT = "reject"
    REQUEST_CHANGES = "requestChanges"


def decide(
    tx: Transaction,
    submission_id: uuid.UUID,
    decision: Decision,
    reason: str,
    *,
    by: Account,
    number: int | None = None,
) -> Submission:
    """Decides, and takes what nobody has taken before. Raises as the decisions do, each of which is a function here."""
    # Whoever answers a refusal with a page commits: nothing of a decision that was refused half-way may stay.
    with tx.begin_nested():
        submission = get_submission(tx, by, submission_id)
        if decision is Decision.APPROVE:  # which locks more than taking it does, and first
            catalogue.hold_names(tx)
            _hold(tx, submission, by, Act.APPROVE)
        if submission.state == SubmissionState.SUBMITTED:
            take(tx, submission_id, by=by, number=number)
        if decision is Decision.APPROVE:
            return approve(tx, submission_id, reason, by=by, number=number)
        act = reject if decision is Decision.REJECT else request_changes
        return act(tx, submission_id, reason, by=by, number=number)


def request_changes(
    tx: Transaction, submission_id: uuid.UUID, reason: str, *, by: Account, number: int | None = None
) -> Submission:
    """Gives it back to the developers, who hand it in anew."""
    return _decide(tx, submission_id, Act.REQUEST_CHANGES, reason, by=by, number=number)


def reject(
    tx: Transaction, submission_id: uuid.UUID, reason: str, *, by: Account, number: int | None = None
) -> Submission:
    """Ends it; what was listed before stays listed."""
    return _decide(tx, submission_id, Act.REJECT, reason, by=by, number=number)


def approve(
    tx: Transaction, submission_id: uuid.UUID, reason: str = "", *, by: Account, number: int | None = None
) -> Submission:
    """Lists the version. Organizations that authorized the app keep their scopes until they approve others.

    Raises Conflict when the app is not the one that was handed in any more, and when one that looks like it was listed since.
    """
    _require_role(by)
    catalogue.hold_names(tx)
    submission = _lock(tx, submission_id, Act.APPROVE, by=by, number=number)
    app = submission.app
    if not app.is_active:
        raise Conflict(f"{app.name} is suspended and cannot be listed now.", code="app_suspended")
    if not app.is_listed:
        _require_as_handed_in(app, submission)
    _require_own_look(tx, app, submission.content["app"]["name"])
    with tx.begin_nested():  # a version can prove impossible when it is half applied
        _close(tx, submission, Act.APPROVE, reason.strip())
        _list(tx, submission, by=by)
    return submission


def present_findings(tx: Transaction, submission: Submission) -> list[Finding]:
    """What was found when it was handed in, with the listed apps that its name looks like now, while it is open."""
    found = [Finding.read(said) for said in submission.findings]
    if not submission.is_open:
        return found
    now = checks.look_alikes(tx, submission.app, submission.content["app"]["name"])
    return [*(one for one in now if one not in found), *found]


def _list(tx: Transaction, submission: Submission, *, by: Account) -> None:
    app, was_listed = submission.app, submission.app.is_listed
    if was_listed:
        versions.apply(tx, app, submission.content["app"], by=by)
    app.visibility = Visibility.PUBLIC.value
    listing = catalogue.publish(tx, submission)
    listing.skeleton = skeleton(listing.name)
    tx.flush()
    _record_decision(tx, submission, Act.APPROVE, by=by)
    record(
        tx, "listing.updated" if was_listed else "listing.published", app, by=by, data=facts_of(submission)
    )


def differences(submission: Submission, before: Submission | None) -> dict[str, dict[str, Any]]:
    """What differs from the version that was approved before, as `{field: {"before": …, "after": …}}`; empty without one.

    The fields of the app come first, then those of the listing, then `screenshots`, each by its words and its pixels.
    """
    if before is None:
        return {}
    then, now = _comparable(before), _comparable(submission)
    return versions.facts_differ(then, now)


def _comparable(submission: Submission) -> dict[str, Any]:
    content = submission.content
    shown = [f"{one['alternative']} ({one['digest']})" for one in content["pictures"]]
    return {**content["app"], **content["listing"], "screenshots": shown}


def is_own(tx: Transaction, submission: Submission, person: Account) -> bool:
    """Whether a person answers for the app, or has since it was handed in."""
    said = submission.content["app"].get("owners", [])
    is_named = Event.data["personId"].astext == str(person.id)
    acted = exists().where(
        Event.app_id == submission.app_id,
        Event.at >= submission.submitted_at,
        Event.type.in_(_OWNERSHIP),
        or_(Event.actor_id == person.id, is_named),
    )
    owns = exists().where(and_(AppOwner.app_id == submission.app_id, AppOwner.account_id == person.id))
    handed_in = submission.submitted_by == person.id or str(person.id) in said
    return handed_in or bool(tx.scalar(select(or_(owns, acted))))


def _decide(
    tx: Transaction, submission_id: uuid.UUID, act: Act, reason: str, *, by: Account, number: int | None
) -> Submission:
    submission = _lock(tx, submission_id, act, by=by, number=number)
    _close(tx, submission, act, required_text(reason, "reason", "reason"))
    _record_decision(tx, submission, act, by=by)
    return submission


def _close(tx: Transaction, submission: Submission, act: Act, reason: str) -> None:
    if len(reason) > _LONGEST_REASON:
        sentence = f"The reason has {len(reason):,} characters; at most {_LONGEST_REASON:,} are possible."
        raise Invalid(sentence, fields={"reason": sentence})
    submission.state = after(SubmissionState(submission.state), act)
    submission.decided_at = tx.now
    submission.reason = reason or None


_LONGEST_REASON = 4000

_EVENTS: Mapping[Act, str] = {
    Act.REQUEST_CHANGES: "submission.changes_requested",
    Act.APPROVE: "submission.approved",
    Act.REJECT: "submission.rejected",
}


def _record_decision(tx: Transaction, submission: Submission, act: Act, *, by: Account) -> None:
    data = facts_of(submission) | {"reason": submission.reason or ""}
    record(tx, _EVENTS[act], submission.app, by=by, data=data)


def _lock(
    tx: Transaction, submission_id: uuid.UUID, act: Act, *, by: Account, number: int | None
) -> Submission:
    """The submission, its app and the reviewer, held until the commit, if this reviewer may do this with it now.

    With `number` only the version that the reviewer saw. Raises NotFound for who is not of the operator, NotPermitted for
    a role that is gone, and Conflict.
    """
    _require_role(by)
    _hold(tx, queries.get_for_review(tx, submission_id), by, act)
    submission = queries.get_for_review(tx, submission_id, for_update=True)
    _require_as_seen(submission, number)
    after(SubmissionState(submission.state), act)
    if is_own(tx, submission, by):
        sentence = (
            f"You own {submission.app.name}, or did when it was handed in. Somebody else must review it."
        )
        raise NotPermitted(sentence, code="own_app")
    _require_taken(submission, act, by)
    return submission


def _hold(tx: Transaction, submission: Submission, by: Account, act: Act) -> None:
    """The app, then in one order the reviewer, who must still be one, and whom an approval makes an owner."""
    tx.refresh(submission.app, with_for_update={"key_share": True, "of": App})
    said = submission.content["app"].get("owners", []) if act is Act.APPROVE else []
    held = {one: directory.find_account_for_update(tx, one) for one in sorted({by.id, *map(uuid.UUID, said)})}
    _require_role(held[by.id])


def _require_role(account: Account | None) -> None:
    """Whoever is not of the operator learns of no submission; whoever lost the role is told (checklist CONS-06)."""
    if account is None or not account.organization.is_operator:
        raise queries.no_such_submission()
    if not catalogue.is_reviewer(account):
        sentence = "You do not hold the role App Reviewer any more. Nothing was changed."
        raise NotPermitted(sentence, code="role_missing", roles=[Role.APP_REVIEWER.label])


def _require_as_seen(submission: Submission, number: int | None) -> None:
    if number is not None and number != submission.number:
        sentence = f"Its developers handed in number {submission.number} meanwhile. Look at it, then decide."
        raise Conflict(sentence, code="handed_in_anew")


def _require_taken(submission: Submission, act: Act, by: Account) -> None:
    if act in OF_WHO_TOOK_IT and submission.reviewer_id != by.id:
        sentence = f"{submission.reviewer_name} reviews it. Take it over first, then decide."
        raise Conflict(sentence, code="not_your_review")


def _require_as_handed_in(app: App, submission: Submission) -> None:
    if _as_stored(versions.reviewed_facts(app)) != Content.read(submission.content).app:
        sentence = (
            f"{app.name} was changed after it was handed in, so this is not the app that would be listed. Request changes; "
            "its developers hand it in anew."
        )
        raise Conflict(sentence, code="changed_after_handed_in")


def _require_own_look(tx: Transaction, app: App, name: str) -> None:
    """No other app is listed by now that looks like this one (checklist REG-12)."""
    stops = [one for one in checks.look_alikes(tx, app, name) if one.stops]
    if stops:
        raise Conflict(f"{stops[0].sentence} It cannot be listed.", code="looks_like_listed")


def _as_stored(facts: Mapping[str, Any]) -> dict[str, Any]:
    """As it reads when it comes back from the database."""
    stored: dict[str, Any] = json.loads(json.dumps(facts))
    return stored
