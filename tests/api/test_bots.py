"""Bots by API: registered, called with their tokens, regenerated, deleted (platform reference §2.6, §3)."""

import uuid
from typing import Any

import pytest

from api.conftest import Caller, Calling
from appanage.directory.model import Account, Organization
from appanage.kit.ids import Kind
from support.refusals import whole_database
from support.uploads import parts, picture
from support.world import MadeBot, World

DOCUMENTED = {
    "isNative",
    "id",
    "friendlyId",
    "type",
    "name",
    "description",
    "orgId",
    "logo",
    "botEmail",
    "botPersonId",
    "isFeatured",
    "submissionStatus",
    "createdBy",
    "created",
}


@pytest.fixture
def made(world: World, account: Account) -> MadeBot:
    return world.bot(account)


def path_of(bot: MadeBot) -> str:
    return f"/applications/{bot.app.client_id}"


def test_a_bot_is_registered_and_its_token_shown_once(
    world: World, developer: Caller, organization: Organization, bot_draft: dict[str, str]
):
    """CRED-01, CRED-02; the very fields of the platform (reference §3.3)."""
    made = developer.post("/applications", bot_draft)
    found, [listed] = developer.get(f"/applications/{made['id']}"), developer.get("/applications")["items"]

    assert set(made) == DOCUMENTED | {"botToken"}
    assert {name: made[name] for name in bot_draft} == bot_draft
    assert made["botToken"].startswith("apn_bot_")
    assert found == listed == {name: value for name, value in made.items() if name != "botToken"}
    assert made["botToken"] not in whole_database(world)
    assert [event.type for event in world.events(organization)][-2:] == ["app.created", "bot_token.created"]


def test_a_bots_id_is_an_apps_and_its_account_a_persons(
    world: World, calling: Calling, developer: Caller, bot_draft: dict[str, str]
):
    made = developer.post("/applications", bot_draft)
    bot = calling(made["botToken"])
    me = bot.get("/people/me")

    assert me["id"] == made["botPersonId"]
    assert "applicationId" not in me
    assert (me["type"], me["emails"], me["displayName"]) == (
        "bot",
        [bot_draft["botEmail"]],
        bot_draft["name"],
    )
    assert me["orgId"] == made["orgId"]
    for caller in (bot, developer):
        assert caller.get(f"/people/{made['botPersonId']}")["emails"] == [bot_draft["botEmail"]]


def test_what_else_is_said_of_a_bot_is_kept(developer: Caller, bot_draft: dict[str, str]):
    more = {
        "contactEmail": "dana@northwind.example",
        "companyName": "Northwind",
        "supportUrl": "https://bots.example/help",
    }

    made = developer.post("/applications", bot_draft | more)

    assert set(made) == DOCUMENTED | {"botToken", *more}
    assert {name: made[name] for name in more} == more


def test_getting_changing_and_putting_everything_back_round_trips(
    developer: Caller, calling: Calling, bot_draft: dict[str, str]
):
    made = developer.post("/applications", bot_draft)
    path = f"/applications/{made['id']}"
    shown = developer.get(path)

    assert developer.put(path, shown) == shown

    developer.put(path, shown | {"name": "Retro Bot"})

    assert calling(made["botToken"]).get("/people/me")["displayName"] == "Retro Bot"


@pytest.mark.parametrize("way", ["JSON", "multipart"])
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_the_address_of_a_bot_never_changes(
    world: World, developer: Caller, made: MadeBot, method: str, way: str
):
    other = {"botEmail": f"other-{uuid.uuid4().hex}@{world.deployment.settings.bot_domain}"}
    wanted = {"name": made.app.name, "description": "Asks.", **other}
    body: dict[str, Any] = {"json": wanted} if way == "JSON" else {"files": parts(wanted)}

    refused = developer.send(method, path_of(made), 400, **body)

    assert refused["message"].startswith("The address of a bot never changes")
    assert developer.get(path_of(made))["botEmail"] == made.address


def test_a_new_token_is_the_end_of_the_one_before(
    world: World, calling: Calling, developer: Caller, organization: Organization, made: MadeBot
):
    """CRED-02, CRED-05 in spirit: at once, since the token is looked up with every call."""
    answer = developer.delete(f"{path_of(made)}/botToken", 200)

    assert list(answer) == ["botToken"]
    assert answer["botToken"].startswith("apn_bot_")
    calling(made.token).get("/people/me", 401)
    calling(answer["botToken"]).get("/people/me")
    assert answer["botToken"] not in whole_database(world)
    assert len(world.events(organization, "bot_token.created")) == 2


