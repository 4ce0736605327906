"""The App Hub in a browser: found without an account, asked for, authorized, put in front and taken out."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from appanage.apphub.model import Listing
from appanage.directory.roles import Role
from support.listing import REASONS
from support.person import Person
from support.shelf import put_up
from support.world import CALLBACK, PASSWORD, MadeApp, World

DESCRIPTION = """## What it does

It compares **people** every night with:

1. the HR system,
2. the directory of your organization.

> New people get an account on their first day.

Read [how it works](https://sync.fabrikam.example/how), or run `sync --dry-run`.
"""


@pytest.fixture
def listed(live: World) -> tuple[MadeApp, Listing]:
    """One app with all that a listing can have, among others; their names have a word that no other story has."""
    maya = live.developer(live.organization("Fabrikam GmbH"), name="Maya Lindqvist")
    word = maya.id.hex[:6]
    facts: dict[str, Any] = {"company_name": "Fabrikam GmbH"}
    made = live.service_app(maya, requested=False, name=f"Rota {word}", scope_reasons=REASONS, **facts)
    for name in ("Badges", "Payslips"):
        put_up(live, live.service_app(maya, requested=False, name=f"{name} {word}", **facts))
    desk = live.integration(maya, name=f"Desk Booking {word}", redirect_urls=[CALLBACK], **facts)
    put_up(live, desk, tagline="Books a desk near your team", categories=("devices", "productivity"))
    bot = live.bot(maya, name=f"Stand-up Bot {word}", **facts)
    put_up(live, bot, tagline="Asks the team what is going on", categories=("bots",), tags=("team", word))  # type: ignore[arg-type]
    shown = put_up(
        live,
        made,
        with_picture=True,
        description=DESCRIPTION,
        categories=("human-resources", "administration", "workflow"),
        tags=("hr", "directory", "onboarding", word),
        languages=("en-US", "de-DE", "fr-FR"),
    )
    return made, shown


def test_everybody_finds_apps_and_a_person_asks_for_one(
    live: World, sit_down: Callable[..., Person], listed: tuple[MadeApp, Listing]
):
    made, listing = listed
    word = made.app.name.split()[1]
    organization = live.organization("Northwind Traders")
    lena = live.person(organization, name="Lena Vogt", password=PASSWORD)
    visitor = sit_down("visitor of the app hub")
    page = visitor.page

    visitor.go("/apps")
    visitor.look("catalogue")
    page.get_by_label("Search", exact=True).fill(word)
    page.get_by_label("Search", exact=True).press("Enter")
    expect(page.get_by_text("5 apps")).to_be_visible()
    page.get_by_role("complementary").get_by_role("link", name="Human resources").click()
    expect(page.get_by_text("3 apps")).to_be_visible()
    page.get_by_role("complementary").get_by_role("link", name=word).click()
    expect(page.get_by_text("1 app", exact=True)).to_be_visible()
    visitor.look("category and tag")
    visitor.go(f"/apps?search={word}&category=finance")
    visitor.look("nothing found")
    visitor.go(f"/apps?search={word}&kind=integration")
    visitor.follow(f"Desk Booking {word}")
    visitor.look("integration")

    visitor.go(f"/apps/{listing.slug}")
    visitor.look("app")
    visitor.follow("Request for my organization…")
    page.get_by_label("E-mail").fill(lena.email)
    page.get_by_label("Password").fill(PASSWORD)
    visitor.press("Sign in")
    expect(page.get_by_role("heading", name="Ask your administrators")).to_be_visible()
    visitor.look("request")
    page.get_by_label("Message to the administrators").fill("New people start on Monday.")
    visitor.press("Request for my organization")
    expect(page.get_by_text("is handed to your administrators")).to_be_visible()
    visitor.look("requested")

    administrator = sit_down("administrator in the app hub")
    administrator.sign_in(live.full_admin(organization, name="Jonas Weber", password=PASSWORD))
    administrator.go(f"/apps/{listing.slug}")
    administrator.follow("Review and authorize")
    administrator.look("decision")
    administrator.page.get_by_role("switch", name="Authorized").check()
    administrator.page.get_by_role("checkbox", name="I reviewed").check()
    administrator.press("Save")
    expect(administrator.page.get_by_text("Authorized by")).to_be_visible()
    visitor.page.reload()
    expect(page.get_by_text("Northwind Traders authorized it")).to_be_visible()


def test_a_reviewer_puts_an_app_in_front_and_takes_it_out(
    live: World, sit_down: Callable[..., Person], listed: tuple[MadeApp, Listing]
):
    made, listing = listed
    reviewer = sit_down("reviewer in the app hub")
    page = reviewer.page
    reviewer.sign_in(live.operators(Role.APP_REVIEWER, name="Rita Sommer", password=PASSWORD))

    reviewer.go(f"/apps/{listing.slug}")
    reviewer.press("Feature")
    expect(page.get_by_text("is featured.")).to_be_visible()
    reviewer.look("featured")
    reviewer.go("/apps")
    reviewer.look("catalogue")
    reviewer.go(f"/apps/{listing.slug}")
    reviewer.follow("Take out of the App Hub…")
    page.get_by_label("Reason").fill("Its support does not answer.")
    reviewer.look("removal")
    reviewer.press("Take out of the App Hub")
    expect(page.get_by_text("is not in the App Hub any more")).to_be_visible()
    reviewer.go(f"/apps/{listing.slug}")
    expect(page.get_by_role("heading", level=1)).not_to_contain_text(made.app.name)
