"""The operator's pages: finding any app, suspending it everywhere, lifting that; and who is shown what of it."""

import pytest

from appanage.apps.model import App
from appanage.directory import queries as directory
from appanage.directory.model import Account, Organization
from appanage.directory.roles import Role
from appanage.directory.service import assign_roles
from support import listing
from support.browser import Browser, Shown
from support.connecting import connect
from support.suspending import REASON, lift, suspend
from support.world import PASSWORD, MadeApp, World

LIST = "/operations/apps"


@pytest.fixture
def olga(world: World) -> Account:
    """The operator, who is nothing else."""
    return world.operators(Role.OPERATOR, name="Olga Petrov", password=PASSWORD)


@pytest.fixture
def console(browser: Browser, olga: Account) -> Browser:
    """The operator's browser, signed in."""
    return browser.sign_in(olga)


def words(shown: Shown) -> str:
    return " ".join(shown.text.split())


def typed(made: MadeApp, reason: str = REASON) -> dict[str, str]:
    return {"reason": reason, "confirm": f" {made.app.name} "}


def test_the_operator_finds_an_app_and_suspends_it_everywhere(
    world: World, console: Browser, organization: Organization, admin: Account, developer: Account
):
    """MACH-06, AUD-01: with a reason and its name typed, after being told who loses it."""
    made = world.service_app(developer, name=f"Workforce Sync {organization.id}")
    world.authorize(made, admin)
    world.retrieve(made, organization)
    page = f"{LIST}/{made.id}"

    assert f"{page}" in console.get(f"{LIST}?q={organization.id}").links()
    about = console.get(page)
    asked = console.get(f"{page}/suspend")
    unsaid = console.submit(f"{page}/suspend", {"reason": " ", "confirm": "Workforce"}, status=422)
    kept = console.submit(f"{page}/suspend", {"reason": REASON, "confirm": ""}, status=422)
    done = console.submit(f"{page}/suspend", typed(made))

    assert "Authorized by organizations1" in words(about)
    assert "just now" in words(about) or "min ago" in words(about)
    assert "1 organization loses it, until the suspension is lifted." in words(asked)
    assert "Say why" in unsaid.text
    assert f"Type the name as it is shown: {made.app.name}" in unsaid.text
    assert kept.values(kept.forms(f"{page}/suspend")[0])["reason"] == [REASON]
    assert f"{made.app.name} is suspended everywhere. Its tokens stop working within seconds." in done.text
    assert "Suspended by Olga Petrov" in words(done)
    assert f"Reason: {REASON}" in words(done)
    (event,) = world.events(organization, "app.suspended")
    assert (event.actor_name, event.data) == ("Olga Petrov", {"reason": REASON, "organizations": 1})
    assert page in console.get(f"{LIST}?q={organization.id}&state=suspended").links()
    assert "No app in this state" in console.get(f"{LIST}?q={organization.id}&state=active").text

    console.get(f"{page}/lift")
    lifted = console.submit(f"{page}/lift")

    assert f"The suspension of {made.app.name} is lifted. It needs new tokens." in lifted.text
    assert "Suspend app…" in words(lifted)
    assert len(world.events(organization, "app.suspension_lifted")) == 1


def test_the_pictures_of_everybodys_apps_are_shown(
    world: World, console: Browser, developer: Account, organization: Organization
):
    made = listing.ready_app(world, developer, name=f"Pictured {organization.id}")
    with world.deployment.transaction(world.origin) as tx:
        digest = tx.get_one(App, made.id).logo_digest
    address = f"/oauth/apps/{made.id}/logo?v={digest}"

    assert address in console.get(f"{LIST}?q={organization.id}").html
    assert console.client.get(address).headers["content-type"] == "image/png"


def test_what_another_operator_did_meanwhile_is_shown(world: World, console: Browser, made: MadeApp):
    """A race: 409 with one sentence and the present state, nothing twice."""
    page = f"{LIST}/{made.id}"
    console.get(f"{page}/suspend")
    suspend(world, made, reason="Found by somebody else.")
    second = console.submit(f"{page}/suspend", typed(made), status=409)
    console.get(f"{page}/lift")
    lift(world, made)
    third = console.submit(f"{page}/lift", status=409)

    assert "already. Nothing was changed." in second.text
    assert "Reason: Found by somebody else." in words(second)
    assert f"{made.app.name} is not suspended. Nothing was changed." in third.text
    assert "Suspend app…" in words(third)
    assert f"{page}/lift" not in console.get(f"{page}/lift").links()  # nothing to lift: what there is
    assert len(world.events(made.app.organization, "app.suspended")) == 1


def test_who_lost_the_role_between_page_and_save_is_told(
    world: World, console: Browser, olga: Account, made: MadeApp
):
    """CONS-06."""
    console.get(f"{LIST}/{made.id}/suspend")
    boss = world.full_admin(olga.organization)
    with world.deployment.transaction(world.origin) as tx:
        person, by = (directory.get_account(tx, one.organization_id, one.id) for one in (olga, boss))
        assign_roles(tx, person, [Role.APP_REVIEWER], by=by)

    shown = console.submit(f"{LIST}/{made.id}/suspend", typed(made), status=403)

    assert "You need the role Operator for this, and do not hold it now. Nothing was changed." in shown.text
    assert world.events(made.app.organization, "app.suspended") == []
    console.get(f"{LIST}/{made.id}", 404)


