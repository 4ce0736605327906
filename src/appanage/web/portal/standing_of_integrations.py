"""Where an Integration stands on its way from registration to the first person who connects it."""

from dataclasses import dataclass
from enum import StrEnum

from appanage.apps.model import App, ClientProof
from appanage.authorizations.queries import AuthorizationSummary
from appanage.kit.text import count_of
from appanage.web.rendering import date_and_time

Step = tuple[str, str, str]


class Stage(StrEnum):
    UNPROVEN = "unproven"
    UNCONNECTED = "unconnected"
    CONNECTED = "connected"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class IntegrationStanding:
    """An Integration with what people made of it so far: each of them gave one authorization."""

    app: App
    people: AuthorizationSummary
    has_proof: bool

    @property
    def active(self) -> int:
        return self.people.active

    @property
    def organizations(self) -> int:
        return self.people.organizations

    @property
    def stage(self) -> Stage:
        if not self.app.is_active:
            return Stage.SUSPENDED
        if not self.has_proof:
            return Stage.UNPROVEN
        return Stage.CONNECTED if self.active else Stage.UNCONNECTED

    @property
    def badge(self) -> tuple[str, str]:
        return {
            Stage.UNPROVEN: ("No key yet" if self._signs else "No secret", "warn"),
            Stage.UNCONNECTED: ("Not connected", ""),
            Stage.CONNECTED: (f"{people(self.active)} connected", "ok"),
            Stage.SUSPENDED: ("Suspended", "bad"),
        }[self.stage]

    @property
    def note(self) -> str:
        """What the badge leaves open."""
        return {
            Stage.UNPROVEN: "It can get no tokens",
            Stage.UNCONNECTED: "Everybody has disconnected it"
            if self.people.last_ended_at
            else "Nobody has connected it yet",
            Stage.CONNECTED: "",
            Stage.SUSPENDED: "No tokens are issued or accepted",
        }[self.stage]

    @property
    def after_adding_scopes(self) -> str:
        """What is said when scopes were added."""
        return (
            "People are asked for what was added when an authorization request contains it."
            if self.active
            else ""
        )

    def path(self) -> list[Step]:
        """The path to the first connection: title, detail, and whether it is done or what is to be done now."""
        connected = f"Connected by {people(self.active)}" if self.active else "First person connects it"
        steps = [
            ("Registered", date_and_time(self.app.created_at), True),
            (*self._proof_step, self.has_proof),
            (connected, "", self.active > 0),
        ]
        current = next((title for title, _, done in steps if not done), "")
        return [
            (title, detail, "done" if done else "now" if title == current else "")
            for title, detail, done in steps
        ]

    @property
    def _signs(self) -> bool:
        return self.app.client_proof == ClientProof.KEY

    @property
    def _proof_step(self) -> tuple[str, str]:
        if self.app.is_public:
            return "No credential needed", "A public client proves each request by PKCE"
        if self._signs:
            return "Key added" if self.has_proof else "Add a key", "The public half of a key pair"
        return "Client secret made" if self.has_proof else "Make a client secret", ""


def people(number: int) -> str:
    return count_of(number, "person", "people")
