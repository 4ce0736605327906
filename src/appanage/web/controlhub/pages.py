"""Every page of the administrators' console."""

from starlette.responses import Response
from starlette.routing import Route

from appanage.authorizations.inbox import count_waiting
from appanage.web.controlhub import (
    administrator_token,
    app_policies,
    app_rules,
    audit,
    bots,
    decisions,
    integration_decisions,
    integrations,
    machine_accounts,
    ownerless,
    proposals,
    requests,
    roles,
    service_apps,
    users,
)
from appanage.web.controlhub.access import Ability, enter, may
from appanage.web.pages import Pages
from appanage.web.visit import Visit, see_other


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route("/hub", home),
        *service_apps.routes(pages),
        *decisions.routes(pages),
        *proposals.routes(pages),
        *requests.routes(pages),
        *app_policies.routes(pages),
        *app_rules.routes(pages),
        *integration_decisions.routes(pages),
        *integrations.routes(pages),
        *bots.routes(pages),
        *machine_accounts.routes(pages),
        *ownerless.routes(pages),
        *administrator_token.routes(pages),
        *users.routes(pages),
        *roles.routes(pages),
        *audit.routes(pages),
    ]


def home(visit: Visit) -> Response:
    """Leads to what waits for a decision, else to the first page that the administrator may see."""
    viewer = enter(visit, Ability.ENTER)
    if not may(viewer, Ability.SEE_APPS):
        return see_other("/hub/users")
    is_waited_for = count_waiting(visit.tx, viewer.organization_id) > 0
    return see_other("/hub/requests" if is_waited_for else "/hub/service-apps")
