"""The life of a bot in a browser, from its registration to the end of its token by an administrator."""

from collections.abc import Callable

import httpx2
from playwright.sync_api import expect

from support.person import Person
from support.world import PASSWORD, World


def test_a_bot_lives_from_registration_to_the_end_of_its_token(live: World, sit_down: Callable[..., Person]):
    organization = live.organization("Northwind Traders")
    maya = live.developer(organization, name="Maya Lindqvist", password=PASSWORD)
    jonas = live.full_admin(organization, name="Jonas Weber", password=PASSWORD)
    developer, administrator = sit_down("bot-developer"), sit_down("bot-administrator")
    address = f"stand-up-{maya.id.hex[:8]}"

    developer.sign_in(maya)
    token = register(developer, address)

    assert who_is(live, token) == ("bot", [f"{address}@webex.bot"])

    look_around(developer)
    fresh = regenerate(developer)

    assert who_is(live, token) is None
    assert who_is(live, fresh) == ("bot", [f"{address}@webex.bot"])

    administrator.sign_in(jonas)
    end_token(administrator)

    assert who_is(live, fresh) is None

    open_tab(developer, "Bot token")
    expect(developer.page.get_by_role("heading", name="No bot token works")).to_be_visible()
    developer.look("no token")
    open_tab(developer, "Overview")
    developer.look("overview without a token")
    delete(developer)


def who_is(live: World, token: str) -> tuple[str, list[str]] | None:
    """Who the API says that the token is; None for a token that does not work."""
    url = f"{live.deployment.settings.base_url}/v1/people/me"
    answer = httpx2.get(url, headers={"Authorization": f"Bearer {token}"})
    return (answer.json()["type"], answer.json()["emails"]) if answer.status_code == 200 else None


def open_tab(developer: Person, name: str) -> None:
    developer.page.get_by_role("navigation", name="App sections").get_by_role("link", name=name).click()


def register(developer: Person, address: str) -> str:
    """The wizard, to the bot token that is shown once."""
    page = developer.page
    developer.go("/portal/apps/new")
    developer.look("choose a type")
    page.get_by_role("link", name="Bot").first.click()
    developer.look("about")
    page.get_by_label("Bot name").fill("Stand-up Bot")
    page.get_by_label("Bot address").fill("stand up")
    page.get_by_label("Description").fill("Asks the team every morning what is going on.")
    developer.press("Continue")
    expect(page.get_by_text("there can be 1 to 64 of the letters").first).to_be_visible()
    developer.look("address is refused")
    page.get_by_label("Bot address").fill(address)
    developer.press("Continue")
    developer.look("review")
    developer.press("Register bot")
    token = taken_token(developer, "registered")
    developer.look("overview")
    page.go_back()
    expect(page.locator("input[value^='apn_bot_']")).to_have_count(0)
    developer.look("shown already")
    return token


def taken_token(developer: Person, shot: str) -> str:
    page = developer.page
    token = str(page.locator("input[value^='apn_bot_']").input_value())
    developer.look(shot)
    page.get_by_role("checkbox").check()
    developer.press("Continue")
    return token


def look_around(developer: Person) -> None:
    developer.go("/portal/apps")
    developer.look("my apps")
    developer.follow("Stand-up Bot")
    for tab in ("Bot token", "Activity", "Settings"):
        open_tab(developer, tab)
        developer.look(tab.lower())


def regenerate(developer: Person) -> str:
    open_tab(developer, "Bot token")
    developer.follow("Regenerate…")
    developer.look("regenerate")
    developer.press("Regenerate bot token")
    return taken_token(developer, "regenerated")


def end_token(administrator: Person) -> None:
    administrator.go("/hub/bots")
    administrator.look("bots")
    administrator.page.get_by_role("link", name="End the token of Stand-up Bot").click()
    administrator.look("end the token")
    administrator.press("End bot token")
    expect(administrator.page.get_by_text("No token")).to_be_visible()
    administrator.look("token has ended")


def delete(developer: Person) -> None:
    open_tab(developer, "Settings")
    developer.follow("Delete bot…")
    developer.look("delete")
    developer.page.get_by_label("Type the name of the bot").fill("Stand-up Bot")
    developer.press("Delete bot")
    expect(developer.page.get_by_text("Stand-up Bot is deleted.")).to_be_visible()
