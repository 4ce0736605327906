"""The history of the schema leads to the models."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError

from appanage import app  # noqa: F401 – importing everything makes every model known
from appanage.apphub import model as apphub_model  # noqa: F401
from appanage.mail import model as mail_model  # noqa: F401
from appanage.storage import Record, migrate
from appanage.storage.engine import driver_url
from appanage.storage.migrations.job_queue import newest_migration_of_the_job_queue


@pytest.fixture
def engine(new_database: Callable[[], str]) -> Iterator[Engine]:
    engine = create_engine(driver_url(new_database()))
    yield engine
    engine.dispose()


def test_an_empty_database_comes_to_the_present_schema_which_is_that_of_the_models(engine: Engine):
    assert not migrate.is_current(engine)

    migrate.upgrade(engine)

    assert migrate.is_current(engine)
    with engine.connect() as connection:
        assert migrate.compare(connection, Record.metadata) == []


def test_migrating_twice_is_harmless(engine: Engine):
    for _ in range(2):
        migrate.upgrade(engine)

    assert migrate.is_current(engine)


def test_a_migration_gives_way_and_begins_anew(before: Engine, monkeypatch: pytest.MonkeyPatch):
    """TEN-07: whoever waits for a table keeps everybody behind it waiting."""
    pauses: list[float] = []
    with before.connect() as holder:
        holder.execute(text("SELECT FROM refresh_tokens"))  # and with it the lightest of all locks

        def let_go(seconds: float) -> None:
            pauses.append(seconds)
            holder.rollback()

        monkeypatch.setattr(migrate, "sleep", let_go)
        migrate.upgrade(before)

    assert migrate.is_current(before)
    assert pauses == [0.5]


def test_a_migration_that_never_gets_its_turn_says_so(before: Engine, monkeypatch: pytest.MonkeyPatch):
    """TEN-07: nothing of that migration has happened then."""
    monkeypatch.setattr(migrate, "sleep", lambda _: None)
    monkeypatch.setattr(migrate, "_ATTEMPTS", 3)

    with before.connect() as holder:
        holder.execute(text("SELECT FROM refresh_tokens"))
        with pytest.raises(OperationalError, match="lock timeout"):
            migrate.upgrade(before)

    assert not migrate.is_current(before)


def test_two_that_begin_at_once_do_not_hold_each_other_up(engine: Engine):
    """TEN-07: an index that is made concurrently waits for every transaction, so nobody waits for it in one."""
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(migrate.upgrade, [engine, engine]))

    assert migrate.is_current(engine)


def test_an_index_that_was_left_unfinished_is_made_anew(engine: Engine):
    """TEN-07."""
    with engine.begin() as connection:
        command.upgrade(migrate.config(connection), "0012")
        connection.execute(text("CREATE INDEX ix_authorizations_ends_at ON authorizations (ended_at)"))

    migrate.upgrade(engine)

    with engine.connect() as connection:
        assert migrate.compare(connection, Record.metadata) == []


@pytest.fixture
def before(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """A database to which a migration is missing that changes a large table; nobody waits for long."""
    monkeypatch.setattr(migrate, "_LONGEST_WAIT", "50ms")
    with engine.begin() as connection:
        command.upgrade(migrate.config(connection), "0006")
    return engine


def test_a_table_that_no_model_knows_is_found(engine: Engine):
    """The comparison would say so if a migration made something that nothing uses."""
    migrate.upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE forgotten (id int)"))

        differences = migrate.compare(connection, Record.metadata)

    assert [difference[0] for difference in differences] == ["remove_table"]


def test_the_job_queue_has_no_migration_that_ours_do_not_apply():
    """When this fails, a newer procrastinate has brought one: add a revision that applies it."""
    from importlib import import_module

    revision = import_module("appanage.storage.migrations.versions.0002_the_job_queue")

    assert newest_migration_of_the_job_queue() == revision.NEWEST
