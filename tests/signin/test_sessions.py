"""Browser sessions: made by a password, bound to a cookie, ended by time or on purpose."""

import uuid
from collections.abc import Callable

import pytest
from sqlalchemy import select

from appanage.deployment import Deployment
from appanage.directory.model import Account
from appanage.signin import service as signin
from appanage.signin.model import BrowserSession, Reveal
from appanage.storage.expiry import delete_expired
from support.clock import MovableClock
from support.world import NARRATOR, PASSWORD, World


@pytest.fixture
def person(world: World) -> Account:
    return world.person(world.organization(), password=PASSWORD)


def signed_in(world: World, person: Account) -> str:
    with world.deployment.transaction(world.origin) as tx:
        made = signin.sign_in(tx, person.email, PASSWORD, passwords=world.deployment.passwords)
        assert made is not None
        return made.cookie.reveal()


def found(deployment: Deployment, world: World, cookie: str) -> BrowserSession | None:
    """The live session, whose use is noted as a page does."""
    lifetimes = deployment.settings.lifetimes
    with deployment.transaction(world.origin) as tx:
        session = signin.find_session(
            tx, cookie, idle=lifetimes.session_idle, absolute=lifetimes.session_absolute
        )
    if session is not None:
        signin.note_seen(deployment.database, world.origin, session.id)
    return session


def test_a_session_is_a_secret_of_the_browser(world: World, deployment: Deployment, person: Account):
    """SES-06: 256 bits, and the database keeps a digest only."""
    cookie = signed_in(world, person)
    session = found(deployment, world, cookie)

    assert session is not None
    assert session.account_id == person.id
    assert cookie.encode() not in session.digest
    assert found(deployment, world, cookie[:-1] + ("A" if cookie[-1] != "A" else "B")) is None


def test_each_sign_in_makes_a_new_session(world: World, person: Account):
    """SES-06: no fixation."""
    assert signed_in(world, person) != signed_in(world, person)


@pytest.mark.parametrize("password", ["wrong password entirely", "", PASSWORD.upper()])
def test_a_wrong_password_is_refused_and_recorded(world: World, person: Account, password: str):
    with world.deployment.transaction(world.origin) as tx:
        assert signin.sign_in(tx, person.email, password, passwords=world.deployment.passwords) is None

    assert len(world.events(person.organization, "signin.refused")) == 1


def test_an_unknown_address_is_refused_the_same_way(world: World):
    """SES-11."""
    with world.deployment.transaction(world.origin) as tx:
        assert (
            signin.sign_in(
                tx, f"{uuid.uuid4()}@nobody.example", PASSWORD, passwords=world.deployment.passwords
            )
            is None
        )


def test_the_address_may_be_written_in_any_case(world: World, person: Account):
    with world.deployment.transaction(world.origin) as tx:
        assert (
            signin.sign_in(tx, person.email.upper(), PASSWORD, passwords=world.deployment.passwords)
            is not None
        )


def test_a_session_ends_when_nobody_uses_it(
    world: World, deployment: Deployment, clock: MovableClock, person: Account
):
    """SES-07: 30 minutes idle."""
    cookie = signed_in(world, person)
    for _ in range(3):
        clock.advance(minutes=29)
        assert found(deployment, world, cookie)

    clock.advance(minutes=31)

    assert found(deployment, world, cookie) is None


def test_a_session_ends_in_any_case(
    world: World, deployment: Deployment, clock: MovableClock, person: Account
):
    """SES-07: 12 hours."""
    cookie = signed_in(world, person)
    for _ in range(28):
        clock.advance(minutes=25)
        assert found(deployment, world, cookie)

    clock.advance(minutes=25)

    assert found(deployment, world, cookie) is None


def test_a_new_password_ends_every_session(world: World, deployment: Deployment, person: Account):
    """SES-08."""
    cookie = signed_in(world, person)
    with world.deployment.transaction(world.origin) as tx:
        signin.set_password(
            tx, person, "another four words entirely", by=NARRATOR, passwords=world.deployment.passwords
        )

    assert found(deployment, world, cookie) is None


def test_signing_out_ends_the_session_and_what_it_kept(world: World, deployment: Deployment, person: Account):
    """SES-08."""
    cookie = signed_in(world, person)
    with deployment.transaction(world.origin) as tx:
        session = tx.scalar(select(BrowserSession).where(BrowserSession.account_id == person.id))
        assert session is not None
        kept = signin.keep_for_one_page(tx, session, cookie, {"secret": "value"})
        signin.sign_out(tx, session)

    with deployment.transaction(world.origin) as tx:
        assert tx.get(Reveal, kept) is None
    assert found(deployment, world, cookie) is None
    assert [event.type for event in world.events(person.organization)][-2:] == [
        "session.created",
        "session.ended",
    ]


def reveal(
    world: World, person: Account, cookie: str
) -> tuple[uuid.UUID, Callable[[str], dict[str, object] | None]]:
    """Keeps a secret for the session; the second value takes it with some cookie."""
    with world.deployment.transaction(world.origin) as tx:
        session = tx.scalar(select(BrowserSession).where(BrowserSession.account_id == person.id))
        assert session is not None
        kept = signin.keep_for_one_page(tx, session, cookie, {"secret": "apn_cs_canary"})

    def take(with_cookie: str) -> dict[str, object] | None:
        with world.deployment.transaction(world.origin) as tx:
            session = tx.scalar(select(BrowserSession).where(BrowserSession.account_id == person.id))
            assert session is not None
            return signin.take_for_one_page(tx, session, with_cookie, kept)

    return kept, take


def test_a_secret_that_was_kept_for_a_page_is_shown_once(world: World, person: Account):
    """CRED-02."""
    cookie = signed_in(world, person)
    _, take = reveal(world, person, cookie)

    assert take(cookie) == {"secret": "apn_cs_canary"}
    assert take(cookie) is None


def test_the_database_cannot_read_what_it_keeps_for_a_page(world: World, person: Account):
    """CRED-02: the key is in the browser's cookie."""
    cookie = signed_in(world, person)
    kept, _ = reveal(world, person, cookie)
    with world.deployment.transaction(world.origin) as tx:
        row = tx.get(Reveal, kept)
        assert row is not None

    assert b"canary" not in row.sealed


def test_what_nobody_looked_at_in_time_is_gone(world: World, clock: MovableClock, person: Account):
    cookie = signed_in(world, person)
    _, take = reveal(world, person, cookie)
    clock.advance(minutes=11)

    assert take(cookie) is None


def test_sessions_that_nothing_can_use_are_pruned(world: World, clock: MovableClock, person: Account):
    """TEN-04."""
    signed_in(world, person)
    clock.advance(days=40)
    with world.deployment.transaction(world.origin) as tx:
        delete_expired(tx, signin.session_expiry(world.deployment.settings.lifetimes.session_absolute))
        assert tx.scalar(select(BrowserSession).where(BrowserSession.account_id == person.id)) is None
