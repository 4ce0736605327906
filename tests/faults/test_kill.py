"""The server is killed while it authorizes: nothing that was answered with success is lost."""

import itertools
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import httpx2
from sqlalchemy import select

from appanage.authorizations.model import Authorization
from appanage.directory.model import Account, Organization
from support.live import as_a_process, deployment_for, free_port
from support.world import MadeApp, World

APPS = 48  # fewer than one person may ask for at a time


def test_kill_minus_nine_loses_no_authorization_that_was_answered(new_database: Callable[[], str]):
    """MACH-01, AUD-01: and what was not answered is either whole or not there."""
    database_url, port = new_database(), free_port()
    url = f"http://127.0.0.1:{port}"
    deployment = deployment_for(database_url, url)
    deployment.prepare()
    world = World(deployment)
    organization = world.organization()
    admin, developer = world.full_admin(organization), world.developer(organization)
    apps = [world.service_app(developer) for _ in range(APPS)]
    token = world.token(admin)

    with as_a_process(database_url, url, port) as process:
        answered = authorize_until_killed(url, token, apps, lambda: process.send_signal(signal.SIGKILL))
        process.wait(timeout=10)

    assert 0 < len(answered) < APPS
    with world.deployment.transaction(world.origin) as tx:
        rows = list(tx.scalars(select(Authorization).where(Authorization.organization_id == organization.id)))
        machines = list(tx.scalars(select(Account).where(Account.kind == "machine")))
    recorded = world.events(organization, "authorization.created")
    deployment.database.dispose()

    assert answered <= {row.app_id for row in rows}
    assert {row.account_id for row in rows} == {machine.id for machine in machines}
    assert {str(row.app_id) for row in rows} == {event.target_id for event in recorded}


def authorize_until_killed(
    url: str, token: str, apps: list[MadeApp], kill: Callable[[], None]
) -> set[object]:
    """Four clients authorize one app after the other; after a dozen answers the server is killed."""
    answered: set[object] = set()
    enough = Event()
    left = itertools.count()

    def work() -> None:
        with httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}) as client:
            for number in left:
                if number >= len(apps) or not _authorized(client, apps[number]):
                    return
                answered.add(apps[number].id)
                if len(answered) >= 12:
                    enough.set()

    with ThreadPoolExecutor(5) as pool:
        for _ in range(4):
            pool.submit(work)
        assert enough.wait(timeout=30)
        kill()
    return answered


def _authorized(client: httpx2.Client, made: MadeApp) -> bool:
    organization: Organization = made.app.organization
    path = f"/v1/applications/{made.client_id}/authorize"
    try:
        return client.post(path, json={"orgId": str(organization.id)}).status_code == 200
    except httpx2.TransportError:
        return False
