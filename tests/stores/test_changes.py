"""The database tells of every change that a process may have to forget something for (decision 0021)."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from appanage.storage import Record
from appanage.storage.watching import NOTES, WATCHED
from support.world import MadeApp, World


class Stage:
    """An app that an organization authorized, with the ids of all that is there."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.organization = world.organization()
        self.admin = world.full_admin(self.organization)
        self.made: MadeApp = world.service_app(world.developer(self.organization))
        self.authorization = world.authorize(self.made, self.admin)
        world.token(self.admin)

    def told_by(self, statement: str, **values: Any) -> set[str]:
        """The changes that are told when this is done, whoever does it."""
        with self.world.deployment.transaction(self.world.origin) as tx:
            before = tx.execute(text("SELECT coalesce(max(id), 0) FROM changes")).scalar_one()
            done = tx.execute(text(statement), values)
            assert done.rowcount  # type: ignore[attr-defined]
            rows = tx.execute(
                text("SELECT kind, subject FROM changes WHERE id > :id AND xid = :xid"),
                {"id": before, "xid": _xid(tx)},
            )
            return {f"{kind}:{subject}" for kind, subject in rows}


def _xid(tx: Any) -> int:
    return int(tx.execute(text("SELECT pg_current_xact_id()::text")).scalar_one())


@pytest.fixture
def stage(world: World) -> Stage:
    return Stage(world)


def app(stage: Stage) -> str:
    return f"app:{stage.made.id}"


def account(stage: Stage) -> str:
    return f"account:{stage.admin.id}"


def organization(stage: Stage) -> str:
    return f"organization:{stage.organization.id}"


def authorization(stage: Stage) -> str:
    return f"authorization:{stage.authorization.id}"


@pytest.mark.parametrize(
    ("statement", "thing"),
    [
        ("UPDATE organizations SET suspended_at = now() WHERE id = :organization", organization),
        ("UPDATE accounts SET login_enabled = false WHERE id = :account", account),
        ("UPDATE accounts SET display_name = 'Another' WHERE id = :account", account),
        ("DELETE FROM account_roles WHERE account_id = :account", account),
        ("INSERT INTO account_roles VALUES (:account, 'device_admin')", account),
        ("UPDATE personal_tokens SET revoked_at = now() WHERE account_id = :account", account),
        ("UPDATE apps SET suspended_at = now() WHERE id = :app", app),
        ("UPDATE apps SET scopes = '{}' WHERE id = :app", app),
        ("UPDATE client_secrets SET revoked_at = now() WHERE app_id = :app", app),
        ("UPDATE authorizations SET scopes = '{}' WHERE id = :authorization", authorization),
        ("UPDATE authorizations SET ended_at = now() WHERE id = :authorization", authorization),
    ],
    ids=lambda one: one if isinstance(one, str) else one.__name__,
)
def test_a_change_is_told_by_the_name_of_what_it_is_about(
    stage: Stage, statement: str, thing: Callable[[Stage], str]
):
    told = stage.told_by(
        statement, **{name: value for name, value in _ids(stage).items() if f":{name}" in statement}
    )

    assert thing(stage) in told


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE client_secrets SET last_used_at = now(), last_used_from = '::1' WHERE app_id = :app",
        "UPDATE personal_tokens SET last_used_at = now() WHERE account_id = :account",
        "UPDATE authorizations SET last_used_at = now() WHERE id = :authorization",
        "UPDATE authorizations SET tokens_retrieved_at = now() WHERE id = :authorization",
        "UPDATE apps SET name = name WHERE id = :app",
    ],
)
def test_a_note_of_use_is_no_change(stage: Stage, statement: str):
    told = stage.told_by(
        statement, **{name: value for name, value in _ids(stage).items() if f":{name}" in statement}
    )

    assert told == set()


def test_what_the_database_tells_of_is_what_a_transaction_watches(world: World):
    """Both are told of the same tables; revocations tell of themselves."""
    with world.deployment.transaction(world.origin) as tx:
        tables = set(
            tx.scalars(
                text(
                    "SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger "
                    "WHERE tgfoid = 'tell_change'::regproc"
                )
            )
        )

    assert tables | {"revocations"} == WATCHED
    assert Record.metadata.tables.keys() >= WATCHED


def test_a_note_of_use_is_the_same_to_the_database_and_to_a_transaction(world: World):
    with world.deployment.transaction(world.origin) as tx:
        arguments = tx.scalars(text("SELECT tgargs FROM pg_trigger WHERE tgfoid = 'tell_change'::regproc"))
        left_out = {name for one in arguments for name in bytes(one).decode().split("\0")[2:] if name}

    assert left_out == NOTES


def _ids(stage: Stage) -> dict[str, uuid.UUID]:
    return {
        "organization": stage.organization.id,
        "account": stage.admin.id,
        "app": stage.made.id,
        "authorization": stage.authorization.id,
    }
