"""The whole life of a Service App in a browser, as its developer and its administrator walk it."""

from collections.abc import Callable

import httpx2
from playwright.sync_api import expect

from support.person import Person
from support.world import PASSWORD, World


def status_of(live: World, token: str) -> int:
    """What the API answers to a token."""
    url = f"{live.deployment.settings.base_url}/v1/people/me"
    return httpx2.get(url, headers={"Authorization": f"Bearer {token}"}).status_code


def test_a_service_app_lives_from_registration_to_deauthorization(
    live: World, sit_down: Callable[..., Person]
):
    organization = live.organization("Northwind Traders")
    maya = live.developer(organization, name="Maya Lindqvist", password=PASSWORD)
    jonas = live.full_admin(organization, name="Jonas Weber", password=PASSWORD)
    developer, administrator = sit_down("developer"), sit_down("administrator")

    developer.go("/login")
    developer.look("sign in")
    developer.sign_in(maya)
    developer.look("my apps empty")
    secret = register(developer)
    request_authorization(developer)

    administrator.sign_in(jonas)
    authorize(administrator)
    token = retrieve_tokens(developer, secret)

    assert status_of(live, token) == 200

    look_around(developer)
    deauthorize(administrator)

    assert status_of(live, token) == 401

    open_tab(developer, "Organizations")
    expect(developer.page.get_by_text("Deauthorized").first).to_be_visible()
    developer.look("organizations deauthorized")


def open_tab(developer: Person, name: str) -> None:
    developer.page.get_by_role("navigation", name="App sections").get_by_role("link", name=name).click()


def register(developer: Person) -> str:
    """The wizard, to the secret that is shown once."""
    page = developer.page
    developer.go("/portal/apps/new")
    developer.look("choose a type")
    page.get_by_role("link", name="Service App").first.click()
    developer.look("wizard about")
    page.get_by_label("App name").fill("Workforce Sync")
    page.get_by_label("Description").fill("Keeps people in step with the HR system.")
    developer.press("Continue")
    developer.look("wizard scopes")
    page.locator("input[name=scope][value='spark-admin:people_read']").check()
    page.locator("input[name=scope][value='spark-admin:people_write']").check()
    expect(page.locator("[data-budget]")).to_contain_text("48 of 800 characters, scopes chosen: 2")
    page.locator("[name='why:spark-admin:people_write']").fill("Adds people on their first day.")
    developer.press("Continue")
    developer.look("wizard review")
    developer.press("Register app")
    developer.look("created")
    secret = str(page.locator("input[value^='apn_cs_']").input_value())
    page.get_by_role("checkbox").check()
    developer.press("Continue")
    developer.look("overview")
    page.go_back()
    expect(page.locator("input[value^='apn_cs_']")).to_have_count(0)
    return secret


def request_authorization(developer: Person) -> None:
    developer.go("/portal/apps")
    developer.look("my apps")
    developer.follow("Workforce Sync")
    open_tab(developer, "Organizations")
    developer.look("organizations empty")
    developer.follow("Request admin authorization")
    developer.look("request")
    developer.page.get_by_label("Message to the administrators").fill("Needed for onboarding on Monday.")
    developer.press("Request authorization")
    developer.look("requested")


def authorize(administrator: Person) -> None:
    page = administrator.page
    administrator.look("needs decision")
    administrator.follow("Workforce Sync")
    administrator.look("decision")
    page.get_by_role("switch", name="Authorized").check()
    administrator.press("Save")
    expect(page.get_by_text("I reviewed the high-risk scope").first).to_be_visible()
    administrator.look("acknowledgement is missing")
    page.get_by_role("switch", name="Authorized").check()
    page.get_by_role("checkbox", name="I reviewed").check()
    administrator.press("Save")
    expect(page.get_by_text("Jonas Weber").first).to_be_visible()
    administrator.look("authorized")


def retrieve_tokens(developer: Person, secret: str) -> str:
    page = developer.page
    open_tab(developer, "Organizations")
    developer.page.get_by_role("link", name="Retrieve tokens for Northwind Traders").click()
    page.get_by_label("Client secret").fill(secret[:-3])
    developer.press("Retrieve tokens")
    expect(page.get_by_text("That secret is incomplete").first).to_be_visible()
    developer.look("incomplete secret")
    page.get_by_label("Client secret").fill(f"  {secret}\n")
    developer.press("Retrieve tokens")
    developer.look("tokens")
    return str(page.locator("input[value^='ey']").input_value())


def look_around(developer: Person) -> None:
    page = developer.page
    page.get_by_role("checkbox").check()
    developer.press("Continue")
    for tab in ("Overview", "Scopes", "Organizations", "Credentials", "Activity", "Settings"):
        open_tab(developer, tab)
        developer.look(f"tab {tab.lower()}")


def deauthorize(administrator: Person) -> None:
    page = administrator.page
    page.get_by_role("switch", name="Authorized").uncheck()
    administrator.press("Save")
    administrator.look("deauthorize")
    page.get_by_label("Type the app name").fill("Workforce Sync")
    administrator.press("Deauthorize Workforce Sync")
    administrator.look("deauthorized")
    for path, name in (("/hub/users", "users"), ("/hub/roles", "roles"), ("/hub/audit", "audit log")):
        administrator.go(path)
        administrator.look(name)


def test_everything_works_without_javascript(live: World, sit_down: Callable[..., Person]):
    organization = live.organization("Northwind Traders")
    admin = live.full_admin(organization, name="Jonas Weber", password=PASSWORD)
    made = live.service_app(
        live.developer(organization), name="Workforce Sync", scopes=["spark-admin:people_read"]
    )
    person = sit_down("without-javascript", javascript=False)
    page = person.page

    person.go("/login")
    page.get_by_label("E-mail").fill(admin.email)
    page.get_by_label("Password").fill(PASSWORD)
    person.press("Sign in")
    person.follow("Workforce Sync")
    page.get_by_role("switch", name="Authorized").check()
    person.press("Save")

    expect(page.get_by_text("Authorized by")).to_be_visible()
    assert live.retrieve(made, organization).scopes == {"spark-admin:people_read"}

    page.locator("summary.who").click()
    person.press("Sign out")

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_an_element_without_the_nonce_sends_no_request(live: World, sit_down: Callable[..., Person]):
    """UI guide §1: the gate in front of htmx."""
    organization = live.organization()
    person = sit_down("nonce")
    person.sign_in(live.developer(organization, password=PASSWORD))
    asked: list[str] = []
    person.page.on("request", lambda request: asked.append(request.url))

    person.page.evaluate(
        """() => {
            const button = document.createElement("button");
            button.setAttribute("hx-get", "/portal/scopes?injected");
            button.textContent = "Injected";
            document.querySelector("main").append(button);
            htmx.process(button);
            button.click();
        }"""
    )
    person.page.goto(f"{person.base_url}/portal/scopes")

    assert not [url for url in asked if "injected" in url]


def test_the_theme_is_remembered(live: World, sit_down: Callable[..., Person]):
    person = sit_down("theme")
    person.sign_in(live.developer(live.organization(), password=PASSWORD))
    person.page.locator("summary.who").click()
    person.press("Dark")
    person.go("/portal/scopes")

    expect(person.page.locator("html")).to_have_attribute("data-theme", "dark")
