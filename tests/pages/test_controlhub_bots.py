"""The bots of an organization in Control Hub, and the end of a token by an administrator."""

import io

import pytest
from PIL import Image
from starlette.testclient import TestClient

from appanage.apps import queries as apps
from appanage.apps import service as app_service
from appanage.authorizations import organization_bots
from appanage.directory import queries as directory
from appanage.directory import service as directory_service
from appanage.directory.model import Account, Organization
from appanage.directory.roles import OF_EVERY_ORGANIZATION, Role
from appanage.kit.errors import Refused
from support.browser import Browser
from support.refusals import counted_statements
from support.world import PASSWORD, MadeBot, World

BOTS = "/hub/bots"


@pytest.fixture
def bot(world: World, organization: Organization) -> MadeBot:
    return world.bot(world.developer(organization, name="Maya Lindqvist"), name="Stand-up Bot")


def end_of(made: MadeBot) -> str:
    return f"{BOTS}/{made.id}/token/revoke"


def status_of(client: TestClient, token: str) -> int:
    return client.get("/v1/people/me", headers={"Authorization": f"Bearer {token}"}).status_code


def test_an_administrator_sees_the_bots_of_the_organization_alone(
    world: World, browser: Browser, admin: Account, bot: MadeBot
):
    """CONS-12."""
    foreign = world.bot(name="Foreign Bot")
    browser.sign_in(admin)

    shown = browser.get(BOTS)

    for text in ("Stand-up Bot", bot.address, "Maya Lindqvist", "Never used", f"Ends in {bot.token[-4:]}"):
        assert text in shown.text
    assert "Foreign Bot" not in shown.text
    assert "/hub/bots" in shown.links()
    browser.get(end_of(foreign), 404)


def test_an_empty_list_says_what_it_is_for(browser: Browser, admin: Account):
    assert "No bots" in browser.sign_in(admin).get(BOTS).text


@pytest.mark.parametrize("search", ["stand-UP", "address", "client id"])
def test_bots_are_found_by_name_address_and_client_id(
    world: World, browser: Browser, admin: Account, bot: MadeBot, search: str
):
    world.bot(bot.developer, name="Lunch Bot")
    wanted = {"address": bot.address[4:], "client id": bot.app.client_id}.get(search, search)
    browser.sign_in(admin)

    shown = browser.get(f"{BOTS}?q={wanted}")

    assert "Stand-up Bot" in shown.text
    assert "Lunch Bot" not in shown.text
    assert "Nothing matches these filters" in browser.get(f"{BOTS}?q=%25").text


def test_long_lists_are_turned_page_by_page_and_cost_the_same(
    world: World, browser: Browser, admin: Account, bot: MadeBot
):
    """TEN-05."""
    browser.sign_in(admin)
    browser.get(BOTS)
    with counted_statements(world) as few:
        browser.get(BOTS)
    for number in range(27):
        world.bot(bot.developer, name=f"Another Bot {number:02}")
    with counted_statements(world) as many:
        first = browser.get(BOTS)

    assert len(many) == len(few)
    assert "Stand-up Bot" not in first.text

    second = browser.get(next(link for link in first.links() if "cursor=" in link))

    assert "Stand-up Bot" in second.text
    assert "3 bots" in second.text
    browser.get(f"{BOTS}?cursor=nonsense", 400)


def test_a_token_is_ended_after_a_page_that_says_what_stops(
    world: World,
    browser: Browser,
    admin: Account,
    organization: Organization,
    bot: MadeBot,
    client: TestClient,
):
    browser.sign_in(admin)
    confirmation = browser.get(end_of(bot))

    assert f"The bot token that ends in {bot.token[-4:]} stops working at once" in confirmation.text
    assert "tell them why you ended this one: Maya Lindqvist" in confirmation.text
    assert status_of(client, bot.token) == 200

    shown = browser.submit(end_of(bot))

    assert "The bot token of Stand-up Bot has ended." in shown.text
    assert "No token" in shown.text
    assert status_of(client, bot.token) == 401
    [event] = world.events(organization, "bot_token.revoked")
    assert (event.actor_name, event.data) == ("Priya Raman", {"endsIn": bot.token[-4:]})


