"""The authorization endpoint (RFC 6749 §3.1): a browser brings a client's request."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from appanage import events
from appanage.apps import queries as apps
from appanage.apps.model import App
from appanage.authorizations import codes, consents, interactions, pushed_requests
from appanage.authorizations.model import Authorization
from appanage.kit.errors import Invalid, Refused
from appanage.oauth import responses
from appanage.oauth.authorization import AuthorizationRequest, Prompt, RedirectableError, read
from appanage.oauth.errors import (
    AccountSelectionRequired,
    ConsentRequired,
    InteractionRequired,
    InvalidRequest,
    InvalidRequestUri,
    LoginRequired,
    OAuthError,
)
from appanage.oauth.parameters import each_once, parse
from appanage.oauth.responses import AuthorizationResponse, ResponseMode, location
from appanage.oauth.steps import Step, next_step
from appanage.web.oauth.handoff import exit_of, hand_off
from appanage.web.oauth.interaction import address_of
from appanage.web.oauth.requests import only_known, rules_for, server_of
from appanage.web.pages import Page, Pages
from appanage.web.visit import Visit, see_other

PATH = "/v1/authorize"


@dataclass(frozen=True, slots=True)
class Arrived:
    """The parameters of a request and the app that they name, if there is one."""

    parameters: Mapping[str, str]
    app: App | None
    was_pushed: bool = False


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route(PATH, authorize),
        pages.route(PATH, accept_form, methods=["POST"], from_anywhere=True),
    ]


def authorize(visit: Visit) -> Response | Page | Refused:
    """Answers at once, or sends the browser on to what the person has to do first."""
    visit.deployment.throttle.count_beginning(visit.origin.address)
    arrived = _NOTHING
    try:
        arrived = _arrive(visit, parse(visit.raw_query))
        arrived = _with_what_was_pushed(visit, arrived)
        request = _read(visit, arrived)
    except RedirectableError as refused:
        _record(visit, arrived.app, refused.error)
        issuer = visit.deployment.settings.issuer
        return _leave(visit, responses.failure(refused.error, to=refused, issuer=issuer))
    except OAuthError as error:
        _record(visit, arrived.app, error)
        return Refused(Invalid(error.description, code=error.code))
    assert arrived.app is not None
    return _proceed(visit, arrived.app, request)


def accept_form(visit: Visit) -> Response | Refused:
    """The same request as a form (RFC 6749 §3.1, OpenID Connect Core §3.1.2.1).

    A form of another site comes without our cookie, so it is kept like a pushed request and the browser asks again.
    """
    visit.deployment.throttle.count_beginning(visit.origin.address)
    try:
        parameters = _form_parameters(visit)
        app = apps.find_by_client_id(visit.tx, parameters.get("client_id", ""))
        if app is None or not app.is_active:
            raise InvalidRequest("There is no app with this client_id, or it is not in use.")
        if "request_uri" in parameters:
            raise InvalidRequest("Send a request_uri by GET.")
    except OAuthError as error:
        _record(visit, None, error)
        return Refused(Invalid(error.description, code=error.code))
    lifetime = visit.deployment.settings.lifetimes.pushed_request
    request_uri = pushed_requests.push(visit.tx, app, parameters, lifetime=lifetime, by_client=False)
    return _seen_other(app, request_uri)


def _arrive(visit: Visit, parameters: Mapping[str, str]) -> Arrived:
    return Arrived(parameters, apps.find_by_client_id(visit.tx, parameters.get("client_id", "")))


def _with_what_was_pushed(visit: Visit, arrived: Arrived) -> Arrived:
    """Puts the parameters that were pushed in place of the request's own (RFC 9126 §4)."""
    app, request_uri = arrived.app, arrived.parameters.get("request_uri", "")
    if app is None or not request_uri.startswith(pushed_requests.URN):
        return arrived
    taken = pushed_requests.take(visit.tx, app, request_uri)
    if taken is None:
        raise InvalidRequestUri(
            "The request_uri is unknown, expired or used. Go back to the app and start again."
        )
    return Arrived(taken.parameters, app, was_pushed=taken.by_client)


