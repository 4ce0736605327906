"""Personal access tokens in a browser: one is made, used and revoked; and an administrator's, where there is one."""

from collections.abc import Callable, Iterator

import httpx2
import pytest
from playwright.sync_api import expect

from appanage.profiles import ProfileName
from support.live import deployment_for, free_port, in_a_thread
from support.person import Person
from support.world import PASSWORD, World


def status_of(base_url: str, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx2.get(f"{base_url}/v1/people/me", headers=headers).status_code


def shown_token(person: Person) -> str:
    return str(person.page.locator("input[value^='apn_pat_']").input_value())


def test_a_person_makes_a_token_uses_it_and_revokes_it(live: World, sit_down: Callable[..., Person]):
    organization = live.organization("Northwind Traders")
    person = sit_down("personal token")
    person.sign_in(live.full_admin(organization, name="Lena Vogt", password=PASSWORD))
    page = person.page

    person.go("/account/tokens")
    person.look("no tokens")
    person.follow("Make a token…")
    person.look("new token")
    page.get_by_label("Name", exact=True).fill("Night script")
    page.get_by_label("It ends after").select_option("2 hours")
    page.get_by_label("Only what I choose").check()
    page.get_by_text("Choose scopes").click()
    page.get_by_label("Filter scopes").fill("people_read")
    expect(page.locator("input[value='spark:rooms_read']")).to_be_hidden()
    page.locator("input[value='spark:people_read']").check()
    person.look("scopes chosen")
    person.press("Make token")

    person.look("token shown once")
    token = shown_token(person)
    assert status_of(person.base_url, token) == 200

    page.get_by_role("checkbox").check()
    person.press("Continue")
    expect(page.get_by_role("row", name="Night script")).to_contain_text("from 127.0.0.1")
    person.look("tokens")
    page.get_by_role("link", name=f"Revoke the token that ends in {token[-4:]}").click()
    person.look("revoke token")
    person.press("Revoke token")

    expect(page.get_by_text("You have no token")).to_be_visible()
    assert status_of(person.base_url, token) == 401


@pytest.fixture
def agency(database_url: str) -> Iterator[World]:
    """A live deployment of the fedramp profile."""
    served = deployment_for(database_url, f"http://127.0.0.1:{free_port()}", profile=ProfileName.FEDRAMP)
    with in_a_thread(served):
        yield World(served)


def test_an_administrator_gets_a_token_and_makes_an_app_with_it(
    agency: World, sit_down: Callable[..., Person]
):
    person = sit_down("administrator token")
    person.base_url = agency.deployment.settings.base_url
    person.sign_in(agency.full_admin(agency.organization("Northwind Agency"), password=PASSWORD))

    person.go("/hub/administrator-token")
    person.look("administrator token")
    person.press("Make a token")
    person.look("administrator token shown once")
    headers = {"Authorization": f"Bearer {shown_token(person)}"}
    wanted = {
        "type": "integration",
        "name": "Report Puller",
        "description": "Collects the weekly reports.",
        "contactEmail": "dev@agency.example",
        "redirectUrls": ["https://reports.example.com/callback"],
        "scopes": ["spark:people_read"],
    }
    made = httpx2.post(f"{person.base_url}/v1/applications", json=wanted, headers=headers)

    assert made.status_code == 200

    person.page.get_by_role("checkbox").check()
    person.press("See your tokens")
    expect(person.page.get_by_role("row", name="Control Hub")).to_be_visible()
    person.go("/account/tokens")
    person.look("tokens with one of the hub")
