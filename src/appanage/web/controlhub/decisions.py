"""Deciding on one Service App: the review, the switch, and the page that confirms a deauthorization."""

from dataclasses import replace
from datetime import datetime, timedelta

from starlette.routing import Route

from appanage.authorizations import queries as authorizations
from appanage.authorizations import service as authorization_service
from appanage.authorizations.model import Authorization, AuthorizationProposal
from appanage.kit.errors import Conflict, Invalid, Refused
from appanage.kit.text import count_of, one_line
from appanage.web.controlhub.access import Ability, enter, member
from appanage.web.controlhub.decision_form import DecisionForm
from appanage.web.controlhub.review import Review
from appanage.web.controlhub.review_page import (
    Answer,
    Errors,
    address_of,
    error_status,
    errors_of,
    page_of,
    refused_page,
    review_of,
    told,
)
from appanage.web.pages import Page, Pages
from appanage.web.rendering import date, date_and_time
from appanage.web.visit import Visit, see_other


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route("/hub/service-apps/{id}", show),
        pages.route("/hub/service-apps/{id}/decision", decide, methods=["POST"]),
        pages.route("/hub/service-apps/{id}/deauthorize", confirm),
        pages.route("/hub/service-apps/{id}/deauthorize", deauthorize, methods=["POST"]),
    ]


def show(visit: Visit) -> Page:
    enter(visit, Ability.SEE_APPS)
    return page_of(visit, review_of(visit))


def decide(visit: Visit) -> Answer:
    """Authorizes, approves or declines changes, or leads on to deauthorization.

    Who may is the service's to say, and to record.
    """
    member(visit)
    review, form = review_of(visit), DecisionForm.read(visit.form)
    if review.current and not form.authorized:
        return see_other(f"{address_of(review)}/deauthorize")
    # A form of somebody who may not decide, or about an app that has changed since, is for the service to refuse.
    is_theirs = not review.missing_roles and form.version == review.app.version
    problems = form.problems(review) if is_theirs else {}
    if problems:
        return page_of(visit, review, form=form, errors=problems, status=422)
    try:
        if review.added and form.declines:
            return _decline(visit, review, form)
        return _authorize(visit, review, form)
    except (Conflict, Invalid) as refusal:
        again = replace(form, change="", acknowledged=False)
        return page_of(
            visit, review_of(visit), form=again, errors=errors_of(refusal), status=error_status(refusal)
        )


def _authorize(visit: Visit, review: Review, form: DecisionForm) -> Answer:
    before = _held(review)
    result = authorization_service.authorize(
        visit.tx,
        review.app,
        by=review.viewer,
        machine_domain=visit.deployment.settings.machine_domain,
        note=form.note,
        version=form.version,
        scopes=form.scopes(review),
        ends_at=form.end(review, visit.tx.now),
        policy_version=form.policy,
        proposal_lifetime=visit.deployment.settings.proposal_lifetime,
    )
    if isinstance(result, Refused):
        return refused_page(visit, result)
    if isinstance(result, AuthorizationProposal):
        return told(visit, review, _proposed(review, result))
    return told(visit, review, _done(review, result, before))


def _decline(visit: Visit, review: Review, form: DecisionForm) -> Answer:
    added = count_of(len(review.added), "added scope", "added scopes")
    result = authorization_service.decline_changes(
        visit.tx, review.app, by=review.viewer, reason=form.reason, version=form.version
    )
    if isinstance(result, Refused):
        return refused_page(visit, result)
    scopes = count_of(len(result.usable_scopes), "scope", "scopes")
    return told(visit, review, f"{added} declined: {review.app.name} keeps the {scopes} it has.")


def confirm(visit: Visit) -> Page:
    enter(visit, Ability.DECIDE)
    review = review_of(visit)
    return _confirmation(visit, review) if review.current else _not_authorized(visit, review)


def deauthorize(visit: Visit) -> Answer:
    member(visit)
    review = review_of(visit)
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
        return _not_authorized(visit, review_of(visit))
    except Invalid as refusal:
        if review.current is None:
            return _not_authorized(visit, review)
        return _confirmation(visit, review, errors=refusal.fields, status=422)
    if isinstance(result, Refused):
        return refused_page(visit, result)
    return told(visit, review, f"{review.app.name} is deauthorized. Its tokens have stopped working.")


def _confirmation(visit: Visit, review: Review, *, errors: Errors | None = None, status: int = 200) -> Page:
    current = review.current
    assert current is not None
    return Page(
        "controlhub/serviceapps/deauthorize.html",
        status=status,
        area="hub",
        here="service-apps",
        review=review,
        address=address_of(review),
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
        by = f" by {ended.ended_by_name}" if ended.ended_by_name else ""
        over = f"deauthorized {date(ended.ended_at)}{by}"
        sentence = f"{sentence} {began}, {over}. Tokens stopped working then."
    return page_of(visit, review, errors={"": sentence}, status=409)


def _is_confirmed(visit: Visit, review: Review) -> bool:
    return visit.form.get("confirm").split() == review.app.name.split()


_Held = tuple[frozenset[str], datetime | None]


def _held(review: Review) -> _Held | None:
    """What there is before a decision: it changes with it."""
    current = review.current
    return (frozenset(current.scopes), current.ends_at) if current else None


def _done(review: Review, authorization: Authorization, before: _Held | None) -> str:
    name, organization = review.app.name, review.viewer.organization.name
    if before is None:
        return f"{name} is authorized for {organization}. Its developer can fetch tokens now."
    scopes = count_of(len(authorization.usable_scopes), "scope", "scopes")
    held, ends_at = before
    if held != frozenset(authorization.scopes):
        return f"The changes are approved: {name} has {scopes} now."
    if ends_at != authorization.ends_at:
        return f"{name} stays authorized for {organization} {_until(authorization.ends_at)}."
    if review.added:
        return f"Nothing was changed: {name} keeps the {scopes} it has."
    return f"Nothing was changed: {name} stays authorized for {organization}."


def _until(ends_at: datetime | None) -> str:
    return f"until {date(ends_at - timedelta(microseconds=1))}" if ends_at else "without an end"


def _proposed(review: Review, proposal: AuthorizationProposal) -> str:
    until = date_and_time(proposal.expires_at)
    return f"You proposed to authorize {review.app.name}. Another Full Administrator has to confirm it by {until}."
