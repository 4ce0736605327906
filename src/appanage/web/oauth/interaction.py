"""The pages between an authorization request and its answer: whose account, what for, yes or no."""

from collections.abc import Callable, Mapping
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from appanage.authorizations import codes, consents, interactions
from appanage.authorizations.model import Authorization, Interaction
from appanage.kit.errors import Conflict, NotFound, NotPermitted, Refusal, Refused
from appanage.kit.ids import parse_uuid
from appanage.oauth import redirects, responses
from appanage.oauth.authorization import AuthorizationRequest
from appanage.oauth.errors import AccessDenied
from appanage.oauth.steps import Step, next_step
from appanage.web.csp import KEEPS_OPENER
from appanage.web.oauth.handoff import Exit, exit_of, hand_off, offer
from appanage.web.oauth.permissions import Permission, describe
from appanage.web.pages import Page, Pages
from appanage.web.visit import Visit, see_other

_PREFIX = "/oauth/authorize/"


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route(_PREFIX + "{id}", show),
        pages.route(_PREFIX + "{id}/account", choose_account, methods=["POST"]),
        pages.route(_PREFIX + "{id}/decision", decide, methods=["POST"]),
    ]


def address_of(interaction: Interaction) -> str:
    return f"{_PREFIX}{interaction.id}"


def _sign_in_address(interaction: Interaction) -> str:
    """Also for who is signed in: the sign-in page shows its form to everybody who is on the way to an interaction."""
    return f"/login?next={address_of(interaction)}"


def find_at(visit: Visit, path: str) -> Interaction | None:
    """The open interaction of this browser at the address, if it is the address of one."""
    found = parse_uuid(path.removeprefix(_PREFIX)) if path.startswith(_PREFIX) else None
    return interactions.find(visit.tx, found, cookie=visit.cookie) if found else None


def show(visit: Visit) -> Response | Page | Refused:
    """Whatever comes next: it depends on what is known of the person by now."""
    interaction = _get(visit)
    return _NEXT[_step(visit, interaction)](visit, interaction)


def choose_account(visit: Visit) -> Response:
    interaction = _get(visit)
    interactions.choose(interaction, visit.viewer)
    return see_other(address_of(interaction))


def decide(visit: Visit) -> Response | Page | Refused:
    """The answer of the consent page. Whoever is not the one that it was shown to is asked again."""
    allowed = visit.form.get("decision") == "allow"
    interaction = _get(visit, or_just_allowed=allowed)
    if not allowed:
        return _decline(visit, interaction)
    if _step(visit, interaction) not in {Step.CONSENT, Step.ISSUE}:
        return see_other(address_of(interaction))
    return _issue(visit, interaction)


def _get(visit: Visit, *, or_just_allowed: bool = False) -> Interaction:
    found = interactions.find(visit.tx, visit.id(), cookie=visit.cookie, or_just_allowed=or_just_allowed)
    if found is None or not found.app.is_active:
        raise NotFound(
            "This request was answered already, has expired, or was begun in another browser. "
            "Go back to the app and start again.",
            code="interaction_not_found",
        )
    return found


def _step(visit: Visit, interaction: Interaction) -> Step:
    return next_step(
        interactions.request_of(interaction),
        interactions.standing(visit.tx, interaction, visit.session),
        began_at=interaction.began_at,
        now=visit.tx.now,
    )


def _sign_in(visit: Visit, interaction: Interaction) -> Response:
    del visit
    return see_other(_sign_in_address(interaction))


def _choose(visit: Visit, interaction: Interaction) -> Page:
    return _page(visit, interaction, "oauth/account.html")


def _ask(visit: Visit, interaction: Interaction) -> Page | Refused:
    app, person, request = interaction.app, visit.viewer, interactions.request_of(interaction)
    refused = consents.refusal(visit.tx, app, person, request.scopes)
    if refused is not None:
        return _refuse(visit, interaction, refused)
    current = consents.find(visit.tx, app, person)
    return _page(
        visit,
        interaction,
        "oauth/consent.html",
        way_out=Exit(request.redirect_uri),
        names_its_owner=redirects.names_its_owner(request.redirect_uri),
        since=current.scopes_approved_at if current else None,
        **asked_for(request.scopes, request.resource, current),
    )


