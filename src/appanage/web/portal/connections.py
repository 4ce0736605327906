"""Who connected an Integration: how many people of which organizations, and never who they are (checklist AUD-05)."""

from starlette.routing import Route

from appanage.authorizations import queries as authorizations
from appanage.kit.text import count_of
from appanage.web.pages import Page, Pages
from appanage.web.portal.sections import owned_integration, section
from appanage.web.visit import Visit


def routes(pages: Pages) -> list[Route]:
    return [pages.route("/portal/apps/{id}/connections", show)]


def show(visit: Visit) -> Page:
    app, search = owned_integration(visit), visit.text("q")
    page = authorizations.list_connections(visit.tx, app, visit.page_request(), search=search)
    return section(
        visit,
        app,
        "portal/app/connections.html",
        tab="Connections",
        rows=page.items,
        search=search,
        shown=count_of(len(page.items), "organization", "organizations"),
        next=visit.with_query(cursor=page.next_cursor) if page.next_cursor else None,
        first=visit.with_query(cursor=None) if visit.text("cursor") else None,
    )
