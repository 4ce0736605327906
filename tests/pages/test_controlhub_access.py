"""Who gets into the administrators' console, and how far."""

import uuid

import pytest

from appanage.directory.model import Plan
from appanage.directory.roles import OF_EVERY_ORGANIZATION, Role
from support.browser import Browser, Shown
from support.world import PASSWORD, World

APPS, PEOPLE, ROLES, AUDIT = "/hub/service-apps", "/hub/users", "/hub/roles", "/hub/audit"
APP_POLICIES, INTEGRATIONS, BOTS = "/hub/app-policies", "/hub/integrations", "/hub/bots"
PAGES = [
    APPS,
    APP_POLICIES,
    INTEGRATIONS,
    BOTS,
    "/hub/machine-accounts",
    "/hub/apps-without-owner",
    PEOPLE,
    "/hub/users/new",
    ROLES,
    AUDIT,
]
OPEN_TO = {
    Role.FULL_ADMIN: PAGES,
    Role.READONLY_ADMIN: [APPS, APP_POLICIES, INTEGRATIONS, BOTS, "/hub/machine-accounts", PEOPLE, ROLES],
    Role.USER_ADMIN: [PEOPLE, "/hub/users/new", ROLES],
    Role.DEVICE_ADMIN: [APPS, APP_POLICIES, INTEGRATIONS, BOTS, "/hub/machine-accounts", ROLES],
    Role.SUPPORT_ADMIN: [APPS, APP_POLICIES, INTEGRATIONS, BOTS, "/hub/machine-accounts", PEOPLE, ROLES],
    Role.COMPLIANCE_OFFICER: [],
}


@pytest.mark.parametrize("role", OF_EVERY_ORGANIZATION)
def test_a_role_opens_the_pages_that_the_matrix_gives_it_and_no_other(
    world: World, browser: Browser, role: Role
):
    organization = world.organization()
    browser.sign_in(world.person(organization, role, password=PASSWORD))

    for page in PAGES:
        browser.get(page, 200 if page in OPEN_TO[role] else 403)
    if AUDIT not in OPEN_TO[role]:
        browser.get("/hub/audit.csv", 403)


@pytest.mark.parametrize("role", [role for role in OF_EVERY_ORGANIZATION if OPEN_TO[role]])
def test_the_navigation_offers_only_what_can_be_opened(world: World, browser: Browser, role: Role):
    browser.sign_in(world.person(world.organization(), role, password=PASSWORD))

    shown = browser.get("/hub")

    offered = {link for link in shown.links() if link in PAGES}
    assert offered - set(OPEN_TO[role]) == set()
    assert offered >= {page for page in (APPS, PEOPLE, AUDIT) if page in OPEN_TO[role]}


def test_the_first_page_is_what_waits_for_a_decision(world: World, browser: Browser):
    admin = world.full_admin(world.organization(), password=PASSWORD)
    browser.sign_in(admin)
    assert str(browser.get("/hub").response.url.path) == APPS

    world.service_app(world.developer(admin.organization))
    assert str(browser.get("/hub").response.url.path) == "/hub/requests"


def test_who_has_no_role_learns_which_one_is_missing_and_who_can_assign_it(world: World, browser: Browser):
    organization = world.organization()
    world.full_admin(organization, name="Priya Raman")
    world.full_admin(organization, name="Omar Haddad")
    browser.sign_in(world.person(organization, password=PASSWORD))

    shown = browser.get("/hub", 403)

    assert "you need the role Full Administrator, Read-only Administrator" in shown.text
    assert "Ask Omar Haddad or Priya Raman to assign it." in shown.text


def test_a_read_only_administrator_learns_that_the_audit_log_needs_a_full_administrator(
    world: World, browser: Browser
):
    browser.sign_in(world.person(world.organization(), Role.READONLY_ADMIN, password=PASSWORD))

    shown = browser.get(AUDIT, 403)

    assert "To read and export the audit log you need the role Full Administrator." in shown.text
    assert "Nobody in your organization can assign it now." in shown.text


def test_people_of_a_free_organization_are_told_why_there_is_no_console(world: World, browser: Browser):
    organization = world.organization("Fabrikam", plan=Plan.FREE)
    browser.sign_in(world.full_admin(organization, password=PASSWORD))

    shown = browser.get(APPS, 403)

    assert "Fabrikam is a free organization and has no Control Hub" in shown.text


def test_a_visitor_signs_in_first_and_comes_back(world: World, browser: Browser):
    admin = world.full_admin(world.organization(), password=PASSWORD)

    assert browser.get("/hub/roles").heading != "Roles"

    assert browser.submit("/login", {"email": admin.email, "password": PASSWORD}).heading == "Roles"


def test_apps_and_people_of_another_organization_do_not_exist(world: World, browser: Browser):
    """CONS-12: the same answer as for an id that nobody has."""
    home, abroad = world.organization(), world.organization()
    made = world.service_app(world.developer(abroad))
    person = world.person(abroad)
    machine = world.authorize(made, world.full_admin(abroad)).account
    browser.sign_in(world.full_admin(home, password=PASSWORD))
    foreign = [
        f"/hub/service-apps/{made.id}",
        f"/hub/service-apps/{made.id}/deauthorize",
        f"/hub/users/{person.id}",
        f"/hub/users/{machine.id}",
    ]

    for address in foreign:
        missing = address.replace(str(made.id), str(uuid.uuid4())).replace(str(person.id), str(uuid.uuid4()))
        assert _told(browser.get(address, 404)) == _told(browser.get(missing, 404))
    assert made.app.name not in browser.get(APPS).text
    assert made.app.name not in browser.get(f"{APPS}?state=authorized&q={made.client_id}").text
    browser.get("/hub/service-apps/not-an-id", 404)


def test_a_machine_account_is_no_person(world: World, browser: Browser):
    organization = world.organization()
    admin = world.full_admin(organization, password=PASSWORD)
    machine = world.authorize(world.service_app(world.developer(organization)), admin).account
    browser.sign_in(admin)

    assert machine.email not in browser.get(PEOPLE).text
    assert machine.email in browser.get("/hub/machine-accounts").text
    browser.get(f"/hub/users/{machine.id}", 404)


def test_the_page_of_roles_says_what_each_can_do_and_who_holds_it(world: World, browser: Browser):
    organization = world.organization()
    for number in range(7):
        world.person(organization, Role.USER_ADMIN, name=f"Ulla Berg{number}")
    browser.sign_in(world.full_admin(organization, name="Priya Raman", password=PASSWORD))

    shown = browser.get(ROLES)

    assert "Priya Raman" in shown.text
    assert "and 2 more" in shown.text
    assert "/hub/users?role=id_user_admin" in shown.links()
    assert "With Full Administrator: authorize apps that ask for compliance scopes." in shown.text


def _told(shown: Shown) -> str:
    """The page without the number of the incident."""
    return shown.text.partition("Status 404")[0]
