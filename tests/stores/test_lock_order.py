"""Requests of clients meet each other and the end of their app: all lock in one order, so nobody is killed for it."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from appanage.apps import queries as apps
from appanage.apps.model import ClientProof
from appanage.authorizations import clients, codes
from appanage.authorizations import service as authorizations
from appanage.authorizations.tokens import TokenPair
from appanage.deployment import Deployment, assemble
from appanage.directory import queries as directory
from appanage.directory.model import Account, Organization
from appanage.oauth.clients import ClientAuthentication, ClientCredentials
from appanage.oauth.codes import CodeRedemption
from stores.test_locks import waits_for_a_lock
from support.at_once import at_once
from support.browser import Browser
from support.clock import MovableClock
from support.connecting import is_alive
from support.integration import VERIFIER, OAuthClient, connect, families, sign_in_quickly
from support.keys import KEYS
from support.live import settings_for
from support.world import CALLBACK, World

MANY = 6


@pytest.fixture
def deployment(database_url: str, clock: MovableClock) -> Iterator[Deployment]:
    """With a connection for each of many threads."""
    made = assemble(settings_for(database_pool=20), database_url, clock=clock)
    yield made
    made.database.dispose()


@pytest.fixture
def beside() -> Iterator[Callable[[Callable[[], Any]], Future[Any]]]:
    """Does something at the same time, in a thread of its own."""
    with ThreadPoolExecutor(2) as pool:
        yield pool.submit


class TestDeletingAnAppOfAClientWithAKey:
    """The client locks its key, which it has just used, then what the tokens hang on; so does who deletes the app."""

    @pytest.fixture
    def vault(self, world: World, client: TestClient) -> OAuthClient:
        return OAuthClient(world, client, world.integration(key=KEYS["ES256"]))

    @pytest.fixture
    def code(self, world: World, browser: Browser, vault: OAuthClient) -> str:
        lena = world.person(world.organization("Northwind Traders"))
        connect(world, vault.made, lena)
        return vault.code(sign_in_quickly(world, browser, lena))

    def test_waits_for_tokens_that_are_being_issued_and_ends_them(
        self, world: World, client: TestClient, vault: OAuthClient, code: str, beside: Any
    ):
        headers = {"Authorization": f"Bearer {world.token(vault.made.developer)}"}
        presented = CodeRedemption(CALLBACK, VERIFIER, None, None)
        credentials = ClientCredentials(
            vault.client_id, ClientAuthentication.PRIVATE_KEY_JWT, vault.assertion()
        )
        with world.deployment.transaction(world.origin) as tx:
            app = clients.authenticate(tx, credentials, audiences={vault.issuer}, algorithms=["ES256"])
            assert app is not None
            tx.flush()
            deletion = beside(
                lambda: client.delete(f"/v1/applications/{world.app_id(vault.made)}", headers=headers)
            )
            assert waits_for_a_lock(world.deployment)
            pair = codes.redeem(tx, world.deployment.issuer, app, code=code, presented=presented)

        assert deletion.result(timeout=10).status_code == 204
        assert isinstance(pair, TokenPair)
        assert not is_alive(world, pair)
        assert all(one.revoked_at is not None for one in families(world, vault.made))

    def test_is_waited_for_by_whoever_asks_for_tokens_then(
        self, world: World, vault: OAuthClient, code: str, beside: Any
    ):
        developer = vault.made.developer
        with world.deployment.transaction(world.origin) as tx:
            by = directory.get_account(tx, developer.organization_id, developer.id)
            app = apps.get_owned(tx, by, vault.made.id, for_update=True)
            longest = world.deployment.settings.lifetimes.longest_access_token
            authorizations.delete_app(tx, app, by=by, longest_token=longest)
            tx.flush()
            asked = beside(lambda: vault.redeem(code))
            assert waits_for_a_lock(world.deployment)

        refused: Response = asked.result(timeout=10)
        assert refused.status_code in {400, 401}
        assert refused.json()["error"] in {"invalid_grant", "invalid_client"}
        assert families(world, vault.made) == []


@dataclass
class Side:
    """An organization with a person, whose own developers made an app for the people of the other one."""

    organization: Organization
    person: Account
    browser: Browser
    client: OAuthClient


@pytest.fixture
def sides(world: World, client: TestClient, new_browser: Callable[[], Browser]) -> list[Side]:
    """Two organizations whose people use each other's app: what happens there concerns both audit logs."""
    made = []
    for name in ("Fabrikam GmbH", "Northwind Traders"):
        organization = world.organization(name)
        person = world.person(organization)
        app = world.integration(world.developer(organization), client_proof=ClientProof.NONE)
        browser = sign_in_quickly(world, new_browser(), person)
        made.append(Side(organization, person, browser, OAuthClient(world, client, app)))
    one, other = made
    one.client, other.client = other.client, one.client
    for side in made:
        connect(world, side.client.made, side.person)
    return made


def replays(side: Side, spent: str) -> Callable[[], Response]:
    return lambda: side.client.redeem(spent)


def reuses(side: Side, rotated: str) -> Callable[[], Response]:
    return lambda: side.client.refresh(rotated)


def require_one_end_for_each(world: World, sides: list[Side], answers: list[Any]) -> None:
    """Nobody was killed, every family has ended, and each end is told once, where the person is at home."""
    assert [getattr(one, "status_code", one) for one in answers] == [400] * len(answers)
    assert {one.json()["error"] for one in answers} == {"invalid_grant"}
    for side in sides:
        ended = families(world, side.client.made)
        assert len(ended) == MANY
        assert all(one.revoked_at is not None for one in ended)
        assert len(world.events(side.organization, "token.reused")) == MANY
        assert world.events(side.organization, "token.refused") == []


def test_replays_of_codes_between_two_organizations_do_not_kill_each_other(world: World, sides: list[Side]):
    """AUTHZ-04: each takes the place in one audit log only."""
    acts = []
    for side in sides:
        for _ in range(MANY):
            code = side.client.code(side.browser)
            assert side.client.redeem(code).status_code == 200
            acts.append(replays(side, code))
    answers = at_once(acts)

    require_one_end_for_each(world, sides, answers)


def test_reuse_of_refresh_tokens_between_two_organizations_neither(
    world: World, sides: list[Side], clock: MovableClock
):
    """REV-02."""
    acts = []
    for side in sides:
        for _ in range(MANY):
            rotated = side.client.tokens(side.browser)["refresh_token"]
            assert side.client.refresh(rotated).status_code == 200
            acts.append(reuses(side, rotated))
    clock.advance(seconds=31)
    answers = at_once(acts)

    require_one_end_for_each(world, sides, answers)
