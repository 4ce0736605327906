"""Setting the demonstration up, and keeping it away from where others could reach it."""

from collections.abc import Mapping

from appanage.apps import credentials
from appanage.apps import queries as apps
from appanage.apps.model import App, ClientProof
from appanage.apps.rules import AppRules
from appanage.authorizations import bots
from appanage.authorizations import queries as authorizations
from appanage.cli.console import Problem
from appanage.cli.demo import keepsake, making
from appanage.cli.demo.keepsake import Keepsake
from appanage.cli.demo.storekeeping import make_listings
from appanage.deployment import Deployment
from appanage.kit.origin import command_line_origin
from appanage.kit.secrets import digest
from appanage.settings import is_loopback_host
from appanage.storage import Transaction


def set_up(deployment: Deployment) -> None:
    """Makes the demonstration data, or finds it; afterwards the keepsake holds secrets that work."""
    folder = deployment.settings.data.expanduser()
    kept = keepsake.read(folder)
    with deployment.transaction(command_line_origin()) as tx:
        secrets = _working_secrets(tx, deployment, kept.secrets if kept else {})
    keepsake.write(folder, Keepsake(deployment.settings.base_url, secrets))


def refuse_demo_data(deployment: Deployment, host: str) -> None:
    """Everybody knows the passwords of the demonstration: it must not be served to others (design §7)."""
    if deployment.settings.is_loopback and is_loopback_host(host):
        return
    with deployment.transaction(command_line_origin()) as tx:
        if making.is_present(tx):
            raise Problem(
                "This database holds the demonstration data, whose passwords everybody knows. Use another database."
            )


def _working_secrets(tx: Transaction, deployment: Deployment, kept: Mapping[str, str]) -> Mapping[str, str]:
    rules = deployment.app_rules
    if not making.is_present(tx):
        made = making.make(tx, rules, deployment.passwords)
        if deployment.settings.rules.has_app_hub:
            settings = deployment.settings
            make_listings(tx, rules, reserved=settings.reserved_words, machine_domain=settings.machine_domain)
        return {name: secret.reveal() for name, secret in made.items()}
    return {
        app.name: _working_secret(tx, app, kept.get(app.name, ""), rules)
        for app in making.find_apps(tx)
        if app.client_proof == ClientProof.SECRET
    }


def _working_secret(tx: Transaction, app: App, kept: str, rules: AppRules) -> str:
    return (
        _working_token(tx, app, kept, rules) if app.is_bot else _working_client_secret(tx, app, kept, rules)
    )


def _working_token(tx: Transaction, app: App, kept: str, rules: AppRules) -> str:
    """A bot has one token at a time."""
    row = authorizations.find_bot_token(tx, digest(kept))
    if row and row.app_id == app.id and row.is_live(tx.now):
        return kept
    return bots.regenerate_token(tx, app, by=app.creator, rules=rules).reveal()


def _working_client_secret(tx: Transaction, app: App, kept: str, rules: AppRules) -> str:
    row = apps.find_secret(tx, digest(kept))
    if row and row.app_id == app.id and row.is_live(tx.now):
        return kept
    return credentials.add_secret(
        tx, app, by=app.creator, rules=rules, overlap=rules.secret_lifetime
    ).reveal()
