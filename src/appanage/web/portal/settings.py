"""What is said about an app, its logo, and its end."""

from collections.abc import Mapping
from dataclasses import replace

from starlette.responses import Response
from starlette.routing import Route

from appanage.apps import service as apps
from appanage.apps.model import App
from appanage.apps.service import AppDraft, draft_of
from appanage.authorizations import queries
from appanage.authorizations import service as authorizations
from appanage.authorizations.queries import AuthorizationFilter
from appanage.kit.errors import Conflict, Invalid
from appanage.kit.paging import PageRequest
from appanage.web.pages import Page, Pages
from appanage.web.portal import drafts
from appanage.web.portal.sections import address, owned_app, section
from appanage.web.visit import Visit, see_other

NAMED = 10  # organizations that lose the app; the rest is counted


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route("/portal/apps/{id}/settings", show),
        pages.route("/portal/apps/{id}/settings", save, methods=["POST"]),
        pages.route("/portal/apps/{id}/settings/logo", save_logo, methods=["POST"]),
        pages.route("/portal/apps/{id}/delete", ask_delete),
        pages.route("/portal/apps/{id}/delete", delete, methods=["POST"]),
    ]


def show(visit: Visit) -> Page:
    app = owned_app(visit)
    return _page(visit, app, draft_of(app))


def save(visit: Visit) -> Response | Page:
    app = owned_app(visit, for_update=True)
    saved = draft_of(app)
    about = drafts.read_about(visit.form)
    draft = replace(about, scopes=saved.scopes, scope_reasons=saved.scope_reasons, logo_url=saved.logo_url)
    try:
        apps.update(visit.tx, app, draft, by=visit.viewer, version=drafts.read_version(visit.form))
    except Conflict as conflict:
        return _page(visit, app, draft, {"": conflict.message}, status=409)
    except Invalid as invalid:
        return _page(visit, app, draft, invalid.fields, status=422)
    visit.tell("The settings are saved.")
    return see_other(f"{address(app)}/settings")


def save_logo(visit: Visit) -> Response | Page:
    """Takes a new picture, or removes the present one."""
    app = owned_app(visit, for_update=True)
    removes = visit.form.has("remove")
    content = visit.form.files.get("logo")
    if not removes and content is None:
        return _page(visit, app, draft_of(app), {"logo": "Choose a picture first."}, status=422)
    try:
        apps.set_logo(visit.tx, app, None if removes else content, by=visit.viewer)
    except Invalid as invalid:
        return _page(visit, app, draft_of(app), invalid.fields, status=422)
    visit.tell("The logo is removed." if removes else "The logo is saved.")
    return see_other(f"{address(app)}/settings")


def ask_delete(visit: Visit) -> Page:
    return _delete_page(visit, owned_app(visit))


def delete(visit: Visit) -> Response | Page:
    """Needs the name typed, since every organization loses the app at once."""
    app = owned_app(visit, for_update=True)
    if _words(visit.form.get("confirm")) != _words(app.name):
        errors = {"confirm": f"Type the name as it is shown: {app.name}"}
        return _delete_page(visit, app, errors, status=422)
    longest = visit.deployment.settings.lifetimes.access_token
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
        theirs=_theirs(draft, app) if status == 409 else [],
        errors=errors or {},
    )


def _theirs(draft: AppDraft, app: App) -> list[tuple[str, str]]:
    """What somebody else saved, where it differs from what was typed."""
    mine, theirs = draft.tidy(), draft_of(app).tidy()
    rows = [
        ("App name", mine.name, theirs.name),
        ("Description", mine.description, theirs.description),
        ("Contact e-mail", mine.contact_email, theirs.contact_email),
        ("Company", mine.company_name, theirs.company_name),
        ("Support page", mine.support_url, theirs.support_url),
        ("Privacy page", mine.privacy_url, theirs.privacy_url),
    ]
    return [(label, saved or "Not given") for label, typed, saved in rows if typed != saved]


def _delete_page(
    visit: Visit, app: App, errors: Mapping[str, str] | None = None, *, status: int = 200
) -> Page:
    active = AuthorizationFilter(active=True)
    return section(
        visit,
        app,
        "portal/app/delete.html",
        tab="Settings",
        status=status,
        losing=queries.list_for_app(visit.tx, app, active, PageRequest(NAMED)).items,
        errors=errors or {},
    )


def _words(text: str) -> list[str]:
    """A page shows runs of blanks as one, so that is all a person can type."""
    return text.split()
