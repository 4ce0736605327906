"""Recording what happened to an app."""

from collections.abc import Mapping

from appanage import events
from appanage.apps.model import App
from appanage.directory.model import Account
from appanage.storage import Transaction


def record(tx: Transaction, type_: str, app: App, *, by: Account, data: Mapping[str, object]) -> None:
    """One event in the audit log of the app's own organization."""
    events.record(
        tx,
        type_,
        organization_id=app.organization_id,
        actor=by.as_actor(),
        target=app.as_target(),
        app_id=app.id,
        data=data,
    )
