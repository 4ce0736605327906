"""The demonstration data: who is in it, that it is made once, and that it is kept from others."""

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from appanage.apps import queries as apps
from appanage.authorizations import inbox
from appanage.authorizations import queries as authorizations
from appanage.authorizations.endings import is_connection
from appanage.authorizations.model import Authorization
from appanage.authorizations.request_queries import RequestFilter
from appanage.cli.console import Problem
from appanage.cli.demo import keepsake, making
from appanage.cli.demo.cast import CONNECTED, CONTOSO, ORGANIZATIONS, PASSWORD
from appanage.cli.demo.description import document
from appanage.cli.demo.stage import refuse_demo_data, set_up
from appanage.cli.demo.workforce import workforce
from appanage.deployment import Deployment, assemble
from appanage.directory import queries as directory
from appanage.directory.domains import find_organization_by_domain
from appanage.directory.model import Account
from appanage.directory.operators import find_operators_organization
from appanage.directory.queries import PeopleFilter
from appanage.events import Event
from appanage.events.queries import broken_links
from appanage.kit.origin import command_line_origin
from appanage.kit.paging import PageRequest
from appanage.kit.secrets import digest
from appanage.signin.service import sign_in
from support.live import settings_for
from support.world import World

CAST = {
    "developer@northwind.example": [],
    "admin@northwind.example": ["Full Administrator"],
    "compliance@contoso.example": ["Full Administrator", "Compliance Officer"],
    "admin@contoso.example": ["Full Administrator"],
    "readonly@contoso.example": ["Read-only Administrator"],
    "useradmin@contoso.example": ["User Administrator"],
    "deviceadmin@contoso.example": ["Device Administrator"],
    "developer@fabrikam.example": [],
    "reviewer@appanage.example": ["App Reviewer"],
    "operator@appanage.example": ["Full Administrator", "Operator"],
}
CUSTOMERS = [one for one in ORGANIZATIONS if not one.is_operator]


