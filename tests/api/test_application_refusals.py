"""What an app is refused for: the documented status, one clear sentence, and nothing stored (platform reference §3.3)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from api.conftest import Caller, Calling
from api.drafts import INTEGRATION
from appanage.app import create_app
from appanage.apps.model import App, AppLogo, AppOwner, ClientSecret
from appanage.authorizations.model import BotToken
from appanage.directory.model import Account, Organization
from appanage.events import Event
from appanage.kit.outbound import Address, Fetcher, OutboundPolicy
from appanage.storage import Record
from support.profiles import fedramp_only
from support.uploads import parts, picture
from support.world import World

WAYS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "JSON": lambda wanted: {"json": wanted},
    "multipart": lambda wanted: {"files": parts(wanted)},
}
INSIDE = {"intranet.example": "10.0.0.7", "localhost": "127.0.0.1", "mapped.example": "::ffff:192.168.1.1"}

Way = Callable[[Any], dict[str, Any]]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    """How the body is sent."""
    return WAYS[request.param]


def stored(world: World) -> dict[str, int]:
    """How much there is of everything that a new app consists of; a refusal may leave its own event."""
    models: list[type[Record]] = [App, AppOwner, Account, AppLogo, ClientSecret, BotToken]
    counts = {one.__tablename__: select(func.count()).select_from(one) for one in models}
    counts["events"] = select(func.count()).where(Event.type != "access.refused")
    with world.deployment.database.engine.connect() as connection:
        return {table: connection.execute(query).scalar_one() for table, query in counts.items()}


def refuse(world: World, caller: Caller, status: int, **body: Any) -> str:
    """The one sentence with which the app is refused, after which nothing has changed."""
    before = stored(world)

    answer = caller.send("POST", "/applications", status, **body)

    assert stored(world) == before
    assert re.fullmatch(r"(The app cannot be saved: )?[^.\n]([^.\n]|\.(?!\s|$))*\.", answer["message"])
    assert len(answer["errors"]) == 1
    sentence: str = answer["errors"][0]["description"]
    return sentence


@fedramp_only
def test_who_is_no_full_administrator_is_told_who_may(
    world: World, calling: Calling, organization: Organization, bot_draft: dict[str, str], way: Way
):
    """GOV-03."""
    person = calling(world.token(world.person(organization)))

    for wanted in (INTEGRATION, bot_draft, bot_draft | {"name": "", "logo": ""}):
        assert refuse(world, person, 403, **way(wanted)) == "Missing role: Full Administrator."
    assert len(world.events(organization, "access.refused")) == 3


def test_an_address_is_given_once_in_the_whole_platform(
    world: World, developer: Caller, bot_draft: dict[str, str], way: Way
):
    taken = world.bot().address

    for address in (taken, taken.upper()):
        sentence = refuse(world, developer, 400, **way(bot_draft | {"botEmail": address}))
        assert sentence == f"botEmail: The address {taken} is taken; choose another."


def test_an_address_of_a_person_is_no_bots(
    world: World, developer: Caller, bot_draft: dict[str, str], way: Way
):
    """Whoever had such an address before it was a domain of bots."""
    person = world.person(world.organization())
    with world.deployment.transaction(world.origin) as tx:
        tx.merge(person).email = bot_draft["botEmail"]

    sentence = refuse(world, developer, 400, **way(bot_draft))

    assert sentence == f"botEmail: The address {bot_draft['botEmail']} is taken; choose another."


def test_an_address_of_a_deleted_bot_stays_with_its_organization(
    world: World, calling: Calling, developer: Caller, bot_draft: dict[str, str], way: Way
):
    """REG-08: whoever wrote to it is never answered by strangers."""
    gone = world.bot()
    owner = calling(world.token(gone.developer))
    owner.delete(f"/applications/{gone.app.client_id}")

    sentence = refuse(world, developer, 400, **way(bot_draft | {"botEmail": gone.address}))

    assert sentence == f"botEmail: The address {gone.address} is taken; choose another."
    assert owner.post("/applications", bot_draft | {"botEmail": gone.address})["botEmail"] == gone.address


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("standup@northwind.example", "The address of a bot must end in @webex.bot."),
        ("standup@evil.webex.bot", "The address of a bot must end in @webex.bot."),
        ("standup@webex.bot.example", "The address of a bot must end in @webex.bot."),
        ("standup", "The address of a bot must end in @webex.bot."),
        (
            ".standup@webex.bot",
            "Before @webex.bot there can be 1 to 64 of the letters a to z and digits, with single dots, hyphens or underscores between them.",
        ),
    ],
)
def test_an_address_lies_in_the_domain_of_bots(
    world: World, developer: Caller, bot_draft: dict[str, str], way: Way, address: str, sentence: str
):
    assert refuse(world, developer, 400, **way(bot_draft | {"botEmail": address})) == f"botEmail: {sentence}"


@pytest.mark.parametrize(
    "url",
    [
        "https://localhost/logo.png",
        "https://127.0.0.1/logo.png",
        "https://[::1]/logo.png",
        "https://2130706433/logo.png",
        "https://169.254.169.254/latest/meta-data",
        "https://intranet.example/logo.png",
        "https://mapped.example/logo.png",
        "https://intranet.example:8443/logo.png",
        "http://bots.example/logo.png",
        "https://user:secret@bots.example/logo.png",
    ],
)
def test_the_address_of_a_logo_leads_to_nothing_inside(
    world: World, account: Account, bot_draft: dict[str, str], way: Way, url: str
):
    """REG-09, with the fetcher as it is in production but for what names resolve to."""
    fetcher = Fetcher(OutboundPolicy.PUBLIC, [], resolve=_inside)
    node = replace(world.deployment, fetcher=fetcher)
    developer = Caller(TestClient(create_app(node), base_url=node.settings.base_url), world.token(account))

    sentence = refuse(world, developer, 400, **way(bot_draft | {"logo": url}))

    assert sentence.startswith("logo: The ")
    assert not any(inner in sentence for inner in ("10.0.0.7", "127.0.0.1", "192.168", "secret"))


def test_a_logo_of_5_megabytes_is_refused(world: World, developer: Caller, bot_without_logo: dict[str, str]):
    sentence = refuse(
        world, developer, 400, files=parts(bot_without_logo, logo=b"\x89PNG\r\n\x1a\n" + b"\0" * 5_000_000)
    )

    assert sentence == "logo: The logo has 4,882 KiB; at most 256 KiB are taken."


def test_an_unknown_type_is_refused_with_the_known_ones(
    world: World, developer: Caller, bot_draft: dict[str, str], way: Way
):
    for wanted in (INTEGRATION, bot_draft):
        sentence = refuse(world, developer, 400, **way(wanted | {"type": "rocket"}))
        assert sentence == "type must be serviceApp, integration or bot."


@pytest.mark.parametrize("field", ["type", "name", "description", "contactEmail", "redirectUrls", "scopes"])
def test_what_an_integration_needs_is_named_when_it_is_missing(
    world: World, developer: Caller, way: Way, field: str
):
    wanted = {name: value for name, value in INTEGRATION.items() if name != field}

    assert re.match(rf"{field}(: | is required)", refuse(world, developer, 400, **way(wanted)))


@pytest.mark.parametrize("field", ["type", "name", "description", "botEmail", "logo"])
def test_what_a_bot_needs_is_named_when_it_is_missing(
    world: World, developer: Caller, bot_draft: dict[str, str], way: Way, field: str
):
    wanted = {name: value for name, value in bot_draft.items() if name != field}

    assert re.match(rf"{field}(: | is required)", refuse(world, developer, 400, **way(wanted)))


def test_what_fails_last_undoes_what_was_made_before(
    world: World, developer: Caller, bot_without_logo: dict[str, str]
):
    """A picture is looked at when the bot has its account and its token."""
    sentence = refuse(world, developer, 400, files=parts(bot_without_logo, logo=picture()[:60]))

    assert (
        sentence
        == "logo: The logo must be a PNG or JPEG picture; SVG is not taken, since it can carry programs."
    )


def _inside(host: str) -> list[Address]:
    return [ip_address(INSIDE[host])]
