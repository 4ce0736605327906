"""Versions of apps that were handed in for review: by their developers, and for the operator's App Reviewers.

A version holds what was said when it was handed in, and is reviewed as that. Developers hand in and withdraw under
`/applications/{id}/submissions`; reviewers take, ask and decide under `/submissions`, which are nobody else's.
"""

import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Query, Response
from pydantic import Field

from appanage.api.app_bodies import NAMES, TYPES, AppType
from appanage.api.call import Call, needs
from appanage.api.listings import (
    FindingBody,
    ListingTextBody,
    ScreenshotBody,
    decode_screenshot,
    finding_body,
    listing_facts,
    picture_response,
    screenshot_bodies,
)
from appanage.api.owned_apps import Developer, Owner, owned_app
from appanage.api.schemas import Body, Items, Line, PageQuery, Text, Time, link_next, new_router
from appanage.apphub import pictures, queries, reviews, submissions
from appanage.apphub.checks import Finding
from appanage.apphub.content import Content
from appanage.apphub.model import OPEN_STATES, Submission, SubmissionMessage, SubmissionState
from appanage.apphub.queries import QueueFilter
from appanage.apphub.reviews import CHECKLIST, Decision
from appanage.apps.model import App, AppKind
from appanage.kit.errors import NotFound
from appanage.kit.ids import Kind

router = new_router("Submissions")

Reader = Annotated[Call, needs("spark:all", person=True)]
Reviewer = Annotated[Call, needs("spark:all", person=True, own_act=True)]


class SubmissionInput(Body):
    """`version` is that of the listing that is handed in; with it 409 when somebody changed the listing since."""

    version: Annotated[int | None, Field(ge=0)] = None


class MessageInput(Body):
    """What is written to the other side."""

    text: Text


class ChecklistInput(Body):
    """The points of the checklist that were gone through. `number` is that of the version that was looked at."""

    checked: list[Line]
    number: int | None = None


class DecisionInput(Body):
    """A decision; `reason` may be left out only to approve. With `number` it is on that version and on no later one."""

    decision: Decision
    reason: Text = ""
    number: int | None = None


class QueueQuery(PageQuery):
    """Which submissions; without a state those that are open. `days`: handed in at least so many days ago."""

    state: SubmissionState | None = None
    type: AppType | None = None
    days: Annotated[int | None, Field(ge=0, le=3650)] = None
    name: Line | None = None
    mine: bool = False


class MessageBody(Body):
    """One turn of the talk. Reviewers are named among themselves only."""

    id: str
    text: str
    author_name: str | None
    is_from_reviewer: bool
    created: Time


class SubmissionBody(Body):
    """A version in brief. `number` counts what was handed in of the app; reviewers are named among themselves only."""

    id: str
    application_id: str
    type: str
    name: str
    number: int
    status: SubmissionState
    submitted: Time
    submitted_by: str
    submitted_by_name: str
    reviewer_name: str | None
    taken: Time | None
    decided: Time | None
    reason: str | None


class VersionBody(SubmissionBody):
    """A version with all that was handed in: `app` are the reviewed facts of the app, `owners` ids of people.

    `messages` are the newest 200, the oldest of them first.
    """

    app: dict[str, Any]
    listing: ListingTextBody
    screenshots: list[ScreenshotBody]
    findings: list[FindingBody]
    messages: list[MessageBody]


class ReviewBody(VersionBody):
    """A version as a reviewer has to judge it; `differences` are those from the version that was approved before."""

    organization_name: str
    differences: dict[str, Any]
    checklist: dict[str, str]
    checked: list[str]


@router.get("/applications/{application_id}/submissions")
def list_own_submissions(
    call: Developer, application_id: str, response: Response, query: Annotated[PageQuery, Query()]
) -> Items[SubmissionBody]:
    """What was handed in of the app, the newest first."""
    app = owned_app(call, application_id)
    page = queries.list_of_app(call.tx, app, query.page)
    link_next(call, response, page)
    return Items(items=[SubmissionBody(**_facts(call, one)) for one in page.items])


