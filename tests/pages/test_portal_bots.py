"""Bots in the Developer Portal: the wizard, the bot token shown once, and the pages that a bot has and has not."""

import uuid
from collections import defaultdict

import pytest

from appanage.apps import queries as apps
from appanage.apps.scopes import BOT_SCOPES, catalogue
from appanage.authorizations import bots
from appanage.directory import queries as directory
from appanage.kit.ids import Kind
from appanage.kit.secrets import Prefix, is_well_formed
from appanage.web.pages import Pages
from appanage.web.portal import pages as portal
from appanage.web.rendering import environment
from support.refusals import counted_statements, state, whole_database
from support.uploads import logo_file, picture

WIZARD = "/portal/apps/new/bot"
PAGES = (
    "",
    "/token",
    "/token/new",
    "/token/regenerate",
    "/token/revoke",
    "/activity",
    "/settings",
    "/delete",
)
FORMS = (
    "/token/regenerate",
    "/token/revoke",
    "/settings",
    "/settings/logo",
    "/delete",
)
TITLES = {catalogue()[name].title for name in BOT_SCOPES}
HOSTILE = "<script>alert(1)</script> & \"quotes\" '{{ 7*7 }}'"


@pytest.fixture
def bot(world, developer):
    return world.bot(developer, name="Stand-up Bot")


@pytest.fixture
def about():
    return {
        "name": "Stand-up Bot",
        "botEmail": f"stand-up-{uuid.uuid4().hex[:8]}",
        "description": "Asks the team every morning what is going on.",
    }


def path_of(bot):
    return f"/portal/apps/{bot.id}"


def at_review(dana, about):
    dana.get(f"{WIZARD}/about")
    return dana.submit(f"{WIZARD}/review", about)


def token_on(page):
    return next(field.get("value") for field in page.all("input") if field.get("id") == "bot-token")


def status_of(client, token):
    return client.get("/v1/people/me", headers={"Authorization": f"Bearer {token}"}).status_code


def test_the_choice_of_a_type_leads_to_the_bots_wizard(dana):
    assert f"{WIZARD}/about" in dana.get("/portal/apps/new").links()

    page = dana.get(f"{WIZARD}/about")

    assert "@webex.bot" in page.text
    assert "Scopes" not in page.text


def test_a_bot_is_made_in_two_steps_and_its_token_is_shown_once(dana, client, about, world, organization):
    """CRED-02: once, and nowhere again."""
    review = at_review(dana, about)

    assert len(TITLES) == len(BOT_SCOPES)
    for title in TITLES:
        assert title in review.text
    assert f"{about['botEmail']}@webex.bot" in review.text

    created = dana.submit(WIZARD)
    token = token_on(created)

    assert "Stand-up Bot is registered." in created.text
    assert is_well_formed(token, Prefix.BOT_TOKEN)
    assert created.response.headers["referrer-policy"] == "no-referrer"
    assert created.response.headers["cache-control"] == "no-store"
    me = client.get("/v1/people/me", headers={"Authorization": f"Bearer {token}"}).json()
    assert (me["type"], me["emails"]) == ("bot", [f"{about['botEmail']}@webex.bot"])

    again = dana.get(str(created.response.url))

    assert "This bot token was shown already" in again.text
    assert token not in again.html
    assert token not in whole_database(world)
    assert [event.type for event in world.events(organization) if "bot_token" in event.type] == [
        "bot_token.created"
    ]


def test_what_a_page_says_of_a_bots_proof_is_bot_token(dana, bot):
    """One word for one thing: what a bot has is no access token."""
    for page in PAGES:
        shown = dana.get(path_of(bot) + page)
        assert "access token" not in shown.text.lower()
        assert "client secret" not in shown.text.lower()