def _read(visit: Visit, arrived: Arrived) -> AuthorizationRequest:
    deployment = visit.deployment
    client = rules_for(deployment, arrived.app) if arrived.app else None
    server = server_of(deployment)
    request = read(arrived.parameters, client, server, was_pushed=arrived.was_pushed)
    # The platform's own API is what every token is for unless another resource is named.
    return replace(request, resource=None) if request.resource == server.issuer else request


def _proceed(visit: Visit, app: App, request: AuthorizationRequest) -> Response | Page:
    standing = interactions.standing_of(visit.tx, app, request, visit.session)
    try:
        step = next_step(request, standing, began_at=visit.tx.now, now=visit.tx.now)
    except OAuthError as error:
        return _fail(visit, app, request, error)
    allowed = _allowed_earlier(visit, app, request) if step is Step.ISSUE else None
    if allowed is not None:
        return _issue(visit, allowed, request)
    if Prompt.NONE in request.prompts:
        return _fail(visit, app, request, ConsentRequired("The person must consent."))
    lifetime = visit.deployment.settings.lifetimes.interaction
    begun = interactions.begin(visit.tx, app, request, cookie=visit.cookie, lifetime=lifetime)
    return RedirectResponse(address_of(begun), 302)


def _allowed_earlier(visit: Visit, app: App, request: AuthorizationRequest) -> Authorization | None:
    return consents.confirm(visit.tx, app, visit.viewer, scopes=request.scopes, resource=request.resource)


def _issue(visit: Visit, allowed: Authorization, request: AuthorizationRequest) -> Response | Page:
    settings = visit.deployment.settings
    lifetime = settings.lifetimes.authorization_code
    code = codes.issue(visit.tx, allowed, request, session=visit.browser, lifetime=lifetime)
    return _leave(visit, responses.success(code.reveal(), to=request, issuer=settings.issuer))


def _fail(visit: Visit, app: App, request: AuthorizationRequest, error: OAuthError) -> Response | Page:
    _record(visit, app, error)
    issuer = visit.deployment.settings.issuer
    return _leave(visit, responses.failure(error, to=request, issuer=issuer))


def _leave(visit: Visit, answer: AuthorizationResponse) -> Response | Page:
    """The browser came by itself, not by a form of ours, so it may leave by a redirect (decision 0011)."""
    if answer.mode is ResponseMode.FORM_POST:
        return hand_off(visit, exit_of(answer))
    return RedirectResponse(location(answer), 302, {"Referrer-Policy": "no-referrer"})


def _form_parameters(visit: Visit) -> Mapping[str, str]:
    if visit.raw_query:
        raise InvalidRequest("Send the parameters in the body or in the URL, not in both.")
    return only_known(each_once(visit.form.fields))


def _seen_other(app: App, request_uri: str) -> Response:
    return see_other(f"{PATH}?{urlencode({'client_id': app.client_id, 'request_uri': request_uri})}")


def _record(visit: Visit, app: App | None, error: OAuthError) -> None:
    """Keeps a trace for the app's developers, without whose browser it was (AUD-05); a flood of them is not kept."""
    if isinstance(error, _NOT_RECORDED) or not visit.deployment.throttle.allows_trace(visit.origin.address):
        return
    made = events.record(
        visit.tx,
        "authorization_request.refused",
        organization_id=app.organization_id if app else events.PLATFORM,
        actor=events.Actor(name="Somebody", kind="unknown"),
        target=app.as_target() if app else events.Target("app", "", "an unknown app"),
        app_id=app.id if app else None,
        data={"error": error.code, "reason": error.description},
        outcome=events.Outcome.REFUSED,
    )
    made.address = made.user_agent = ""


_NOTHING = Arrived({}, None)

# To ask without a page whether somebody is there is no offence.
_NOT_RECORDED = (LoginRequired, ConsentRequired, InteractionRequired, AccountSelectionRequired)
