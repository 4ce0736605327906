"""Setting the demonstration up, and keeping it away from where others could reach it."""

from appanage.apps import queries as apps
from appanage.apps import service as app_service
from appanage.cli.console import Problem
from appanage.cli.demo import keepsake, making
from appanage.cli.demo.keepsake import Keepsake
from appanage.deployment import Deployment
from appanage.kit.origin import command_line_origin
from appanage.kit.secrets import digest
from appanage.settings import is_loopback_host
from appanage.storage import Transaction


def set_up(deployment: Deployment) -> None:
    """Makes the demonstration data, or finds it; afterwards the keepsake holds a client secret that works."""
    folder = deployment.settings.data.expanduser()
    kept = keepsake.read(folder)
    with deployment.transaction(command_line_origin()) as tx:
        secret = _working_secret(tx, deployment, kept.client_secret if kept else "")
    keepsake.write(folder, Keepsake(deployment.settings.base_url, secret))


def refuse_demo_data(deployment: Deployment, host: str) -> None:
    """Everybody knows the passwords of the demonstration: it must not be served to others (design §7)."""
    if deployment.settings.is_loopback and is_loopback_host(host):
        return
    with deployment.transaction(command_line_origin()) as tx:
        if making.is_present(tx):
            raise Problem(
                "This database holds the demonstration data, whose passwords everybody knows. Use another database."
            )


def _working_secret(tx: Transaction, deployment: Deployment, kept: str) -> str:
    lifetimes = deployment.settings.lifetimes
    if not making.is_present(tx):
        return making.make(tx, lifetimes).reveal()
    app = making.find_app(tx)
    row = apps.find_secret(tx, digest(kept))
    if app is None or (row and row.app_id == app.id and row.is_live(tx.now)):
        return kept
    lifetime = lifetimes.client_secret
    return app_service.add_secret(tx, app, by=app.creator, lifetime=lifetime, overlap=lifetime).reveal()
