"""The page about one Service App: what an administrator is shown, before and after deciding on it."""

from collections.abc import Mapping
from datetime import timedelta

from starlette.responses import Response

from appanage.authorizations import app_policies, decisions
from appanage.authorizations.decisions import DecisionState
from appanage.directory import queries as directory
from appanage.directory.model import Account
from appanage.directory.roles import Role
from appanage.events.queries import list_about_app_in
from appanage.kit.errors import Invalid, Refusal, Refused
from appanage.kit.http import status_of
from appanage.web.controlhub.access import Ability, holders, may
from appanage.web.controlhub.decision_form import DecisionForm, last_day
from appanage.web.controlhub.review import (
    Review,
    ScopeLine,
    departure_of,
    history_of,
    needed_for,
    scope_line,
)
from appanage.web.pages import Page
from appanage.web.visit import Visit, see_other

Answer = Response | Page | Refused
Errors = Mapping[str, str]

_HISTORY = 20
_FIELDS = {"scopes": "scope", "endsAt": "ends_on"}


def review_of(visit: Visit) -> Review:
    viewer = visit.viewer
    decision = decisions.get_decision(visit.tx, viewer, visit.id())
    terms = app_policies.terms_of(visit.tx, viewer.organization_id)
    current = decision.authorization if decision.state is DecisionState.AUTHORIZED else None
    wanted = current.added_scopes if current else frozenset(decision.app.scopes)
    verdict = (
        app_policies.verdict_on_decision(visit.tx, viewer.organization_id, decision.app, wanted, terms)
        if wanted
        else None
    )
    return Review(decision, viewer, terms, verdict)


def page_of(
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
    latest = review.terms.latest_end(visit.tx.now)
    return Page(
        "controlhub/serviceapps/show.html",
        status=status,
        area="hub",
        here="service-apps",
        review=review,
        address=address_of(review),
        form=form or DecisionForm.before(review, visit.tx.now),
        errors=errors or {},
        lines=review.lines(only_changes=only_changes),
        only_changes=only_changes,
        missing=[(role.label, holders(visit, role)) for role in review.missing_roles],
        compliance_scopes=needed_for(review.given),
        choosable=[(name, name, scope_line(review.app, name).text) for name in review.choosable],
        latest_day=last_day(latest) if latest else None,
        latest_end=latest - timedelta(microseconds=1) if latest else None,
        proposed=_proposed_lines(review),
        to_confirm=risks_to_confirm(review),
        second_ones=_second_ones(visit, review),
        departure=_departure(visit, review),
        can_assign_roles=may(review.viewer, Ability.ASSIGN_ROLES),
        history=history_of(events),
    )


def _proposed_lines(review: Review) -> list[ScopeLine]:
    """What the proposal would grant; marked where that is more than what is granted."""
    if review.proposal is None:
        return []
    granted = review.held if review.current else frozenset(review.proposal.scopes)
    return [scope_line(review.app, name, "" if name in granted else "new") for name in review.proposal.scopes]


def risks_to_confirm(review: Review) -> int:
    """The high-risk scopes that a confirmation would newly grant."""
    return review.high_risk(review.proposal.scopes) if review.proposal else 0


def _second_ones(visit: Visit, review: Review) -> list[str]:
    """Who could be the second administrator, where one is needed: people other than the first."""
    if not review.takes_two and review.proposal is None:
        return []
    first = review.proposal.proposed_by if review.proposal else review.viewer.id
    found = directory.list_with_role(visit.tx, review.viewer.organization_id, Role.FULL_ADMIN)
    return [one.display_name for one in found if one.is_active and one.id != first][:5]


def _departure(visit: Visit, review: Review) -> str:
    current = review.current
    if current is None or current.authorized_by_rule:
        return ""
    return departure_of(visit.tx.get(Account, current.authorized_by))


def refused_page(visit: Visit, refused: Refused) -> Page | Refused:
    """The service refused and recorded it; who may see the page is told there."""
    review = review_of(visit)
    if not may(review.viewer, Ability.SEE_APPS):
        return refused
    return page_of(visit, review, errors={"": refused.error.message}, status=status_of(refused.error))


def told(visit: Visit, review: Review, sentence: str) -> Response:
    visit.tell(sentence)
    return see_other(address_of(review))


def errors_of(refusal: Refusal) -> Errors:
    """By the names of the form's fields."""
    if not isinstance(refusal, Invalid) or not refusal.fields:
        return {"": refusal.message}
    return {_FIELDS.get(name, name): sentence for name, sentence in refusal.fields.items()}


def error_status(refusal: Refusal) -> int:
    return 422 if isinstance(refusal, Invalid) else status_of(refusal)


def address_of(review: Review) -> str:
    return f"/hub/service-apps/{review.app.id}"
