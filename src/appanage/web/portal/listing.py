"""The listing of an app in the App Hub: what is said about it, handing it in, and the talk with its reviewers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from starlette.responses import Response
from starlette.routing import Route

from appanage.apphub import drafts, pictures, queries, submissions
from appanage.apphub.drafts import ListingText
from appanage.apphub.model import Submission, SubmissionState
from appanage.apphub.search import get_listing
from appanage.apphub.states import LABELS, Act, is_possible
from appanage.apphub.text import render_markdown
from appanage.apphub.vocabulary import CATEGORIES, INDUSTRIES, LANGUAGES
from appanage.apps.model import App
from appanage.kit.errors import Conflict, Invalid, NotFound
from appanage.kit.ids import Kind, parse_uuid
from appanage.kit.paging import PageRequest
from appanage.web.apphub import visitors
from appanage.web.pages import Page, Pages
from appanage.web.portal import drafts as forms
from appanage.web.portal.logos import picture
from appanage.web.portal.sections import address, owned_app, section
from appanage.web.visit import Form, Visit, see_other

_EARLIER = 10  # submissions that are named

TONES = {
    SubmissionState.SUBMITTED: "info",
    SubmissionState.IN_REVIEW: "info",
    SubmissionState.CHANGES_REQUESTED: "warn",
    SubmissionState.APPROVED: "ok",
    SubmissionState.REJECTED: "bad",
    SubmissionState.WITHDRAWN: "",
}


def routes(pages: Pages) -> list[Route]:
    """None where there is no App Hub."""
    if not pages.settings.rules.has_app_hub:
        return []
    base = "/portal/apps/{id}/listing"
    return [
        pages.route(base, show),
        pages.route(base, save, methods=["POST"]),
        pages.route(f"{base}/screenshots", add_screenshot, methods=["POST"]),
        pages.route(f"{base}/screenshots/{{picture}}", show_screenshot),
        pages.route(f"{base}/screenshots/{{picture}}/remove", remove_screenshot, methods=["POST"]),
        pages.route(f"{base}/submit", submit, methods=["POST"]),
        pages.route(f"{base}/withdraw", withdraw, methods=["POST"]),
        pages.route(f"{base}/message", answer, methods=["POST"]),
    ]


@dataclass(frozen=True, slots=True)
class ListingForm:
    """What the form holds: the text, and the organization's id as it was typed."""

    text: ListingText
    tags: str
    organization: str

    @classmethod
    def of(cls, visit: Visit, text: ListingText) -> "ListingForm":
        organization_id = text.test_organization_id
        shown = visit.ids.encode(Kind.ORGANIZATION, organization_id) if organization_id else ""
        return cls(text, ", ".join(text.tags), shown)

    @classmethod
    def read(cls, form: Form) -> "ListingForm":
        text = ListingText(
            tagline=form.get("tagline"),
            description=form.get("description").replace("\r\n", "\n"),
            categories=[one for one in form.all("categories") if one],
            tags=form.get("tags").split(","),
            industry=form.get("industry"),
            languages=form.all("languages"),
            video_url=form.get("videoUrl"),
            landing_url=form.get("landingUrl"),
            test_instructions=form.get("testInstructions").replace("\r\n", "\n"),
        )
        return cls(text, form.get("tags"), form.get("testOrganizationId").strip())

    def categories(self) -> list[str]:
        """One for each of the boxes to choose from."""
        chosen = list(self.text.categories)[: drafts.MOST_CATEGORIES]
        return chosen + [""] * (drafts.MOST_CATEGORIES - len(chosen))


def show(visit: Visit) -> Page:
    return _page(visit, owned_app(visit))


def save(visit: Visit) -> Response | Page:
    app, form = owned_app(visit, for_update=True), ListingForm.read(visit.form)
    try:
        text = _complete(visit, form)
        drafts.save(visit.tx, app, text, by=visit.viewer, version=forms.read_version(visit.form))
    except Conflict as conflict:
        return _page(visit, app, form=form, errors={"": conflict.message}, status=409)
    except Invalid as invalid:
        return _page(visit, app, form=form, errors=invalid.fields, status=422)
    visit.tell("The listing is saved. Nobody else sees it until it is handed in.")
    return see_other(_address(app))


def _complete(visit: Visit, form: ListingForm) -> ListingText:
    """The text with the organization that was named. Raises Invalid when there is none with this id."""
    if not form.organization:
        return form.text
    try:
        found = visit.ids.decode(Kind.ORGANIZATION, form.organization)
    except NotFound as cause:
        sentence = "There is no organization with this id."
        raise Invalid(sentence, fields={"testOrganizationId": sentence}) from cause
    return replace(form.text, test_organization_id=found)


def add_screenshot(visit: Visit) -> Response | Page:
    app, content = owned_app(visit, for_update=True), visit.form.files.get("screenshot")
    if content is None:
        return _page(visit, app, errors={"screenshot": "Choose a picture first."}, status=422)
    try:
        pictures.add(visit.tx, app, content, visit.form.get("alternative"), by=visit.viewer)
    except Invalid as invalid:
        return _page(visit, app, errors=invalid.fields, status=422)
    except Conflict as conflict:
        return _page(visit, app, errors={"": conflict.message}, status=409)
    visit.tell("The screenshot is added.")
    return see_other(f"{_address(app)}#screenshots")


