"""Apps whose owners have all left: an administrator finds a new owner, who answers for the app from then on."""

from collections.abc import Mapping

from starlette.responses import Response
from starlette.routing import Route

from appanage.apps import owners, queries
from appanage.apps.model import App
from appanage.directory.model import Account
from appanage.kit.errors import Invalid
from appanage.kit.text import count_of
from appanage.web.controlhub.access import Ability, enter
from appanage.web.controlhub.lists import Turns
from appanage.web.pages import Page, Pages
from appanage.web.portal.kinds import LABELS
from appanage.web.visit import Visit, see_other

LIST = "/hub/apps-without-owner"


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route(LIST, index),
        pages.route(LIST + "/{id}", show),
        pages.route(LIST + "/{id}", adopt, methods=["POST"]),
    ]


def index(visit: Visit) -> Page:
    viewer = enter(visit, Ability.ADOPT)
    found = queries.list_ownerless(visit.tx, viewer.organization_id, visit.page_request())
    return Page(
        "controlhub/ownerless/index.html",
        area="hub",
        here="apps-without-owner",
        rows=found.items,
        kinds=LABELS,
        former=queries.owners_by_app(visit.tx, [app.id for app in found.items]),
        shown=count_of(len(found.items), "app", "apps"),
        turns=Turns.of(visit, found),
    )


def show(visit: Visit) -> Page:
    viewer = enter(visit, Ability.ADOPT)
    return _page(visit, queries.get_ownerless(visit.tx, viewer.organization_id, visit.id()))


def adopt(visit: Visit) -> Response | Page:
    """Takes effect at once, also for a listed app: somebody must answer for it."""
    viewer = enter(visit, Ability.ADOPT)
    app = queries.get_ownerless(visit.tx, viewer.organization_id, visit.id(), for_update=True)
    try:
        new_owner = _new_owner(visit, viewer)
        owners.adopt(visit.tx, app, new_owner, by=viewer, rules=visit.deployment.app_rules)
    except Invalid as invalid:
        return _page(visit, app, invalid.fields, status=422)
    if new_owner.id == viewer.id:
        visit.tell(f"You own {app.name} now. It is among your apps in the developer portal.")
        return see_other(f"/portal/apps/{app.id}")
    visit.tell(f"{new_owner.display_name} owns {app.name} now.")
    return see_other(LIST)


def _new_owner(visit: Visit, viewer: Account) -> Account:
    """Oneself, or a colleague by their address."""
    if visit.form.get("who") == "me":
        return viewer
    return owners.find_colleague(visit.tx, viewer, email=visit.form.get("email"))


def _page(visit: Visit, app: App, errors: Mapping[str, str] | None = None, *, status: int = 200) -> Page:
    return Page(
        "controlhub/ownerless/show.html",
        status=status,
        area="hub",
        here="apps-without-owner",
        app=app,
        kinds=LABELS,
        former=queries.list_owners(visit.tx, app),
        who=visit.form.get("who") or "me",
        email=visit.form.get("email"),
        errors=errors or {},
    )