def asked_for(
    scopes: frozenset[str], resource: str | None, current: Authorization | None
) -> Mapping[str, Any]:
    """What is asked for, apart: what is `new`, and what was allowed `earlier` (checklist CONS-01)."""
    known = current.consented_at(resource) if current else frozenset()
    new, earlier = describe(scopes - known, new=current is not None), describe(scopes & known)
    if resource is not None:
        is_new = current is None or resource not in current.resources
        place = Permission(f"Do this at {resource}", "", "low", "", new=is_new and current is not None)
        (new if is_new else earlier).append(place)
    return {"new": new, "earlier": earlier}


def _page(visit: Visit, interaction: Interaction, template: str, **context: Any) -> Page:
    return Page(
        template,
        kind="signin",
        headers=KEEPS_OPENER,
        app=interaction.app,
        person=visit.viewer,
        action=address_of(interaction),
        other_account=_sign_in_address(interaction),
        **context,
    )


def _issue_again(visit: Visit, interaction: Interaction) -> Page | Refused:
    """The code, for what was allowed earlier; if that was taken back a moment ago, the person is asked."""
    request = interactions.request_of(interaction)
    confirmed = consents.confirm(
        visit.tx, interaction.app, visit.viewer, scopes=request.scopes, resource=request.resource
    )
    if confirmed is None:
        return _ask(visit, interaction)
    if not interactions.decide(visit.tx, interaction, allowed=True):
        return _too_late(visit, interaction)
    return _answer(visit, request, confirmed)


def _issue(visit: Visit, interaction: Interaction) -> Page | Refused:
    """The code, for what was allowed just now."""
    if not interactions.decide(visit.tx, interaction, allowed=True):
        return _too_late(visit, interaction)
    request = interactions.request_of(interaction)
    allowed = consents.allow(
        visit.tx, interaction.app, visit.viewer, scopes=request.scopes, resource=request.resource
    )
    if isinstance(allowed, Refused):
        return _blocked(visit, interaction, allowed.error)
    return _answer(visit, request, allowed)


def _answer(visit: Visit, request: AuthorizationRequest, allowed: Authorization) -> Page:
    settings = visit.deployment.settings
    lifetime = settings.lifetimes.authorization_code
    code = codes.issue(visit.tx, allowed, request, session=visit.browser, lifetime=lifetime)
    answer = responses.success(code.reveal(), to=request, issuer=settings.issuer)
    return hand_off(visit, exit_of(answer))


def _decline(visit: Visit, interaction: Interaction) -> Page | Refused:
    if not interactions.decide(visit.tx, interaction, allowed=False):
        return _too_late(visit, interaction)
    if visit.session is not None:
        consents.decline(visit.tx, interaction.app, visit.viewer)
    return hand_off(visit, _denied(visit, interaction, "The person declined the request."))


def _refuse(visit: Visit, interaction: Interaction, refused: NotPermitted) -> Page | Refused:
    """The person may not allow this: recorded once, and the request ends with it."""
    if not interactions.decide(visit.tx, interaction, allowed=False):
        return _too_late(visit, interaction)
    consents.refuse(visit.tx, interaction.app, visit.viewer, refused)
    return _blocked(visit, interaction, refused)


def _blocked(visit: Visit, interaction: Interaction, refused: Refusal) -> Page:
    return offer(
        "oauth/blocked.html",
        _denied(visit, interaction, "The person may not allow this app to do what it asks for."),
        status=403,
        app=interaction.app,
        person=visit.viewer,
        refused=refused,
    )


def _denied(visit: Visit, interaction: Interaction, description: str) -> Exit:
    request = interactions.request_of(interaction)
    issuer = visit.deployment.settings.issuer
    return exit_of(responses.failure(AccessDenied(description), to=request, issuer=issuer))


def _too_late(visit: Visit, interaction: Interaction) -> Refused:
    """Of two answers at the same moment the second one changes nothing, but is recorded (checklist CONS-09)."""
    sentence = (
        f"This request of {interaction.app.name} was answered already. Go back to the app to see the outcome."
    )
    if visit.session is not None:
        again = NotPermitted(sentence, code="answered_already")
        consents.refuse(visit.tx, interaction.app, visit.viewer, again)
    return Refused(Conflict(sentence, code="answered_already"))


_NEXT: Mapping[Step, Callable[[Visit, Interaction], Response | Page | Refused]] = {
    Step.SIGN_IN: _sign_in,
    Step.CHOOSE_ACCOUNT: _choose,
    Step.CONSENT: _ask,
    Step.ISSUE: _issue_again,
}
