"""Try it: what people will see of an Integration, with a page of ours in the place of its client."""

from collections.abc import Mapping
from dataclasses import replace

from starlette.responses import Response
from starlette.routing import Route

from appanage.apps import service as apps
from appanage.apps import versions
from appanage.apps.model import App
from appanage.apps.scopes import find, within_reach
from appanage.authorizations import pushed_requests
from appanage.kit.errors import Invalid
from appanage.kit.spans import span
from appanage.web.pages import Page, Pages
from appanage.web.portal import attempts
from appanage.web.portal.attempts import test_url
from appanage.web.portal.authorization_url import with_parameters
from appanage.web.portal.picker import note_for_integrations
from appanage.web.portal.sections import address, owned_integration, section
from appanage.web.visit import Visit, see_other


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route("/portal/apps/{id}/try", show),
        pages.route("/portal/apps/{id}/try", start, methods=["POST"]),
        pages.route("/portal/apps/{id}/try/url", register_url, methods=["POST"]),
    ]


def show(visit: Visit) -> Page:
    return _page(visit, owned_integration(visit))


def register_url(visit: Visit) -> Response | Page:
    """Adds our page to the redirect URLs of the app, like any other change of them."""
    app = owned_integration(visit, for_update=True)
    draft = versions.wanted(app)
    draft = replace(draft, redirect_urls=[*draft.redirect_urls, test_url(visit)])
    try:
        apps.update(visit.tx, app, draft, by=visit.viewer)
    except Invalid as invalid:
        return _page(visit, app, {"": invalid.message}, status=422)
    if app.is_listed:
        visit.tell("The test page becomes one of the redirect URLs when a reviewer approved that.")
    else:
        visit.tell(
            "The test page is now one of the redirect URLs. Remove it under Settings when you are done."
        )
    return see_other(f"{address(app)}/try")


def start(visit: Visit) -> Response | Page:
    """Sends the browser to the authorization endpoint, as the app would."""
    app = owned_integration(visit)
    scopes = visit.form.all("scope")
    if not scopes:
        return _page(visit, app, {"scope": "Choose at least one scope."}, status=422)
    attempt = attempts.begin(app)
    parameters = attempts.parameters_for(
        app,
        attempt,
        attempts.keep(visit, attempt),
        redirect_url=test_url(visit),
        scopes=scopes,
        asks_again=visit.form.has("again"),
    )
    # Without scheme and host: the answer finds its way only to the host that the browser is on.
    return see_other(with_parameters("/v1/authorize", _pushed(visit, app, parameters)))


def _pushed(visit: Visit, app: App, parameters: Mapping[str, str]) -> Mapping[str, str]:
    """An app that must push its requests (RFC 9126) names in the browser only where they are."""
    if not app.pushes_requests:
        return parameters
    lifetime = visit.deployment.settings.lifetimes.pushed_request
    request_uri = pushed_requests.push(visit.tx, app, parameters, by_client=True, lifetime=lifetime)
    return {"client_id": app.client_id, "request_uri": request_uri}


def _page(visit: Visit, app: App, errors: dict[str, str] | None = None, *, status: int = 200) -> Page:
    posted = visit.form.all("scope")
    settings = visit.deployment.settings
    return section(
        visit,
        app,
        "portal/app/try.html",
        tab="Try it",
        status=status,
        test_url=test_url(visit),
        is_registered=test_url(visit) in app.redirect_urls,
        waits=test_url(visit) in versions.wanted(app).redirect_urls,
        choices=[_choice(name) for name in [*app.scopes, *({"openid"} - set(app.scopes))]],
        chosen=posted or within_reach(visit.viewer.roles, app.scopes),
        code_life=span(settings.lifetimes.authorization_code),
        errors=errors or {},
    )


def _choice(name: str) -> tuple[str, str, str]:
    """A scope as a checkbox: with what it permits, and who can allow it."""
    scope = find(name)
    if scope is None:
        return name, name, ""
    note = "Brings an ID token." if name == "openid" else note_for_integrations(scope)
    return name, scope.title, f"{name}. {note}" if note else name
