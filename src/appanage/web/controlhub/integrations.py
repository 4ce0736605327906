"""The integrations that people of an organization connected, and one of them: what it may do, who uses it, what holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from starlette.routing import Route

from appanage.apps.scopes import highest_risk
from appanage.authorizations import integrations as queries
from appanage.authorizations.integrations import Integration, IntegrationState
from appanage.authorizations.model import PolicyMode
from appanage.authorizations.queries import last_used_at
from appanage.directory.model import Account
from appanage.web.controlhub.access import Ability, enter, may
from appanage.web.controlhub.lists import Turns
from appanage.web.controlhub.review import scope_line
from appanage.web.pages import Page, Pages
from appanage.web.visit import Form, Visit

LIST = "/hub/integrations"
RULES: Mapping[str, PolicyMode | None] = {
    "policy": None,
    "allow": PolicyMode.ALLOW,
    "block": PolicyMode.BLOCK,
}


def routes(pages: Pages) -> list[Route]:
    return [pages.route(LIST, index), pages.route(LIST + "/{id}", show)]


@dataclass(frozen=True, slots=True)
class Tab:
    """One of the lists, and what is said when it is empty."""

    state: IntegrationState
    name: str
    empty: str


@dataclass(frozen=True, slots=True)
class RuleForm:
    """What the decision card posts."""

    rule: str
    acknowledged: bool = False

    @classmethod
    def read(cls, form: Form) -> Self:
        return cls(rule=form.get("rule"), acknowledged=form.has("ack"))

    @classmethod
    def of(cls, integration: Integration) -> Self:
        return cls(rule=integration.rule.mode if integration.rule else "policy")

    def problems(self, integration: Integration) -> dict[str, str]:
        """What is missing for the decision that was made, by field."""
        if self.rule not in RULES:
            return {"rule": "Choose what holds for this integration. Nothing was changed."}
        blocks = (RULES[self.rule] or integration.policy) == PolicyMode.BLOCK
        if blocks and integration.people and not self.acknowledged:
            return {"ack": "Confirm that people are disconnected. Nothing was changed."}
        return {}


def index(visit: Visit) -> Page:
    viewer = enter(visit, Ability.SEE_APPS)
    organization_id = viewer.organization_id
    tab = TABS.get(visit.text("state"), TABS[IntegrationState.IN_USE])
    found = queries.list_integrations(
        visit.tx, organization_id, visit.page_request(), state=tab.state, search=visit.text("q")
    )
    app_ids = [one.app.id for one in found.items]
    return Page(
        "controlhub/integrations/index.html",
        area="hub",
        here="integrations",
        tab=tab,
        tabs=TABS.values(),
        counts=queries.count_integrations(visit.tx, organization_id),
        rows=found.items,
        used=queries.last_used_at(visit.tx, organization_id, app_ids),
        highest_risk=highest_risk,
        policy=queries.find_policy(visit.tx, organization_id),
        may_rule=may(viewer, Ability.RULE),
        search=visit.text("q"),
        turns=Turns.of(visit, found),
    )


def show(visit: Visit) -> Page:
    viewer = enter(visit, Ability.SEE_APPS)
    return integration_page(visit, viewer, integration_of(visit, viewer))


def integration_of(visit: Visit, viewer: Account) -> Integration:
    return queries.get_integration(visit.tx, viewer.organization_id, visit.id())


def integration_page(
    visit: Visit,
    viewer: Account,
    integration: Integration,
    *,
    form: RuleForm | None = None,
    errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> Page:
    app, organization_id = integration.app, viewer.organization_id
    found = queries.list_people(visit.tx, organization_id, app.id, visit.page_request())
    return Page(
        "controlhub/integrations/show.html",
        status=status,
        area="hub",
        here="integrations",
        integration=integration,
        address=f"{LIST}/{app.id}",
        organization=viewer.organization,
        form=form or RuleForm.of(integration),
        errors=errors or {},
        lines=[scope_line(app, name) for name in app.scopes],
        last_used_at=queries.last_used_at(visit.tx, organization_id, [app.id]).get(app.id),
        people=found.items,
        used=last_used_at(visit.tx, [one.id for one in found.items]),
        turns=Turns.of(visit, found),
        may_rule=may(viewer, Ability.RULE),
        may_disconnect=may(viewer, Ability.DISCONNECT),
        may_see_people=may(viewer, Ability.SEE_PEOPLE),
        may_read_audit=may(viewer, Ability.READ_AUDIT),
    )


TABS: Mapping[str, Tab] = {
    tab.state: tab
    for tab in (
        Tab(
            IntegrationState.IN_USE,
            "In use",
            "Nobody here has connected an integration. One appears as soon as somebody allows it to act for them.",
        ),
        Tab(
            IntegrationState.ALLOWED,
            "Allowed",
            "No integration that is known here is allowed. You allow one by a rule, or all of them by the policy.",
        ),
        Tab(
            IntegrationState.BLOCKED,
            "Blocked",
            "No integration that is known here is blocked. You block one by a rule, or all of them by the policy.",
        ),
    )
}
