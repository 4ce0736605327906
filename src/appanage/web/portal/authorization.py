"""Asking the administrators of the own organization to authorize an app."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import Route

from appanage.apps.model import App
from appanage.apps.scopes import needs_compliance_officer
from appanage.authorizations import queries
from appanage.authorizations import service as authorizations
from appanage.directory import queries as directory
from appanage.directory.model import Account
from appanage.directory.roles import Role
from appanage.kit.errors import Conflict, Invalid
from appanage.web.pages import Page, Pages
from appanage.web.portal.sections import address, owned_service_app, section
from appanage.web.visit import Visit, see_other


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route("/portal/apps/{id}/authorization", show),
        pages.route("/portal/apps/{id}/authorization", request, methods=["POST"]),
    ]


@dataclass(frozen=True, slots=True)
class Deciders:
    """Who can authorize an app in its own organization."""

    full: Sequence[Account]
    needs_compliance: bool

    @property
    def able(self) -> list[Account]:
        needed = Role.COMPLIANCE_OFFICER if self.needs_compliance else Role.FULL_ADMIN
        return [one for one in self.full if one.has_any(needed)]


def show(visit: Visit) -> Page:
    return _page(visit, owned_service_app(visit))


def request(visit: Visit) -> Response | Page:
    """Asks, or asks again: a repeat is a reminder."""
    app = owned_service_app(visit, for_update=True)
    asked_before = queries.find_request(visit.tx, app, app.organization_id) is not None
    message = visit.form.get("message").replace("\r\n", "\n")
    try:
        authorizations.request_authorization(visit.tx, app, by=visit.viewer, message=message)
    except Invalid as invalid:
        return _page(visit, app, message, invalid.fields, status=422)
    except Conflict as conflict:
        return _page(visit, app, message, {"": conflict.message}, status=409)
    place = visit.deployment.settings.brand.hub
    verb = "The request is renewed" if asked_before else "Authorization is requested"
    visit.tell(f"{verb}. {app.name} waits under Service apps in {place}.")
    return see_other(f"{address(app)}/authorization")


def _page(
    visit: Visit, app: App, message: str = "", errors: dict[str, str] | None = None, *, status: int = 200
) -> Page:
    viewer, organization = visit.viewer, app.organization
    full = directory.list_with_role(visit.tx, organization.id, Role.FULL_ADMIN)
    return section(
        visit,
        app,
        "portal/app/authorization.html",
        tab="Organizations",
        status=status,
        organization=organization,
        request=queries.find_request(visit.tx, app, organization.id),
        authorization=queries.find_of_organization(visit.tx, app, organization.id),
        deciders=Deciders(full, bool(needs_compliance_officer(app.scopes))),
        can_decide=viewer.has_any(Role.FULL_ADMIN) and not organization.is_free,
        link=f"{visit.deployment.settings.base_url}/hub/service-apps/{app.id}",
        message=message,
        errors=errors or {},
    )
