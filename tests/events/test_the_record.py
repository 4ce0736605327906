"""The record of what happened cannot be changed unnoticed (NIST SP 800-53 AU-9, checklist AUD-01 to AUD-04)."""

import uuid
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError
from starlette.testclient import TestClient

from appanage.deployment import assemble
from appanage.directory.roles import Role
from appanage.events import PLATFORM, queries
from appanage.events.catalogue import TYPES
from appanage.kit.origin import Origin
from appanage.kit.paging import PageRequest
from appanage.storage.engine import driver_url
from support.browser import Browser
from support.live import settings_for
from support.world import PASSWORD, World

SUPERUSER_TRICKS = "SET session_replication_role = replica"


@pytest.fixture(scope="module")
def own_url(new_prepared_database: Callable[[], str]) -> str:
    """A database of its own, since these tests do damage."""
    return new_prepared_database()


@pytest.fixture
def damaged(own_url: str) -> Iterator[World]:
    made = assemble(settings_for(), own_url)
    yield World(made)
    made.database.dispose()


@pytest.fixture
def engine(own_url: str) -> Iterator[Engine]:
    made = create_engine(driver_url(own_url))
    yield made
    made.dispose()


def broken(world: World) -> list[str]:
    with world.deployment.transaction(world.origin) as tx:
        return queries.broken_links(tx)


def test_an_event_tells_who_did_what_when_from_where(world: World):
    """AUD-03."""
    organization = world.organization("Northwind Traders")
    admin = world.full_admin(organization, name="Priya Raman")
    world.origin = Origin("APN_TRACKING", "203.0.113.7", "Mozilla/5.0", "password")
    made = world.service_app(world.developer(organization), name="Workforce Sync")

    world.authorize(made, admin)
    [event] = world.events(organization, "authorization.created")

    assert (event.actor_name, event.actor_email, event.actor_roles) == (
        "Priya Raman",
        admin.email,
        ["Full Administrator"],
    )
    assert (event.actor_organization_name, event.target_name, event.outcome) == (
        "Northwind Traders",
        "Workforce Sync",
        "success",
    )
    assert (event.tracking_id, event.address, event.user_agent, event.method) == (
        "APN_TRACKING",
        "203.0.113.7",
        "Mozilla/5.0",
        "password",
    )
    assert event.at.tzinfo is not None
    assert event.data["scopes"] == sorted(made.app.scopes)


def test_the_events_of_an_organization_are_numbered_without_gaps_and_chained(world: World):
    """AUD-04."""
    organization = world.organization()
    for _ in range(5):
        world.person(organization)

    events = world.events(organization)

    assert [event.sequence for event in events] == list(range(1, 7))
    assert len({event.digest for event in events}) == 6
    assert broken(world) == []


@pytest.mark.parametrize(
    "change", ["UPDATE events SET actor_name = 'Nobody'", "DELETE FROM events", "TRUNCATE events CASCADE"]
)
def test_the_database_refuses_to_change_the_record(damaged: World, engine: Engine, change: str):
    """AUD-04."""
    damaged.organization()

    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text(change))


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (
            "UPDATE events SET actor_name = 'Nobody' WHERE organization_id = :org AND sequence = 2",
            "it was altered",
        ),
        ("UPDATE events SET data = '{}' WHERE organization_id = :org AND sequence = 2", "it was altered"),
        ("DELETE FROM events WHERE organization_id = :org AND sequence = 2", "an event before it is missing"),
        ("DELETE FROM events WHERE organization_id = :org AND sequence = 3", "the newest events are missing"),
        (
            "UPDATE events SET sequence = 5 - sequence WHERE organization_id = :org AND sequence IN (2, 3)",
            "it was altered",
        ),
    ],
)
def test_whoever_gets_around_that_is_found_out(damaged: World, engine: Engine, damage: str, fault: str):
    """AUD-04: tamper, delete, swap; the verifier reports the place."""
    organization = damaged.organization()
    damaged.person(organization)
    damaged.person(organization)

    with engine.begin() as connection:
        connection.execute(text(SUPERUSER_TRICKS))
        connection.execute(text("DROP INDEX IF EXISTS uq_events_organization_id_sequence"))
        connection.execute(text(damage), {"org": organization.id})

    assert any(f"organization {organization.id}" in line and fault in line for line in broken(damaged))


def test_an_organization_sees_what_concerns_it_and_nothing_else(world: World):
    """AUD-05."""
    mine, other = world.organization(), world.organization()
    world.person(other)
    with world.deployment.transaction(world.origin) as tx:
        seen = queries.list_for_organization(tx, mine.id, queries.EventFilter(), PageRequest(100)).items

    assert {one.event.organization_id for one in seen} == {mine.id}


def test_every_type_of_event_has_words():
    for type_ in TYPES:
        sentence = type_.action.format(actor="A", target="T", organization="O")

        assert sentence.endswith(".")
        assert type_.description[0].isupper()
        assert not type_.description.endswith(".")


def test_what_belongs_to_no_organization_is_recorded_for_the_platform():
    assert uuid.UUID(int=0) == PLATFORM


def test_a_change_that_was_refused_for_a_missing_role_leaves_its_trace(world: World, client: TestClient):
    """AUD-01: the change is rolled back, the refusal is recorded."""
    organization = world.organization()
    reader = world.person(organization, Role.READONLY_ADMIN)
    headers = {"Authorization": f"Bearer {world.token(reader, 'spark-admin:people_write')}"}
    body = {"emails": [f"x.{uuid.uuid4().hex}@people.example"], "displayName": "X"}

    answer = client.post("/v1/people", headers=headers, json=body)
    [event] = world.events(organization, "access.refused")

    assert answer.status_code == 403
    assert (event.actor_name, event.target_name) == (reader.display_name, "POST /v1/people")
    assert "Full Administrator" in event.data["missingRoles"]


def test_a_form_that_was_refused_for_a_missing_role_leaves_its_trace(world: World, browser: Browser):
    organization = world.organization()
    world.full_admin(organization)
    helper = world.person(organization, Role.USER_ADMIN, password=PASSWORD)
    browser.sign_in(helper)
    person = world.person(organization)
    shown = browser.get(f"/hub/users/{person.id}")
    csrf = shown.values(shown.forms("/logout")[0])["csrf"]

    form = {"csrf": csrf, "roles": Role.FULL_ADMIN.value, "seen": ""}
    browser.post(f"/hub/users/{person.id}/roles", form, status=403)

    assert len(world.events(organization, "access.refused")) == 1
