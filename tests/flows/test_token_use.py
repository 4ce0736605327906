"""Personal and bot tokens remember their use: when, and from where."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, select, text
from starlette.testclient import TestClient

from appanage.authorizations.model import BotToken, PersonalToken
from appanage.directory.roles import Role
from appanage.kit.logs import configure_logs
from appanage.kit.secrets import digest

TABLES: dict[str, type[PersonalToken | BotToken]] = {"apn_pat_": PersonalToken, "apn_bot_": BotToken}


@pytest.fixture
def organization(world):
    return world.organization("Northwind Traders")


@pytest.fixture
def admin(world, organization):
    return world.full_admin(organization)


@pytest.fixture(params=["personal token", "bot token"])
def token(request, world, admin):
    return world.token(admin) if request.param == "personal token" else world.bot(admin).token


@pytest.fixture
def logged(capfd):
    """What the platform has written to its log."""
    configure_logs("json", "warning")
    yield lambda: capfd.readouterr().err
    configure_logs("json", "warning")


def row_of(world, token):
    record = TABLES[token[:8]]
    with world.deployment.transaction(world.origin) as tx:
        return tx.scalars(select(record).where(record.digest == digest(token))).one()


def call(client, token, path="/people/me", method="GET"):
    return client.request(method, f"/v1{path}", headers={"Authorization": f"Bearer {token}"}).status_code


@contextmanager
def watched(world) -> Iterator[list[str]]:
    """What happens to the database inside: the statements that write to tokens, and the commits."""
    seen: list[str] = []
    engine = world.deployment.database.engine

    def on_statement(_connection, _cursor, statement, *_):
        if statement.startswith(("UPDATE personal_tokens", "UPDATE bot_tokens")):
            seen.append("note")

    def on_commit(_connection):
        seen.append("commit")

    event.listen(engine, "before_cursor_execute", on_statement)
    event.listen(engine, "commit", on_commit)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", on_statement)
        event.remove(engine, "commit", on_commit)


@contextmanager
def unwritable(world, row) -> Iterator[None]:
    """The database refuses every change of this one row."""
    table, name = row.__tablename__, f"unwritable_{row.id.hex}"
    statements = (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'disk full'; END $$",
        f"CREATE TRIGGER {name} BEFORE UPDATE ON {table} FOR EACH ROW WHEN (OLD.id = '{row.id}') EXECUTE FUNCTION {name}()",
    )
    with world.deployment.database.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    try:
        yield
    finally:
        with world.deployment.database.engine.begin() as connection:
            connection.execute(text(f"DROP FUNCTION {name}() CASCADE"))


def test_a_token_that_was_never_used_says_so(world, token):
    row = row_of(world, token)

    assert (row.last_used_at, row.last_used_from) == (None, None)


def test_a_use_is_noted_with_its_time_and_place(world, client, token, clock):
    before = clock()
    client = TestClient(client.app, base_url=str(client.base_url), client=("203.0.113.7", 40000))

    assert call(client, token) == 200
    row = row_of(world, token)
    assert before <= row.last_used_at <= clock()
    assert row.last_used_from == "203.0.113.7"


def test_uses_are_noted_once_a_minute(world, client, token, clock):
    call(client, token)
    first = row_of(world, token).last_used_at
    clock.advance(seconds=50)
    with watched(world) as seen:
        call(client, token)

    assert "note" not in seen
    assert row_of(world, token).last_used_at == first

    clock.advance(seconds=10)
    with watched(world) as seen:
        call(client, token)

    assert "note" in seen
    assert row_of(world, token).last_used_at > first


def test_a_token_that_is_known_for_less_than_a_minute_is_noted_when_that_is_due(world, client, token, clock):
    """What is remembered of a token does not outlast the minute that began with its last noted use."""
    call(client, token, "/people/nobody")
    first = row_of(world, token).last_used_at
    clock.advance(seconds=50)
    call(client, token)
    clock.advance(seconds=10)
    call(client, token)

    assert row_of(world, token).last_used_at > first


def test_a_use_is_noted_after_the_request_is_committed_in_a_transaction_of_its_own(world, client, token):
    """So it holds no lock that anybody who ends tokens could wait for."""
    with watched(world) as seen:
        call(client, token)

    assert seen[-3:] == ["commit", "note", "commit"]


def test_a_refused_request_was_a_use_too(world, client, token):
    assert call(client, token, "/policies?type=default") == 403 or token.startswith("apn_pat_")
    assert call(client, token, "/people/nobody") == 404
    assert row_of(world, token).last_used_at is not None


def test_a_token_that_does_not_work_any_more_is_not_used(world, client, admin, clock):
    token = world.token(admin, hours=1)
    clock.advance(hours=1)

    assert call(client, token) == 401
    assert row_of(world, token).last_used_at is None


def test_a_request_does_not_wait_for_who_holds_the_token(world, client, token):
    record = TABLES[token[:8]]
    with world.deployment.transaction(world.origin) as tx:
        tx.scalars(select(record).where(record.digest == digest(token)).with_for_update(of=record)).one()

        assert call(client, token) == 200
    assert row_of(world, token).last_used_at is None


def test_a_use_that_cannot_be_noted_fails_no_request(world, client, token, logged):
    with unwritable(world, row_of(world, token)):
        assert call(client, token) == 200

    told = logged()
    assert "use not noted" in told
    assert token not in told
    assert row_of(world, token).last_used_at is None


def test_a_role_that_is_missing_is_recorded_and_the_use_noted(world, client, organization):
    person = world.person(organization, Role.READONLY_ADMIN)
    token = world.token(person)

    assert call(client, token, f"/people/{person.id}", "DELETE") == 403
    assert row_of(world, token).last_used_at is not None
