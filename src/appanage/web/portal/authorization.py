"""Asking administrators to authorize an app: those of the own organization, and those it is shared with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from starlette.responses import Response
from starlette.routing import Route

from appanage.apps.model import App
from appanage.apps.scopes import needs_compliance_officer
from appanage.authorizations import queries, requests
from appanage.authorizations.model import AuthorizationRequest, RequestOrigin
from appanage.directory import queries as directory
from appanage.directory.model import Account
from appanage.directory.roles import Role
from appanage.kit.errors import Conflict, Invalid
from appanage.kit.text import one_line
from appanage.web.pages import Page, Pages
from appanage.web.portal.requests import Row, shares_of
from appanage.web.portal.sections import address, owned_service_app, section
from appanage.web.visit import Form, Visit, see_other


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


@dataclass(frozen=True, slots=True)
class ShareForm:
    """An organization by its id or domain, and a word to its administrators."""

    organization: str = ""
    message: str = ""

    @classmethod
    def read(cls, form: Form) -> Self:
        return cls(one_line(form.get("organization")), _lines(form.get("share_message")))


def show(visit: Visit) -> Page:
    """A link can name the organization to share with, such as a sandbox."""
    share = ShareForm(visit.text("organization"))
    return authorization_page(visit, owned_service_app(visit), share=share)


def request(visit: Visit) -> Response | Page:
    """Asks, or asks again: a repeat is a reminder."""
    app = requests.get_to_request(
        visit.tx,
        visit.viewer,
        owned_service_app(visit).id,
        visit.viewer.organization_id,
        rules=visit.deployment.app_rules,
    )
    asked_before = _asked(visit, app)
    message = _lines(visit.form.get("message"))
    is_reminder = asked_before is not None and asked_before.is_open
    try:
        requests.request_authorization(visit.tx, app, by=visit.viewer, message=message)
    except Invalid as invalid:
        return authorization_page(visit, app, message, invalid.fields, status=422)
    except Conflict as conflict:
        return authorization_page(visit, app, message, {"": conflict.message}, status=409)
    place = visit.deployment.settings.brand.hub
    verb = "The request is renewed" if is_reminder else "Authorization is requested"
    visit.tell(f"{verb}. {app.name} waits under Requests in {place}.")
    return see_other(f"{address(app)}/authorization")


def authorization_page(
    visit: Visit,
    app: App,
    message: str = "",
    errors: Mapping[str, str] | None = None,
    *,
    share: ShareForm | None = None,
    status: int = 200,
) -> Page:
    viewer, organization = visit.viewer, app.organization
    full = directory.list_with_role(visit.tx, organization.id, Role.FULL_ADMIN)
    asked = _asked(visit, app)
    return section(
        visit,
        app,
        "portal/app/authorization.html",
        tab="Organizations",
        status=status,
        organization=organization,
        asked=Row(asked, viewer, visit.tx.now) if asked else None,
        authorization=queries.find_of_organization(visit.tx, app, organization.id),
        deciders=Deciders(full, bool(needs_compliance_officer(app.scopes))),
        has_sandboxes=visit.deployment.settings.sandboxes,
        can_decide=viewer.has_any(Role.FULL_ADMIN) and not organization.is_free,
        link=f"{visit.deployment.settings.base_url}/hub/service-apps/{app.id}",
        message=message,
        share=share or ShareForm(),
        shares=shares_of(visit, app),
        errors=errors or {},
    )


def _asked(visit: Visit, app: App) -> AuthorizationRequest | None:
    return queries.find_request(visit.tx, app, app.organization_id, RequestOrigin.DEVELOPER)


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n")
