"""Deauthorization is known to every process within a second (checklist REV-09, issue: two worker processes)."""

import time
from collections.abc import Callable, Iterator

import httpx2
import pytest

from support.live import SECRET_KEY, as_a_process, deployment_for, free_port
from support.world import World

BOUND = 1.0


@pytest.fixture
def two_processes(new_database: Callable[[], str]) -> Iterator[tuple[World, list[str]]]:
    """Two worker processes on one database behind one public address, and a world that speaks for neither."""
    database_url, ports = new_database(), [free_port(), free_port()]
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    deployment = deployment_for(database_url, urls[0], secret_key=SECRET_KEY)
    deployment.prepare()
    with as_a_process(database_url, urls[0], ports[0]), as_a_process(database_url, urls[0], ports[1]):
        yield World(deployment), urls
    deployment.database.dispose()


def test_a_token_dies_in_the_other_process_within_a_second(two_processes: tuple[World, list[str]]):
    """REV-09."""
    world, (first, second) = two_processes
    organization = world.organization()
    admin = world.full_admin(organization)
    made = world.service_app(world.developer(organization))
    world.authorize(made, admin)
    machine = {"Authorization": f"Bearer {world.retrieve(made, organization).access_token.reveal()}"}
    administrator = {"Authorization": f"Bearer {world.token(admin)}"}
    with httpx2.Client() as client:
        for url in (first, second):
            assert client.get(f"{url}/v1/people/me", headers=machine).status_code == 200

        path = f"{first}/v1/applications/{world.app_id(made)}/deauthorize"
        answer = client.post(path, headers=administrator, json={"orgId": str(organization.id)})
        answered = time.monotonic()
        accepted_last = answered
        while time.monotonic() < answered + BOUND + 0.5:
            if client.get(f"{second}/v1/people/me", headers=machine).status_code != 401:
                accepted_last = time.monotonic()

    assert answer.is_success
    assert accepted_last - answered <= BOUND


def test_a_token_that_its_client_revoked_dies_in_the_other_process_too(
    two_processes: tuple[World, list[str]],
):
    """REV-08, REV-09."""
    world, (first, second) = two_processes
    organization = world.organization()
    made = world.service_app(world.developer(organization))
    world.authorize(made, world.full_admin(organization))
    pair = world.retrieve(made, organization)
    credentials = {"client_id": made.client_id, "client_secret": made.secret}
    machine = {"Authorization": f"Bearer {pair.access_token.reveal()}"}
    with httpx2.Client() as client:
        assert client.get(f"{second}/v1/people/me", headers=machine).status_code == 200
        refresh_token = {"token": pair.refresh_token.reveal()}
        assert client.post(f"{first}/v1/revoke", data=refresh_token | credentials).status_code == 200

        deadline = time.monotonic() + BOUND
        while client.get(f"{second}/v1/people/me", headers=machine).status_code != 401:
            assert time.monotonic() < deadline, "the token outlived its revocation"
