"""An app at a glance: where it stands, what to do next, and how to make the first call."""

from starlette.routing import Route

from appanage.authorizations import queries as authorizations
from appanage.authorizations.queries import AuthorizationFilter
from appanage.kit.ids import Kind
from appanage.kit.paging import PageRequest
from appanage.web.pages import Page, Pages
from appanage.web.portal.sections import owned_app, section
from appanage.web.visit import Visit


def routes(pages: Pages) -> list[Route]:
    return [pages.route("/portal/apps/{id}", show)]


def show(visit: Visit) -> Page:
    app = owned_app(visit)
    active = AuthorizationFilter(active=True)
    newest = authorizations.list_for_app(visit.tx, app, active, PageRequest(1)).items
    organization = newest[0].organization if newest else None
    return section(
        visit,
        app,
        "portal/app/overview.html",
        tab="Overview",
        base_url=visit.deployment.settings.base_url,
        app_id=visit.ids.encode(Kind.APPLICATION, app.client_id),
        organization_id=visit.ids.encode(Kind.ORGANIZATION, organization.id) if organization else "",
        organization_name=organization.name if organization else "",
    )
