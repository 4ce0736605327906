"""What holds for Service Apps in an organization: the policy, what it would do, and what goes beyond it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from appanage.authorizations import app_policies, app_policy_previews, app_rules
from appanage.authorizations.app_policies import LONGEST_DAYS
from appanage.authorizations.app_policy_rules import Terms
from appanage.authorizations.model import AppRuleMode, Requesters, SecondAdministrator
from appanage.directory import queries as directory
from appanage.directory.model import Account
from appanage.directory.roles import Role
from appanage.kit.errors import Conflict, NotFound, Refused
from appanage.kit.ids import parse_uuid
from appanage.kit.paging import PageRequest
from appanage.web.controlhub.access import Ability, enter, may
from appanage.web.controlhub.app_rules import search_of
from appanage.web.controlhub.lists import Turns
from appanage.web.controlhub.policy_words import OUTCOMES, Foreseen, say, say_differences
from appanage.web.pages import Page, Pages
from appanage.web.visit import Form, Visit, see_other

Answer = Response | Page | Refused
Errors = Mapping[str, str]

POLICY = "/hub/app-policies"
PREVIEW = POLICY + "/preview"
OUTSIDE = POLICY + "/outside"
_FOUND = 10


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route(POLICY, show),
        pages.route(POLICY, save, methods=["POST"]),
        pages.route(PREVIEW, preview),
        pages.route(PREVIEW, carry_to_preview, methods=["POST"]),
        pages.route(OUTSIDE, list_outside),
    ]


@dataclass(frozen=True, slots=True)
class PolicyForm:
    """What the policy's form posts. `version` is that of the policy that was shown."""

    requesters: str
    authorizes_low_risk: bool
    second_administrator: str
    only_allowed: bool
    longest_days: str
    version: int

    @classmethod
    def of(cls, terms: Terms) -> Self:
        return cls(
            requesters=terms.requesters.value,
            authorizes_low_risk=terms.authorizes_low_risk,
            second_administrator=terms.second_administrator.value,
            only_allowed=terms.only_allowed,
            longest_days=str(terms.longest_days or ""),
            version=terms.version,
        )

    @classmethod
    def read(cls, form: Form) -> Self:
        return cls(
            requesters=form.get("requesters"),
            authorizes_low_risk=form.has("authorizes_low_risk"),
            second_administrator=form.get("second_administrator"),
            only_allowed=form.has("only_allowed"),
            longest_days=form.get("longest_days").strip(),
            version=_number(form.get("version")) or 0,
        )

    def problems(self) -> dict[str, str]:
        found = {}
        if self.requesters not in set(Requesters):
            found["requesters"] = "Choose who can ask for apps. Nothing was changed."
        if self.second_administrator not in set(SecondAdministrator):
            found["second_administrator"] = "Choose when two administrators must agree. Nothing was changed."
        if self.longest_days and not 1 <= (_number(self.longest_days) or 0) <= LONGEST_DAYS:
            found["longest_days"] = f"Give a number of days from 1 to {LONGEST_DAYS:,}, or leave it empty."
        return found

    @property
    def terms(self) -> Terms:
        """What the form says, once it has no problems."""
        return Terms(
            requesters=Requesters(self.requesters),
            authorizes_low_risk=self.authorizes_low_risk,
            second_administrator=SecondAdministrator(self.second_administrator),
            only_allowed=self.only_allowed,
            longest_days=_number(self.longest_days),
            version=self.version,
        )

    @property
    def fields(self) -> dict[str, str]:
        """What a form or an address has to carry to say the same."""
        flags = {"authorizes_low_risk": self.authorizes_low_risk, "only_allowed": self.only_allowed}
        return {
            "requesters": self.requesters,
            "second_administrator": self.second_administrator,
            "longest_days": self.longest_days,
            "version": str(self.version),
        } | {name: "on" for name, is_on in flags.items() if is_on}


def show(visit: Visit) -> Page:
    viewer = enter(visit, Ability.SEE_APPS)
    return _page(visit, viewer, form=_draft(visit))


def save(visit: Visit) -> Answer:
    viewer, form = enter(visit, Ability.SET_APP_POLICY), PolicyForm.read(visit.form)
    problems = form.problems()
    if problems:
        return _page(visit, viewer, form=form, errors=problems, status=422)
    try:
        done = app_policies.set_policy(
            visit.tx, viewer.organization, form.terms, by=viewer, version=form.version
        )
    except Conflict as refusal:
        return _saved_meanwhile(visit, viewer, form, refusal)
    if isinstance(done, Refused):
        return done
    is_new = done.version != form.version
    visit.tell(
        "The app policy is saved." if is_new else "Nothing was changed: the app policy says that already."
    )
    return see_other(POLICY)


def carry_to_preview(visit: Visit) -> Answer:
    """The form as it stands, unsaved, into the address of the preview."""
    viewer, form = enter(visit, Ability.SET_APP_POLICY), PolicyForm.read(visit.form)
    problems = form.problems()
    if problems:
        return _page(visit, viewer, form=form, errors=problems, status=422)
    return see_other(f"{PREVIEW}?{urlencode(form.fields)}")


