"""What is said about an app, its logo, its URLs, stricter rules, and its end."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from starlette.responses import Response
from starlette.routing import Route

from appanage.apps import service as apps
from appanage.apps import versions
from appanage.apps.drafts import AppDraft
from appanage.apps.model import App
from appanage.authorizations import queries
from appanage.authorizations import service as authorizations
from appanage.authorizations.model import Authorization
from appanage.authorizations.queries import AuthorizationFilter, Connections
from appanage.kit.errors import Conflict, Invalid
from appanage.kit.paging import PageRequest
from appanage.kit.spans import span
from appanage.web.pages import Page, Pages
from appanage.web.portal import drafts, proposals
from appanage.web.portal.sections import (
    address,
    owned_app,
    owned_client,
    owned_integration,
    section,
)
from appanage.web.visit import Visit, see_other

NAMED = 10  # organizations that lose the app; the rest is counted


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route("/portal/apps/{id}/settings", show),
        pages.route("/portal/apps/{id}/settings", save, methods=["POST"]),
        pages.route("/portal/apps/{id}/settings/urls", save_urls, methods=["POST"]),
        pages.route("/portal/apps/{id}/settings/logo", save_logo, methods=["POST"]),
        pages.route("/portal/apps/{id}/settings/rules", save_rules, methods=["POST"]),
        pages.route("/portal/apps/{id}/delete", ask_delete),
        pages.route("/portal/apps/{id}/delete", delete, methods=["POST"]),
    ]


def show(visit: Visit) -> Page:
    app = owned_app(visit)
    return _page(visit, app, versions.wanted(app))


def save(visit: Visit) -> Response | Page:
    app = owned_app(visit, for_update=True)
    return _saved(visit, app, drafts.read_about(visit.form, versions.wanted(app)), "The settings are saved.")


def save_urls(visit: Visit) -> Response | Page:
    """Where browsers may be sent with a code, and after a sign-out."""
    app = owned_integration(visit, for_update=True)
    redirects = drafts.read_urls(visit.form, "redirectUrls")
    sign_outs = drafts.read_urls(visit.form, "signOutUrls")
    draft = replace(versions.wanted(app), redirect_urls=redirects, sign_out_urls=sign_outs)
    return _saved(visit, app, draft, "The URLs are saved.")


def _saved(visit: Visit, app: App, draft: AppDraft, notice: str) -> Response | Page:
    before = app.proposed
    try:
        apps.update(visit.tx, app, draft, by=visit.viewer, edition=drafts.read_version(visit.form))
    except Conflict as conflict:
        return _page(visit, app, draft, {"": conflict.message}, status=409)
    except Invalid as invalid:
        return _page(visit, app, draft, invalid.fields, status=422)
    visit.tell(proposals.told(app, before, notice))
    return see_other(f"{address(app)}/settings")


def save_logo(visit: Visit) -> Response | Page:
    """Takes a new picture, or removes the present one."""
    app = owned_app(visit, for_update=True)
    removes = visit.form.has("remove")
    content, before = visit.form.files.get("logo"), app.proposed
    if not removes and content is None:
        return _page(visit, app, versions.wanted(app), {"logo": "Choose a picture first."}, status=422)
    try:
        apps.set_logo(visit.tx, app, None if removes else content, by=visit.viewer)
    except Invalid as invalid:
        return _page(visit, app, versions.wanted(app), invalid.fields, status=422)
    visit.tell(proposals.told(app, before, "The logo is removed." if removes else "The logo is saved."))
    return see_other(f"{address(app)}/settings")


def save_rules(visit: Visit) -> Response:
    app = owned_client(visit, for_update=True)
    pushes = visit.form.has("pushed") and app.is_integration
    apps.set_rules(visit.tx, app, is_strict=visit.form.has("strict"), pushes_requests=pushes, by=visit.viewer)
    visit.tell("The stricter rules are saved.")
    return see_other(f"{address(app)}/settings")


def ask_delete(visit: Visit) -> Page:
    return _delete_page(visit, owned_app(visit))


def delete(visit: Visit) -> Response | Page:
    """Needs the name typed, since every organization loses the app at once."""
    app = owned_app(visit, for_update=True)
    if _words(visit.form.get("confirm")) != _words(app.name):
        errors = {"confirm": f"Type the name as it is shown: {app.name}"}
        return _delete_page(visit, app, errors, status=422)
    longest = visit.deployment.settings.lifetimes.longest_access_token
    authorizations.delete_app(visit.tx, app, by=visit.viewer, longest_token=longest)
    visit.tell(f"{app.name} is deleted. Its tokens stopped working.")
    return see_other("/portal/apps")


def _page(
    visit: Visit, app: App, draft: AppDraft, errors: Mapping[str, str] | None = None, *, status: int = 200
) -> Page:
    return section(
        visit,
        app,
        "portal/app/settings.html",
        tab="Settings",
        status=status,
        draft=draft,
        waiting={part: proposals.waiting(visit, app, part) for part in ("about", "urls", "logo")},
        wanted_logo=versions.wanted_logo(app),
        theirs=drafts.differences(draft, versions.wanted(app)) if status == 409 else [],
        is_strict_anyway=visit.deployment.settings.strict,
        short_life=span(visit.deployment.settings.lifetimes.short_access_token),
        longest_life=span(visit.deployment.settings.lifetimes.strict_refresh_token),
        errors=errors or {},
    )


def _delete_page(
    visit: Visit, app: App, errors: Mapping[str, str] | None = None, *, status: int = 200
) -> Page:
    return section(
        visit,
        app,
        "portal/app/delete.html",
        tab="Settings",
        status=status,
        losing=_losing(visit, app),
        errors=errors or {},
    )


def _losing(visit: Visit, app: App) -> Sequence[Authorization | Connections]:
    """The first organizations that lose the app, or whose people do."""
    if app.is_integration:
        return queries.list_connections(visit.tx, app, PageRequest(NAMED)).items
    active = AuthorizationFilter(active=True)
    return queries.list_of_organizations(visit.tx, app, active, PageRequest(NAMED)).items


def _words(text: str) -> list[str]:
    """A page shows runs of blanks as one, so that is all a person can type."""
    return text.split()
