"""People: who may see and do what with them, and what they look like on the wire."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.conftest import Calling
from api.contract import check_answer
from appanage.directory import service as directory
from appanage.directory.model import Account, Organization
from appanage.directory.roles import Role
from appanage.kit.ids import Kind
from support.world import World

EVERYTHING = {
    "displayName": "Ada Lovelace",
    "firstName": "Ada",
    "lastName": "Lovelace",
    "nickName": "Countess",
    "avatar": "https://pictures.example/ada.png",
    "title": "Analyst",
    "department": "Engines",
    "manager": "Charles Babbage",
    "extension": "133",
    "locationId": "Y2lzY29zcGFyazovL3VzL0xPQ0FUSU9OLzYzNzE1",
    "timeZone": "Europe/London",
    "phoneNumbers": [{"type": "work", "value": "+44 20 7946 0958", "primary": True}],
    "addresses": [{"type": "work", "country": "GB", "streetAddress": "12 St James's Square"}],
    "siteUrls": ["meet.example.com#attendee"],
    "loginEnabled": True,
}


def new_address() -> str:
    return f"ada.{uuid.uuid4().hex[:12]}@people.example"


def public_id(world: World, account: Account) -> str:
    return world.public_id(Kind.PEOPLE, account.id)


def role_id(world: World, role: Role) -> str:
    return world.public_id(Kind.ROLE, role.value)


def test_an_administrator_lists_everybody_by_name(world: World, calling: Calling, organization: Organization):
    for name in ("Cleo Last", "Ben Middle", "ann First"):
        world.person(organization, name=name)
    admin = calling(world.token(world.full_admin(organization, name="Zoe Admin")))

    found = admin.get("/people")

    check_answer("GET /people", found)
    assert [one["displayName"] for one in found["items"]] == [
        "ann First",
        "Ben Middle",
        "Cleo Last",
        "Zoe Admin",
    ]
    assert found["notFoundIds"] == []
    assert found["items"][3]["roles"] == [role_id(world, Role.FULL_ADMIN)]
    assert found["items"][3]["loginEnabled"] is True
    assert found["items"][3]["invitePending"] is False


def test_machine_accounts_are_not_listed_among_people(
    world: World, calling: Calling, organization: Organization
):
    machine = calling(world.machine_token(organization))

    listed = machine.get("/people")["items"]

    assert {one["type"] for one in listed} == {"person"}


def test_people_are_found_by_address_whatever_its_capitals(
    world: World, calling: Calling, organization: Organization
):
    wanted = world.person(organization)
    admin = calling(world.token(world.full_admin(organization)))

    found = admin.get("/people", params={"email": wanted.email.upper()})["items"]

    assert [one["emails"] for one in found] == [[wanted.email]]


def test_people_are_found_by_the_beginning_of_a_name(
    world: World, calling: Calling, organization: Organization
):
    world.person(organization, name="Grace Hopper")
    world.person(organization, name="Hopkins Grey")
    admin = calling(world.token(world.full_admin(organization, name="Zoe Admin")))

    assert len(admin.get("/people?displayName=hop")["items"]) == 2
    assert len(admin.get("/people?displayName=grace")["items"]) == 1
    assert admin.get("/people?displayName=%25")["items"] == []
    assert admin.get("/people?displayName=rac")["items"] == []


def test_people_are_found_by_role(world: World, calling: Calling, organization: Organization):
    helper = world.person(organization, Role.USER_ADMIN)
    world.person(organization)
    admin = calling(world.token(world.full_admin(organization)))

    for given in (role_id(world, Role.USER_ADMIN), Role.USER_ADMIN.value):
        found = admin.get("/people", params={"roles": given})["items"]
        assert [one["id"] for one in found] == [public_id(world, helper)]
    assert "roles" in admin.get("/people?roles=nobody", 400)["errors"][0]["description"]


def test_ids_that_name_nobody_are_listed_as_not_found(
    world: World, calling: Calling, organization: Organization
):
    here, there = world.person(organization), world.person(world.organization())
    admin = calling(world.token(world.full_admin(organization)))
    foreign, nonsense = public_id(world, there), "nonsense"

    found = admin.get(
        "/people", params={"id": f"{public_id(world, here)}, {here.id},{foreign},{nonsense}", "max": 1}
    )

    check_answer("GET /people", found)
    assert [one["id"] for one in found["items"]] == [public_id(world, here)]
    assert found["notFoundIds"] == [foreign, nonsense]


def test_at_most_85_ids_can_be_asked_for_at_once(world: World, calling: Calling, organization: Organization):
    admin = calling(world.token(world.full_admin(organization)))
    ids = [str(uuid.uuid4()) for _ in range(86)]

    assert admin.get("/people", params={"id": ",".join(ids[:85])})["items"] == []
    assert "85" in admin.get("/people", 400, params={"id": ",".join(ids)})["message"]


@pytest.mark.parametrize("parameter", ["email=a@b.example", "displayName=A", "id=x"])
def test_somebody_without_a_role_looks_people_up_but_sees_no_administrators_fields(
    world: World, calling: Calling, organization: Organization, parameter: str
):
    somebody = calling(world.token(world.person(organization)))
    name, _, value = parameter.partition("=")
    own = somebody.get("/people/me")

    assert "email" in somebody.get("/people", 400)["message"]
    somebody.get("/people", params={name: value})
    found = somebody.get("/people", params={"email": own["emails"][0]})["items"]
    assert [one["id"] for one in found] == [own["id"]]
    for seen in (own, found[0], somebody.get(f"/people/{own['id']}")):
        assert not {"roles", "licenses", "loginEnabled", "invitePending"} & set(seen)


def test_somebody_without_a_role_cannot_find_out_roles_by_filtering(
    world: World, calling: Calling, organization: Organization
):
    somebody = calling(world.token(world.person(organization)))

    refused = somebody.get("/people?displayName=a&roles=id_full_admin", 403)

    assert refused["errors"][0]["description"] == "Missing scope: spark-admin:people_read."


def test_a_read_only_administrator_reads_and_does_not_write(
    world: World, calling: Calling, organization: Organization
):
    """Scope and role are both needed: an administrators' scope in the hands of a lesser role reads only."""
    token = world.token(
        world.person(organization, Role.READONLY_ADMIN), "spark-admin:people_read", "spark-admin:people_write"
    )
    reader = calling(token)

    assert "roles" in reader.get("/people")["items"][0]
    refused = reader.post("/people", {"emails": [new_address()], "displayName": "Ada"}, 403)
    assert "Missing role: Full Administrator." in [one["description"] for one in refused["errors"]]