def preview(visit: Visit) -> Page:
    """What would happen with an app, and with all that are known, under the policy as it is or as it might be."""
    viewer, draft = enter(visit, Ability.SEE_APPS), _draft(visit)
    organization_id = viewer.organization_id
    if draft is not None and draft.problems():
        return _page(visit, viewer, form=draft, errors=draft.problems(), status=422)
    now = app_policies.terms_of(visit.tx, organization_id)
    then = draft.terms if draft else now
    is_changed = not then.says_the_same_as(now)
    previews = app_policy_previews
    return Page(
        "controlhub/apppolicies/preview.html",
        area="hub",
        here="app-policies",
        fields=draft.fields if draft else {},
        differences=say_differences(then, now),
        lines=say(now),
        is_changed=is_changed,
        impact=previews.foresee_impact(visit.tx, organization_id, now, then) if is_changed else None,
        outside=previews.count_outside(visit.tx, organization_id, then),
        outcomes=OUTCOMES,
        may_set=may(viewer, Ability.SET_APP_POLICY),
        edit=f"{POLICY}?{urlencode(draft.fields)}" if draft else POLICY,
        **_chosen(visit, viewer, now, then),
        **_found(visit, viewer),
    )


def list_outside(visit: Visit) -> Page:
    viewer = enter(visit, Ability.SEE_APPS)
    terms = app_policies.terms_of(visit.tx, viewer.organization_id)
    found = app_policy_previews.list_outside(visit.tx, viewer.organization_id, terms, visit.page_request())
    return Page(
        "controlhub/apppolicies/outside.html",
        area="hub",
        here="app-policies",
        rows=found.items,
        terms=terms,
        turns=Turns.of(visit, found),
    )


def _page(
    visit: Visit,
    viewer: Account,
    *,
    form: PolicyForm | None = None,
    differences: list[tuple[str, str, str]] | None = None,
    errors: Errors | None = None,
    status: int = 200,
) -> Page:
    organization_id = viewer.organization_id
    terms = app_policies.terms_of(visit.tx, organization_id)
    mode = AppRuleMode.BLOCK if visit.text("named") == AppRuleMode.BLOCK else AppRuleMode.ALLOW
    rules = app_rules.list_rules(visit.tx, organization_id, mode, visit.page_request())
    return Page(
        "controlhub/apppolicies/show.html",
        status=status,
        area="hub",
        here="app-policies",
        organization=viewer.organization,
        form=form or PolicyForm.of(terms),
        lines=say(terms),
        policy=app_policies.find_policy(visit.tx, organization_id),
        differences=differences or [],
        errors=errors or {},
        mode=mode,
        rules=rules.items,
        counts=app_rules.count_rules(visit.tx, organization_id),
        turns=Turns.of(visit, rules),
        outside=app_policy_previews.count_outside(visit.tx, organization_id, terms),
        administrators=directory.count_usable_with_role(visit.tx, organization_id, Role.FULL_ADMIN),
        terms=terms,
        longest=LONGEST_DAYS,
        has_app_hub=visit.deployment.settings.rules.has_app_hub,
        may_set=may(viewer, Ability.SET_APP_POLICY),
    )


def _saved_meanwhile(visit: Visit, viewer: Account, form: PolicyForm, refusal: Conflict) -> Page:
    """One's own values stay in the form, what somebody else saved stands beside them; saving again replaces that."""
    theirs = app_policies.terms_of(visit.tx, viewer.organization_id)
    return _page(
        visit,
        viewer,
        form=replace(form, version=theirs.version),
        differences=say_differences(form.terms, theirs),
        errors={"": refusal.message},
        status=409,
    )


def _draft(visit: Visit) -> PolicyForm | None:
    """The policy that the address carries, if it does."""
    if "requesters" not in visit.query:
        return None
    return PolicyForm.read(Form({name: visit.query.getlist(name) for name in visit.query}))


def _chosen(visit: Visit, viewer: Account, now: Terms, then: Terms) -> dict[str, Any]:
    """The app that is asked about, and what would happen with it now and then."""
    if not visit.text("app"):
        return {"chosen": None}
    app_id = parse_uuid(visit.text("app"))
    if app_id is None:
        raise NotFound("This page does not exist.")
    organization_id = viewer.organization_id
    chosen = app_rules.get_nameable(visit.tx, organization_id, app_id)
    courses = [
        app_policy_previews.foresee(visit.tx, organization_id, chosen.app, terms) for terms in (now, then)
    ]
    before, after = (Foreseen.of(chosen.app, course) for course in courses)
    return {"chosen": chosen, "before": before, "after": after}


def _found(visit: Visit, viewer: Account) -> dict[str, Any]:
    """The apps that a search finds, each with the address that asks about it."""
    if not visit.text("q"):
        return {"search": "", "found": [], "more": False}
    page = app_rules.list_nameable(
        visit.tx, viewer.organization_id, PageRequest(_FOUND), search=search_of(visit)
    )
    found = [(one, visit.with_query(app=str(one.app.id), q=None)) for one in page.items]
    return {"search": visit.text("q"), "found": found, "more": page.next_cursor is not None}


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