@pytest.mark.parametrize("role", [None, Role.APP_REVIEWER, Role.FULL_ADMIN])
def test_for_everybody_else_there_are_no_such_pages(
    world: World, browser: Browser, admin: Account, made: MadeApp, role: Role | None
):
    """CONS-12: administrators of customers, and the operator's people with other roles."""
    viewer = world.operators(role, password=PASSWORD) if role else admin
    browser.sign_in(viewer)

    for page in (LIST, f"{LIST}/{made.id}", f"{LIST}/{made.id}/suspend", f"{LIST}/{made.id}/lift"):
        browser.get(page, 404)
    account = browser.get("/account")
    csrf = account.values(account.forms("/logout")[0])["csrf"]
    browser.post(f"{LIST}/{made.id}/suspend", typed(made) | {"csrf": csrf}, status=403 if role else 404)
    assert world.events(made.app.organization, "app.suspended") == []


def test_owners_and_administrators_see_why_and_since_when(
    world: World, new_browser, organization: Organization, admin: Account, developer: Account
):
    """The developer also learns whom to ask; after the lift what is to be done."""
    sync, bot = world.service_app(developer, name="Workforce Sync"), world.bot(developer, name="Duty Bot")
    desk = world.integration(developer, name="Desk Booking")
    world.authorize(sync, admin)
    world.retrieve(sync, organization)
    connect(world, desk.app, admin)
    olga = world.operators(Role.OPERATOR, name="Olga Petrov")
    for made in (sync, bot, desk):
        suspend(world, made, by=olga)

    dana, priya = new_browser().sign_in(developer), new_browser().sign_in(admin)
    owner = [words(dana.get(f"/portal/apps/{made.id}")) for made in (sync, bot, desk)]
    hub = [
        words(priya.get(f"/hub/service-apps/{sync.id}")),
        words(priya.get(f"/hub/integrations/{desk.id}")),
    ]

    for shown in owner:
        assert f"Reason: {REASON}" in shown
        assert "The operator of Appanage suspended it on" in shown
        assert "Olga Petrov" not in shown
    for shown in hub:
        assert "by the operator of Appanage" in shown
        assert f"Reason: {REASON}" in shown

    for made in (sync, bot, desk):
        lift(world, made, by=olga)
    assert "Suspended" not in words(priya.get(f"/hub/service-apps/{sync.id}"))
    assert "waits for its first tokens" in words(dana.get(f"/portal/apps/{sync.id}"))
    assert "Next: make a bot token" in words(dana.get(f"/portal/apps/{bot.id}"))


def test_a_long_list_is_turned_page_by_page_at_a_constant_cost(
    world: World, console: Browser, organization: Organization, developer: Account
):
    for number in range(27):
        world.service_app(developer, name=f"App {number:02} of {organization.id}", requested=False)

    first = console.get(f"{LIST}?q={organization.id}")
    (following,) = [link for link in first.links() if "cursor=" in link]
    second = console.get(following)

    assert "25 apps on this page" in first.text
    assert "2 apps on this page" in second.text
    assert "App 00" in second.text
    console.get(f"{LIST}?cursor=forged", 400)


def test_the_operators_people_find_their_pages_in_the_navigation(
    world: World, new_browser, admin: Account, olga: Account
):
    reviewer = world.operators(Role.APP_REVIEWER, password=PASSWORD)

    def offered(person: Account) -> set[str]:
        links = new_browser().sign_in(person).get("/portal/apps").links()
        return {link for link in links if link.startswith(("/operations", "/review"))}

    assert LIST in offered(olga)
    assert "/review" not in offered(olga)
    assert offered(reviewer) == {"/review"}
    assert offered(admin) == set()


def test_control_hub_shows_the_operators_roles_only_to_the_operators_people(
    world: World, new_browser, admin: Account, lena: Account, olga: Account
):
    """CONS-06: elsewhere they are neither shown nor taken from a form."""
    boss = world.operators(Role.FULL_ADMIN, password=PASSWORD)
    priya, marcus = new_browser().sign_in(admin), new_browser().sign_in(boss)
    theirs = priya.get("/hub/roles").text + priya.get("/hub/users/new").text
    page = priya.get(f"/hub/users/{lena.id}")
    forged = priya.submit(f"/hub/users/{lena.id}/roles", {"roles": Role.OPERATOR.value}, status=422)
    ours = words(marcus.get("/hub/roles"))
    marcus.get(f"/hub/users/{olga.id}")
    done = marcus.submit(f"/hub/users/{olga.id}/roles", {"roles": Role.APP_REVIEWER.value})

    assert Role.OPERATOR.value not in theirs + page.text
    assert "App Reviewer" not in theirs + page.text
    assert "Choose from the listed roles. Nothing was changed." in forged.text
    assert "Suspends apps everywhere" in ours
    assert "Olga Petrov now has App Reviewer." in done.text
