"""What an administrator is shown about one Service App before deciding on it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from appanage.apps import scopes as catalogue
from appanage.apps.model import App
from appanage.apps.scopes import Risk, by_risk
from appanage.authorizations.app_policy_rules import Outcome, Terms, Verdict
from appanage.authorizations.deciding import missing_roles
from appanage.authorizations.decisions import AppDecision, DecisionState
from appanage.authorizations.model import Authorization, AuthorizationProposal, AuthorizationRequest
from appanage.directory.model import Account
from appanage.directory.roles import Role
from appanage.events import SeenEvent
from appanage.web.rendering import date


@dataclass(frozen=True, slots=True)
class ScopeLine:
    """A scope in plain words, as the component `scope` shows it."""

    id: str
    text: str
    risk: str
    can: str
    why: str
    change: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class HistoryItem:
    who: str
    what: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Review:
    """A Service App as the viewer has to judge it: `terms` is the policy of their organization.

    `verdict` is what the policy says of what the app asks for beyond what it has; None when that is nothing.
    """

    decision: AppDecision
    viewer: Account
    terms: Terms
    verdict: Verdict | None

    @property
    def app(self) -> App:
        return self.decision.app

    @property
    def request(self) -> AuthorizationRequest | None:
        return self.decision.request

    @property
    def proposal(self) -> AuthorizationProposal | None:
        return self.decision.proposal

    @property
    def current(self) -> Authorization | None:
        """The authorization in force."""
        latest = self.decision.authorization
        return latest if latest is not None and latest.is_active else None

    @property
    def ended(self) -> Authorization | None:
        """The latest authorization, when it is over."""
        return None if self.current else self.decision.authorization

    @property
    def added(self) -> list[str]:
        """What is asked for beyond the authorization in force."""
        return sorted(self.current.added_scopes) if self.current else []

    @property
    def dropped(self) -> list[str]:
        return sorted(self.current.dropped_scopes) if self.current else []

    @property
    def has_changes(self) -> bool:
        return bool(self.added or self.dropped)

    @property
    def held(self) -> frozenset[str]:
        """The scopes of the authorization in force that the app still asks for."""
        return self.current.usable_scopes if self.current else frozenset()

    @property
    def declined(self) -> frozenset[str]:
        """What an administrator decided not to grant."""
        return frozenset(self.current.declined_scopes if self.current else ()) & frozenset(self.app.scopes)

    @property
    def choosable(self) -> list[str]:
        """The scopes that may be granted or not: optional ones, and those that were declined before."""
        return [name for name in self.app.scopes if name in {*self.app.optional_scopes, *self.declined}]

    @property
    def given(self) -> frozenset[str]:
        """The scopes that go without choosing, when everything that is new is approved."""
        return frozenset(self.app.scopes) - frozenset(self.choosable)

    def high_risk(self, scopes: Collection[str]) -> int:
        """How many of them are of high risk and not granted yet."""
        return len(by_risk(frozenset(scopes) - self.held)[Risk.HIGH])

    @property
    def to_acknowledge(self) -> int:
        """How many high-risk scopes a decision could newly allow."""
        return self.high_risk(self.app.scopes)

    @property
    def missing_roles(self) -> list[Role]:
        return missing_roles(self.viewer, self.given)

    @property
    def is_refused(self) -> bool:
        """Whether the policy keeps the organization from authorizing what the app asks for."""
        return self.verdict is not None and self.verdict.is_refused

    @property
    def takes_two(self) -> bool:
        return self.verdict is not None and self.verdict.outcome is Outcome.TWO_ADMINISTRATORS

    @property
    def is_own_proposal(self) -> bool:
        return self.proposal is not None and self.proposal.proposed_by == self.viewer.id

    @property
    def may_confirm(self) -> bool:
        """Whether the viewer can be the second administrator."""
        if self.proposal is None or self.is_own_proposal:
            return False
        return not missing_roles(self.viewer, self.proposal.scopes)

    @property
    def may_deauthorize(self) -> bool:
        return Role.FULL_ADMIN in self.viewer.roles

    @property
    def can_change_anything(self) -> bool:
        """Whether a Save could have an effect for this viewer."""
        return not self.missing_roles or (self.current is not None and self.may_deauthorize)

    @property
    def badges(self) -> list[tuple[str, str]]:
        """How the app stands here, in a word or two, and where it comes from."""
        suspended = [] if self.app.is_active else [("Suspended", "bad")]
        return [self._standing, *suspended, self._review, (f"From {self.app.organization.name}", "")]

    @property
    def _review(self) -> tuple[str, str]:
        """Whether reviewers of the platform have looked at it; one's own organization knows it anyhow."""
        if self.app.is_listed:
            return "Reviewed", "ok"
        is_foreign = self.app.organization_id != self.viewer.organization_id
        return "Not reviewed", "warn" if is_foreign else ""

    @property
    def _standing(self) -> tuple[str, str]:
        if self.proposal is not None:
            return "Needs a second administrator", "warn"
        if self.current:
            return ("Re-approval needed", "warn") if self.added else ("Authorized", "ok")
        if self.decision.needs_decision:
            return "Needs decision", "warn"
        return _STANDINGS[self.decision.state]

    def lines(self, *, only_changes: bool) -> list[ScopeLine]:
        asked = [self._line(name) for name in self.app.scopes]
        if not only_changes:
            return asked
        return [line for line in asked if line.change] + [
            scope_line(self.app, name, "dropped") for name in self.dropped
        ]

    def _line(self, name: str) -> ScopeLine:
        notes = ["Declined here"] if name in self.declined else []
        notes += ["Optional"] if name in self.app.optional_scopes else []
        line = scope_line(self.app, name, "new" if name in self.added else "")
        return replace(line, note=", ".join(notes))


