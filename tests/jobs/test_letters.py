"""Letters are written and sent within moments of what they tell, by whoever hears of it first."""

import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

from appanage.deployment import Deployment, assemble
from appanage.jobs import letters as delivery
from appanage.jobs.housekeeping import prune_lasting
from appanage.jobs.letters import deliver, postman
from support.clock import MovableClock
from support.letters import Stage, forget_letters, letters
from support.live import settings_for
from support.mail_server import Mailbox, mail_server
from support.world import World


@pytest.fixture(scope="module")
def database_url(new_prepared_database: Callable[[], str]) -> str:
    """A database of one's own: nobody else's letters are sent."""
    return new_prepared_database()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as mailbox:
        yield mailbox


@pytest.fixture
def sending(database_url: str, mailbox: Mailbox, clock: MovableClock) -> Iterator[Deployment]:
    mail = {"host": "127.0.0.1", "port": mailbox.port, "security": "none", "sender": "apps@appanage.example"}
    made = assemble(settings_for(mail=mail), database_url, clock=clock)
    yield made
    made.database.dispose()


@pytest.fixture
def stage(sending: Deployment) -> Stage:
    made = Stage(World(sending))
    forget_letters(made.world)
    return made


def at_once(_: float) -> bool:
    """A pause that is none."""
    return False


def wait_for(condition: Callable[[], bool], *, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.01)
    return False


def test_what_happens_is_in_the_mailbox_moments_later(stage: Stage, mailbox: Mailbox):
    """Woken by the database itself, whoever recorded it; what happened before is told when the postman begins."""
    stage.happens("authorization.revoked", by=stage.priya)
    with postman(stage.world.deployment):
        assert wait_for(lambda: len(mailbox.letters) == 2)

        began_at = time.monotonic()
        stage.happens("authorization.expired", by=stage.lena)
        assert wait_for(lambda: len(mailbox.letters) == 6)
        took = time.monotonic() - began_at
        ending_at = time.monotonic()
    ended_in = time.monotonic() - ending_at

    assert took < 5  # seconds, on a machine that is busy with other tests
    assert ended_in < 4
    assert mailbox.connections == 2


def test_the_postman_comes_back_when_the_database_does(
    stage: Stage, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(delivery, "_AFTER_A_FAULT", 0.05)
    with postman(stage.world.deployment):
        with psycopg.connect(stage.world.deployment.database.url, autocommit=True) as connection:
            assert wait_for(lambda: _end_postmen(connection) == 1)
            assert wait_for(lambda: _end_postmen(connection) == 1)
        stage.happens("authorization.revoked", by=stage.priya)

        assert wait_for(lambda: len(mailbox.letters) == 2)


def _end_postmen(connection: psycopg.Connection[tuple[int]]) -> int:
    """How many of this database's there were."""
    query = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE application_name = 'appanage postman' AND datname = current_database()"
    )
    [(count,)] = connection.execute(query).fetchall()
    return count


def test_the_chore_delivers_what_nobody_was_woken_for(stage: Stage, mailbox: Mailbox):
    stage.happens("authorization.revoked", by=stage.priya)
    deliver(stage.world.deployment, at_once)

    assert len(mailbox.letters) == 2


def test_letters_go_after_thirty_days(stage: Stage, clock: MovableClock):
    """TEN-04."""
    stage.happens("authorization.revoked", by=stage.priya)
    deliver(stage.world.deployment, at_once)
    clock.advance(days=29)
    prune_lasting(stage.world.deployment, at_once)
    kept = len(letters(stage.world))
    clock.advance(days=2)
    prune_lasting(stage.world.deployment, at_once)

    assert (kept, len(letters(stage.world))) == (2, 0)
