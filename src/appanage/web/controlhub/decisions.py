"""Deciding on one Service App: the review, the switch, and the page that confirms a deauthorization."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from starlette.responses import Response
from starlette.routing import Route

from appanage.authorizations import decisions
from appanage.authorizations import queries as authorizations
from appanage.authorizations import service as authorization_service
from appanage.events.queries import list_about_app_in
from appanage.kit.errors import Conflict, Invalid, Refusal, Refused
from appanage.kit.http import status_of
from appanage.kit.text import count_of, one_line
from appanage.web.controlhub.access import Ability, enter, holders, may, member
from appanage.web.controlhub.review import Review, history_of, needed_for
from appanage.web.pages import Page, Pages
from appanage.web.rendering import date
from appanage.web.visit import Form, Visit, see_other

Answer = Response | Page | Refused
Errors = Mapping[str, str]

_HISTORY = 20


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route("/hub/service-apps/{id}", show),
        pages.route("/hub/service-apps/{id}/decision", decide, methods=["POST"]),
        pages.route("/hub/service-apps/{id}/deauthorize", confirm),
        pages.route("/hub/service-apps/{id}/deauthorize", deauthorize, methods=["POST"]),
    ]


@dataclass(frozen=True, slots=True)
class DecisionForm:
    """What the decision card posts. `version` is the app's as the administrator saw it."""

    authorized: bool
    change: str = ""
    acknowledged: bool = False
    note: str = ""
    version: int = 0

    @classmethod
    def read(cls, form: Form) -> Self:
        version = form.get("version")
        return cls(
            authorized=form.has("authorized"),
            change=form.get("change"),
            acknowledged=form.has("ack"),
            note=one_line(form.get("note")),
            version=int(version) if version.isascii() and version.isdigit() and len(version) < 10 else 0,
        )

    def problems(self, review: Review) -> dict[str, str]:
        """What is missing for the decision that was made, by field."""
        if not self.authorized:
            sentence = f"Turn this on to authorize {review.app.name}. Nothing was changed."
            return {"authorized": sentence}
        found = {}
        if review.added and self.change not in {"approve", "keep"}:
            found["change"] = "Choose whether to approve the added scopes."
        if review.to_acknowledge and not self.keeps and not self.acknowledged:
            found["ack"] = "Confirm that you reviewed the high-risk scopes. Nothing was changed."
        return found

    @property
    def keeps(self) -> bool:
        return self.change == "keep"


def show(visit: Visit) -> Page:
    enter(visit, Ability.SEE_APPS)
    return _page(visit, _review(visit))


def decide(visit: Visit) -> Answer:
    """Authorizes, approves changes, or leads on to deauthorization. Who may is the service's to say, and to record."""
    member(visit)
    review, form = _review(visit), DecisionForm.read(visit.form)
    if review.current and not form.authorized:
        return see_other(f"{_address(review)}/deauthorize")
    # A form of somebody who may not decide, or about an app that has changed since, is for the service to refuse.
    is_theirs = not review.missing_roles and form.version == review.app.version
    problems = form.problems(review) if is_theirs else {}
    if problems:
        return _page(visit, review, form=form, errors=problems, status=422)
    if review.added and form.keeps:
        return _told(visit, review, _kept(review))
    return _authorize(visit, review, form)


def _authorize(visit: Visit, review: Review, form: DecisionForm) -> Answer:
    done = _done(review)
    try:
        result = authorization_service.authorize(
            visit.tx,
            review.app,
            by=review.viewer,
            machine_domain=visit.deployment.settings.machine_domain,
            note=form.note,
            version=form.version,
        )
    except (Conflict, Invalid) as refusal:
        again = replace(form, change="", acknowledged=False)
        return _page(visit, _review(visit), form=again, errors=_errors(refusal), status=_status(refusal))
    return _refused(visit, result) if isinstance(result, Refused) else _told(visit, review, done)


def confirm(visit: Visit) -> Page:
    enter(visit, Ability.DECIDE)
    review = _review(visit)
    return _confirmation(visit, review) if review.current else _not_authorized(visit, review)