@router.post("/applications/{application_id}/submissions")
def create_submission(call: Owner, application_id: str, wanted: SubmissionInput) -> VersionBody:
    """Hands in the app with its listing as they are now. 400 names what is missing, 409 while another is in review."""
    app = owned_app(call, application_id, for_update=True)
    made = submissions.submit(
        call.tx,
        app,
        by=call.account,
        reserved=call.deployment.settings.reserved_words,
        version=wanted.version,
    )
    return _version(call, app, made)


@router.get("/applications/{application_id}/submissions/{submission_id}")
def get_own_submission(call: Developer, application_id: str, submission_id: str) -> VersionBody:
    """One of them, with all that was handed in, what was found, and the talk about it."""
    app = owned_app(call, application_id)
    return _version(call, app, queries.get_of_app(call.tx, app, _id(call, submission_id)))


@router.delete("/applications/{application_id}/submissions/{submission_id}", status_code=204)
def withdraw_submission(call: Owner, application_id: str, submission_id: str) -> None:
    """Takes back a version that is not decided on."""
    submissions.withdraw(call.tx, _own(call, application_id, submission_id), by=call.account)


@router.post("/applications/{application_id}/submissions/{submission_id}/messages")
def answer_reviewers(
    call: Owner, application_id: str, submission_id: str, wanted: MessageInput
) -> MessageBody:
    """Writes to the reviewers of a version."""
    submission = _own(call, application_id, submission_id)
    return _message(call, submissions.answer(call.tx, submission, wanted.text, by=call.account))


@router.get("/submissions")
def list_submissions(
    call: Reader, response: Response, query: Annotated[QueueQuery, Query()]
) -> Items[SubmissionBody]:
    """The queue of the reviewers: what was handed in first comes first."""
    reviews.require_reviewer(call.account)
    wanted = QueueFilter(
        states=[query.state] if query.state else OPEN_STATES,
        kind=TYPES[query.type] if query.type else None,
        at_least=timedelta(days=query.days) if query.days is not None else None,
        search=query.name or "",
        reviewer_id=call.account.id if query.mine else None,
    )
    page = queries.list_for_review(call.tx, wanted, query.page)
    link_next(call, response, page)
    return Items(items=[SubmissionBody(**_facts(call, one)) for one in page.items])


@router.get("/submissions/{submission_id}")
def get_submission(call: Reader, submission_id: str) -> ReviewBody:
    """One version, for a reviewer."""
    return _review(call, reviews.get_submission(call.tx, call.account, _id(call, submission_id)))


@router.get("/submissions/{submission_id}/screenshots/{screenshot_id}", response_class=Response)
def get_submitted_screenshot(call: Reader, submission_id: str, screenshot_id: str) -> Response:
    """One of the pictures that were handed in with this version, and no other of the app's."""
    submission = reviews.get_submission(call.tx, call.account, _id(call, submission_id))
    wanted = decode_screenshot(call, screenshot_id)
    return picture_response(pictures.get_submitted(call.tx, submission, wanted))


@router.get("/submissions/{submission_id}/logo", response_class=Response)
def get_submitted_logo(call: Reader, submission_id: str) -> Response:
    """The logo that was handed in with this version."""
    submission = reviews.get_submission(call.tx, call.account, _id(call, submission_id))
    logo = pictures.find_logo(call.tx, submission)
    if logo is None:
        raise NotFound("There is no picture of the logo that was handed in.")
    return Response(logo.content, media_type=logo.media_type)


@router.put("/submissions/{submission_id}/reviewer")
def take_submission(call: Reviewer, submission_id: str) -> ReviewBody:
    """Begins the review in the caller's name, or takes it over."""
    return _review(call, reviews.take(call.tx, _id(call, submission_id), by=call.account))


@router.put("/submissions/{submission_id}/checklist")
def put_checklist(call: Reviewer, submission_id: str, wanted: ChecklistInput) -> ReviewBody:
    """Keeps which points were gone through."""
    known = _id(call, submission_id)
    return _review(call, reviews.tick(call.tx, known, wanted.checked, by=call.account, number=wanted.number))


