"""Every organization's apps, for the operator: finding one, suspending it everywhere, lifting that."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from appanage.apps import platform
from appanage.apps.model import App, AppKind
from appanage.apps.platform import PlatformFilter
from appanage.apps.queries import get_app
from appanage.authorizations import suspensions
from appanage.directory.roles import Role
from appanage.kit.errors import Conflict, Refused
from appanage.kit.ids import Kind
from appanage.web.controlhub.lists import Turns
from appanage.web.operations.access import enter
from appanage.web.pages import Page, Pages
from appanage.web.portal.kinds import LABELS
from appanage.web.visit import Visit, see_other

Answer = Response | Page | Refused
Errors = Mapping[str, str]

LIST = "/operations/apps"
_STATES = {"": None, "suspended": True, "active": False}


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route(LIST, index),
        pages.route(LIST + "/{id}", show),
        pages.route(LIST + "/{id}/suspend", ask_suspend),
        pages.route(LIST + "/{id}/suspend", suspend, methods=["POST"]),
        pages.route(LIST + "/{id}/lift", ask_lift),
        pages.route(LIST + "/{id}/lift", lift, methods=["POST"]),
    ]


def index(visit: Visit) -> Page:
    enter(visit, Role.OPERATOR)
    search, state = visit.text("q"), visit.text("state")
    wanted = PlatformFilter(search, _STATES.get(state))
    found = platform.list_apps(visit.tx, wanted, visit.page_request())
    return _page(
        "index.html",
        apps=found.items,
        types=LABELS,
        search=search,
        state=state,
        is_filtered=bool(search or state),
        turns=Turns.of(visit, found),
    )


def show(visit: Visit) -> Page:
    enter(visit, Role.OPERATOR)
    return _app_page(visit, get_app(visit.tx, visit.id()))


def ask_suspend(visit: Visit) -> Page:
    enter(visit, Role.OPERATOR)
    app = get_app(visit.tx, visit.id())
    return _suspend_page(visit, app) if app.suspended_at is None else _app_page(visit, app)


def suspend(visit: Visit) -> Answer:
    """Needs a reason and the name typed, since every organization loses the app at once."""
    viewer = enter(visit, Role.OPERATOR)
    app = get_app(visit.tx, visit.id())
    reason = visit.form.get("reason")
    problems = _problems(app, reason, visit.form.get("confirm"))
    if problems:
        return _suspend_page(visit, app, reason=reason, errors=problems, status=422)
    try:
        suspended = suspensions.suspend(visit.tx, app.id, by=viewer, reason=reason)
    except Conflict as refused:
        return _app_page(visit, app, errors={"": refused.message}, status=409)
    if isinstance(suspended, Refused):
        return suspended
    visit.tell(f"{app.name} is suspended everywhere. Its tokens stop working within seconds.")
    return see_other(_address(app))


def ask_lift(visit: Visit) -> Page:
    enter(visit, Role.OPERATOR)
    app = get_app(visit.tx, visit.id())
    return _lift_page(visit, app) if app.suspended_at is not None else _app_page(visit, app)


def lift(visit: Visit) -> Answer:
    viewer = enter(visit, Role.OPERATOR)
    app = get_app(visit.tx, visit.id())
    try:
        lifted = suspensions.lift(visit.tx, app.id, by=viewer)
    except Conflict as refused:
        return _app_page(visit, app, errors={"": refused.message}, status=409)
    if isinstance(lifted, Refused):
        return lifted
    visit.tell(f"The suspension of {app.name} is lifted. It needs new tokens.")
    return see_other(_address(app))


def _problems(app: App, reason: str, confirm: str) -> Errors:
    problem = suspensions.reason_problem(reason)
    found = {"reason": problem} if problem else {}
    if confirm.split() != app.name.split():
        found["confirm"] = f"Type the name as it is shown: {app.name}"
    return found


def _app_page(visit: Visit, app: App, *, errors: Errors | None = None, status: int = 200) -> Page:
    return _page(
        "show.html",
        status=status,
        **_about(visit, app),
        app_id=visit.ids.encode(Kind.APPLICATION, app.client_id),
        organization_id=visit.ids.encode(Kind.ORGANIZATION, app.organization_id),
        errors=errors or {},
    )


def _suspend_page(
    visit: Visit, app: App, *, reason: str = "", errors: Errors | None = None, status: int = 200
) -> Page:
    return _page("suspend.html", status=status, **_about(visit, app), reason=reason, errors=errors or {})


def _lift_page(visit: Visit, app: App) -> Page:
    return _page("lift.html", **_about(visit, app))


def _about(visit: Visit, app: App) -> Mapping[str, Any]:
    return {
        "app": app,
        "address": _address(app),
        "type_of_app": LABELS[AppKind(app.kind)],
        "reach": suspensions.reach_of(visit.tx, app),
    }


def _page(template: str, *, status: int = 200, **context: Any) -> Page:
    return Page(f"operations/apps/{template}", status=status, area="operations", here="apps", **context)


def _address(app: App) -> str:
    return f"{LIST}/{app.id}"