def test_a_person_is_created_with_everything_and_reads_back_the_same(
    world: World, calling: Calling, organization: Organization
):
    admin = calling(world.token(world.full_admin(organization)))
    manager = public_id(world, world.person(organization))
    license_ = make_license(world, organization)
    wanted = EVERYTHING | {
        "emails": [new_address()],
        "managerId": manager,
        "orgId": world.organization_id(organization),
        "roles": [role_id(world, Role.USER_ADMIN)],
        "licenses": [license_],
    }

    created = admin.post("/people", wanted)

    check_answer("POST /people", created)
    assert {name: created[name] for name in wanted} == wanted
    assert (created["type"], created["accountType"]) == ("person", "person")
    assert admin.get(f"/people/{created['id']}") == created
    assert len(world.events(organization, "account.roles_changed")) == 1


def test_of_many_people_created_with_one_address_at_once_one_is_made(
    world: World, client: TestClient, organization: Organization
):
    headers = {"Authorization": f"Bearer {world.token(world.full_admin(organization))}"}
    body = {"emails": [new_address()], "displayName": "Ada"}

    def create(_: int) -> int:
        return client.post("/v1/people", json=body, headers=headers).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(create, range(16)))

    assert sorted(statuses) == [200] + [409] * 15


def test_changes_to_one_person_at_once_follow_each_other(
    world: World, client: TestClient, organization: Organization
):
    headers = {"Authorization": f"Bearer {world.token(world.full_admin(organization))}"}
    person = world.person(organization)
    licenses = [make_license(world, organization)]

    def change(number: int) -> int:
        roles = ["id_user_admin", "id_device_admin"][: number % 3]
        body = {"displayName": f"Ada {number}", "roles": roles, "licenses": licenses[: number % 2]}
        return client.put(f"/v1/people/{person.id}", json=body, headers=headers).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(change, range(24)))

    assert set(statuses) == {200}


