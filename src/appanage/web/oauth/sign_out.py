"""Sign-out that an app asks for (OpenID Connect RP-Initiated Logout 1.0)."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from appanage.apps import queries as apps
from appanage.apps.model import App
from appanage.kit.errors import Invalid
from appanage.oauth.errors import OAuthError
from appanage.oauth.id_tokens import Hint, read_hint
from appanage.oauth.parameters import each_once, parse
from appanage.oauth.responses import AuthorizationResponse, ResponseMode, location
from appanage.signin import service as signin
from appanage.web.csp import KEEPS_OPENER
from appanage.web.oauth.handoff import Exit, hand_off
from appanage.web.pages import Page, Pages, fresh_cookie, renew_cookie
from appanage.web.visit import Visit, see_other

_ADDRESS = "/v1/logout"
_PARAMETERS = ("client_id", "id_token_hint", "post_logout_redirect_uri", "state")
_LONGEST_STATE = 2000
_LONGEST = 12_000  # characters of all parameters


@dataclass(frozen=True, slots=True)
class SignOutRequest:
    """Who asks, as far as they say; where the browser goes afterwards; whom they signed in."""

    app: App | None
    target: str | None
    state: str | None
    hint: Hint | None

    @property
    def way_out(self) -> Exit | None:
        if self.target is None:
            return None
        if self.state is None:
            return Exit(self.target)
        return Exit(location(AuthorizationResponse(self.target, ResponseMode.QUERY, {"state": self.state})))


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route(_ADDRESS, show),
        pages.route(_ADDRESS, accept_form, methods=["POST"], from_anywhere=True),
        pages.route("/oauth/sign-out", sign_out, methods=["POST"]),
    ]


def accept_form(visit: Visit) -> Response:
    """The same request as a form. One of another site comes without our cookie, so the browser asks again by GET."""
    try:
        return see_other(_address(each_once(visit.form.fields)))
    except OAuthError as error:
        raise Invalid(error.description) from error


def show(visit: Visit) -> Page:
    """Asks the person, whoever sent them: nobody is signed out by a link alone (RP-Initiated Logout §2)."""
    asked = _read(visit)
    if visit.session is None:
        return _go_on(visit, asked)
    person = visit.viewer
    return Page(
        "oauth/sign_out.html",
        kind="signin",
        headers=KEEPS_OPENER,
        app=asked.app,
        person=person,
        is_somebody_else=asked.hint is not None and asked.hint.subject != str(person.id),
        way_out=asked.way_out,
        fields=_kept(asked),
    )


def sign_out(visit: Visit) -> Response:
    """Signs this browser out, then shows the same address again: there nobody is signed in any more."""
    if visit.session is not None:
        signin.sign_out(visit.tx, visit.session)
    sent = {name: visit.form.get(name) for name in _PARAMETERS}
    return renew_cookie(see_other(_address(sent)), fresh_cookie())


def _address(parameters: Mapping[str, str]) -> str:
    if sum(len(parameters.get(name, "")) for name in _PARAMETERS) > _LONGEST:
        raise Invalid("The parameters are too long. Leave out what is not needed.")
    known = {name: parameters[name] for name in _PARAMETERS if parameters.get(name)}
    return f"{_ADDRESS}?{urlencode(known)}" if known else _ADDRESS


def _read(visit: Visit) -> SignOutRequest:
    """Raises Invalid. What cannot be trusted is not used: without a valid target nobody is sent anywhere."""
    try:
        parameters = parse(visit.raw_query)
        hint = _hint(visit, parameters.get("id_token_hint"))
    except OAuthError as error:
        raise Invalid(error.description) from error
    app = _app(visit, parameters.get("client_id"), hint)
    state = parameters.get("state")
    if len(state or "") > _LONGEST_STATE:
        raise Invalid(f"state has at most {_LONGEST_STATE} characters.")
    return SignOutRequest(app, _target(app, parameters.get("post_logout_redirect_uri")), state, hint)


def _hint(visit: Visit, token: str | None) -> Hint | None:
    if token is None:
        return None
    keys = visit.deployment.keys
    keys.keep_current(visit.tx)
    return read_hint(token, keys.find, issuer=visit.deployment.settings.issuer)


def _app(visit: Visit, client_id: str | None, hint: Hint | None) -> App | None:
    if client_id and hint and hint.client_id != client_id:
        raise Invalid("The id_token_hint was issued to another client than client_id names.")
    named = client_id or (hint.client_id if hint else None)
    found = apps.find_by_client_id(visit.tx, named) if named else None
    return found if found and found.is_active and found.is_integration else None


def _target(app: App | None, url: str | None) -> str | None:
    """Where the browser may go: an address that the app registered for this, character for character (§3)."""
    if url is not None and (app is None or url not in app.sign_out_urls):
        raise Invalid(
            "The post_logout_redirect_uri is not registered for this app, or client_id and id_token_hint do not name one. "
            "You are not signed out."
        )
    return url


def _kept(asked: SignOutRequest) -> Mapping[str, str]:
    """What the form brings back. The hint has done its work."""
    kept = {
        "client_id": asked.app.client_id if asked.app else "",
        "post_logout_redirect_uri": asked.target or "",
        "state": asked.state or "",
    }
    return {name: value for name, value in kept.items() if value}


def _go_on(visit: Visit, asked: SignOutRequest) -> Page:
    if asked.way_out is not None:
        return hand_off(visit, asked.way_out)
    return Page("oauth/signed_out.html", kind="signin")
