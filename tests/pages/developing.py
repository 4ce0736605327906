"""Stories about developers of Integrations."""

from dataclasses import dataclass
from typing import Any

from appanage.apps.model import App
from appanage.directory.model import Account
from support.world import World

CALLBACK = "https://desk.northwind.example/callback"
SCOPES = ("spark:people_read", "spark:rooms_read")


@dataclass(frozen=True)
class MadeIntegration:
    """An Integration with what its developer knows of it; without a secret when it proves itself in another way."""

    app: App
    secret: str

    @property
    def path(self) -> str:
        return f"/portal/apps/{self.app.id}"


def integration(world: World, developer: Account, **draft: Any) -> MadeIntegration:
    described: dict[str, Any] = {
        "name": "Desk Booking",
        "scopes": SCOPES,
        "redirect_urls": [CALLBACK],
        "sign_out_urls": (),
    }
    made = world.integration(developer, **(described | draft))
    return MadeIntegration(made.app, made.secret)
