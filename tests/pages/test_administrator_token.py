"""The page of Control Hub on which administrators get a token, where apps are made through the API alone."""

import json
import shlex

import pytest

from appanage.directory.model import Plan
from appanage.directory.roles import OF_EVERY_ORGANIZATION, Role
from appanage.profiles import ProfileName
from support.browser import Browser, Shown, text_of
from support.refusals import whole_database
from support.uploads import logo_file, picture
from support.world import PASSWORD

PAGE = "/hub/administrator-token"


@pytest.fixture
def profile():
    return ProfileName.FEDRAMP


def get_token(browser: Browser) -> str:
    browser.get(PAGE)
    page = browser.submit(PAGE)
    return next(one.get("value", "") for one in page.all("input") if one.get("id") == "administrator-token")


def examples(page: Shown) -> dict[str, str]:
    """The code on the page, by the id of its block."""
    return {one.get("id", ""): "".join(one.itertext()) for one in page.all("pre")}


def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class TestWhereAppsAreMadeInThePortal:
    @pytest.fixture
    def profile(self):
        return ProfileName.COMMERCIAL

    def test_there_is_no_such_page(self, browser, admin):
        """GOV-03."""
        browser.sign_in(admin)

        assert PAGE not in browser.get("/hub/roles").links()
        assert "administrator token" not in browser.page.text
        browser.get(PAGE, status=404)
        browser.get(f"{PAGE}/created", status=404)


def test_the_page_says_how_apps_are_made_here(browser, admin):
    page = browser.sign_in(admin).get(PAGE)

    assert "Here Full Administrators make and change apps, through the API." in page.text
    assert "ends after 12 hours" in page.text
    assert "/account/tokens" in page.links()
    assert PAGE in browser.get("/hub/service-apps").links()


def test_a_token_lives_twelve_hours_and_may_do_what_its_administrator_may(browser, admin, clock):
    """SES-07."""
    token = get_token(browser.sign_in(admin))
    everybody = "/v1/people?max=5"

    assert browser.client.get(everybody, headers=headers(token)).status_code == 200
    assert "Control Hub" in browser.get("/account/tokens").text
    clock.advance(hours=12, seconds=-5)
    assert browser.client.get(everybody, headers=headers(token)).status_code == 200
    clock.advance(seconds=5)
    assert browser.client.get(everybody, headers=headers(token)).status_code == 401


def test_a_token_is_shown_once_and_nowhere_again(browser, world, admin, organization):
    """CRED-02."""
    token = get_token(browser.sign_in(admin))
    address = str(browser.page.response.url)

    assert browser.page.response.headers["cache-control"] == "no-store"
    assert "This token was shown already" in browser.get(address).text
    for path in (address, PAGE, "/account/tokens", "/hub/audit"):
        assert token not in browser.get(path).html
    assert token not in whole_database(world)
    (event,) = world.events(organization, "personal_token.created")
    assert event.data["label"] == "Control Hub"


def test_the_example_of_an_integration_makes_one(browser, admin, world):
    """The command as it stands on the page, sent by our own client."""
    token = get_token(browser.sign_in(admin))
    code = examples(browser.page)["code-integration"]
    body = json.loads(code.partition("<<'END'\n")[2].partition("\nEND")[0])
    answer = browser.client.post("/v1/applications", json=body, headers=headers(token))

    assert f"curl {world.deployment.settings.base_url}/v1/applications" in code
    assert (answer.status_code, answer.json()["contactEmail"]) == (200, admin.email)
    assert answer.json()["clientSecret"].startswith("apn_cs_")


def test_the_example_of_a_bot_makes_one(browser, admin, world):
    token = get_token(browser.sign_in(admin))
    command = shlex.split(examples(browser.page)["code-bot"].replace("\\\n", " "))
    fields = [command[at + 1].split("=", 1) for at, word in enumerate(command) if word == "--form"]
    sent = {name: (None, value) for name, value in fields if name != "logo"}
    logo = logo_file(picture())
    answer = browser.client.post("/v1/applications", files=sent | logo, headers=headers(token))

    assert dict(fields)["logo"] == "@logo.png"
    assert f"{world.deployment.settings.base_url}/v1/applications" in command
    assert (answer.status_code, answer.json()["botEmail"]) == (200, "stand-up@webex.bot")
    assert answer.json()["botToken"].startswith("apn_bot_")


@pytest.mark.parametrize("role", [role for role in OF_EVERY_ORGANIZATION if role is not Role.FULL_ADMIN])
def test_other_roles_get_no_token_here(browser, world, organization, role):
    browser.sign_in(world.person(organization, role, password=PASSWORD))
    csrf = browser.get("/account").values(browser.page.forms("/logout")[0])["csrf"]

    assert "Full Administrator" in browser.get(PAGE, status=403).text
    browser.post(PAGE, {"csrf": csrf}, status=403)
    assert PAGE not in browser.get("/account").links()
    assert world.events(organization, "personal_token.created") == []


def test_a_free_organization_has_no_such_page(browser, world):
    free = world.organization("Fabrikam", plan=Plan.FREE)
    browser.sign_in(world.full_admin(free, password=PASSWORD))

    assert "Fabrikam is a free organization" in browser.get(PAGE, status=403).text


def test_one_token_too_many_is_told_on_the_page(browser, world, admin):
    for _ in range(20):
        world.token(admin)
    browser.sign_in(admin).get(PAGE)
    page = browser.submit(PAGE, status=409)

    assert "has 20 personal access tokens, which is the most there can be. Revoke one first." in page.text
    assert page.heading == "Administrator token"


def test_a_form_without_its_token_makes_nothing(browser, world, admin, organization):
    browser.sign_in(admin)
    browser.post(PAGE, {"csrf": "0" * 64}, status=403)

    assert world.events(organization, "personal_token.created") == []


def test_the_steps_are_in_their_order(browser, admin):
    page = browser.sign_in(admin).get(PAGE)
    steps = [text_of(step) for step in page.all("strong")]

    assert [one for one in steps if one.startswith(("Make", "Hand"))] == [
        "Make a token",
        "Make the app",
        "Hand over what the answer holds",
    ]


def test_the_page_is_for_signed_in_people(browser):
    assert browser.get(PAGE).heading == "Sign in"
