"""Housekeeping keeps tables bounded and keys fresh."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import ColumnElement, func, select

from appanage.authorizations.model import PersonalToken, RefreshToken, Revocation, RevocationKind
from appanage.authorizations.revocation import revoke
from appanage.deployment import Deployment
from appanage.directory.model import Account
from appanage.jobs.housekeeping import prune_lasting, prune_passing, rotate_signing_keys
from appanage.oauth.signing_keys import ACCESS_TOKEN_ALGORITHM
from appanage.signin.model import BrowserSession
from appanage.signin.service import sign_in
from appanage.storage import Record
from support.clock import MovableClock
from support.world import PASSWORD, World


@pytest.fixture(scope="module")
def database_url(new_prepared_database: Callable[[], str]) -> str:
    """A database of one's own: pruning in the far future would reach into other tests' stories."""
    return new_prepared_database()


@pytest.fixture
def person(world: World) -> Account:
    return world.person(world.organization(), password=PASSWORD)


def at_once(_: float) -> bool:
    """A pause that is none."""
    return False


def prune(deployment: Deployment) -> None:
    prune_passing(deployment, at_once)
    prune_lasting(deployment, at_once)


def tokens_of(world: World, person: Account) -> int:
    return count(world, PersonalToken, PersonalToken.account_id == person.id)


def count(world: World, record: type[Record], condition: ColumnElement[bool]) -> int:
    with world.deployment.transaction(world.origin) as tx:
        return tx.scalar(select(func.count()).select_from(record).where(condition)) or 0


def test_what_has_expired_goes_and_what_lives_stays(
    deployment: Deployment, world: World, clock: MovableClock, person: Account
):
    """TEN-04."""
    world.token(person, hours=1)
    living = world.token(person, hours=12)
    clock.advance(hours=2)

    prune(deployment)

    assert tokens_of(world, person) == 1
    with deployment.transaction(world.origin) as tx:
        assert deployment.verifier.caller_of(tx, living).account.id == person.id


def test_every_kind_of_thing_that_expires_is_pruned(
    deployment: Deployment, world: World, clock: MovableClock, person: Account
):
    admin = world.full_admin(person.organization)
    made = world.service_app(world.developer(person.organization))
    authorization = world.authorize(made, admin)
    world.retrieve(made, person.organization)
    subject = uuid.uuid4().hex
    with deployment.transaction(world.origin) as tx:
        assert sign_in(tx, person.email, PASSWORD, passwords=world.deployment.passwords)
        revoke(tx, RevocationKind.TOKEN, subject, longest_life=timedelta(days=14))
    kept = {
        RefreshToken: RefreshToken.authorization_id == authorization.id,
        BrowserSession: BrowserSession.account_id == person.id,
        Revocation: Revocation.subject == subject,
    }
    before = [count(world, record, condition) for record, condition in kept.items()]
    clock.advance(days=120)

    prune(deployment)

    assert before == [1, 1, 1]
    assert [count(world, record, condition) for record, condition in kept.items()] == [0, 0, 0]


def test_the_next_signing_key_is_made_in_time_and_signs_after_its_notice(
    deployment: Deployment, world: World, clock: MovableClock
):
    """TOK-14."""
    with deployment.transaction(world.origin) as tx:
        first = deployment.keys.signing_key(tx).key_id
    rotate_signing_keys(deployment, at_once)
    published_early = [key["kid"] for key in deployment.keys.public_keys()]
    clock.advance(days=89, minutes=5)

    rotate_signing_keys(deployment, at_once)
    with deployment.transaction(world.origin) as tx:
        keys = deployment.keys.public_keys()
        published = [key["kid"] for key in keys if key["alg"] == ACCESS_TOKEN_ALGORITHM]
        still = deployment.keys.signing_key(tx).key_id
    clock.advance(days=1)
    with deployment.transaction(world.origin) as tx:
        then = deployment.keys.signing_key(tx).key_id

    assert first in published_early
    assert first == still
    assert (then, first) == (published[0], published[1])
