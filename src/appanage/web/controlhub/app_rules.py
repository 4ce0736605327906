"""Naming one Service App in the policy: finding it, and allowing it, blocking it or leaving it to the policy."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from starlette.responses import Response
from starlette.routing import Route

from appanage.apps.queries import is_key
from appanage.apps.scopes import highest_risk
from appanage.authorizations import app_policies, app_policy_previews, app_rules
from appanage.authorizations.app_rules import Aftermath, NameableApp
from appanage.authorizations.model import AppRuleMode
from appanage.directory.model import Account
from appanage.kit.errors import Conflict, NotFound, Refused
from appanage.kit.ids import Kind
from appanage.web.controlhub.access import Ability, enter, may
from appanage.web.controlhub.lists import Turns
from appanage.web.controlhub.policy_words import MODES, Foreseen, say_ended
from appanage.web.controlhub.review import scope_line
from appanage.web.pages import Page, Pages
from appanage.web.visit import Form, Visit, see_other

Answer = Response | Page | Refused
Errors = Mapping[str, str]

APPS = "/hub/app-policies/apps"
CHOICES: Mapping[str, AppRuleMode | None] = {
    "policy": None,
    "allow": AppRuleMode.ALLOW,
    "block": AppRuleMode.BLOCK,
}


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route(APPS, index),
        pages.route(APPS + "/{id}", show),
        pages.route(APPS + "/{id}", decide, methods=["POST"]),
    ]


@dataclass(frozen=True, slots=True)
class RuleForm:
    """What the form about one app posts. `seen` is what a block would have ended when the page was shown."""

    rule: str
    acknowledged: bool = False
    seen: str = ""

    @classmethod
    def read(cls, form: Form) -> Self:
        return cls(rule=form.get("rule"), acknowledged=form.has("ack"), seen=form.get("seen"))

    @classmethod
    def of(cls, named: NameableApp) -> Self:
        return cls(rule=named.rule.mode if named.rule else "policy")

    def problems(self, reach: Aftermath) -> dict[str, str]:
        """What is missing for the decision that was made, by field."""
        if self.rule not in CHOICES:
            return {"rule": "Choose what holds for this app. Nothing was changed."}
        if CHOICES[self.rule] is not AppRuleMode.BLOCK or not reach:
            return {}
        if not self.acknowledged:
            return {"ack": "Confirm what the block ends. Nothing was changed."}
        if self.seen != str(reach):
            return {"ack": "What the block ends has changed. Look at it, then confirm again."}
        return {}


def index(visit: Visit) -> Page:
    """The apps that can be named: those that are known here, and whatever a search finds in the App Hub."""
    viewer = enter(visit, Ability.SEE_APPS)
    found = app_rules.list_nameable(
        visit.tx, viewer.organization_id, visit.page_request(), search=search_of(visit)
    )
    return Page(
        "controlhub/apppolicies/apps.html",
        area="hub",
        here="app-policies",
        rows=found.items,
        risks={one.app.id: highest_risk(one.app.scopes) for one in found.items},
        modes=MODES,
        search=visit.text("q"),
        turns=Turns.of(visit, found),
    )


def show(visit: Visit) -> Page:
    viewer = enter(visit, Ability.SEE_APPS)
    return _page(visit, viewer, _named(visit, viewer))


def decide(visit: Visit) -> Answer:
    viewer = enter(visit, Ability.SET_APP_POLICY)
    named, form = _named(visit, viewer), RuleForm.read(visit.form)
    problems = form.problems(app_rules.reach_of_block(visit.tx, viewer.organization_id, named.app))
    if problems:
        again = replace(form, acknowledged=False)
        return _page(visit, viewer, named, form=again, errors=problems, status=422)
    mode = CHOICES[form.rule]
    try:
        ended = app_rules.set_rule(
            visit.tx,
            viewer.organization,
            named.app,
            mode,
            by=viewer,
            longest_token=visit.deployment.settings.lifetimes.longest_access_token,
        )
    except Conflict as refusal:
        return _page(visit, viewer, named, form=form, errors={"": refusal.message}, status=409)
    if isinstance(ended, Refused):
        return ended
    holds = f"is {MODES[mode].lower()} by name" if mode else "is as the policy says"
    visit.tell(f"{named.app.name} {holds}.{say_ended(ended)}")
    return see_other(f"/hub/app-policies?named={mode}" if mode else "/hub/app-policies")


def search_of(visit: Visit) -> str:
    """What is looked for; an id of the API counts as what it names."""
    text = visit.text("q")
    try:
        key = visit.ids.decode_key(Kind.APPLICATION, text)
    except NotFound:
        return text
    return key if is_key(key) else text


def _named(visit: Visit, viewer: Account) -> NameableApp:
    return app_rules.get_nameable(visit.tx, viewer.organization_id, visit.id())


def _page(
    visit: Visit,
    viewer: Account,
    named: NameableApp,
    *,
    form: RuleForm | None = None,
    errors: Errors | None = None,
    status: int = 200,
) -> Page:
    app, organization_id = named.app, viewer.organization_id
    course = app_policy_previews.foresee(
        visit.tx, organization_id, app, app_policies.terms_of(visit.tx, organization_id)
    )
    return Page(
        "controlhub/apppolicies/app.html",
        status=status,
        area="hub",
        here="app-policies",
        named=named,
        address=f"{APPS}/{app.id}",
        organization=viewer.organization,
        form=form or RuleForm.of(named),
        errors=errors or {},
        reach=app_rules.reach_of_block(visit.tx, organization_id, app),
        foreseen=Foreseen.of(app, course),
        lines=[scope_line(app, name) for name in app.scopes],
        modes=MODES,
        may_set=may(viewer, Ability.SET_APP_POLICY),
    )