def test_who_types_the_whole_address_is_understood(dana, about):
    review = at_review(dana, about | {"botEmail": f" {about['botEmail'].upper()}@WEBEX.bot "})

    assert f"{about['botEmail']}@webex.bot" in review.text


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Enter the address of the bot, such as my-bot@webex.bot."),
        ("stand-up@elsewhere.example", "The address of a bot must end in @webex.bot."),
        ("stand up", "Before @webex.bot there can be 1 to 64 of the letters a to z"),
        (".dots.", "Before @webex.bot there can be 1 to 64 of the letters a to z"),
        ("x" * 70, "Before @webex.bot there can be 1 to 64 of the letters a to z"),
        (HOSTILE, "Before @webex.bot there can be 1 to 64 of the letters a to z"),
    ],
)
def test_an_address_that_cannot_be_is_refused_at_its_field(dana, about, typed, sentence, world, organization):
    dana.get(f"{WIZARD}/about")
    page = dana.submit(f"{WIZARD}/review", about | {"botEmail": typed}, status=422)

    field = next(one for one in page.all("input") if one.get("name") == "botEmail")
    assert field.get("aria-invalid") == "true"
    assert field.get("value").lower() == typed.lower()
    assert sentence in page.text
    assert page.values(page.forms(f"{WIZARD}/review")[0])["name"] == ["Stand-up Bot"]
    assert world.events(organization, "app.created") == []


def test_an_address_that_is_taken_is_refused(dana, about, bot):
    name = bot.address.partition("@")[0]
    dana.get(f"{WIZARD}/about")
    page = dana.submit(f"{WIZARD}/review", about | {"botEmail": name.upper()}, status=422)

    assert f"The address {bot.address} is taken; choose another." in page.text


def test_an_address_that_is_taken_meanwhile_is_said_where_it_can_be_changed(
    dana, about, world, organization, developer
):
    at_review(dana, about)
    world.bot(developer, bot_email=f"{about['botEmail']}@webex.bot")

    page = dana.submit(WIZARD, status=422)

    assert "is taken; choose another." in page.text
    assert page.forms(f"{WIZARD}/review")
    assert len(world.events(organization, "app.created")) == 1


def test_one_can_go_back_and_nothing_is_lost(dana, about):
    review = at_review(dana, about | {"companyName": "Northwind", "contactEmail": "dana@northwind.example"})
    values = review.values(review.forms(WIZARD)[0])
    page = dana.post(f"{WIZARD}/about", values)

    filled = page.values(page.forms(f"{WIZARD}/review")[0])
    assert filled["botEmail"] == [about["botEmail"]]
    assert filled["companyName"] == ["Northwind"]
    assert filled["contactEmail"] == ["dana@northwind.example"]


def test_a_step_without_a_draft_leads_to_the_first_one(dana):
    for address in (WIZARD, f"{WIZARD}/review"):
        assert dana.get(address).response.url.path == f"{WIZARD}/about"

    dana.get(f"{WIZARD}/scopes", status=404)


def test_a_bot_may_have_a_logo_and_its_owner_sees_it(dana, about, client):
    at_review(dana, about)
    created = dana.submit(WIZARD, files=logo_file(picture()))
    address = next(image.get("src") for image in created.all("img") if "/logo?v=" in image.get("src"))

    assert client.get(address).status_code == 200


def test_a_logo_that_is_refused_makes_no_bot_and_takes_no_address(dana, about, world, organization):
    at_review(dana, about)
    page = dana.submit(WIZARD, files={"logo": ("logo.png", b"<svg/>", "image/png")}, status=422)

    assert "The logo must be a PNG or JPEG picture" in page.text
    assert world.events(organization, "app.created") == []

    assert "is registered" in dana.submit(WIZARD).text


def test_bots_are_listed_and_filtered_with_their_state(dana, bot, world, developer):
    world.service_app(developer, name="Workforce Sync")

    page = dana.get("/portal/apps?type=bot")

    assert "Stand-up Bot" in page.text
    assert "Live" in page.text
    assert "Its token was never used" in page.text
    assert "Workforce Sync" not in page.text

    dana.get(f"{path_of(bot)}/token/revoke")
    dana.submit(f"{path_of(bot)}/token/revoke")

    assert "No token" in dana.get("/portal/apps?type=bot").text