def test_getting_changing_and_putting_everything_back_round_trips(
    world: World, calling: Calling, organization: Organization
):
    admin = calling(world.token(world.full_admin(organization)))
    person = admin.post("/people", EVERYTHING | {"emails": [new_address()]})

    same = admin.put(f"/people/{person['id']}", person)
    changed = admin.put(f"/people/{person['id']}", person | {"title": "Countess"})

    check_answer("PUT /people/{personId}", changed)
    assert same == person
    assert {name for name in person if person[name] != changed[name]} == {"title", "lastModified"}
    assert [event.data for event in world.events(organization, "account.updated")] == [
        {"title": {"before": "Analyst", "after": "Countess"}}
    ]


def test_putting_replaces_everything_but_address_sign_in_roles_and_licenses(
    world: World, calling: Calling, organization: Organization
):
    admin = calling(world.token(world.full_admin(organization)))
    kept = {
        "emails": [new_address()],
        "loginEnabled": False,
        "roles": [role_id(world, Role.DEVICE_ADMIN)],
        "licenses": [make_license(world, organization)],
    }
    person = admin.post("/people", EVERYTHING | kept)

    changed = admin.put(f"/people/{person['id']}", {"displayName": "Ada Byron"})

    assert {name: changed[name] for name in kept} == kept
    assert changed["displayName"] == "Ada Byron"
    assert changed["phoneNumbers"] == changed["addresses"] == changed["siteUrls"] == []
    assert not {"title", "department", "timeZone", "firstName", "manager", "extension"} & set(changed)


def test_the_time_zone_is_taken_under_both_of_its_names(
    world: World, calling: Calling, organization: Organization
):
    admin = calling(world.token(world.full_admin(organization)))

    for name in ("timezone", "timeZone"):
        wanted = {"emails": [new_address()], "displayName": "Ada", name: "America/Denver"}
        assert admin.post("/people", wanted)["timeZone"] == "America/Denver"


def test_an_address_that_is_taken_anywhere_is_a_conflict(
    world: World, calling: Calling, organization: Organization
):
    elsewhere = world.person(world.organization())
    admin = calling(world.token(world.full_admin(organization)))
    mine = admin.post("/people", {"emails": [new_address()], "displayName": "Ada"})

    taken = {"emails": [elsewhere.email.upper()], "displayName": "Ada"}
    assert "already in use" in admin.post("/people", taken, 409)["message"]
    assert "already in use" in admin.put(f"/people/{mine['id']}", taken, 409)["message"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("emails", []),
        ("emails", ["a@people.example", "b@people.example"]),
        ("emails", ["not an address"]),
        ("emails", "ada@people.example"),
        ("emails", None),
        ("displayName", 7),
        ("displayName", "Ada\u0000"),
        ("displayName", "Ada\nLovelace"),
        ("displayName", "x" * 257),
        ("title", ["Analyst"]),
        ("managerId", "nobody"),
        ("managerId", str(uuid.UUID(int=404))),
        ("roles", ["id_emperor"]),
        ("licenses", [str(uuid.UUID(int=404))]),
        ("phoneNumbers", [{"type": "carrier pigeon", "value": "7"}]),
        ("phoneNumbers", [{"type": "work"}]),
        ("loginEnabled", "perhaps"),
        ("siteUrls", ["meet.example.com"] * 51),
        ("addresses", [{"locality": "London"}] * 51),
        ("phoneNumbers", [{"type": "work", "value": "7"}] * 51),
        ("roles", ["id_user_admin"] * 51),
        ("licenses", [str(uuid.UUID(int=404))] * 51),
    ],
)
def test_what_is_wrong_is_refused_by_its_name_and_changes_nothing(
    world: World, calling: Calling, organization: Organization, field: str, value: Any
):
    admin = calling(world.token(world.full_admin(organization)))
    before = len(world.events(organization))

    refused = admin.post("/people", {"emails": [new_address()], "displayName": "Ada", field: value}, 400)

    assert any(field in one["description"] for one in refused["errors"])
    assert len(world.events(organization)) == before