def remove_screenshot(visit: Visit) -> Response:
    app = owned_app(visit, for_update=True)
    pictures.remove(visit.tx, app, visit.id("picture"), by=visit.viewer)
    visit.tell("The screenshot is removed.")
    return see_other(f"{_address(app)}#screenshots")


def show_screenshot(visit: Visit) -> Response:
    found = pictures.get_picture(visit.tx, owned_app(visit), visit.id("picture"))
    return picture(found, digest=found.digest, is_named=True)


def submit(visit: Visit) -> Response | Page:
    app = owned_app(visit, for_update=True)
    try:
        made = submissions.submit(
            visit.tx,
            app,
            by=visit.viewer,
            reserved=visit.deployment.settings.reserved_words,
            version=forms.read_version(visit.form),
        )
    except Invalid as invalid:
        return _page(visit, app, errors={"": invalid.details}, status=422)
    except Conflict as conflict:
        return _page(visit, app, errors={"": conflict.message}, status=409)
    visit.tell(f"Number {made.number} is handed in. You are told when its reviewers ask or decide.")
    return see_other(_address(app))


def withdraw(visit: Visit) -> Response | Page:
    app = owned_app(visit, for_update=True)
    submission = _named(visit, app)
    try:
        submissions.withdraw(visit.tx, submission, by=visit.viewer)
    except Conflict as conflict:
        return _page(visit, app, errors={"": conflict.message}, status=409)
    visit.tell(f"Number {submission.number} is withdrawn.")
    return see_other(_address(app))


def answer(visit: Visit) -> Response | Page:
    app = owned_app(visit, for_update=True)
    submission, text = _named(visit, app), visit.form.get("text")
    try:
        submissions.answer(visit.tx, submission, text, by=visit.viewer)
    except Invalid as invalid:
        return _page(visit, app, errors=invalid.fields, message=text, status=422)
    except Conflict as conflict:
        return _page(visit, app, errors={"": conflict.message}, message=text, status=409)
    visit.tell("Your message is sent to the reviewers.")
    return see_other(f"{_address(app)}#talk")


def _named(visit: Visit, app: App) -> Submission:
    """The submission that the form is about; an older one may be decided by now."""
    submission_id = parse_uuid(visit.form.get("submission"))
    if submission_id is None:
        raise queries.no_such_submission()
    return queries.get_of_app(visit.tx, app, submission_id, for_update=True)


def _page(
    visit: Visit,
    app: App,
    *,
    form: ListingForm | None = None,
    errors: Mapping[str, object] | None = None,
    message: str = "",
    status: int = 200,
) -> Page:
    draft = queries.find_draft(visit.tx, app)
    saved = drafts.text_of(draft)
    earlier = queries.list_of_app(visit.tx, app, PageRequest(_EARLIER)).items
    latest = earlier[0] if earlier else None
    reserved = visit.deployment.settings.reserved_words
    return section(
        visit,
        app,
        "portal/app/listing.html",
        tab="Listing",
        status=status,
        address=_address(app),
        public_address=_public_address(visit, app),
        form=form or ListingForm.of(visit, saved),
        version=draft.version if draft else 0,
        theirs=_differences(form.text.tidy(), saved) if form and status == 409 else [],
        errors=errors or {},
        seen=submissions.outlook(visit.tx, app, reserved=reserved),
        preview=render_markdown(saved.description),
        shots=pictures.list_pictures(visit.tx, app),
        most_shots=pictures.MOST,
        latest=latest,
        earlier=earlier,
        talk=queries.read_talk(visit.tx, latest) if latest else None,
        message=message,
        can={act.name.lower(): _can(latest, act) for act in (Act.SUBMIT, Act.WITHDRAW, Act.ANSWER)},
        labels=LABELS,
        tones=TONES,
        categories=[("", "None"), *CATEGORIES.items()],
        industries=[("", "Choose…"), *INDUSTRIES.items()],
        languages=[(key, f"{name} ({key})", "") for key, name in LANGUAGES.items()],
    )


def _can(latest: Submission | None, act: Act) -> bool:
    if latest is None or not latest.is_open:
        return act is Act.SUBMIT
    return is_possible(SubmissionState(latest.state), act)


def _differences(typed: ListingText, saved: ListingText) -> list[tuple[str, str]]:
    """What somebody else saved, where it differs from what was typed."""
    mine, theirs = _as_listed(typed), _as_listed(saved)
    return [(label, theirs[label] or "Not given") for label in mine if mine[label] != theirs[label]]


def _as_listed(text: ListingText) -> dict[str, str]:
    return {
        "Tagline": text.tagline,
        "Description": text.description,
        "Categories": ", ".join(CATEGORIES.get(one, one) for one in text.categories),
        "Tags": ", ".join(text.tags),
        "Industry": INDUSTRIES.get(text.industry, text.industry),
        "Languages": ", ".join(LANGUAGES.get(one, one) for one in text.languages),
        "Video": text.video_url or "",
        "Landing page": text.landing_url or "",
        "Test instructions": text.test_instructions,
    }


def _public_address(visit: Visit, app: App) -> str:
    """Of its page in the App Hub; empty while it is not listed."""
    return visitors.address(get_listing(visit.tx, app.id, hidden_too=True)) if app.is_listed else ""


def _address(app: App) -> str:
    return f"{address(app)}/listing"
