"""The inbox of administrators: which apps somebody asked for, what else waits for a decision, and declining."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import Route

from appanage.apps.model import App
from appanage.authorizations import decisions, inbox, open_requests, request_queries, requests
from appanage.authorizations.inbox import WaitingApp
from appanage.authorizations.model import RequestOrigin
from appanage.authorizations.request_queries import RequestFilter
from appanage.directory.model import Account
from appanage.kit.errors import Conflict, Invalid, Refused
from appanage.kit.text import count_of, one_line
from appanage.web.controlhub.access import Ability, enter, may, member
from appanage.web.controlhub.lists import Turns
from appanage.web.pages import Page, Pages
from appanage.web.visit import Visit, see_other

LIST = "/hub/requests"
KINDS = {
    RequestOrigin.DEVELOPER: "From our developers",
    RequestOrigin.PERSON: "From our people",
    RequestOrigin.SHARE: "Shared with us",
}
STATES = {"authorized": ("Authorized", "ok"), "declined": ("Declined", "bad"), "withdrawn": ("Withdrawn", "")}


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route(LIST, index),
        pages.route(LIST + "/{id}/decline", confirm),
        pages.route(LIST + "/{id}/decline", decline, methods=["POST"]),
    ]


@dataclass(frozen=True, slots=True)
class Waiting:
    """One app that waits, in words."""

    item: WaitingApp

    @property
    def asked(self) -> str:
        return {
            RequestOrigin.DEVELOPER: "asked for their app",
            RequestOrigin.PERSON: "asked for it from the App Hub",
            RequestOrigin.SHARE: "shared it with you",
        }[RequestOrigin(self.item.newest.origin)]

    @property
    def others(self) -> str:
        more = self.item.askers - 1
        return f"and {count_of(more, 'other', 'others')}" if more else ""

    @property
    def scopes(self) -> str:
        number = count_of(len(self.item.scopes), "scope", "scopes")
        return f"{number} more" if self.item.authorization else number

    @property
    def reviewed(self) -> tuple[str, str]:
        return ("Reviewed", "ok") if self.item.app.is_listed else ("Not reviewed", "warn")


def index(visit: Visit) -> Page:
    viewer = enter(visit, Ability.SEE_APPS)
    organization_id = viewer.organization_id
    is_waiting = visit.text("state") != "decided"
    wanted = RequestFilter(waits=is_waiting, origin=_kind(visit), search=visit.text("q"))
    page_request = visit.page_request()
    found = (
        inbox.list_waiting_apps(visit.tx, organization_id, wanted, page_request)
        if is_waiting
        else request_queries.list_in_organization(visit.tx, organization_id, wanted, page_request)
    )
    is_first = is_waiting and not (visit.query.get("cursor") or wanted.search or wanted.origin)
    return Page(
        "controlhub/requests/index.html",
        area="hub",
        here="requests",
        is_waiting=is_waiting,
        waiting=[Waiting(one) for one in found.items if isinstance(one, WaitingApp)],
        decided=[] if is_waiting else found.items,
        proposals=inbox.list_waiting_proposals(visit.tx, organization_id) if is_first else [],
        changed=inbox.list_changed(visit.tx, organization_id) if is_first else [],
        kinds=KINDS,
        chosen=wanted.origin or "",
        states=STATES,
        search=wanted.search,
        is_filtered=bool(wanted.search or wanted.origin),
        may_decide=may(viewer, Ability.DECIDE),
        turns=Turns.of(visit, found),
    )


def confirm(visit: Visit) -> Page:
    viewer = enter(visit, Ability.DECIDE)
    return _page(visit, viewer, decisions.get_visible_app(visit.tx, viewer, visit.id()))


def decline(visit: Visit) -> Response | Page | Refused:
    """Every open request for the app at once. Who may is the service's to say, and to record."""
    viewer = member(visit)
    app = decisions.get_visible_app(visit.tx, viewer, visit.id())
    try:
        done = requests.decline(visit.tx, app, by=viewer, reason=one_line(visit.form.get("reason")))
    except Invalid as refusal:
        return _page(visit, viewer, app, errors=refusal.fields, status=422)
    except Conflict as refusal:
        return _page(visit, viewer, app, errors={"": refusal.message}, status=409)
    if isinstance(done, Refused):
        return done
    visit.tell(
        f"{app.name} is declined. {count_of(len(done), 'person who asked is', 'people who asked are')} told why."
    )
    return see_other(LIST)


def _kind(visit: Visit) -> RequestOrigin | None:
    kind = visit.text("kind")
    return RequestOrigin(kind) if kind in KINDS else None


def _page(
    visit: Visit,
    viewer: Account,
    app: App,
    *,
    errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> Page:
    return Page(
        "controlhub/requests/decline.html",
        status=status,
        area="hub",
        here="requests",
        app=app,
        waiting=open_requests.list_open(visit.tx, app, viewer.organization_id),
        reason=one_line(visit.form.get("reason")),
        errors=errors or {},
    )
