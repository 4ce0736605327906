"""A refresh token that is rotated for years keeps a bounded past, and goes on."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from appanage.apps.model import ClientProof
from appanage.authorizations.model import SupersededRefreshToken
from appanage.deployment import Deployment
from appanage.jobs.housekeeping import prune_lasting
from support.browser import Browser
from support.clock import MovableClock
from support.integration import OAuthClient, connect, families, sign_in_quickly
from support.world import World


@pytest.fixture(scope="module")
def database_url(new_prepared_database: Callable[[], str]) -> str:
    """A database of one's own: pruning in the far future would reach into other tests' stories."""
    return new_prepared_database()


@pytest.fixture
def panel(world: World, client: TestClient) -> OAuthClient:
    """A public client, whose refresh tokens rotate."""
    return OAuthClient(world, client, world.integration(client_proof=ClientProof.NONE))


@pytest.fixture
def first(world: World, browser: Browser, panel: OAuthClient) -> str:
    lena = world.person(world.organization("Northwind Traders"))
    connect(world, panel.made, lena)
    value: str = panel.tokens(sign_in_quickly(world, browser, lena))["refresh_token"]
    return value


def rotated(panel: OAuthClient, value: str) -> str:
    answer = panel.refresh(value)
    assert answer.status_code == 200, answer.text
    following: str = answer.json()["refresh_token"]
    return following


def past_of(world: World) -> int:
    with world.deployment.transaction(world.origin) as tx:
        return tx.scalar(select(func.count()).select_from(SupersededRefreshToken)) or 0


def test_what_was_rotated_away_a_refresh_tokens_life_ago_is_forgotten_and_the_family_lives_on(
    deployment: Deployment, world: World, clock: MovableClock, panel: OAuthClient, first: str
):
    """TEN-04, REV-02: nobody is found out any more by a token that is so old; it is merely not valid."""
    life = deployment.settings.lifetimes.refresh_token
    second = rotated(panel, first)
    clock.advance(seconds=life.total_seconds() - timedelta(days=1).total_seconds())
    third = rotated(panel, second)
    prune_lasting(deployment, lambda _: False)
    young = past_of(world)
    clock.advance(days=2)
    prune_lasting(deployment, lambda _: False)
    ancient = panel.refresh(first)

    assert (young, past_of(world)) == (2, 1)
    assert (ancient.status_code, ancient.json()["error"]) == (400, "invalid_grant")
    assert world.events(families(world, panel.made)[0].authorization.organization, "token.reused") == []
    assert rotated(panel, third)


def test_until_then_its_reuse_ends_the_family(
    deployment: Deployment, world: World, clock: MovableClock, panel: OAuthClient, first: str
):
    second = rotated(panel, first)
    clock.advance(days=80)
    prune_lasting(deployment, lambda _: False)
    answer = panel.refresh(first)

    assert answer.json()["error"] == "invalid_grant"
    assert panel.refresh(second).status_code == 400
    assert len(world.events(families(world, panel.made)[0].authorization.organization, "token.reused")) == 1