def test_a_list_of_bots_costs_the_same_for_2_and_for_20(dana, world, developer):
    """TEN-05."""
    for _ in range(2):
        world.bot(developer)
    dana.get("/portal/apps")
    with counted_statements(world) as few:
        dana.get("/portal/apps")
    for _ in range(18):
        world.bot(developer)
    with counted_statements(world) as many:
        dana.get("/portal/apps")

    assert len(many) == len(few)


def test_the_overview_tells_who_the_bot_is_and_how_to_call(dana, bot, world):
    page = dana.get(path_of(bot))

    values = {field.get("id"): field.get("value") for field in page.all("input")}
    assert values["bot-address"] == bot.address
    assert values["account-id"] == world.public_id(Kind.PEOPLE, bot.app.bot_account_id)
    assert values["app-id"] == world.public_id(Kind.APPLICATION, bot.app.client_id)
    assert f"curl {world.deployment.settings.base_url}/v1/people/me" in page.text
    assert "Bearer $BOT_TOKEN" in page.text
    for title in TITLES:
        assert title in page.text
    assert [text for text in page.text.split() if text in {"Scopes", "Credentials", "Organizations"}] == []


def test_every_page_of_a_bot_shows_hostile_texts_as_texts(dana, world, developer):
    bot = world.bot(developer, name=HOSTILE[:80], description=HOSTILE)

    for page in PAGES:
        assert "<script>alert" not in dana.get(path_of(bot) + page).html
    assert "<script>alert" not in dana.get("/portal/apps").html


def test_the_token_page_tells_of_the_token_and_never_shows_it(dana, bot):
    page = dana.get(f"{path_of(bot)}/token")

    assert f"…{bot.token[-4:]}" in page.text
    assert "by Dana Kim" in page.text
    assert bot.token not in page.html


def test_regenerating_says_what_stops_and_the_old_token_is_dead_at_once(
    dana, bot, client, world, organization
):
    page = dana.get(f"{path_of(bot)}/token/regenerate")

    assert "The present token stops working at once" in page.text
    assert status_of(client, bot.token) == 200

    fresh = token_on(dana.submit(f"{path_of(bot)}/token/regenerate"))

    assert fresh != bot.token
    assert (status_of(client, bot.token), status_of(client, fresh)) == (401, 200)
    assert [event.data["endsIn"] for event in world.events(organization, "bot_token.created")] == [
        bot.token[-4:],
        fresh[-4:],
    ]
    assert "made a token for Stand-up Bot" in dana.get(f"{path_of(bot)}/activity").text


def test_a_revoked_token_is_dead_and_a_new_one_can_be_made(dana, bot, client, world, organization):
    dana.get(f"{path_of(bot)}/token/revoke")
    page = dana.submit(f"{path_of(bot)}/token/revoke")

    assert f"The bot token that ends in {bot.token[-4:]} is revoked." in page.text
    assert "No bot token works" in page.text
    assert status_of(client, bot.token) == 401
    assert len(world.events(organization, "bot_token.revoked")) == 1

    dana.get(f"{path_of(bot)}/token/revoke", status=409)

    assert "Next: make a bot token" in dana.get(path_of(bot)).text
    assert "so nothing is replaced" in dana.get(f"{path_of(bot)}/token/regenerate").text

    fresh = token_on(dana.submit(f"{path_of(bot)}/token/regenerate"))

    assert status_of(client, fresh) == 200


def test_the_address_of_the_page_with_the_token_is_worth_nothing_elsewhere(
    dana, bot, world, developer, new_browser
):
    """The token is kept for one page of one browser, and for one bot."""
    other = world.bot(developer)
    with world.deployment.transaction(world.origin) as tx:
        by = directory.get_account(tx, developer.organization_id, developer.id)
        fresh = bots.regenerate_token(tx, apps.get_app(tx, other.id), by=by, rules=world.deployment.app_rules)
    dana.get(f"{path_of(bot)}/token/regenerate")
    shown = dana.submit(f"{path_of(bot)}/token/regenerate").response.url
    elsewhere = new_browser().sign_in(developer)

    assert "was shown already" in elsewhere.get(str(shown)).text
    assert "was shown already" in dana.get(f"{path_of(other)}/token/new?{shown.query.decode()}").text
    assert fresh.reveal() not in dana.get(f"{path_of(other)}/token").html


