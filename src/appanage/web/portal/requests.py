"""The inbox of developers and people: what they asked administrators for, and what was asked for their apps."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from starlette.responses import Response
from starlette.routing import Route

from appanage.apps.model import App
from appanage.authorizations import request_queries, requests, sharing
from appanage.authorizations.model import AuthorizationRequest, RequestDecision, RequestOrigin
from appanage.authorizations.request_queries import RequestFilter
from appanage.directory.model import Account
from appanage.directory.roles import Role
from appanage.kit.errors import Conflict, NotPermitted
from appanage.kit.paging import PageRequest
from appanage.kit.text import count_of
from appanage.web.controlhub.access import either, holders
from appanage.web.pages import Page, Pages
from appanage.web.visit import Visit, see_other

LIST = "/portal/requests"
SHARES_SHOWN = 25
STATES = {
    "waiting": "Waiting",
    RequestDecision.AUTHORIZED.value: "Authorized",
    RequestDecision.DECLINED.value: "Declined",
    RequestDecision.WITHDRAWN.value: "Withdrawn",
}
BADGES = {
    None: ("Waiting", "info"),
    RequestDecision.AUTHORIZED.value: ("Authorized", "ok"),
    RequestDecision.DECLINED.value: ("Declined", "bad"),
    RequestDecision.WITHDRAWN.value: ("Withdrawn", ""),
}


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route(LIST, show_list),
        pages.route(LIST + "/{id}/reminder", remind, methods=["POST"]),
        pages.route(LIST + "/{id}/withdrawal", withdraw, methods=["POST"]),
    ]


@dataclass(frozen=True, slots=True)
class Row:
    """A request as the person sees it who made it, or who owns the app."""

    request: AuthorizationRequest
    viewer: Account
    now: datetime

    @property
    def badge(self) -> tuple[str, str]:
        return BADGES[self.request.decision]

    @property
    def is_mine(self) -> bool:
        return self.request.requested_by == self.viewer.id

    @property
    def by(self) -> str:
        return "You" if self.is_mine else self.request.requested_by_name

    @property
    def organization(self) -> str:
        """By the words that a developer used, until its administrators have decided."""
        is_known = self.request.organization_id == self.viewer.organization_id
        if is_known or requests.is_disclosed(self.request):
            return self.request.organization.name
        return self.request.addressed_to or ""

    @property
    def decided_by(self) -> str:
        """Who in another organization decided is its own business (checklist AUD-05)."""
        is_here = self.request.organization_id == self.viewer.organization_id
        return (self.request.decided_by_name if is_here else self.organization) or ""

    @property
    def owns_app(self) -> bool:
        return self.request.origin != RequestOrigin.PERSON

    @property
    def can_remind(self) -> bool:
        again_at = requests.renewable_at(self.request)
        return self.request.is_open and self.is_mine and (again_at is None or again_at <= self.now)

    @property
    def remind_at(self) -> datetime | None:
        """When that will be possible, as long as it is not."""
        is_later = self.request.is_open and self.is_mine and not self.can_remind
        return requests.renewable_at(self.request) if is_later else None


def show_list(visit: Visit) -> Page:
    return _page(visit)


def remind(visit: Visit) -> Response | Page:
    """Asks again with the same words, in the way in which was asked before."""
    asked = request_queries.get_of_viewer(visit.tx, visit.viewer, visit.id())
    try:
        authorized = ask_again(visit, asked)
    except (Conflict, NotPermitted) as refusal:
        return _page(visit, error=refusal.message, status=409)
    told = "is authorized by the policy of your organization" if authorized else "is asked for once more"
    visit.tell(f"{asked.app.name} {told}.")
    return see_other(LIST)


def withdraw(visit: Visit) -> Response | Page:
    try:
        asked = requests.withdraw(visit.tx, visit.id(), by=visit.viewer)
    except Conflict as refusal:
        return _page(visit, error=refusal.message, status=409)
    visit.tell(f"The request for {asked.app.name} is withdrawn.")
    return see_other(LIST)


def shares_of(visit: Visit, app: App) -> list[Row]:
    """The newest shares of an app; all of them are under Requests."""
    return _rows(visit, request_queries.list_shares(visit.tx, app, PageRequest(SHARES_SHOWN)).items)


def ask_again(visit: Visit, asked: AuthorizationRequest) -> bool:
    """Reminds in the way in which was asked before; whether the policy authorized it then. Raises as that does."""
    tx, viewer, app_id, message = visit.tx, visit.viewer, asked.app_id, asked.message
    rules, domain = visit.deployment.app_rules, visit.deployment.settings.machine_domain
    if asked.requested_by != viewer.id:
        raise Conflict(f"{asked.requested_by_name} asked. Only they can remind.", code="not_the_asker")
    if asked.origin == RequestOrigin.PERSON:
        app = request_queries.get_listed(tx, app_id)
        done = requests.request_for_organization(tx, app, by=viewer, message=message, machine_domain=domain)
        return done.authorization is not None
    if asked.origin == RequestOrigin.SHARE:
        words = asked.addressed_to or ""
        sharing.share(
            tx, app_id, asked.organization, by=viewer, addressed_to=words, rules=rules, message=message
        )
        return False
    app = requests.get_to_request(tx, viewer, app_id, viewer.organization_id, rules=rules)
    requests.request_authorization(tx, app, by=viewer, message=message)
    return False


def _page(visit: Visit, *, error: str = "", status: int = 200) -> Page:
    state, search = visit.text("state"), visit.text("q")
    found = request_queries.list_of_viewer(
        visit.tx, visit.viewer, _filter(state, search), visit.page_request()
    )
    return Page(
        "portal/requests/index.html",
        status=status,
        area="portal",
        here="requests",
        rows=_rows(visit, found.items),
        administrators=either(holders(visit, Role.FULL_ADMIN)),
        search=search,
        state=state if state in STATES else "",
        states=STATES,
        is_filtered=bool(search or state in STATES),
        shown=count_of(len(found.items), "request", "requests"),
        next=_listed_at(visit, cursor=found.next_cursor) if found.next_cursor else None,
        first=_listed_at(visit, cursor=None) if visit.text("cursor") else None,
        errors={"": error} if error else {},
    )


def _rows(visit: Visit, those: Iterable[AuthorizationRequest]) -> list[Row]:
    return [Row(one, visit.viewer, visit.tx.now) for one in those]


def _listed_at(visit: Visit, **changes: str | None) -> str:
    """The list with its filters, also from the page that answers a refused form."""
    _, mark, query = visit.with_query(**changes).partition("?")
    return f"{LIST}{mark}{query}"


def _filter(state: str, search: str) -> RequestFilter:
    if state not in STATES:
        return RequestFilter(search=search)
    is_waiting = state == "waiting"
    return RequestFilter(
        waits=is_waiting, decision=None if is_waiting else RequestDecision(state), search=search
    )