@pytest.fixture(scope="module")
def stage(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    made = assemble(settings_for(data=tmp_path_factory.mktemp("demo"), demo=True), new_database())
    made.prepare()
    set_up(made)
    yield made
    made.database.dispose()


@pytest.fixture
def world(stage: Deployment) -> World:
    return World(stage)


def test_everybody_of_the_cast_is_there_with_their_roles_and_can_sign_in(stage: Deployment, world: World):
    with stage.transaction(world.origin) as tx:
        for email, roles in CAST.items():
            person = directory.find_person_by_email(tx, email)
            assert person is not None
            assert sorted(role.label for role in person.roles) == sorted(roles)
            assert sign_in(tx, email, PASSWORD, passwords=stage.passwords) is not None


@pytest.mark.parametrize("organization", CUSTOMERS, ids=lambda one: one.name)
def test_every_customer_has_forty_further_people_with_whole_profiles(
    stage: Deployment, world: World, organization
):
    with stage.transaction(world.origin) as tx:
        everybody = list(tx.scalars(select(Account).where(Account.organization_id == organization.id)))
        further = [person for person in everybody if person.email not in CAST and person.is_person]
        licensed = [person for person in further if person.license_ids]

    assert len(further) == 40
    people = [person for person in everybody if person.is_person]
    assert len({person.display_name for person in people}) == len(people)
    assert len({person.phone_numbers[0]["value"] for person in people}) == len(people)
    assert len({person.time_zone for person in further}) > 3
    assert all(
        (person.first_name, person.last_name, person.title, person.department, person.addresses)
        for person in further
    )
    assert sum(1 for person in further if person.manager_id) > 25
    assert len(licensed) == 40


def test_licenses_include_one_that_clients_look_for(stage: Deployment, world: World):
    """Wire facts: licenses contain one named `Advanced Messaging`."""
    with stage.transaction(world.origin) as tx:
        names = {one.name: [row.name for row in directory.list_licenses(tx, one.id)] for one in ORGANIZATIONS}

    assert "Advanced Messaging" in names["Northwind Traders"]
    assert "Advanced Messaging" in names["Contoso Health"]


def test_the_app_waits_for_northwind_s_decision(stage: Deployment, world: World):
    with stage.transaction(world.origin) as tx:
        app = making.find_apps(tx)[0]
        asked = authorizations.find_request(tx, app, app.organization_id)
        current = authorizations.lock_of_organization(tx, app, app.organization_id)
        developer = app.creator.email

    assert (developer, app.visibility) == ("developer@northwind.example", "organization")
    assert set(app.scope_reasons) == set(app.scopes)
    assert asked is not None
    assert current is None


def test_the_bot_has_an_address_in_the_bot_domain(stage: Deployment, world: World):
    with stage.transaction(world.origin) as tx:
        bot = making.find_apps(tx)[2]

    assert (bot.kind, bot.bot_email) == ("bot", f"duty@{stage.settings.bot_domain}")


def test_in_the_fedramp_profile_the_administrator_made_the_apps(
    new_database: Callable[[], str], tmp_path: Path
):
    made = assemble(settings_for(data=tmp_path, demo=True, profile="fedramp"), new_database())
    made.prepare()
    set_up(made)
    with made.transaction(World(made).origin) as tx:
        makers = {app.name: app.creator.email for app in making.find_apps(tx)}
    made.database.dispose()

    assert makers == dict.fromkeys(["Workforce Sync", "Meeting Notes", "Duty Bot"], "admin@northwind.example")


def test_people_of_two_organizations_have_connected_the_integration(stage: Deployment, world: World):
    with stage.transaction(world.origin) as tx:
        app = making.find_apps(tx)[1]
        connections = tx.scalars(select(Authorization).where(is_connection(), Authorization.app_id == app.id))
        connected = [one.account.email for one in connections]

    assert app.is_integration
    assert sorted(connected) == sorted(CONNECTED)


def test_a_second_start_finds_everything_as_it_was(stage: Deployment, world: World):
    def people_and_events() -> tuple[int, int]:
        with stage.transaction(world.origin) as tx:
            people = sum(directory.count_people(tx, one.id, PeopleFilter()) for one in ORGANIZATIONS)
            return people, tx.scalar(select(func.count()).select_from(Event)) or 0

    kept, before = keepsake.read(stage.settings.data), people_and_events()

    set_up(stage)

    assert keepsake.read(stage.settings.data) == kept
    assert people_and_events() == before
    assert before[0] == len(CUSTOMERS) * 40 + len(CAST) + 1  # the bot


def test_one_organization_runs_the_platform_and_each_is_found_by_its_domain(stage: Deployment, world: World):
    with stage.transaction(world.origin) as tx:
        found = {one.name: find_organization_by_domain(tx, one.domain) for one in ORGANIZATIONS}
        operators = find_operators_organization(tx)

    assert {name: one and one.name for name, one in found.items()} == {name: name for name in found}
    assert operators is not None
    assert operators.name == "Appanage"


def test_what_is_kept_is_the_owner_s_alone_and_a_lost_one_is_replaced(stage: Deployment, world: World):
    """Secrets are in the database as digests only; a client gets a second one and the first stays valid, a bot another."""
    path = stage.settings.data / keepsake.NAME
    first = keepsake.read(stage.settings.data)
    path.unlink()

    set_up(stage)
    second = keepsake.read(stage.settings.data)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert first is not None
    assert second is not None
    assert set(first.secrets) == {"Workforce Sync", "Meeting Notes", "Duty Bot"}
    assert not set(first.secrets.values()) & set(second.secrets.values())
    with stage.transaction(world.origin) as tx:
        values = [
            kept.secrets[name] for kept in (first, second) for name in ("Workforce Sync", "Meeting Notes")
        ]
        rows = [apps.find_secret(tx, digest(value)) for value in values]
        assert all(row and row.is_live(tx.now) for row in rows)
        assert stage.verifier.caller_of(tx, second.secrets["Duty Bot"]).account.kind == "bot"


def test_a_broken_keepsake_is_as_good_as_none(tmp_path: Path):
    (tmp_path / keepsake.NAME).write_text("{}")

    assert keepsake.read(tmp_path) is None


def test_a_developer_may_delete_the_app_and_the_demonstration_goes_on(
    new_database: Callable[[], str], tmp_path: Path
):
    from appanage.authorizations.service import delete_app

    made = assemble(settings_for(data=tmp_path, demo=True), new_database())
    made.prepare()
    set_up(made)
    with made.transaction(World(made).origin) as tx:
        for app in making.find_apps(tx):
            delete_app(tx, app, by=app.creator, longest_token=made.settings.lifetimes.access_token)

    set_up(made)
    kept = keepsake.read(tmp_path)
    assert kept is not None
    told = document(made, kept)
    made.database.dispose()

    assert told["apps"] == []
    assert len(told["people"]) == len(CAST)


def test_the_document_is_json_with_tokens_that_work(stage: Deployment, world: World):
    kept = keepsake.read(stage.settings.data)
    assert kept is not None

    told = json.loads(json.dumps(document(stage, kept)))

    assert set(told) == {"baseUrl", "organizations", "people", "apps"}
    assert {person["email"]: person["roles"] for person in told["people"]} == CAST
    assert [(one["type"], "botToken" in one, "clientSecret" in one) for one in told["apps"]] == [
        ("serviceApp", False, True),
        ("integration", False, True),
        ("bot", True, False),
    ]
    with stage.transaction(world.origin) as tx:
        for person in told["people"]:
            assert stage.verifier.caller_of(tx, person["token"]).account.email == person["email"]


@pytest.mark.parametrize(
    ("base_url", "host"), [("https://apps.example.com", "127.0.0.1"), ("http://localhost:8080", "192.0.2.1")]
)
def test_data_with_public_passwords_is_not_served_to_others(stage: Deployment, base_url: str, host: str):
    """Design §7; checklist SUP-02."""
    elsewhere = assemble(settings_for(base_url), stage.database.url)

    with pytest.raises(Problem, match="passwords everybody knows"):
        refuse_demo_data(elsewhere, host)

    elsewhere.database.dispose()


def test_the_audit_log_of_the_demonstration_is_whole(stage: Deployment, world: World):
    with stage.transaction(world.origin) as tx:
        assert broken_links(tx) == []


def test_the_workforce_is_the_same_every_time():
    assert list(workforce("northwind.example", 40)) == list(workforce("northwind.example", 40))
    assert list(workforce("northwind.example", 3)) != list(workforce("contoso.example", 3))


def test_a_colleague_s_request_and_a_shared_app_wait_for_contoso(stage: Deployment, world: World):
    with stage.transaction(command_line_origin()) as tx:
        waiting = inbox.list_waiting_apps(tx, CONTOSO.id, RequestFilter(), PageRequest()).items
        found = {(one.app.name, one.newest.origin) for one in waiting}

    assert found == {("License Lens", "person"), ("Badge Printer", "share")}