def test_a_repeat_changes_nothing(
    world: World, browser: Browser, admin: Account, organization: Organization, bot: MadeBot
):
    browser.sign_in(admin)
    page = browser.get(end_of(bot))
    form = page.values(page.forms(end_of(bot))[0])
    browser.post(end_of(bot), form)
    browser.post(end_of(bot), form)

    assert len(world.events(organization, "bot_token.revoked")) == 1
    assert "has no bot token that could be ended" in browser.get(end_of(bot), 409).text


@pytest.mark.parametrize("role", OF_EVERY_ORGANIZATION)
def test_a_role_sees_and_ends_what_the_matrix_gives_it(
    world: World, browser: Browser, bot: MadeBot, organization: Organization, role: Role
):
    sees = role in {Role.FULL_ADMIN, Role.READONLY_ADMIN, Role.DEVICE_ADMIN, Role.SUPPORT_ADMIN}
    ends = role is Role.FULL_ADMIN
    browser.sign_in(world.person(organization, role, password=PASSWORD))

    shown = browser.get(BOTS, 200 if sees else 403)

    assert (end_of(bot) in shown.links()) == ends

    refused = browser.get(end_of(bot), 200 if ends else 403)

    assert ends or "To end bot tokens you need the role Full Administrator." in refused.text


def test_a_form_of_somebody_who_may_not_is_refused_and_recorded(
    world: World, browser: Browser, bot: MadeBot, organization: Organization, client: TestClient
):
    browser.sign_in(world.person(organization, Role.READONLY_ADMIN, password=PASSWORD))
    page = browser.get(BOTS)
    csrf = page.values(page.forms("/logout")[0])["csrf"]

    browser.post(end_of(bot), {"csrf": csrf}, status=403)

    assert status_of(client, bot.token) == 200
    assert len(world.events(organization, "access.refused")) == 1


def test_a_form_from_elsewhere_changes_nothing(
    browser: Browser, admin: Account, bot: MadeBot, client: TestClient
):
    browser.sign_in(admin)

    browser.post(end_of(bot), {"csrf": "guessed"}, status=403)

    assert status_of(client, bot.token) == 200


def test_the_service_reads_the_role_again(world: World, organization: Organization, bot: MadeBot):
    """CONS-06: whoever lost the role since the page was shown ends nothing."""
    administrator, other = world.full_admin(organization), world.full_admin(organization)
    with world.deployment.transaction(world.origin) as tx:
        by = directory.get_account(tx, organization.id, administrator.id)
        stale = directory.get_account(tx, organization.id, administrator.id)
        acting = directory.get_account(tx, organization.id, other.id)
        directory_service.assign_roles(tx, by, [], by=acting)
        result = organization_bots.revoke_token(tx, organization, bot.id, by=stale)

        assert isinstance(result, Refused)

    assert world.events(organization, "bot_token.revoked") == []


def test_administrators_see_the_logo(
    world: World, browser: Browser, admin: Account, bot: MadeBot, client: TestClient
):
    out = io.BytesIO()
    Image.new("RGB", (40, 40), (20, 110, 90)).save(out, "PNG")
    with world.deployment.transaction(world.origin) as tx:
        by = directory.get_account(tx, bot.developer.organization_id, bot.developer.id)
        app_service.set_logo(tx, apps.get_app(tx, bot.id), out.getvalue(), by=by)
    browser.sign_in(admin)

    address = next(image.get("src", "") for image in browser.get(BOTS).all("img"))

    assert client.get(address).headers["content-type"] == "image/png"


def test_an_owner_who_left_is_marked(world: World, browser: Browser, admin: Account, bot: MadeBot):
    with world.deployment.transaction(world.origin) as tx:
        acting = directory.get_account(tx, admin.organization_id, admin.id)
        leaving = directory.get_account(tx, admin.organization_id, bot.developer.id)
        directory_service.delete_person(tx, leaving, by=acting)
    browser.sign_in(admin)

    assert "(has left)" in browser.get(BOTS).text