def test_settings_change_the_bots_name_for_people_and_never_its_address(dana, bot, client):
    dana.get(f"{path_of(bot)}/settings")
    dana.submit(
        f"{path_of(bot)}/settings", {"name": "Morning Bot", "botEmail": "other@webex.bot", "contactEmail": ""}
    )
    me = client.get("/v1/people/me", headers={"Authorization": f"Bearer {bot.token}"}).json()

    assert (me["displayName"], me["emails"]) == ("Morning Bot", [bot.address])
    assert bot.address in dana.get(path_of(bot)).html


def test_the_settings_of_a_bot_are_not_those_of_a_client(dana, bot):
    page = dana.get(f"{path_of(bot)}/settings")

    assert {form.get("action") for form in page.forms("/portal")} == {
        f"{path_of(bot)}/settings",
        f"{path_of(bot)}/settings/logo",
    }


def test_deleting_a_bot_ends_its_account_and_its_token(dana, bot, client, world, organization):
    page = dana.get(f"{path_of(bot)}/delete")

    assert f"The bot’s account, {bot.address}, goes with it, and its bot token stops working" in page.text

    dana.submit(f"{path_of(bot)}/delete", {"confirm": "Stand-up Bot"})

    assert status_of(client, bot.token) == 401
    assert [event.type for event in world.events(organization)][-2:] == ["account.deleted", "app.deleted"]
    dana.get(path_of(bot), status=404)


def test_somebody_elses_bot_does_not_exist(dana, world, organization, client):
    """CONS-12."""
    theirs = world.bot(world.developer(organization))
    before = state(world)
    token = dana.get("/portal/apps").values(dana.page.forms("/logout")[0])["csrf"]

    for page in PAGES:
        dana.get(path_of(theirs) + page, status=404)
    for form in FORMS:
        dana.post(path_of(theirs) + form, {"csrf": token}, status=404)

    assert state(world) == before
    assert status_of(client, theirs.token) == 200


def test_a_form_without_its_token_is_refused(dana, bot, client):
    for form in FORMS:
        dana.post(path_of(bot) + form, {"confirm": "Stand-up Bot"}, status=403)

    assert status_of(client, bot.token) == 200


def test_pages_of_bots_are_not_there_for_other_apps(dana, world, developer):
    made = world.service_app(developer)

    for page in ("/token", "/token/new", "/token/regenerate", "/token/revoke"):
        assert "has no such page" in dana.get(f"/portal/apps/{made.id}{page}", status=404).text


OF_A_BOT = {*PAGES, "/logo"}


def test_every_other_page_of_the_portal_says_that_a_bot_has_none_and_does_nothing(
    dana, bot, deployment, world, client
):
    """Over the whole route table, so that no page of clients can be forgotten."""
    csrf = dana.get("/portal/apps").values(dana.page.forms("/logout")[0])["csrf"]
    routes = [
        route
        for route in portal.routes(Pages(deployment, environment()))
        if route.path.startswith("/portal/apps/{id}")
    ]
    foreign = [route for route in routes if route.path.removeprefix("/portal/apps/{id}") not in OF_A_BOT]
    foreign = [route for route in foreign if not route.path.endswith("/settings/logo")]
    of_every_app = ("/portal/apps/{id}/listing", "/portal/apps/{id}/owners", "/portal/apps/{id}/proposal")
    foreign = [route for route in foreign if not route.path.startswith(of_every_app)]
    before = state(world)

    for route in foreign:
        address = route.path.format_map(defaultdict(uuid.uuid4, id=bot.id))
        shown = (
            dana.get(address, status=404)
            if route.methods == {"GET"}
            else dana.post(address, {"csrf": csrf, "confirm": bot.app.name, "strict": "on"}, status=404)
        )
        assert "has no such page" in shown.text, address

    assert len(foreign) > 25
    assert state(world) == before
    assert status_of(client, bot.token) == 200