def deauthorize(visit: Visit) -> Answer:
    member(visit)
    review = _review(visit)
    if review.current and review.may_deauthorize and not _is_confirmed(visit, review):
        sentence = f"Type {review.app.name} to confirm. Nothing was changed."
        return _confirmation(visit, review, errors={"confirm": sentence}, status=422)
    try:
        result = authorization_service.deauthorize(
            visit.tx,
            review.app,
            by=review.viewer,
            longest_token=visit.deployment.settings.lifetimes.longest_access_token,
            reason=one_line(visit.form.get("reason")),
        )
    except Conflict:
        return _not_authorized(visit, _review(visit))
    except Invalid as refusal:
        if review.current is None:
            return _not_authorized(visit, review)
        return _confirmation(visit, review, errors=refusal.fields, status=422)
    if isinstance(result, Refused):
        return _refused(visit, result)
    return _told(visit, review, f"{review.app.name} is deauthorized. Its tokens have stopped working.")


def _review(visit: Visit) -> Review:
    return Review(decisions.get_decision(visit.tx, visit.viewer, visit.id()), visit.viewer)


def _page(
    visit: Visit,
    review: Review,
    *,
    form: DecisionForm | None = None,
    errors: Errors | None = None,
    status: int = 200,
) -> Page:
    only_changes = review.has_changes and visit.text("show") == "changes"
    organization_id = review.viewer.organization_id
    events = list_about_app_in(visit.tx, review.app.id, organization_id, limit=_HISTORY)
    return Page(
        "controlhub/serviceapps/show.html",
        status=status,
        area="hub",
        here="service-apps",
        review=review,
        address=_address(review),
        form=form or DecisionForm(authorized=review.current is not None),
        errors=errors or {},
        lines=review.lines(only_changes=only_changes),
        only_changes=only_changes,
        missing=[(role.label, holders(visit, role)) for role in review.missing_roles],
        compliance_scopes=needed_for(review.app.scopes),
        can_assign_roles=may(review.viewer, Ability.ASSIGN_ROLES),
        history=history_of(events),
    )


def _confirmation(visit: Visit, review: Review, *, errors: Errors | None = None, status: int = 200) -> Page:
    current = review.current
    assert current is not None
    return Page(
        "controlhub/serviceapps/deauthorize.html",
        status=status,
        area="hub",
        here="service-apps",
        review=review,
        address=_address(review),
        errors=errors or {},
        reason=one_line(visit.form.get("reason")),
        refresh_tokens=authorizations.count_live_refresh_tokens(visit.tx, current),
        refreshed_at=authorizations.last_refreshed_at(visit.tx, current),
    )


def _not_authorized(visit: Visit, review: Review) -> Page:
    """Somebody else was faster, or the link is old: how it stands now, and since when."""
    ended = review.ended
    sentence = f"{review.app.name} is not authorized for {review.viewer.organization.name}."
    if ended is not None and ended.ended_at is not None:
        began = f"Authorized {date(ended.authorized_at)} by {ended.authorized_by_name}"
        over = f"deauthorized {date(ended.ended_at)} by {ended.ended_by_name}"
        sentence = f"{sentence} {began}, {over}. Tokens stopped working then."
    return _page(visit, review, errors={"": sentence}, status=409)


def _refused(visit: Visit, refused: Refused) -> Page | Refused:
    """The service refused and recorded it; who may see the page is told there."""
    review = _review(visit)
    if not may(review.viewer, Ability.SEE_APPS):
        return refused
    return _page(visit, review, errors={"": refused.error.message}, status=403)


def _told(visit: Visit, review: Review, sentence: str) -> Response:
    visit.tell(sentence)
    return see_other(_address(review))


def _done(review: Review) -> str:
    name, organization = review.app.name, review.viewer.organization.name
    if review.current is None:
        return f"{name} is authorized for {organization}. Its developer can fetch tokens now."
    if review.has_changes:
        scopes = count_of(len(review.app.scopes), "scope", "scopes")
        return f"The changes are approved: {name} has {scopes} now."
    return f"Nothing was changed: {name} stays authorized for {organization}."


def _kept(review: Review) -> str:
    assert review.current is not None
    scopes = count_of(len(review.current.usable_scopes), "scope", "scopes")
    return f"Nothing was changed: {review.app.name} keeps the {scopes} it has."


def _is_confirmed(visit: Visit, review: Review) -> bool:
    return visit.form.get("confirm").split() == review.app.name.split()


def _errors(refusal: Refusal) -> Errors:
    return refusal.fields if isinstance(refusal, Invalid) and refusal.fields else {"": refusal.message}


def _status(refusal: Refusal) -> int:
    return 422 if isinstance(refusal, Invalid) else status_of(refusal)


def _address(review: Review) -> str:
    return f"/hub/service-apps/{review.app.id}"
