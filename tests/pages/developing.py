"""Stories about developers of Integrations."""

from dataclasses import dataclass
from typing import Any

from appanage.apps import service as apps
from appanage.apps.drafts import AppDraft
from appanage.apps.model import App
from appanage.directory import queries as directory
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
    described = {
        "name": "Desk Booking",
        "description": "Books a desk near your team.",
        "contact_email": developer.email,
        "scopes": SCOPES,
        "redirect_urls": [CALLBACK],
    }
    lifetime = world.deployment.settings.lifetimes.client_secret
    with world.deployment.transaction(world.origin) as tx:
        by = directory.get_account(tx, developer.organization_id, developer.id)
        made = AppDraft(**(described | draft))
        app, secret = apps.create_integration(tx, made, by=by, secret_lifetime=lifetime)
        return MadeIntegration(app, secret.reveal() if secret else "")
