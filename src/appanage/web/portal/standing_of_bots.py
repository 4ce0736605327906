"""Where a bot stands: it is there from the moment it is registered, as long as it has a token."""

from dataclasses import dataclass
from enum import StrEnum

from appanage.apps.model import App
from appanage.authorizations.model import BotToken


class Stage(StrEnum):
    LIVE = "live"
    TOKENLESS = "tokenless"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class BotStanding:
    """A bot with the token by which it acts, or without one."""

    app: App
    token: BotToken | None

    # What the other kinds count: nobody authorizes a bot, and it registers no scopes.
    active = 0
    organizations = 0
    after_adding_scopes = ""

    @property
    def stage(self) -> Stage:
        if not self.app.is_active:
            return Stage.SUSPENDED
        return Stage.LIVE if self.token else Stage.TOKENLESS

    @property
    def badge(self) -> tuple[str, str]:
        return {
            Stage.LIVE: ("Live", "ok"),
            Stage.TOKENLESS: ("No token", "warn"),
            Stage.SUSPENDED: ("Suspended", "bad"),
        }[self.stage]

    @property
    def note(self) -> str:
        """What the badge leaves open."""
        return {
            Stage.LIVE: "" if self.token and self.token.last_used_at else "Its token was never used",
            Stage.TOKENLESS: "It can do nothing without one",
            Stage.SUSPENDED: "Its token does not work",
        }[self.stage]
