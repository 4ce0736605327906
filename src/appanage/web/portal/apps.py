"""My apps, and where they are made."""

from starlette.routing import Route

from appanage.apps import queries
from appanage.apps.model import AppKind
from appanage.apps.queries import AppFilter
from appanage.directory.roles import Role
from appanage.kit.text import count_of
from appanage.web.controlhub.access import either, holders
from appanage.web.pages import Page, Pages
from appanage.web.portal.kinds import LABELS
from appanage.web.portal.sections import address, logo_of
from appanage.web.portal.standing import standings_of
from appanage.web.visit import Visit


def routes(pages: Pages) -> list[Route]:
    return [pages.route("/portal/apps", show_list)]


def show_list(visit: Visit) -> Page:
    search, kind = visit.text("q"), visit.text("type")
    wanted = AppFilter(search, AppKind(kind) if kind in LABELS else None)
    page = queries.list_owned(visit.tx, visit.viewer, wanted, visit.page_request())
    standings = standings_of(visit.tx, page.items)
    rules = visit.deployment.app_rules
    return Page(
        "portal/apps.html",
        area="portal",
        here="apps",
        rows=[(app, standings[app.id], address(app), logo_of(app)) for app in page.items],
        search=search,
        chosen=kind,
        kinds=LABELS,
        is_filtered=bool(search or wanted.kind),
        shown=count_of(len(page.items), "app", "apps"),
        next=visit.with_query(cursor=page.next_cursor) if page.next_cursor else None,
        first=visit.with_query(cursor=None) if visit.text("cursor") else None,
        by_administrators=rules.by_administrators,
        may_make=rules.is_registrar(visit.viewer),
        has_hub=not visit.viewer.organization.is_free,
        makers=_asked_of(visit) if rules.by_administrators else "",
    )


def _asked_of(visit: Visit) -> str:
    """Who makes apps where only administrators do; empty when nobody can at present."""
    return either(holders(visit, Role.FULL_ADMIN))
