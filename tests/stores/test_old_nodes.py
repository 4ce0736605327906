"""A node of the version before goes on working while the database is at the new schema already (checklist TEN-07)."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, Engine, column, create_engine, func, insert, inspect, table, text

from appanage.authorizations.model import Authorization, AuthorizationKind
from appanage.directory.queries import get_account
from appanage.directory.roles import Role
from appanage.events import Event, SeenEvent
from appanage.storage import migrate
from appanage.storage.engine import driver_url
from support.world import World

BEFORE_INTEGRATIONS, BEFORE_THE_APP_HUB = "0003", "0007"


@pytest.fixture(scope="module", params=[BEFORE_INTEGRATIONS, BEFORE_THE_APP_HUB])
def old_columns(
    request: pytest.FixtureRequest, new_database: Callable[[], str]
) -> Iterator[dict[str, list[str]]]:
    """The tables, each with its columns, as a node of that time knows them."""
    engine: Engine = create_engine(driver_url(new_database()))
    with engine.begin() as connection:
        command.upgrade(migrate.config(connection), request.param)
        yield columns_of(connection)
    engine.dispose()


def columns_of(connection: Connection) -> dict[str, list[str]]:
    found = inspect(connection)
    return {name: [one["name"] for one in found.get_columns(name)] for name in found.get_table_names()}


def test_whatever_a_table_has_got_since_may_be_left_out(world: World, old_columns: dict[str, list[str]]):
    with world.deployment.database.engine.connect() as connection:
        found = inspect(connection)
        needed = [
            (name, one["name"])
            for name, known in old_columns.items()
            if found.has_table(name)
            for one in found.get_columns(name)
            if one["name"] not in known and not one["nullable"] and one["default"] is None
        ]

    assert needed == []


def test_an_old_node_can_still_keep_an_authorization(world: World, old_columns: dict[str, list[str]]):
    """It says nothing of kinds and resources: what it keeps is what an organization gave."""
    organization = world.organization()
    admin, machine = world.full_admin(organization), world.person(organization)
    made = world.service_app(world.developer(organization))
    values: dict[str, Any] = {
        "id": uuid.uuid4(),
        "app_id": made.id,
        "organization_id": organization.id,
        "account_id": machine.id,
        "scopes": ["spark-admin:people_read"],
        "authorized_by": admin.id,
        "authorized_by_name": admin.display_name,
        "authorized_at": func.now(),
        "scopes_approved_at": func.now(),
        "valid_from": func.now(),
    }
    assert values.keys() <= set(old_columns["authorizations"])
    with world.deployment.transaction(world.origin) as tx:
        tx.execute(insert(table("authorizations", *map(column, values))).values(values))
        kept = tx.get_one(Authorization, values["id"])

        assert kept.kind == AuthorizationKind.ORGANIZATION
        assert (kept.is_usable_at(tx.now), kept.is_personal, kept.resources) == (True, False, [])
        assert kept.usable_scopes == {"spark-admin:people_read"}


def test_what_only_a_newer_node_knows_keeps_nobody_from_anything(world: World):
    """TEN-07: its roles are none here, and its events are shown by their type."""
    organization = world.organization("Northwind Traders")
    person = world.full_admin(organization, name="Priya Raman")
    with world.deployment.transaction(world.origin) as tx:
        tx.execute(
            text("INSERT INTO account_roles (account_id, role) VALUES (:id, 'id_emperor')"), {"id": person.id}
        )
        tx.execute(text("UPDATE accounts SET title = 'Head' WHERE id = :id"), {"id": person.id})
    with world.deployment.transaction(world.origin) as tx:
        fresh = get_account(tx, organization.id, person.id)
        fresh.assign(frozenset({Role.FULL_ADMIN, Role.COMPLIANCE_OFFICER}))

        assert fresh.roles == {Role.FULL_ADMIN, Role.COMPLIANCE_OFFICER}
        assert {row.role for row in fresh.role_rows} >= {"id_emperor"}

    shown = Event(
        type="crown.lost", actor_name="Priya Raman", target_name="Crown", target_organization_name=""
    )
    assert SeenEvent(shown, shows_actor=True).action_text == "Priya Raman: crown.lost, Crown."
