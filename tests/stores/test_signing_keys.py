"""Signing keys: sealed, published before use, kept until nothing needs them (checklist TOK-14)."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import text

from appanage.authorizations.keys import KeyRing, ensure_keys, rotate
from appanage.deployment import Deployment, assemble
from appanage.events.service import SYSTEM
from appanage.kit.sealing import Unsealable
from appanage.oauth.signing_keys import ACCESS_TOKEN_ALGORITHM as ALGORITHM
from support.clock import MovableClock
from support.live import settings_for
from support.world import World


@pytest.fixture(scope="module")
def own_url(new_prepared_database: Callable[[], str]) -> str:
    return new_prepared_database()


@pytest.fixture
def deployment(own_url: str, clock: MovableClock) -> Iterator[Deployment]:
    made = assemble(settings_for(), own_url, clock=clock)
    with made.database.engine.begin() as connection:
        connection.execute(text("DELETE FROM signing_keys"))
    yield made
    made.database.dispose()


def rotated(world: World, *, on_demand: bool = False) -> str | None:
    deployment = world.deployment
    with deployment.transaction(world.origin) as tx:
        made = rotate(tx, deployment.keys, deployment.settings.lifetimes, by=SYSTEM, on_demand=on_demand)
        return next((key.key_id for key in made if key.algorithm == ALGORITHM), None)


def signing(world: World) -> str:
    with world.deployment.transaction(world.origin) as tx:
        return world.deployment.keys.signing_key(tx).key_id


def published(world: World) -> list[str]:
    """The keys for access tokens; those for ID tokens follow the same rules."""
    return [key["kid"] for key in world.deployment.keys.public_keys() if key["alg"] == ALGORITHM]


def test_a_new_deployment_gets_one_key_however_often_it_starts(world: World):
    for _ in range(2):
        with world.deployment.transaction(world.origin) as tx:
            ensure_keys(tx, world.deployment.keys, by=SYSTEM)

    assert len(published(world)) == 1
    assert signing(world) == published(world)[0]


def test_a_new_key_is_published_before_it_signs(world: World, clock: MovableClock):
    first = rotated(world)
    second = rotated(world, on_demand=True)

    assert published(world) == [second, first]
    assert signing(world) == first

    clock.advance(days=1)

    assert signing(world) == second


def test_a_key_is_replaced_when_it_has_signed_long_enough(world: World, clock: MovableClock):
    first = rotated(world)
    clock.advance(days=88)

    assert rotated(world) is None

    clock.advance(days=1)
    second = rotated(world)

    assert second is not None
    assert signing(world) == first


def test_an_old_key_stays_published_until_the_last_token_signed_with_it_has_expired(
    world: World, clock: MovableClock
):
    first = rotated(world)
    second = rotated(world, on_demand=True)
    clock.advance(days=1 + 14, minutes=-1)
    rotated(world)

    assert published(world) == [second, first]

    clock.advance(minutes=2)
    rotated(world)

    assert published(world) == [second]


def test_tokens_signed_before_and_after_a_rotation_are_both_good(world: World, clock: MovableClock):
    """TOK-14: rotate under load, no failed verification."""
    rotated(world)
    organization = world.organization()
    made = world.service_app(world.developer(organization))
    world.authorize(made, world.full_admin(organization))
    before = world.retrieve(made, organization)
    rotated(world, on_demand=True)
    clock.advance(days=1, minutes=1)
    after = world.retrieve(made, organization)
    fresh = assemble(world.deployment.settings, world.deployment.database.url, clock=clock)

    with fresh.transaction(world.origin) as tx:
        callers = [fresh.verifier.caller_of(tx, pair.access_token.reveal()) for pair in (before, after)]
    fresh.database.dispose()

    assert len({caller.account.id for caller in callers}) == 1


def test_each_profile_has_keys_of_its_own_on_one_database(world: World, own_url: str, clock: MovableClock):
    """GOV-02: what is missing after a change of the profile is made, and the other's keys are not known."""
    rotated(world)
    other = assemble(settings_for(profile="fedramp"), own_url, clock=clock)
    for _ in range(2):
        with other.transaction(world.origin) as tx:
            ensure_keys(tx, other.keys, by=SYSTEM)
    with other.transaction(world.origin) as tx:
        made = rotate(tx, other.keys, other.settings.lifetimes, by=SYSTEM)
        kept = tx.scalars(text("SELECT algorithm FROM signing_keys")).all()
        with pytest.raises(LookupError, match="no signing key for RS256"):
            other.keys.signing_key(tx, "RS256")
    other.database.dispose()
    [rsa] = [key for key in world.deployment.keys.public_keys() if key["alg"] == "RS256"]

    assert made == []
    assert sorted(kept) == ["ES256", "PS256", "RS256"]
    assert sorted(key["alg"] for key in other.keys.public_keys()) == ["ES256", "PS256"]
    assert other.keys.find(rsa["kid"]) is None
    assert other.keys.find(published(world)[0]) is not None


def test_a_change_back_finds_the_old_keys(world: World, own_url: str, clock: MovableClock):
    rotated(world)
    before = {key["kid"] for key in world.deployment.keys.public_keys()}
    other = assemble(settings_for(profile="fedramp"), own_url, clock=clock)
    other.prepare()
    other.database.dispose()
    back = assemble(settings_for(), own_url, clock=clock)
    back.prepare()
    back.database.dispose()

    assert {key["kid"] for key in back.keys.public_keys()} == before


def test_private_keys_are_worthless_without_the_deployments_secret(world: World):
    """TOK-14, CRED-02."""
    rotated(world)
    other = KeyRing(b"another deployment's secret key, long enough", signs_id_tokens_with="RS256")
    with world.deployment.transaction(world.origin) as tx:
        stored = tx.scalars(text("SELECT sealed_private_key FROM signing_keys")).all()
        with pytest.raises(Unsealable):
            other.load(tx)

    assert len(stored) == 2
    assert all(b"PRIVATE KEY" not in sealed for sealed in stored)
