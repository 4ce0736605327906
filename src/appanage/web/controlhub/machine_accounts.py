"""The machine accounts of an organization: in whose name apps act here."""

from starlette.routing import Route

from appanage.authorizations import decisions
from appanage.authorizations.decisions import DecisionState
from appanage.web.controlhub.access import Ability, enter
from appanage.web.controlhub.lists import Turns
from appanage.web.pages import Page, Pages
from appanage.web.visit import Visit


def routes(pages: Pages) -> list[Route]:
    return [pages.route("/hub/machine-accounts", index)]


def index(visit: Visit) -> Page:
    viewer = enter(visit, Ability.SEE_APPS)
    found = decisions.list_decisions(
        visit.tx,
        viewer.organization_id,
        visit.page_request(),
        state=DecisionState.AUTHORIZED,
        search=visit.text("q"),
    )
    return Page(
        "controlhub/machineaccounts/index.html",
        area="hub",
        here="machine-accounts",
        rows=found.items,
        total=decisions.count_decisions(visit.tx, viewer.organization_id)[DecisionState.AUTHORIZED],
        search=visit.text("q"),
        turns=Turns.of(visit, found),
    )