@router.post("/submissions/{submission_id}/messages")
def ask_developers(call: Reviewer, submission_id: str, wanted: MessageInput) -> MessageBody:
    """Writes to the developers of a version."""
    return _message(call, reviews.ask(call.tx, _id(call, submission_id), wanted.text, by=call.account))


@router.post("/submissions/{submission_id}/decision")
def decide(call: Reviewer, submission_id: str, wanted: DecisionInput) -> ReviewBody:
    """Approves, rejects, or requests changes; one that nobody has taken is the caller's with that."""
    decided = reviews.decide(
        call.tx,
        _id(call, submission_id),
        wanted.decision,
        wanted.reason,
        by=call.account,
        number=wanted.number,
    )
    return _review(call, decided)


def _id(call: Call, public_id: str) -> Any:
    return call.ids.decode(Kind.SUBMISSION, public_id)


def _own(call: Call, application_id: str, submission_id: str) -> Submission:
    """Of an own app; both are locked, in this order."""
    app = owned_app(call, application_id, for_update=True)
    return queries.get_of_app(call.tx, app, _id(call, submission_id), for_update=True)


def _facts(call: Call, one: Submission) -> dict[str, Any]:
    return {
        "id": call.ids.encode(Kind.SUBMISSION, one.id),
        "application_id": call.ids.encode(Kind.APPLICATION, one.app.client_id),
        "type": NAMES[AppKind(one.app.kind)],
        "name": one.content["app"]["name"],
        "number": one.number,
        "status": SubmissionState(one.state),
        "submitted": one.submitted_at,
        "submitted_by": call.ids.encode(Kind.PEOPLE, one.submitted_by),
        "submitted_by_name": one.submitted_by_name,
        "reviewer_name": one.reviewer_name if _is_of_operator(call) else None,
        "taken": one.taken_at,
        "decided": one.decided_at,
        "reason": one.reason,
    }


def _version(call: Call, app: App, one: Submission) -> VersionBody:
    application_id = call.ids.encode(Kind.APPLICATION, app.client_id)
    under = f"{call.base_url}/applications/{application_id}/listing/screenshots"
    return VersionBody(**_whole(call, one, under))


def _review(call: Call, one: Submission) -> ReviewBody:
    under = f"{call.base_url}/submissions/{call.ids.encode(Kind.SUBMISSION, one.id)}/screenshots"
    now = reviews.present_findings(call.tx, one)
    differences = reviews.differences(one, queries.find_approved_before(call.tx, one))
    if "owners" in differences:
        both = differences["owners"]
        differences["owners"] = {side: _people(call, both[side] or ()) for side in both}
    return ReviewBody(
        **(_whole(call, one, under) | {"findings": [finding_body(finding) for finding in now]}),
        organization_name=one.app.organization.name,
        differences=differences,
        checklist=dict(CHECKLIST),
        checked=one.checked,
    )


def _whole(call: Call, one: Submission, under: str) -> dict[str, Any]:
    content = Content.read(one.content)
    return _facts(call, one) | {
        "app": dict(content.app) | {"owners": _people(call, content.app["owners"])},
        "listing": ListingTextBody(**listing_facts(call, content.listing)),
        "screenshots": screenshot_bodies(call, content, under),
        "findings": [finding_body(Finding.read(said)) for said in one.findings],
        "messages": [_message(call, row) for row in queries.read_talk(call.tx, one).messages],
    }


def _people(call: Call, account_ids: Iterable[str]) -> list[str]:
    return [call.ids.encode(Kind.PEOPLE, uuid.UUID(one)) for one in account_ids]


def _message(call: Call, row: SubmissionMessage) -> MessageBody:
    return MessageBody(
        id=str(row.id),
        text=row.text,
        author_name=row.author_name if _is_of_operator(call) or not row.is_from_reviewer else None,
        is_from_reviewer=row.is_from_reviewer,
        created=row.written_at,
    )


def _is_of_operator(call: Call) -> bool:
    return call.account.organization.is_operator
