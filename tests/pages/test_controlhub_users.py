"""The people of an organization in the administrators' console."""

import pytest

from appanage.directory import service as directory
from appanage.directory.model import Account, Organization
from appanage.directory.queries import find_person_by_email, get_account
from appanage.directory.roles import Role
from appanage.directory.service import Profile
from support.browser import Browser, Shown
from support.world import NARRATOR, PASSWORD, World


def roles_of(world: World, person: Account) -> frozenset[Role]:
    with world.deployment.transaction(world.origin) as tx:
        return get_account(tx, person.organization_id, person.id).roles


def people_on(shown: Shown) -> list[str]:
    return ["".join(cell.itertext()).strip() for cell in shown.all("a") if cell.get("class") == "strong"]


def form_of(shown: Shown, person: Account) -> dict[str, list[str]]:
    return shown.values(shown.forms(f"/hub/users/{person.id}/roles")[0])


def test_people_are_found_by_name_address_and_role(
    world: World, browser: Browser, organization: Organization, admin: Account
):
    dana = world.person(organization, name="Dana Kim")
    world.person(organization, Role.USER_ADMIN, name="Ulla Berg")
    browser.sign_in(admin)

    assert people_on(browser.get("/hub/users")) == ["Dana Kim", "Priya Raman", "Ulla Berg"]
    assert people_on(browser.get("/hub/users?q=kim")) == ["Dana Kim"]
    assert people_on(browser.get(f"/hub/users?q={dana.email.upper()}")) == ["Dana Kim"]
    assert people_on(browser.get("/hub/users?role=id_user_admin")) == ["Ulla Berg"]
    assert people_on(browser.get("/hub/users?q=%25")) == []
    assert "Nothing matches these filters" in browser.get("/hub/users?q=zzz").text


def test_a_long_list_of_people_is_turned_page_by_page_with_its_filter(
    world: World, browser: Browser, organization: Organization, admin: Account
):
    for number in range(27):
        world.person(organization, name=f"Nurse Number{number:02}")
    browser.sign_in(admin)

    first = browser.get("/hub/users?q=nurse")
    (following,) = [link for link in first.links() if "cursor=" in link]
    second = browser.get(following)

    assert "25 on this page, 27 in all" in first.text
    assert people_on(second) == ["Nurse Number25", "Nurse Number26"]
    assert "/hub/users?q=nurse" in second.links()


def test_a_full_administrator_changes_roles(
    world: World, browser: Browser, organization: Organization, admin: Account
):
    person = world.person(organization, Role.DEVICE_ADMIN, name="Dana Kim")
    browser.sign_in(admin).get(f"/hub/users/{person.id}")

    wanted = [Role.READONLY_ADMIN.value, Role.COMPLIANCE_OFFICER.value]
    shown = browser.submit(f"/hub/users/{person.id}/roles", {"roles": wanted})

    assert "Dana Kim now has Read-only Administrator, Compliance Officer." in shown.text
    assert form_of(shown, person)["roles"] == wanted
    (event,) = world.events(organization, "account.roles_changed")
    assert event.actor_name == "Priya Raman"


def test_all_roles_can_be_taken_away(
    world: World, browser: Browser, organization: Organization, admin: Account
):
    person = world.person(organization, Role.DEVICE_ADMIN, name="Dana Kim")
    browser.sign_in(admin).get(f"/hub/users/{person.id}")

    shown = browser.submit(f"/hub/users/{person.id}/roles", without=["roles"])

    assert "Dana Kim has no role now." in shown.text
    assert roles_of(world, person) == frozenset()


def test_the_last_full_administrator_keeps_the_role(world: World, browser: Browser, admin: Account):
    browser.sign_in(admin).get(f"/hub/users/{admin.id}")

    shown = browser.submit(f"/hub/users/{admin.id}/roles", {"roles": ["id_readonly_admin"]}, status=409)

    assert "An organization keeps at least one Full Administrator." in shown.text
    assert form_of(shown, admin)["roles"] == ["id_readonly_admin"]
    assert roles_of(world, admin) == {Role.FULL_ADMIN}


def test_who_gives_up_every_role_leaves_the_console(
    world: World, browser: Browser, organization: Organization, admin: Account
):
    world.full_admin(organization)
    browser.sign_in(admin).get(f"/hub/users/{admin.id}")

    shown = browser.submit(f"/hub/users/{admin.id}/roles", without=["roles"])

    assert shown.response.url.path.startswith("/portal")
    browser.get("/hub/users", 403)


@pytest.mark.parametrize("role", [Role.READONLY_ADMIN, Role.USER_ADMIN])
def test_other_administrators_see_roles_but_cannot_change_them(
    world: World, browser: Browser, organization: Organization, admin: Account, role: Role
):
    viewer = world.person(organization, role, password=PASSWORD)
    person = world.person(organization, name="Dana Kim")
    shown = browser.sign_in(viewer).get(f"/hub/users/{person.id}")

    assert "Only a Full Administrator can change roles: ask Priya Raman." in shown.text
    assert not shown.forms(f"/hub/users/{person.id}/roles")

    csrf = next(shown.values(form)["csrf"][0] for form in shown.all("form") if "csrf" in shown.values(form))
    forged = {"csrf": csrf, "seen": "", "roles": "id_full_admin"}
    refused = browser.post(f"/hub/users/{person.id}/roles", forged, status=403)

    assert "Only a Full Administrator can change roles." in refused.text
    assert roles_of(world, person) == frozenset()