def test_only_its_owner_regenerates_a_bots_token(
    world: World, calling: Calling, organization: Organization, made: MadeBot
):
    """CONS-12."""
    for other in (world.developer(organization), world.full_admin(world.organization())):
        calling(world.token(other)).delete(f"{path_of(made)}/botToken", 404)

    calling(made.token).delete(f"{path_of(made)}/botToken", 403)
    calling(made.token).get("/people/me")


def test_what_is_no_bot_has_no_bot_token(world: World, developer: Caller, account: Account):
    for app in (world.service_app(account), world.integration(account)):
        refused = developer.delete(f"/applications/{app.client_id}/botToken", 409)
        assert "is no bot" in refused["message"]


def test_a_deleted_bot_is_gone_with_its_token_and_its_account(
    world: World, calling: Calling, developer: Caller, account: Account, made: MadeBot
):
    person_id = developer.get(path_of(made))["botPersonId"]

    developer.delete(path_of(made))

    calling(made.token).get("/people/me", 401)
    developer.get(path_of(made), 404)
    developer.get(f"/people/{person_id}", 404)
    developer.delete(f"{path_of(made)}/botToken", 404)


def test_a_bot_neither_makes_apps_nor_administers(
    calling: Calling, made: MadeBot, bot_draft: dict[str, str], organization: Organization, world: World
):
    """MACH-02, CRED-13: it has the scopes of every bot, and no role."""
    bot = calling(made.token)

    refused = bot.post("/applications", bot_draft | {"botEmail": "another@webex.bot"}, 403)
    bot.send("POST", "/applications", 403, files=parts(bot_draft, logo=picture()))

    assert "person" in refused["message"]
    for path in (
        "/applications",
        path_of(made),
        "/serviceApps",
        "/roles",
        "/licenses",
        "/policies?type=default",
    ):
        bot.get(path, 403)
    bot.get("/people", 400)  # a directory, in which somebody must be named
    bot.post("/people", {"emails": ["ada@people.example"]}, 403)
    bot.delete(f"/people/{world.public_id(Kind.PEOPLE, made.developer.id)}", 403)
    bot.get(f"/organizations/{world.organization_id(organization)}", 403)
    bot.get("/adminAudit/events?from=2026-01-01&to=2026-02-01", 403)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("DELETE", "/clientSecret", None, 409),
        ("POST", "/clientSecrets", {}, 409),
        ("POST", "/clientKeys", {"key": "{}"}, 409),
        ("PATCH", "", {"clientProof": "private_key_jwt"}, 400),
        ("PATCH", "", {"redirectUrls": ["https://bots.example/callback"]}, 400),
        ("PATCH", "", {"scopes": ["spark:people_read"]}, 400),
        ("PATCH", "", {"type": "integration"}, 400),
        ("POST", "/authorizationRequests", {}, 409),
        ("POST", "/authorize", {}, 404),
        ("POST", "/deauthorize", {}, 404),
        ("GET", "/botToken", None, 405),
    ],
)
def test_what_is_for_clients_is_not_for_bots(
    world: World,
    calling: Calling,
    account: Account,
    made: MadeBot,
    organization: Organization,
    method: str,
    path: str,
    body: Any,
    status: int,
):
    developer = calling(world.token(account))
    before = len(world.events(organization))

    developer.send(method, f"{path_of(made)}{path}", status, **({} if body is None else {"json": body}))

    calling(made.token).get("/people/me")
    assert len(world.events(organization)) == before


def test_the_lists_of_what_belongs_to_clients_are_empty(
    world: World, developer: Caller, calling: Calling, organization: Organization, made: MadeBot
):
    for path in ("/clientSecrets", "/clientKeys", "/authorizations"):
        assert developer.get(f"{path_of(made)}{path}")["items"] == []
    admin = calling(world.token(world.full_admin(organization)))
    assert admin.get("/serviceApps")["items"] == []
    admin.get(f"/serviceApps/{made.app.client_id}", 404)


def test_a_bot_has_no_tokens_of_organizations(developer: Caller, made: MadeBot, organization: Organization):
    body = {"clientId": made.app.client_id, "clientSecret": "apn_cs_x", "targetOrgId": str(organization.id)}

    refused = developer.post(f"{path_of(made)}/token", body, 409)

    assert refused["message"].startswith("Only a Service App has tokens for an organization.")