_STANDINGS = {
    DecisionState.REQUESTED: ("Needs decision", "warn"),
    DecisionState.PROPOSED: ("Needs a second administrator", "warn"),
    DecisionState.AUTHORIZED: ("Authorized", "ok"),
    DecisionState.DEAUTHORIZED: ("Deauthorized", ""),
    DecisionState.DECLINED: ("Declined", ""),
    DecisionState.NONE: ("Not requested", ""),
}


def departure_of(author: Account | None) -> str:
    """What became of who authorized an app; empty while they still could. It changes nothing for the app."""
    if author is None:
        return ""
    if author.deleted_at is not None:
        return f"Left on {date(author.deleted_at)}; the authorization is not affected."
    if not author.is_active:
        return "Cannot sign in any more; the authorization is not affected."
    if Role.FULL_ADMIN not in author.roles:
        return "Is not a Full Administrator any more; the authorization is not affected."
    return ""


def scope_line(app: App, name: str, change: str = "") -> ScopeLine:
    """What one scope lets the app do, and why its developer asks for it."""
    known = catalogue.find(name)
    why = str(app.scope_reasons.get(name, ""))
    if known is None:
        # The catalogue may lose a scope that an old app still asks for; what is unknown counts as the worst.
        return ScopeLine(name, "A scope that is not in the catalogue any more", Risk.HIGH, "", why, change)
    return ScopeLine(name, known.title, known.risk, known.consequence, why, change)


def needed_for(scopes: Collection[str]) -> list[str]:
    """The scopes that only a Compliance Officer can grant, in a settled order."""
    return sorted(catalogue.needs_compliance_officer(scopes))


def history_of(events: Sequence[SeenEvent]) -> list[HistoryItem]:
    return [_history_item(event) for event in events]


def _history_item(seen: SeenEvent) -> HistoryItem:
    sentence, actor = seen.action_text, seen.actor_name
    if sentence.startswith(f"{actor} "):
        return HistoryItem(actor, sentence.removeprefix(f"{actor} "), seen.event.at)
    return HistoryItem(sentence, "", seen.event.at)
