"""Reviewing what was handed in for the App Hub: the queue, one version with all that belongs to it, the decision.

A reviewer sees what was handed in and nothing else of the app (checklist CONS-12).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from appanage.apphub import pictures, queries, reviews
from appanage.apphub.content import Content
from appanage.apphub.model import OPEN_STATES, Submission, SubmissionState
from appanage.apphub.queries import QueueFilter
from appanage.apphub.reviews import CHECKLIST, Decision
from appanage.apphub.states import LABELS, Act, is_possible
from appanage.apphub.text import render_markdown
from appanage.apphub.vocabulary import CATEGORIES, INDUSTRIES, LANGUAGES
from appanage.apps import scopes as catalogue
from appanage.apps.model import AppKind
from appanage.apps.scopes import Risk
from appanage.directory.roles import Role
from appanage.kit.errors import Conflict, Invalid, NotFound, NotPermitted, Refusal
from appanage.kit.http import status_of
from appanage.web.controlhub.lists import Turns
from appanage.web.controlhub.review import ScopeLine
from appanage.web.operations.access import enter
from appanage.web.operations.differences import Difference, differences_of
from appanage.web.pages import Page, Pages
from appanage.web.portal.kinds import LABELS as KINDS
from appanage.web.portal.listing import TONES
from appanage.web.portal.logos import picture
from appanage.web.visit import Visit, see_other

Errors = Mapping[str, str]

LIST = "/review"
_AGES = {"": "Any age", "1": "A day or older", "3": "3 days or older", "7": "A week or older"}
_DECIDED = frozenset(SubmissionState) - OPEN_STATES


@dataclass(frozen=True, slots=True)
class Tab:
    """One part of the queue; `count` is its name among the counts."""

    key: str
    name: str
    states: Collection[SubmissionState]
    count: str = ""
    mine: bool = False


TABS = {
    tab.key: tab
    for tab in (
        Tab("", "All open", OPEN_STATES),
        Tab("submitted", "Waiting", (SubmissionState.SUBMITTED,), "submitted"),
        Tab("in_review", "In review", (SubmissionState.IN_REVIEW,), "in_review"),
        Tab(
            "changes_requested",
            "Changes requested",
            (SubmissionState.CHANGES_REQUESTED,),
            "changes_requested",
        ),
        Tab("mine", "Taken by me", OPEN_STATES, "mine", mine=True),
        Tab("decided", "Decided", _DECIDED),
    )
}


def routes(pages: Pages) -> list[Route]:
    """None where there is no App Hub."""
    if not pages.settings.rules.has_app_hub:
        return []
    one = LIST + "/{id}"
    return [
        pages.route(LIST, index),
        pages.route(one, show),
        pages.route(f"{one}/logo", show_logo),
        pages.route(f"{one}/screenshots/{{picture}}", show_screenshot),
        pages.route(f"{one}/take", take, methods=["POST"]),
        pages.route(f"{one}/checklist", tick, methods=["POST"]),
        pages.route(f"{one}/message", ask, methods=["POST"]),
        pages.route(f"{one}/decision", decide, methods=["POST"]),
    ]


def index(visit: Visit) -> Page:
    viewer = enter(visit, Role.APP_REVIEWER)
    tab = TABS.get(visit.text("state"), TABS[""])
    search, kind, age = visit.text("q"), visit.text("kind"), visit.text("age")
    wanted = QueueFilter(
        states=tab.states,
        kind=AppKind(kind) if kind in list(AppKind) else None,
        at_least=timedelta(days=int(age)) if age in _AGES and age else None,
        search=search,
        reviewer_id=viewer.id if tab.mine else None,
    )
    found = queries.list_for_review(visit.tx, wanted, visit.page_request())
    return Page(
        "operations/review/index.html",
        area="operations",
        here="review",
        rows=found.items,
        tab=tab,
        tabs=_tab_links(visit),
        search=search,
        chosen_kind=kind,
        age=age,
        is_filtered=bool(search or kind or age),
        kinds=[("", "Every type"), *((one.value, label) for one, label in KINDS.items())],
        ages=list(_AGES.items()),
        labels=LABELS,
        tones=TONES,
        types=KINDS,
        turns=Turns.of(visit, found),
    )


def show(visit: Visit) -> Page:
    enter(visit, Role.APP_REVIEWER)
    return _page(visit, _submission(visit))


def show_logo(visit: Visit) -> Response:
    enter(visit, Role.APP_REVIEWER)
    submission = _submission(visit)
    logo = pictures.find_logo(visit.tx, submission)
    if logo is None:
        raise NotFound("There is no picture of the logo that was handed in.")
    return picture(logo, digest=submission.content["app"]["logo"]["digest"], is_named=False)


def show_screenshot(visit: Visit) -> Response:
    enter(visit, Role.APP_REVIEWER)
    found = pictures.get_submitted(visit.tx, _submission(visit), visit.id("picture"))
    return picture(found, digest=found.digest, is_named=True)


def take(visit: Visit) -> Response | Page:
    viewer = enter(visit, Role.APP_REVIEWER)
    try:
        taken = reviews.take(visit.tx, visit.id(), by=viewer, number=_number(visit))
    except (Conflict, NotPermitted) as refused:
        return _again(visit, refused)
    return _told(visit, taken, f"You review number {taken.number} of {_name(taken)}.")


def tick(visit: Visit) -> Response | Page:
    viewer = enter(visit, Role.APP_REVIEWER)
    checked = visit.form.all("checked")
    try:
        kept = reviews.tick(visit.tx, visit.id(), checked, by=viewer, number=_number(visit))
    except (Conflict, NotPermitted) as refused:
        return _again(visit, refused)
    return _told(visit, kept, "The checklist is saved.")


def ask(visit: Visit) -> Response | Page:
    viewer, text = enter(visit, Role.APP_REVIEWER), visit.form.get("text")
    try:
        reviews.ask(visit.tx, visit.id(), text, by=viewer)
    except (Conflict, Invalid, NotPermitted) as refused:
        return _again(visit, refused, message=text)
    visit.tell("Your message is sent to the developers.")
    return see_other(f"{LIST}/{visit.id()}#talk")


def decide(visit: Visit) -> Response | Page:
    viewer, reason = enter(visit, Role.APP_REVIEWER), visit.form.get("reason")
    chosen = visit.form.get("decision")
    try:
        decision = _decision(chosen)
        decided = reviews.decide(visit.tx, visit.id(), decision, reason, by=viewer, number=_number(visit))
    except (Conflict, Invalid, NotPermitted) as refused:
        return _again(visit, refused, reason=reason, chosen=chosen)
    return _told(visit, decided, _DONE[decision].format(number=decided.number, name=_name(decided)))


_DONE = {
    Decision.APPROVE: "Number {number} of {name} is approved and listed.",
    Decision.REJECT: "Number {number} of {name} is rejected. Its developers are told why.",
    Decision.REQUEST_CHANGES: "Number {number} of {name} waits for changes. Its developers are told which.",
}


def _decision(chosen: str) -> Decision:
    if chosen not in list(Decision):
        sentence = "Choose a decision. Nothing was changed."
        raise Invalid(sentence, fields={"decision": sentence})
    return Decision(chosen)


def _number(visit: Visit) -> int:
    """Of the version that the form was made from; 0, which none has, when it is missing."""
    given = visit.form.get("number")
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 10 else 0


def _submission(visit: Visit) -> Submission:
    return reviews.get_submission(visit.tx, visit.viewer, visit.id())


def _again(visit: Visit, refused: Refusal, **kept: Any) -> Page:
    """The version as it stands now, with what was refused and what was typed.

    A role that is gone is no page of the review: the refusal itself answers.
    """
    if isinstance(refused, NotPermitted) and refused.roles:
        raise refused
    is_invalid = isinstance(refused, Invalid)
    errors = refused.fields if isinstance(refused, Invalid) and refused.fields else {"": refused.message}
    status = 422 if is_invalid else status_of(refused)
    return _page(visit, _submission(visit), errors=errors, status=status, **kept)


def _page(
    visit: Visit,
    submission: Submission,
    *,
    errors: Errors | None = None,
    status: int = 200,
    message: str = "",
    reason: str = "",
    chosen: str = "",
) -> Page:
    viewer, content = visit.viewer, Content.read(submission.content)
    is_own = reviews.is_own(visit.tx, submission, viewer)
    is_theirs = submission.reviewer_id == viewer.id and not is_own
    before = queries.find_approved_before(visit.tx, submission)
    names = queries.names_of(visit.tx, _owners(submission, before))
    return Page(
        "operations/review/show.html",
        status=status,
        area="operations",
        here="review",
        submission=submission,
        address=f"{LIST}/{submission.id}",
        content=content,
        listing=content.listing,
        facts=content.app,
        logo=_logo(submission, content),
        description=render_markdown(content.listing.description),
        findings=reviews.present_findings(visit.tx, submission),
        lines=scope_lines(content),
        before=before,
        differences=_differences(submission, before, names),
        owners=[names.get(one, one) for one in content.app["owners"]],
        test_organization=queries.find_organization_name(visit.tx, content.listing.test_organization_id),
        talk=queries.read_talk(visit.tx, submission),
        message=message,
        reason=reason,
        chosen=chosen,
        errors=errors or {},
        checklist=[(key, sentence, "") for key, sentence in CHECKLIST.items()],
        decisions=_decisions(submission),
        is_own=is_own,
        can_take=not is_own and _may_take(submission, has_it=is_theirs),
        can_decide=is_theirs and submission.state != SubmissionState.SUBMITTED and submission.is_open,
        can_tick=is_theirs and _can(submission, Act.CHECK),
        can_ask=not is_own and _can(submission, Act.ASK),
        badges=_badges(submission),
        type_of_app=KINDS[AppKind(content.listing.kind)],
        categories=[CATEGORIES.get(one, one) for one in content.listing.categories],
        industry=INDUSTRIES.get(content.listing.industry, content.listing.industry),
        languages=[LANGUAGES.get(one, one) for one in content.listing.languages],
    )


def _decisions(submission: Submission) -> list[tuple[str, str, str]]:
    possible = {
        Decision.APPROVE: (Act.APPROVE, "Approve", "It is listed at once."),
        Decision.REQUEST_CHANGES: (Act.REQUEST_CHANGES, "Request changes", "Its developers hand it in anew."),
        Decision.REJECT: (Act.REJECT, "Reject", "It ends. What was listed before stays."),
    }
    return [
        (decision.value, label, note)
        for decision, (act, label, note) in possible.items()
        if _can(submission, act)
    ]


def scope_lines(content: Content) -> list[ScopeLine]:
    """Every scope as administrators will see it, with its reason."""
    return [_scope_line(name, content.app["scopeReasons"].get(name, "")) for name in content.app["scopes"]]


def _scope_line(name: str, why: str) -> ScopeLine:
    known = catalogue.find(name)
    if known is None:
        return ScopeLine(name, "A scope that is not in the catalogue any more", Risk.HIGH, "", why)
    return ScopeLine(name, known.title, known.risk, known.consequence, why)


def _differences(
    submission: Submission, before: Submission | None, names: Mapping[str, str]
) -> Sequence[Difference]:
    return differences_of(reviews.differences(submission, before), names)


def _owners(submission: Submission, before: Submission | None) -> set[str]:
    of_before = before.content["app"]["owners"] if before else []
    return {*submission.content["app"]["owners"], *of_before}


def _logo(submission: Submission, content: Content) -> str | None:
    logo = content.app["logo"]
    return f"{LIST}/{submission.id}/logo?v={logo['digest']}" if logo and logo["digest"] else None


def _badges(submission: Submission) -> list[tuple[str, str]]:
    state = SubmissionState(submission.state)
    return [(LABELS[state], TONES[state]), (f"Number {submission.number}", "")]


def _may_take(submission: Submission, *, has_it: bool) -> bool:
    """Whoever has it takes it again when it was handed in anew."""
    return submission.state == SubmissionState.SUBMITTED if has_it else _can(submission, Act.TAKE)


def _can(submission: Submission, act: Act) -> bool:
    return is_possible(SubmissionState(submission.state), act)


def _tab_links(visit: Visit) -> list[tuple[str, str, int | None]]:
    counts = queries.count_open(visit.tx, reviewer_id=visit.viewer.id)
    return [
        (
            tab.name,
            f"{LIST}?state={tab.key}" if tab.key else LIST,
            counts.get(tab.count) if tab.count else None,
        )
        for tab in TABS.values()
    ]


def _told(visit: Visit, submission: Submission, sentence: str) -> Response:
    visit.tell(sentence)
    return see_other(f"{LIST}/{submission.id}")


def _name(submission: Submission) -> str:
    return str(submission.content["app"]["name"])
