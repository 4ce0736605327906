"""The scopes of an app: what it asks for, and which organizations still have to approve it."""

from collections.abc import Sequence
from dataclasses import replace

from starlette.responses import Response
from starlette.routing import Route

from appanage.apps import service as apps
from appanage.apps import versions
from appanage.apps.drafts import AppDraft
from appanage.apps.model import App
from appanage.authorizations import queries as authorizations
from appanage.authorizations.model import Authorization
from appanage.authorizations.queries import AuthorizationFilter
from appanage.kit.errors import Conflict, Invalid
from appanage.kit.paging import PageRequest
from appanage.web.pages import Page, Pages
from appanage.web.portal import drafts, proposals
from appanage.web.portal.picker import picker
from appanage.web.portal.sections import address, owned_client, section
from appanage.web.portal.standing import standing_of
from appanage.web.visit import Visit, see_other

NAMED = 10  # organizations that must approve; more are behind a link


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route("/portal/apps/{id}/scopes", show),
        pages.route("/portal/apps/{id}/scopes", save, methods=["POST"]),
    ]


def show(visit: Visit) -> Page:
    app = owned_client(visit)
    return _page(visit, app, versions.wanted(app))


def save(visit: Visit) -> Response | Page:
    """A scope that is taken away stops working at once; one that is added waits for an approval or a consent."""
    app = owned_client(visit, for_update=True)
    before, proposed = frozenset(app.scopes), app.proposed
    draft = replace(
        versions.wanted(app),
        scopes=drafts.read_scopes(visit.form),
        scope_reasons=drafts.read_reasons(visit.form),
        optional_scopes=drafts.read_optional(visit.form),
    ).tidy()
    try:
        apps.update(visit.tx, app, draft, by=visit.viewer, edition=drafts.read_version(visit.form))
    except Conflict as conflict:
        return _page(visit, app, draft, {"": conflict.message}, status=409)
    except Invalid as invalid:
        return _page(visit, app, draft, invalid.fields, status=422)
    visit.tell(proposals.told(app, proposed, _saved(visit, app, before)))
    return see_other(f"{address(app)}/scopes")


def _saved(visit: Visit, app: App, before: frozenset[str]) -> str:
    now = frozenset(app.scopes)
    sentences = ["The scopes are saved."]
    if before - now:
        sentences.append("What was removed stopped working at once.")
    if now - before:
        sentences.append(standing_of(visit.tx, app).after_adding_scopes)
    return " ".join(sentences).rstrip()


def _page(
    visit: Visit, app: App, draft: AppDraft, errors: dict[str, str] | None = None, *, status: int = 200
) -> Page:
    return section(
        visit,
        app,
        "portal/app/scopes.html",
        tab="Scopes",
        status=status,
        picker=picker(draft),
        proposal=proposals.waiting(visit, app, "scopes"),
        waiting=[] if app.is_integration else _waiting(visit, app),
        theirs=versions.wanted(app).scopes if status == 409 else None,
        errors=errors or {},
    )


def _waiting(visit: Visit, app: App) -> Sequence[Authorization]:
    """The first organizations whose administrators have something to approve."""
    outdated = AuthorizationFilter(active=True, outdated=True)
    return authorizations.list_of_organizations(visit.tx, app, outdated, PageRequest(NAMED)).items
