"""Which organizations authorized an app, and fetching the tokens for one of them."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import Route

from appanage.apps import queries as apps
from appanage.apps.model import App
from appanage.authorizations import organization_tokens
from appanage.authorizations import queries as authorizations
from appanage.authorizations.model import Authorization
from appanage.authorizations.queries import AuthorizationFilter
from appanage.authorizations.tokens import TokenPair
from appanage.kit.errors import Invalid, NotFound, Refused, TooMany
from appanage.kit.http import headers_of, status_of
from appanage.kit.ids import Kind, PublicIds, parse_uuid
from appanage.kit.text import count_of, slug
from appanage.web.pages import Page, Pages
from appanage.web.portal.requests import shares_of
from appanage.web.portal.sections import address, owned_service_app, section
from appanage.web.rendering import date_and_time
from appanage.web.signin.pages import too_many
from appanage.web.visit import Visit, see_other

STATES = {"authorized": "Authorized", "pending": "Scopes pending", "deauthorized": "Deauthorized"}


@dataclass(frozen=True, slots=True)
class Row:
    """One organization and the address that chooses it."""

    authorization: Authorization
    href: str

    @property
    def badge(self) -> tuple[str, str]:
        if not self.authorization.is_active:
            return "Deauthorized" if self.authorization.ended_by else "Ended", ""
        return ("Scopes pending", "warn") if self.authorization.added_scopes else ("Authorized", "ok")

    @property
    def scopes(self) -> str:
        """Such as "5 of 7 scopes": approved there, of those that the app asks for."""
        if not self.authorization.is_active:
            return ""
        approved = len(self.authorization.usable_scopes)
        return f"{approved} of {count_of(len(self.authorization.app.scopes), 'scope', 'scopes')}"


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route("/portal/apps/{id}/orgs", show_list),
        pages.route("/portal/apps/{id}/orgs/{org}/tokens", show_tokens),
        pages.route("/portal/apps/{id}/orgs/{org}/tokens", retrieve, methods=["POST"]),
    ]


def show_list(visit: Visit) -> Page:
    return _page(visit, owned_service_app(visit), parse_uuid(visit.text("org")))


def retrieve(visit: Visit) -> Response | Page:
    """Fetches a token pair with the client secret. A refusal is shown on the page, so that its record is kept."""
    app, organization_id = owned_service_app(visit), visit.id("org")
    throttle, source = visit.deployment.throttle, visit.origin.address
    try:
        throttle.require_client_allowed(app.client_id, source)
    except TooMany as refused:
        errors = {"secret": too_many(visit, refused)}
        return _page(visit, app, organization_id, errors, status=429, headers=headers_of(refused))
    secret = visit.form.get("secret")
    issuer = visit.deployment.issuer
    pair = organization_tokens.retrieve(
        visit.tx, issuer, app, by=visit.viewer, organization_id=organization_id, client_secret=secret
    )
    if isinstance(pair, Refused):
        return _refused(visit, app, organization_id, pair)
    shown = visit.keep_secret(_kept(app, organization_id, pair))
    return see_other(f"{address(app)}/orgs/{organization_id}/tokens?shown={shown}")


def show_tokens(visit: Visit) -> Page:
    """Both tokens, once; a reload says that they were shown."""
    app = owned_service_app(visit)
    organization = authorizations.get_of_organization(visit.tx, app, visit.id("org")).organization
    kept = visit.take_secret(visit.text("shown")) or {}
    is_fresh = kept.get("tokens_of") == _tokens_of(app, organization.id)
    return section(
        visit,
        app,
        "portal/app/tokens.html",
        tab="Organizations",
        kind="secret",
        organization=organization,
        tokens=kept if is_fresh else None,
        filename=f"{slug(app.name) or 'app'}-{slug(organization.name) or 'organization'}.env",
    )


def wanted_by(ids: PublicIds, search: str, state: str) -> AuthorizationFilter:
    """What to list. The search takes a part of a name, or an id in either form."""
    organization_id = _find_id(ids, search)
    return AuthorizationFilter(
        search="" if organization_id else search,
        organization_ids=[organization_id] if organization_id else None,
        active={"authorized": True, "pending": True, "deauthorized": False}.get(state),
        outdated={"authorized": False, "pending": True}.get(state),
    )


def _find_id(ids: PublicIds, text: str) -> uuid.UUID | None:
    try:
        return ids.decode(Kind.ORGANIZATION, text)
    except NotFound:
        return None


def _refused(visit: Visit, app: App, organization_id: uuid.UUID, refused: Refused) -> Page:
    error = refused.error
    if isinstance(error, Invalid):
        visit.deployment.throttle.client_failed(app.client_id, visit.origin.address)
        return _page(visit, app, organization_id, {"secret": error.message}, status=422)
    return _page(visit, app, organization_id, {"": error.message}, status=status_of(error))


def _kept(app: App, organization_id: uuid.UUID, pair: TokenPair) -> dict[str, str]:
    return {
        "tokens_of": _tokens_of(app, organization_id),
        "access": pair.access_token.reveal(),
        "access_expires": date_and_time(pair.access_expires_at),
        "refresh": pair.refresh_token.reveal(),
        "refresh_expires": date_and_time(pair.refresh_expires_at),
    }


def _tokens_of(app: App, organization_id: uuid.UUID) -> str:
    return f"{app.id} {organization_id}"


def _page(
    visit: Visit,
    app: App,
    wanted: uuid.UUID | None,
    errors: Mapping[str, str] | None = None,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Page:
    search, state = visit.text("q"), visit.text("state")
    listed = wanted_by(visit.ids, search, state)
    page = authorizations.list_of_organizations(visit.tx, app, listed, visit.page_request())
    first_active = next((one for one in page.items if one.is_active), None)
    chosen = authorizations.find_of_organization(visit.tx, app, wanted) if wanted else first_active
    return section(
        visit,
        app,
        "portal/app/organizations.html",
        tab="Organizations",
        status=status,
        headers=headers,
        rows=[Row(one, _listed_at(visit, app, org=str(one.organization_id))) for one in page.items],
        chosen=chosen,
        retrieve_at=_retrieved_at(visit, app, chosen) if chosen else "",
        shares=shares_of(visit, app),
        endings=[one.last_four for one in apps.list_secrets(visit.tx, app) if one.is_live(visit.tx.now)],
        search=search,
        state=state,
        states=STATES,
        is_filtered=bool(search or state in STATES),
        shown=count_of(len(page.items), "organization", "organizations"),
        next=_listed_at(visit, app, cursor=page.next_cursor) if page.next_cursor else None,
        first=_listed_at(visit, app, cursor=None) if visit.text("cursor") else None,
        errors=errors or {},
    )


def _listed_at(visit: Visit, app: App, **changes: str | None) -> str:
    """The list with its filters, also from the page that answers a refused retrieval."""
    _, mark, query = visit.with_query(**changes).partition("?")
    return f"{address(app)}/orgs{mark}{query}"


def _retrieved_at(visit: Visit, app: App, chosen: Authorization) -> str:
    _, mark, query = visit.with_query(org=None).partition("?")
    return f"{address(app)}/orgs/{chosen.organization_id}/tokens{mark}{query}"
