"""The operator stops an app everywhere, in a browser; its owner learns why, and it comes back without its tokens."""

from collections.abc import Callable

import httpx2
from playwright.sync_api import expect

from appanage.directory.roles import Role
from support.letters import tell
from support.person import Person
from support.suspending import REASON
from support.world import PASSWORD, World


def test_an_operator_suspends_an_app_and_lifts_that(live: World, sit_down: Callable[..., Person]):
    organization = live.organization("Northwind Traders")
    developer = live.developer(organization, name="Dana Kim", password=PASSWORD)
    made = live.service_app(developer, name=f"Workforce Sync {organization.id.hex[:6]}")
    live.authorize(made, live.full_admin(organization, name="Priya Raman"))
    token = live.retrieve(made, organization).access_token.reveal()
    operator, owner = sit_down("operator"), sit_down("owner of a suspended app")
    operator.sign_in(live.operators(Role.OPERATOR, name="Olga Petrov", password=PASSWORD))

    operator.go("/operations/apps")
    operator.look("every app")
    operator.page.get_by_label("Search apps").fill(made.app.name)
    operator.page.get_by_label("Search apps").press("Enter")
    operator.follow(made.app.name)
    operator.look("an app")
    operator.follow("Suspend app…")
    operator.page.get_by_label("Reason").fill(REASON)
    operator.press("Suspend app")
    operator.look("name not typed")
    operator.page.get_by_label("Type the name of the app to confirm").fill(made.app.name)
    operator.press("Suspend app")
    expect(operator.page.get_by_text("is suspended everywhere")).to_be_visible()
    operator.look("suspended")
    assert status_of(operator.base_url, token) == 401

    tell(live)
    operator.go(f"/operations/mail?q={developer.email}")
    operator.look("outbox")
    operator.page.locator("main").get_by_role("link", name="suspended").first.click()
    operator.look("letter")
    operator.go(f"/operations/apps/{made.id}")

    owner.sign_in(developer)
    owner.go(f"/portal/apps/{made.id}")
    expect(owner.page.get_by_text(REASON)).to_be_visible()
    owner.look("overview")

    operator.follow("Lift the suspension…")
    operator.look("lift")
    operator.press("Lift the suspension")
    expect(operator.page.get_by_text("It needs new tokens.")).to_be_visible()
    assert status_of(operator.base_url, token) == 401
    fresh = live.retrieve(made, organization).access_token.reveal()
    assert status_of(operator.base_url, fresh) == 200


def status_of(base_url: str, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx2.get(f"{base_url}/v1/people/me", headers=headers).status_code