def test_roles_that_somebody_else_changed_meanwhile_are_not_overwritten(
    world: World, browser: Browser, organization: Organization, admin: Account
):
    person = world.person(organization, Role.DEVICE_ADMIN)
    browser.sign_in(admin).get(f"/hub/users/{person.id}")
    with world.deployment.transaction(world.origin) as tx:
        fresh = get_account(tx, organization.id, person.id)
        directory.assign_roles(tx, fresh, [Role.USER_ADMIN], by=get_account(tx, organization.id, admin.id))

    shown = browser.submit(f"/hub/users/{person.id}/roles", {"roles": ["id_full_admin"]}, status=409)

    assert "Somebody else changed these roles" in shown.text
    assert form_of(shown, person)["roles"] == ["id_user_admin"]
    assert roles_of(world, person) == {Role.USER_ADMIN}


def test_a_role_that_does_not_exist_is_refused(world: World, browser: Browser, admin: Account):
    browser.sign_in(admin).get(f"/hub/users/{admin.id}")

    shown = browser.submit(f"/hub/users/{admin.id}/roles", {"roles": ["root"]}, status=422)

    assert "Choose from the listed roles." in shown.text


def test_roles_are_not_changed_by_a_form_of_another_site(world: World, browser: Browser, admin: Account):
    browser.sign_in(admin).get(f"/hub/users/{admin.id}")

    browser.submit(f"/hub/users/{admin.id}/roles", {"csrf": "f" * 64}, status=403)

    assert roles_of(world, admin) == {Role.FULL_ADMIN}


def test_a_person_is_added_with_roles(
    world: World, browser: Browser, organization: Organization, admin: Account
):
    email = f"ada.{organization.id.hex[:8]}@people.example"
    browser.sign_in(admin).get("/hub/users/new")

    shown = browser.submit(
        "/hub/users",
        {
            "first_name": "  Ada\t\x07",
            "last_name": "Lovelace",
            "email": email,
            "title": "Analyst",
            "department": "Engines",
            "roles": ["id_device_admin"],
        },
    )

    assert shown.heading == "Ada Lovelace"
    assert f"Ada Lovelace was added to {organization.name}." in shown.text
    with world.deployment.transaction(world.origin) as tx:
        ada = find_person_by_email(tx, email)
    assert ada is not None
    assert (ada.title, ada.department) == ("Analyst", "Engines")
    assert ada.roles == {Role.DEVICE_ADMIN}


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("first_name", "", "Enter a first or a last name."),
        ("first_name", "x" * 121, "The first name has 121 characters; at most 120 are possible."),
        ("email", "", "Enter the e-mail address"),
        ("email", "nobody", "That is not a valid e-mail address."),
        ("roles", "root", "Choose from the listed roles."),
    ],
)
def test_what_is_wrong_with_a_new_person_is_said_beside_the_field(
    browser: Browser, organization: Organization, admin: Account, field: str, value: str, sentence: str
):
    right = {"first_name": "Ada", "last_name": "", "email": f"{organization.id.hex}@people.example"}
    browser.sign_in(admin).get("/hub/users/new")

    shown = browser.submit("/hub/users", right | {field: value}, status=422)

    ids = {element.get("id"): element for element in shown.all("span")}
    assert sentence in "".join(ids[f"f-{field}-error"].itertext())


def test_an_address_that_is_taken_is_said_beside_the_field(
    world: World, browser: Browser, organization: Organization, admin: Account
):
    browser.sign_in(admin).get("/hub/users/new")

    shown = browser.submit("/hub/users", {"first_name": "Ada", "email": admin.email.upper()}, status=422)

    assert "is already in use." in shown.text


def test_a_user_administrator_adds_people_but_gives_no_roles(
    world: World, browser: Browser, organization: Organization
):
    email = f"{organization.id.hex}@people.example"
    browser.sign_in(world.person(organization, Role.USER_ADMIN, password=PASSWORD)).get("/hub/users/new")
    form = {"first_name": "Ada", "email": email}

    browser.submit("/hub/users", form | {"roles": "id_full_admin"}, status=403)
    with world.deployment.transaction(world.origin) as tx:
        assert find_person_by_email(tx, email) is None
    browser.get("/hub/users/new")

    assert browser.submit("/hub/users", form).heading == "Ada"


def test_names_of_any_length_and_script_do_not_break_the_paging(
    world: World, browser: Browser, organization: Organization, admin: Account
):
    with world.deployment.transaction(world.origin) as tx:
        for number in range(26):
            profile = Profile(f"p{number}.{organization.id.hex}@people.example", display_name="名" * 120)
            directory.create_person(tx, organization, profile, by=NARRATOR, own_domains=())
    first = browser.sign_in(admin).get("/hub/users?q=名")
    (following,) = [link for link in first.links() if "cursor=" in link]

    assert len(people_on(browser.get(following))) == 1


def test_a_search_for_what_cannot_be_shown_is_a_search(browser: Browser, admin: Account):
    browser.sign_in(admin)

    assert people_on(browser.get("/hub/users?q=%07priya%00")) == ["Priya Raman"]
