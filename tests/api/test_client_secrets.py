"""Client secrets: made, replaced in peace, revoked; shown once."""

from typing import Any

import pytest

from api.conftest import Caller
from appanage.directory.model import Account, Organization
from support.clock import MovableClock
from support.world import MadeApp, World


@pytest.fixture
def made(world: World, account: Account, priya: Account) -> MadeApp:
    """An authorized app."""
    app = world.service_app(account)
    world.authorize(app, priya)
    return app


def fetch(
    developer: Caller, made: MadeApp, organization: Organization, secret: str, status: int = 200
) -> None:
    """Fetches tokens with the secret, or fails to."""
    body = {"clientId": made.client_id, "clientSecret": secret, "targetOrgId": str(organization.id)}
    developer.post(f"/applications/{made.client_id}/token", body, status)


def test_regenerating_ends_the_old_secret_at_once(
    world: World, developer: Caller, made: MadeApp, organization: Organization
):
    answer = developer.delete(f"/applications/{made.client_id}/clientSecret", 200)

    assert list(answer) == ["clientSecret"]
    fetch(developer, made, organization, answer["clientSecret"])
    fetch(developer, made, organization, made.secret, 401)
    assert len(world.events(organization, "secret.created")) == 1


def test_two_secrets_live_side_by_side_for_the_overlap(
    developer: Caller, made: MadeApp, organization: Organization, clock: MovableClock
):
    """CRED-04."""
    path = f"/applications/{made.client_id}/clientSecret?overlapHours=1"
    new = developer.delete(path, 200)["clientSecret"]

    fetch(developer, made, organization, made.secret)
    fetch(developer, made, organization, new)

    clock.advance(hours=1, seconds=1)

    fetch(developer, made, organization, made.secret, 401)
    fetch(developer, made, organization, new)


def test_secrets_are_listed_without_their_values_and_one_is_revoked_alone(
    developer: Caller, made: MadeApp, organization: Organization
):
    """CRED-02, CRED-04: each has an id, an end, a maker and a last use."""
    path = f"/applications/{made.client_id}/clientSecrets"
    new = developer.post(path)
    fetch(developer, made, organization, new["clientSecret"])
    listed: list[dict[str, Any]] = developer.get(path)["items"]

    assert len(listed) == 2
    assert listed[0]["id"] == new["id"]
    assert [one["isLive"] for one in listed] == [True, True]
    assert listed[0]["lastFour"] == new["clientSecret"][-4:]
    assert "lastUsed" in listed[0]
    assert "lastUsed" not in listed[1]
    assert listed[0]["createdByName"] == made.developer.display_name
    assert all("clientSecret" not in one for one in listed)

    developer.delete(f"{path}/{new['id']}")
    developer.delete(f"{path}/{new['id']}")

    assert [one["isLive"] for one in developer.get(path)["items"]] == [False, True]
    fetch(developer, made, organization, new["clientSecret"], 401)
    fetch(developer, made, organization, made.secret)


@pytest.mark.parametrize("hours", ["169", "-1", "many", "1e3"])
def test_an_overlap_is_at_most_a_week(developer: Caller, made: MadeApp, hours: str):
    refused = developer.delete(f"/applications/{made.client_id}/clientSecret?overlapHours={hours}", 400)

    assert "overlapHours" in refused["message"]


def test_another_apps_secret_is_not_found(world: World, developer: Caller, made: MadeApp):
    other = world.service_app(made.developer)
    [foreign] = developer.get(f"/applications/{other.client_id}/clientSecrets")["items"]

    developer.delete(f"/applications/{made.client_id}/clientSecrets/{foreign['id']}", 404)
    developer.delete(f"/applications/{made.client_id}/clientSecrets/nonsense", 404)

    assert developer.get(f"/applications/{other.client_id}/clientSecrets")["items"][0]["isLive"]
