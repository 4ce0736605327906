"""The Service Apps of an organization: what waits for a decision, what is authorized, what was."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.routing import Route

from appanage.apps.scopes import Risk, highest_risk
from appanage.authorizations import decisions
from appanage.authorizations.decisions import AppDecision, DecisionState
from appanage.kit.text import count_of
from appanage.web.controlhub.access import Ability, enter
from appanage.web.controlhub.lists import Turns
from appanage.web.pages import Page, Pages
from appanage.web.rendering import date
from appanage.web.visit import Visit


def routes(pages: Pages) -> list[Route]:
    return [pages.route("/hub/service-apps", index)]


@dataclass(frozen=True, slots=True)
class Listed:
    """One row: the app, and what its tab says about it, who did that and when."""

    decision: AppDecision
    headline: str
    detail: str
    by: str
    remark: str
    at: datetime

    @property
    def risk(self) -> Risk | None:
        return highest_risk(self.decision.app.scopes)


@dataclass(frozen=True, slots=True)
class Tab:
    """One of the lists: what is in it, the headings of its columns, and what is said when it is empty."""

    key: str
    name: str
    count: str
    narrowed_by: Mapping[str, Any]
    columns: tuple[str, str, str]
    listed: Callable[[AppDecision], Listed]
    empty: str


def index(visit: Visit) -> Page:
    viewer = enter(visit, Ability.SEE_APPS)
    tab = TABS.get(visit.text("state"), TABS["waiting"])
    found = decisions.list_decisions(
        visit.tx, viewer.organization_id, visit.page_request(), search=visit.text("q"), **tab.narrowed_by
    )
    return Page(
        "controlhub/serviceapps/index.html",
        area="hub",
        here="service-apps",
        tab=tab,
        tabs=TABS.values(),
        counts=decisions.count_decisions(visit.tx, viewer.organization_id),
        rows=[tab.listed(decision) for decision in found.items],
        search=visit.text("q"),
        turns=Turns.of(visit, found),
    )


def _waiting(decision: AppDecision) -> Listed:
    app, asked = decision.app, decision.request
    headline, detail = _what_is_asked(decision)
    decided_at = _decided_at(decision)
    if decision.proposal is not None:
        proposal = decision.proposal
        return Listed(
            decision, headline, detail, proposal.proposed_by_name, proposal.note, proposal.proposed_at
        )
    if asked is not None and (decided_at is None or asked.requested_at > decided_at):
        others = decision.askers - 1
        by = f"{asked.requested_by_name} and {count_of(others, 'other', 'others')}" if others > 0 else ""
        by = by or asked.requested_by_name
        return Listed(decision, headline, detail, by, asked.message, asked.requested_at)
    return Listed(decision, headline, detail, app.creator.display_name, "", app.modified_at)


def _decided_at(decision: AppDecision) -> datetime | None:
    authorization = decision.authorization
    return (authorization.ended_at or authorization.scopes_approved_at) if authorization else None


def _what_is_asked(decision: AppDecision) -> tuple[str, str]:
    authorization = decision.authorization
    if decision.proposal is not None:
        return "Needs a second administrator", f"Proposed by {decision.proposal.proposed_by_name}"
    if authorization is None:
        return "First authorization", count_of(len(decision.app.scopes), "scope", "scopes")
    if not authorization.is_active:
        return "Authorize again", count_of(len(decision.app.scopes), "scope", "scopes")
    added, dropped = len(authorization.added_scopes), len(authorization.dropped_scopes)
    scopes = f"{count_of(added, 'scope', 'scopes')} added"
    return "Approve changes", f"{scopes}, {dropped} dropped" if dropped else scopes


def _authorized(decision: AppDecision) -> Listed:
    authorization = decision.authorization
    assert authorization is not None
    usable, asked = len(authorization.usable_scopes), len(decision.app.scopes)
    headline = count_of(usable, "scope", "scopes") if usable == asked else f"{usable} of {asked} scopes"
    if authorization.ends_at is not None:
        headline = f"{headline}, until {date(authorization.ends_at)}"
    by, at = authorization.authorized_by_name, authorization.authorized_at
    return Listed(decision, headline, authorization.account.email, by, "", at)


def _deauthorized(decision: AppDecision) -> Listed:
    authorization = decision.authorization
    assert authorization is not None
    assert authorization.ended_at is not None
    headline = f"Was authorized by {authorization.authorized_by_name}"
    by, reason = authorization.ended_by_name or "Its time was over", authorization.end_reason or ""
    return Listed(decision, headline, "", by, reason, authorization.ended_at)


def _declined(decision: AppDecision) -> Listed:
    asked = decision.request
    assert asked is not None
    assert asked.decided_at is not None
    headline = f"Was requested by {asked.requested_by_name}"
    by, reason = asked.decided_by_name or "", asked.decision_reason or ""
    return Listed(decision, headline, "", by, reason, asked.decided_at)


TABS = {
    tab.key: tab
    for tab in (
        Tab(
            key="waiting",
            name="Needs decision",
            count="needs_decision",
            narrowed_by={"needs_decision": True},
            columns=("Request", "Requested by", "Waiting since"),
            listed=_waiting,
            empty="Nothing waits for you. An app appears here when its developer requests authorization, "
            "or asks for more scopes than were approved.",
        ),
        Tab(
            key="authorized",
            name="Authorized",
            count=DecisionState.AUTHORIZED.value,
            narrowed_by={"state": DecisionState.AUTHORIZED},
            columns=("Scopes and machine account", "Authorized by", "Since"),
            listed=_authorized,
            empty="No Service App acts for your organization. You authorize one under Needs decision.",
        ),
        Tab(
            key="deauthorized",
            name="Deauthorized",
            count=DecisionState.DEAUTHORIZED.value,
            narrowed_by={"state": DecisionState.DEAUTHORIZED},
            columns=("Before", "Deauthorized by", "When"),
            listed=_deauthorized,
            empty="No Service App was deauthorized. One that was stays listed here and can be authorized again.",
        ),
        Tab(
            key="declined",
            name="Declined",
            count=DecisionState.DECLINED.value,
            narrowed_by={"state": DecisionState.DECLINED},
            columns=("Request", "Declined by", "When"),
            listed=_declined,
            empty="No request for a Service App was declined. One that was stays listed here and can be authorized.",
        ),
    )
}
