"""What an administrator is shown about one Service App before deciding on it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from appanage.apps import scopes as catalogue
from appanage.apps.model import App
from appanage.apps.scopes import Risk, by_risk
from appanage.authorizations.decisions import AppDecision
from appanage.authorizations.model import Authorization, AuthorizationRequest
from appanage.authorizations.service import missing_roles
from appanage.directory.model import Account
from appanage.directory.roles import Role
from appanage.events import Event


@dataclass(frozen=True, slots=True)
class ScopeLine:
    """A scope in plain words, as the component `scope` shows it."""

    id: str
    text: str
    risk: str
    can: str
    why: str
    change: str = ""


@dataclass(frozen=True, slots=True)
class HistoryItem:
    who: str
    what: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Review:
    """A Service App as the viewer has to judge it."""

    decision: AppDecision
    viewer: Account

    @property
    def app(self) -> App:
        return self.decision.app

    @property
    def request(self) -> AuthorizationRequest | None:
        return self.decision.request

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
    def to_acknowledge(self) -> int:
        """How many high-risk scopes a decision would newly allow."""
        return len(by_risk(self.added if self.current else self.app.scopes)[Risk.HIGH])

    @property
    def missing_roles(self) -> list[Role]:
        return missing_roles(self.viewer, self.app.scopes)

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
        return [self._standing, *suspended, (f"From {self.app.organization.name}", "")]

    @property
    def _standing(self) -> tuple[str, str]:
        if self.current:
            return ("Re-approval needed", "warn") if self.added else ("Authorized", "ok")
        if self.decision.needs_decision:
            return "Needs decision", "warn"
        return "Deauthorized", ""

    def lines(self, *, only_changes: bool) -> list[ScopeLine]:
        asked = [scope_line(self.app, name, "new" if name in self.added else "") for name in self.app.scopes]
        if not only_changes:
            return asked
        return [line for line in asked if line.change] + [
            scope_line(self.app, name, "dropped") for name in self.dropped
        ]


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


def history_of(events: Sequence[Event]) -> list[HistoryItem]:
    return [_history_item(event) for event in events]


def _history_item(event: Event) -> HistoryItem:
    sentence, actor = event.action_text, event.actor_name
    if sentence.startswith(f"{actor} "):
        return HistoryItem(actor, sentence.removeprefix(f"{actor} "), event.at)
    return HistoryItem(sentence, "", event.at)