def test_paging_goes_on_after_the_longest_of_names(
    world: World, calling: Calling, organization: Organization
):
    admin = calling(world.token(world.full_admin(organization)))
    for _ in range(2):
        name = {"firstName": "😀" * 256, "lastName": "😀" * 256}
        admin.post("/people", {"emails": [new_address()]} | name)

    assert len(admin.pages("/people?max=1")) == 3


def test_a_person_needs_a_name(world: World, calling: Calling, organization: Organization):
    admin = calling(world.token(world.full_admin(organization)))

    refused = admin.post("/people", {"emails": [new_address()], "displayName": "  "}, 400)

    assert refused["errors"][0]["description"].startswith("displayName: ")


def test_an_id_in_the_body_must_agree_with_the_address(
    world: World, calling: Calling, organization: Organization
):
    """CONS-11."""
    admin = calling(world.token(world.full_admin(organization)))
    one, other = world.person(organization), world.person(organization)
    foreign = world.organization_id(world.organization())

    body = {"displayName": "Ada", "id": public_id(world, other)}
    assert "id" in admin.put(f"/people/{one.id}", body, 400)["message"]
    admin.put(f"/people/{one.id}", {"displayName": "Ada", "orgId": foreign}, 404)
    admin.post("/people", {"emails": [new_address()], "displayName": "Ada", "orgId": foreign}, 404)


def test_a_person_is_deleted_once(world: World, calling: Calling, organization: Organization):
    admin = calling(world.token(world.full_admin(organization)))
    leaver = world.person(organization)
    token = calling(world.token(leaver))

    admin.delete(f"/people/{leaver.id}")

    admin.delete(f"/people/{leaver.id}", 404)
    admin.get(f"/people/{leaver.id}", 404)
    token.get("/people/me", 401)
    assert len(world.events(organization, "account.deleted")) == 1


