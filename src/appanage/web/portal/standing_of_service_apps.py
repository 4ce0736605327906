"""Where a Service App stands on its way from registration to the first call."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from appanage.apps.model import App
from appanage.authorizations.queries import AuthorizationSummary
from appanage.kit.text import count_of
from appanage.web.rendering import date_and_time

Step = tuple[str, str, str]


class Stage(StrEnum):
    PRIVATE = "private"
    AWAITING = "awaiting"
    AUTHORIZED = "authorized"
    DEAUTHORIZED = "deauthorized"
    LISTED = "listed"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class ServiceAppStanding:
    """A Service App with what administrators made of it so far."""

    app: App
    orgs: AuthorizationSummary
    requested_at: datetime | None

    @property
    def active(self) -> int:
        return self.orgs.active

    @property
    def organizations(self) -> int:
        return self.orgs.active

    @property
    def stage(self) -> Stage:
        if not self.app.is_active:
            return Stage.SUSPENDED
        if self.orgs.active:
            return Stage.AUTHORIZED
        if self.is_awaited:
            return Stage.AWAITING
        if self.app.is_listed:
            return Stage.LISTED
        return Stage.DEAUTHORIZED if self.orgs.last_ended_at else Stage.PRIVATE

    @property
    def is_awaited(self) -> bool:
        """An administrator was asked after whatever was decided before."""
        ended = self.orgs.last_ended_at
        return self.requested_at is not None and (ended is None or self.requested_at > ended)

    @property
    def badge(self) -> tuple[str, str]:
        if self.stage == Stage.AUTHORIZED and self.orgs.outdated:
            return "Scopes pending", "warn"
        return {
            Stage.PRIVATE: ("Private", ""),
            Stage.AWAITING: ("Awaiting admin", "info"),
            Stage.AUTHORIZED: (f"Authorized by {self.orgs.active}", "ok"),
            Stage.DEAUTHORIZED: ("Deauthorized", "warn"),
            Stage.LISTED: ("Listed", "ok"),
            Stage.SUSPENDED: ("Suspended", "bad"),
        }[self.stage]

    @property
    def note(self) -> str:
        """What the badge leaves open."""
        if self.stage == Stage.AUTHORIZED and self.orgs.outdated:
            return f"{organizations(self.orgs.outdated)} must approve new scopes"
        return {
            Stage.PRIVATE: "Only you can see it",
            Stage.AWAITING: "Waits for a Full Administrator",
            Stage.AUTHORIZED: "",
            Stage.DEAUTHORIZED: "Its tokens are dead",
            Stage.LISTED: "Everybody can find it; nobody has authorized it yet",
            Stage.SUSPENDED: "No tokens are issued or accepted",
        }[self.stage]

    @property
    def after_adding_scopes(self) -> str:
        """What is said when scopes were added."""
        return (
            f"{organizations(self.orgs.outdated)} must approve what was added." if self.orgs.outdated else ""
        )

    def path(self) -> list[Step]:
        """The path to the first call: title, detail, and whether it is done or what is to be done now."""
        orgs = self.orgs
        authorized = f"Authorized by {organizations(orgs.active)}" if orgs.active else "Authorized"
        retrieved = f"{orgs.with_tokens} of {organizations(orgs.active)}" if orgs.active else ""
        steps = [
            ("Registered", date_and_time(self.app.created_at), True),
            ("Admin asked", self._asked(), self.is_awaited or orgs.active > 0 or self.app.is_listed),
            (authorized, "", orgs.active > 0),
            ("Tokens retrieved", retrieved, orgs.with_tokens > 0),
        ]
        current = next((title for title, _, done in steps if not done), "")
        return [
            (title, detail, "done" if done else "now" if title == current else "")
            for title, detail, done in steps
        ]

    def _asked(self) -> str:
        if self.requested_at is None:
            return "Not needed" if self.orgs.active or self.app.is_listed else ""
        is_current = self.is_awaited or self.orgs.active > 0
        return date_and_time(self.requested_at) if is_current else "Ask again"


def organizations(number: int) -> str:
    return count_of(number, "organization", "organizations")
