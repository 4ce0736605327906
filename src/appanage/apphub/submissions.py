"""Handing in a version for review, and what its developers do with it until it is decided on.

What is handed in stays as it was then; only the developers hand it in anew, when changes were requested. Each time it
has the next number, so that a number tells exactly what was looked at.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from appanage.apphub import checks, drafts, pictures, queries
from appanage.apphub.checks import Finding
from appanage.apphub.content import Content, ListingFacts, PictureFacts
from appanage.apphub.drafts import Item, ListingText
from appanage.apphub.model import Submission, SubmissionMessage, SubmissionState
from appanage.apphub.states import Act, after, is_possible
from appanage.apps import versions
from appanage.apps.model import App
from appanage.apps.records import record
from appanage.directory.model import Account, Sandbox
from appanage.kit.errors import Conflict, Invalid
from appanage.kit.text import has_control_characters
from appanage.storage import Transaction

LONGEST_TEXT = 4000
MOST_A_DAY = 20
MOST_MESSAGES_A_DAY = 50  # about one submission, from each side


@dataclass(frozen=True, slots=True)
class Outlook:
    """What would be handed in now, what it lacks, and what there is to say about it."""

    content: Content
    items: Sequence[Item]
    findings: Sequence[Finding]

    @property
    def missing(self) -> Sequence[Item]:
        return [item for item in self.items if not item.is_there]

    @property
    def stops(self) -> Sequence[Finding]:
        return [finding for finding in self.findings if finding.stops]

    @property
    def is_ready(self) -> bool:
        return not self.missing and not self.stops


def outlook(tx: Transaction, app: App, *, reserved: Collection[str]) -> Outlook:
    """How a submission would stand; nothing is stored. `reserved` are words that names may not use."""
    draft, shown = queries.find_draft(tx, app), pictures.list_pictures(tx, app)
    text, facts = drafts.text_of(draft), versions.proposed_facts(app)
    content = Content(facts, _listing(app, text), [PictureFacts.of(picture) for picture in shown])
    return Outlook(
        content,
        drafts.missing(facts, app, text, shown),
        checks.examine(tx, app, content, reserved=reserved),
    )


def submit(
    tx: Transaction, app: App, *, by: Account, reserved: Collection[str], version: int | None = None
) -> Submission:
    """Hands in what the developers say now; the app is locked (`apps.service.get_to_change`).

    With `version` only the listing as its developer saw it is handed in. Raises Invalid for what is missing or stops, and
    Conflict while another version is in review, from a sandbox, and for too many a day.
    """
    _require_at_home(tx, app)
    draft = queries.find_draft(tx, app)
    if version is not None and version != (draft.version if draft else 0):
        sentence = f"The listing of {app.name} was changed meanwhile. Look at it, then hand it in."
        raise Conflict(sentence, code="changed_meanwhile")
    with (
        tx.begin_nested()
    ):  # whoever answers a refusal with a page commits; what was settled for it must not stay
        versions.settle(tx, app, by=by)
        return _submit(tx, app, by=by, reserved=reserved)


def _submit(tx: Transaction, app: App, *, by: Account, reserved: Collection[str]) -> Submission:
    submission = queries.find_open(tx, app, for_update=True)
    _require_nothing_open(app, submission)
    _require_room(tx, app)
    seen = outlook(tx, app, reserved=reserved)
    _require_ready(seen)
    number = queries.last_number(tx, app) + 1
    submission = submission or Submission(app_id=app.id, app=app)
    _freeze(submission, seen, by=by, number=number, now=tx.now)
    tx.add(submission)
    tx.flush()
    record(tx, "submission.created", app, by=by, data=facts_of(submission))
    return submission


def withdraw(tx: Transaction, submission: Submission, *, by: Account) -> None:
    """Takes it back, whoever looks at it just now; app and submission are locked. Raises Conflict once it is decided."""
    submission.state = after(SubmissionState(submission.state), Act.WITHDRAW)
    submission.decided_at = tx.now
    record(tx, "submission.withdrawn", submission.app, by=by, data=facts_of(submission))


def answer(tx: Transaction, submission: Submission, text: str, *, by: Account) -> SubmissionMessage:
    """Writes to the reviewers; app and submission are locked."""
    after(SubmissionState(submission.state), Act.ANSWER)
    return write(tx, submission, text, by=by, is_from_reviewer=False)


def write(
    tx: Transaction, submission: Submission, text: str, *, by: Account, is_from_reviewer: bool
) -> SubmissionMessage:
    """Adds to the talk about a submission, for whoever may. Raises Invalid, and Conflict for too many a day."""
    text = required_text(text, "message", "text")
    _require_room_to_write(tx, submission, is_from_reviewer=is_from_reviewer)
    message = SubmissionMessage(
        submission_id=submission.id,
        author_id=by.id,
        author_name=by.display_name,
        is_from_reviewer=is_from_reviewer,
        text=text,
        written_at=tx.now,
    )
    tx.add(message)
    tx.flush()
    data = facts_of(submission) | {"messageId": str(message.id), "fromReviewer": is_from_reviewer}
    record(tx, "submission.message", submission.app, by=by, data=data)
    return message


def required_text(text: str, what: str, field: str) -> str:
    """Several lines that somebody wrote, tidied. Raises Invalid without any, for too much, and for what cannot be shown."""
    text = text.replace("\r\n", "\n").strip()
    sentence = ""
    if not text:
        sentence = f"Write the {what}; the other side reads it."
    elif len(text) > LONGEST_TEXT:
        sentence = f"The {what} has {len(text):,} characters; at most {LONGEST_TEXT:,} are possible."
    elif has_control_characters(text, allow="\n\t"):
        sentence = f"The {what} contains characters that cannot be shown."
    if sentence:
        raise Invalid(sentence, fields={field: sentence})
    return text


def facts_of(submission: Submission) -> dict[str, object]:
    """What every event about it says."""
    return {"submissionId": str(submission.id), "number": submission.number}


def _listing(app: App, text: ListingText) -> ListingFacts:
    return ListingFacts(
        kind=app.kind,
        tagline=text.tagline,
        description=text.description,
        categories=text.categories,
        tags=text.tags,
        industry=text.industry,
        languages=text.languages,
        video_url=text.video_url,
        landing_url=text.landing_url,
        support_url=app.support_url,
        privacy_url=app.privacy_url,
        contact_email=app.contact_email,
        test_instructions=text.test_instructions,
        test_organization_id=text.test_organization_id,
    )


def _require_at_home(tx: Transaction, app: App) -> None:
    if tx.get(Sandbox, app.organization_id) is not None:
        sentence = f"{app.organization.name} is a sandbox: its apps cannot be handed in for review."
        raise Conflict(sentence, code="sandbox")
    if not app.is_active:
        raise Conflict(f"{app.name} is suspended and cannot be handed in now.", code="app_suspended")


def _require_nothing_open(app: App, submission: Submission | None) -> None:
    """One that waits for changes is handed in anew; every other one is withdrawn first."""
    if submission is not None and not is_possible(SubmissionState(submission.state), Act.SUBMIT):
        sentence = (
            f"Number {submission.number} of {app.name} waits for its review. Withdraw it to hand in another."
        )
        raise Conflict(sentence, code="submission_open")


def _require_room(tx: Transaction, app: App) -> None:
    if queries.count_since(tx, app, since=tx.now - timedelta(days=1)) >= MOST_A_DAY:
        sentence = f"{app.name} was handed in {MOST_A_DAY} times within a day. Try again tomorrow."
        raise Conflict(sentence, code="too_many_submissions")


def _require_room_to_write(tx: Transaction, submission: Submission, *, is_from_reviewer: bool) -> None:
    since = tx.now - timedelta(days=1)
    written = queries.count_messages(tx, submission, is_from_reviewer=is_from_reviewer, since=since)
    if written >= MOST_MESSAGES_A_DAY:
        sentence = (
            f"{MOST_MESSAGES_A_DAY} messages about this submission were written within a day. Go on tomorrow."
        )
        raise Conflict(sentence, code="too_many_messages")


def _require_ready(seen: Outlook) -> None:
    missing = {item.field: f"{item.what} is missing." for item in seen.missing}
    stops = {"checks": " ".join(finding.sentence for finding in seen.stops)} if seen.stops else {}
    if missing or stops:
        raise Invalid(
            "The app cannot be handed in yet. Nothing was changed.",
            code="listing_incomplete",
            fields=missing | stops,
        )


def _freeze(submission: Submission, seen: Outlook, *, by: Account, number: int, now: datetime) -> None:
    submission.number = number
    submission.state = SubmissionState.SUBMITTED.value
    submission.content = seen.content.as_json()
    submission.findings = [finding.as_json() for finding in seen.findings]
    submission.submitted_by = by.id
    submission.submitted_by_name = by.display_name
    submission.submitted_at = now
    submission.checked = []
    submission.reason = submission.decided_at = None
    submission.reviewer_id = submission.reviewer_name = submission.taken_at = None