def test_nobody_deletes_the_own_account(world: World, calling: Calling, organization: Organization):
    account = world.full_admin(organization)
    world.full_admin(organization)

    refused = calling(world.token(account)).delete(f"/people/{account.id}", 409)

    assert "your own account" in refused["message"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_another_organizations_people_do_not_exist(
    world: World, calling: Calling, organization: Organization, method: str
):
    """CONS-11, TEN-01."""
    foreign = world.person(world.organization())
    admin = calling(world.token(world.full_admin(organization)))
    body = {"json": {"displayName": "Mine now"}} if method == "PUT" else {}

    theirs = admin.send(method, f"/people/{public_id(world, foreign)}", 404, **body)
    nobodys = admin.send(method, f"/people/{uuid.uuid4()}", 404, **body)

    assert theirs["message"] == nobodys["message"]


def test_only_a_full_administrator_gives_roles(world: World, calling: Calling, organization: Organization):
    """CRED-13 in spirit: nobody hands out more power than their own."""
    helper = calling(world.token(world.person(organization, Role.USER_ADMIN)))
    wanted = {"emails": [new_address()], "displayName": "Ada", "roles": ["id_full_admin"]}

    refused = helper.post("/people", wanted, 403)
    plain = helper.post("/people", wanted | {"roles": []})
    helper.put(f"/people/{plain['id']}", plain | {"roles": ["id_full_admin"]}, 403)

    assert refused["errors"][0]["description"] == "Missing role: Full Administrator."
    assert helper.get(f"/people/{plain['id']}")["roles"] == []


def test_a_machine_account_provisions_people_but_gives_no_roles(
    world: World, calling: Calling, organization: Organization
):
    """The main job: with its scopes alone, in its own organization only."""
    machine = calling(world.machine_token(organization))
    administrator = machine.get("/people?roles=id_full_admin")["items"][0]

    created = machine.post("/people", {"emails": [new_address()], "firstName": "Ada", "lastName": "Lovelace"})
    changed = machine.put(f"/people/{created['id']}", created | {"title": "Analyst"})
    refused = machine.put(f"/people/{created['id']}", changed | {"roles": ["id_full_admin"]}, 403)
    same = machine.put(f"/people/{administrator['id']}", administrator | {"title": "Head"})
    machine.delete(f"/people/{created['id']}")

    assert created["displayName"] == "Ada Lovelace"
    assert changed["title"] == "Analyst"
    assert "Full Administrator" in refused["message"]
    assert same["roles"] == administrator["roles"]


def test_a_machine_account_knows_itself_and_its_app(
    world: World, calling: Calling, organization: Organization
):
    admin = world.full_admin(organization)
    made = world.service_app(world.developer(organization))
    world.authorize(made, admin)
    machine = calling(world.retrieve(made, organization).access_token.reveal())

    own = machine.get("/people/me")

    check_answer("GET /people/me", own)
    assert (own["type"], own["accountType"]) == ("appuser", "machine")
    assert own["applicationId"] == world.app_id(made)
    assert own["orgId"] == world.organization_id(organization)
    assert (own["roles"], own["licenses"]) == ([], [])
    assert calling(world.token(admin)).get(f"/people/{own['id']}") == own
    assert machine.get(f"/people?id={own['id']}")["notFoundIds"] == []


def test_a_machine_account_is_not_edited_or_deleted_as_a_person(
    world: World, calling: Calling, organization: Organization
):
    """MACH-02: it lives and ends with its authorization."""
    machine = calling(world.machine_token(organization)).get("/people/me")
    admin = calling(world.token(world.full_admin(organization)))

    admin.put(f"/people/{machine['id']}", machine | {"displayName": "Me"}, 404)
    admin.delete(f"/people/{machine['id']}", 404)


def test_a_person_is_not_patched(world: World, calling: Calling, organization: Organization):
    admin = calling(world.token(world.full_admin(organization)))

    admin.patch(f"/people/{uuid.uuid4()}", {"title": "Analyst"}, 405)


def make_license(world: World, organization: Organization) -> str:
    with world.deployment.transaction(world.origin) as tx:
        made = directory.create_license(tx, organization, code="MS", name="Advanced Messaging", units=50)
        return world.public_id(Kind.LICENSE, made.public_key)


@pytest.mark.parametrize("domain", ["webex.bot", "machine.internal", "WEBEX.bot"])
def test_nobody_gets_an_address_that_would_pass_for_an_app(
    world: World, calling: Calling, organization: Organization, domain: str
):
    """REG-07: addresses in the platform's own domains are given to bots and machine accounts only."""
    admin = calling(world.token(world.full_admin(organization)))
    refused = admin.post("/people", {"emails": [f"helper@{domain}"], "displayName": "Helper"}, 400)
    lena = admin.post("/people", {"emails": [f"l-{organization.id}@people.example"], "displayName": "Lena"})
    renamed = lena | {"emails": [f"helper@{domain}"]}

    assert "belong to apps" in refused["message"]
    assert "belong to apps" in admin.put(f"/people/{lena['id']}", renamed, 400)["message"]
    assert [one["emails"] for one in admin.get(f"/people?id={lena['id']}")["items"]] == [lena["emails"]]
