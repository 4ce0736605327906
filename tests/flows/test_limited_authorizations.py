"""An authorization has an end, and fewer scopes than were asked for: both are in every token (CONS-05)."""

from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from appanage.authorizations.model import Authorization
from appanage.deployment import Deployment
from appanage.directory.model import Account, Organization
from appanage.jobs.endings import end_overdue
from appanage.profiles import ProfileName
from support.clock import MovableClock
from support.deciding import READ, WRITE, authorizations_of, decide
from support.world import MadeApp, World

HOUR = timedelta(hours=1)


@pytest.fixture
def profile() -> ProfileName:
    """One is enough: profiles say nothing of ends."""
    return ProfileName.COMMERCIAL


@pytest.fixture
def organization(world: World) -> Organization:
    return world.organization("Northwind Traders")


@pytest.fixture
def admin(world: World, organization: Organization) -> Account:
    return world.full_admin(organization)


class Client:
    """A Service App with its tokens for one organization."""

    def __init__(self, world: World, client: TestClient, made: MadeApp, organization: Organization) -> None:
        self.world, self.client, self.made, self.organization = world, client, made, organization
        self.pair = world.retrieve(made, organization)

    def post(self, path: str, **form: str) -> Any:
        return self.client.post(path, data=form, auth=(self.made.client_id, self.made.secret))

    def refresh(self) -> Any:
        return self.post(
            "/v1/access_token", grant_type="refresh_token", refresh_token=self.pair.refresh_token.reveal()
        )

    def fetch(self) -> Any:
        target = self.world.organization_id(self.organization)
        return self.post("/v1/access_token", grant_type="client_credentials", organization=target)

    def inspected(self, token: str) -> Any:
        return self.post("/v1/introspect", token=token).json()

    def answers(self) -> list[int]:
        """Of the API, of what it remembers, and of a proxy's question."""
        bearer = {"Authorization": f"Bearer {self.pair.access_token.reveal()}"}
        return [
            self.client.get(path, headers=bearer).status_code
            for path in ("/v1/people/me", "/v1/people/me", "/v1/authz", "/v1/people?max=1")
        ]


@pytest.fixture
def made(world: World, organization: Organization) -> MadeApp:
    return world.service_app(world.developer(organization), scopes=[READ, WRITE], optional_scopes=[WRITE])


def test_every_token_ends_with_the_authorization(
    world: World,
    client: TestClient,
    deployment: Deployment,
    clock: MovableClock,
    organization: Organization,
    admin: Account,
    made: MadeApp,
):
    """CONS-05: before anybody has ended it, and after."""
    end = clock().replace(microsecond=0) + 2 * HOUR
    granted = world.authorize(made, admin, scopes=[READ], ends_at=end)
    app = Client(world, client, made, organization)
    renewed, fetched = app.refresh().json(), app.fetch().json()
    tokens = [app.pair.access_token.reveal(), app.pair.refresh_token.reveal(), renewed["access_token"]]

    for life in (renewed["expires_in"], renewed["refresh_token_expires_in"]):
        assert 2 * HOUR - timedelta(minutes=5) < timedelta(seconds=life) <= 2 * HOUR
    assert (renewed["scope"], fetched["scope"]) == (READ, READ)
    for token in tokens:
        seen = app.inspected(token)
        assert (seen["active"], seen["scope"], seen["exp"]) == (True, READ, int(end.timestamp()))
    assert app.answers() == [200, 200, 200, 200]

    clock.advance(hours=2)

    for _ in range(2):
        assert [app.inspected(token) for token in tokens] == [{"active": False}] * 3
        assert app.answers() == [401, 401, 401, 401]
        assert app.refresh().json()["error"] == "invalid_grant"
        assert app.fetch().json()["error"] == "invalid_grant"
        end_overdue(deployment, lambda _seconds: False)

    (ended,) = authorizations_of(world, made)
    assert (ended.is_active, ended.account.deleted_at is None) == (False, False)
    (event,) = world.events(organization, "authorization.expired")
    assert (event.actor_name, event.data["authorizationId"]) == ("Appanage", str(granted.id))
    assert world.authorize(made, admin).account_id != granted.account_id


def test_an_end_that_is_moved_moves_the_end_of_tokens(
    world: World,
    client: TestClient,
    deployment: Deployment,
    clock: MovableClock,
    organization: Organization,
    admin: Account,
    made: MadeApp,
):
    """CONS-05: put forward, it ends tokens that would have lived longer, remembered or not; put off, they go on."""
    world.authorize(made, admin)
    app = Client(world, client, made, organization)
    assert app.answers() == [200, 200, 200, 200]
    end = clock().replace(microsecond=0) + HOUR

    decide(world, made, admin, ends_at=end)

    assert app.answers() == [200, 200, 200, 200]
    assert app.inspected(app.pair.access_token.reveal())["exp"] == int(end.timestamp())
    assert app.refresh().json()["expires_in"] <= 3600

    decide(world, made, admin, ends_at=end + 10 * HOUR)
    end_overdue(deployment, lambda _seconds: False)
    clock.advance(hours=2)

    renewed = app.refresh().json()
    assert 8 * 3600 < renewed["expires_in"] <= 9 * 3600
    assert app.answers() == [200, 200, 200, 200]

    decide(world, made, admin, ends_at=clock() + timedelta(minutes=1))
    assert app.answers() == [200, 200, 200, 200]
    clock.advance(minutes=1)

    assert app.answers() == [401, 401, 401, 401]
    assert app.refresh().json()["error"] == "invalid_grant"


def test_a_scope_that_is_taken_back_is_gone_from_old_tokens_at_once(
    world: World, client: TestClient, organization: Organization, admin: Account, made: MadeApp
):
    """CONS-05, MACH-03: granted with everything, then without what is optional."""
    world.authorize(made, admin)
    app = Client(world, client, made, organization)
    token = app.pair.access_token.reveal()
    assert app.inspected(token)["scope"] == f"{READ} {WRITE}"

    narrowed = decide(world, made, admin, scopes=[READ])

    assert isinstance(narrowed, Authorization)
    assert app.inspected(token)["scope"] == READ
    assert app.refresh().json()["scope"] == READ


def test_two_organizations_that_decide_differently_have_different_tokens(
    world: World, client: TestClient, organization: Organization, admin: Account, made: MadeApp
):
    """CONS-03, CONS-05: one takes everything, one leaves out what is optional."""
    elsewhere = world.organization("Fabrikam GmbH")
    world.list_app(made)
    world.authorize(made, admin)
    world.authorize(made, world.full_admin(elsewhere), scopes=[READ])

    here, there = world.retrieve(made, organization), world.retrieve(made, elsewhere)

    assert here.scopes == {READ, WRITE}
    assert there.scopes == {READ}
