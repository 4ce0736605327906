"""An app at a glance: where it stands, what to do next, and how to make the first call."""

from starlette.routing import Route

from appanage.apps.model import App
from appanage.authorizations import queries as authorizations
from appanage.authorizations.queries import AuthorizationFilter
from appanage.kit.ids import Kind
from appanage.kit.paging import PageRequest
from appanage.kit.spans import span
from appanage.web.pages import Page, Pages
from appanage.web.portal import bots
from appanage.web.portal.authorization_url import AuthorizationUrl
from appanage.web.portal.sections import owned_app, section
from appanage.web.visit import Visit


def routes(pages: Pages) -> list[Route]:
    return [pages.route("/portal/apps/{id}", show)]


def show(visit: Visit) -> Page:
    app = owned_app(visit)
    if app.is_bot:
        return bots.overview(visit, app)
    return _of_integration(visit, app) if app.is_integration else _of_service_app(visit, app)


def _of_service_app(visit: Visit, app: App) -> Page:
    active = AuthorizationFilter(active=True)
    newest = authorizations.list_of_organizations(visit.tx, app, active, PageRequest(1)).items
    organization = newest[0].organization if newest else None
    return section(
        visit,
        app,
        "portal/app/overview_service_app.html",
        tab="Overview",
        base_url=visit.deployment.settings.base_url,
        app_id=visit.ids.encode(Kind.APPLICATION, app.client_id),
        organization_id=visit.ids.encode(Kind.ORGANIZATION, organization.id) if organization else "",
        organization_name=organization.name if organization else "",
    )


def _of_integration(visit: Visit, app: App) -> Page:
    settings = visit.deployment.settings
    return section(
        visit,
        app,
        "portal/app/overview_integration.html",
        tab="Overview",
        base_url=settings.base_url,
        app_id=visit.ids.encode(Kind.APPLICATION, app.client_id),
        authorization_url=AuthorizationUrl.of(settings, app, visit.query.get("redirect")),
        redirect_choices=[(url, url) for url in app.redirect_urls],
        code_life=span(settings.lifetimes.authorization_code),
        rotates=visit.deployment.issuer.rotates(app),
    )
