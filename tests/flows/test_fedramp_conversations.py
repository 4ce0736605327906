"""The two documented conversations of government clouds, word for word (platform reference §3.1–§3.3; checklist GOV-03, GOV-04).

An administrator gets a token and makes an Integration or a bot with it; the developer is handed what is shown once.
"""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from httpx2 import Response

from appanage.directory import queries as directory_queries
from appanage.directory import service as directory
from support.consenting import STATE, WayOut
from support.integration import S256, VERIFIER, walk
from support.profiles import fedramp_only
from support.refusals import whole_database
from support.uploads import picture
from support.world import PASSWORD

pytestmark = fedramp_only

INTEGRATION: Mapping[str, Any] = {
    "type": "integration",
    "name": "Report puller",
    "description": "Pulls the reports of every night.",
    "contactEmail": "dev@example.gov",
    "companyName": "Example",
    "redirectUrls": ["https://app.example.gov/cb"],
    "scopes": ["audit:events_read", "spark:people_read"],
}
COMMON = {
    "isNative": bool,
    "id": str,
    "friendlyId": str,
    "type": str,
    "name": str,
    "description": str,
    "orgId": str,
    "isFeatured": bool,
    "submissionStatus": str,
    "createdBy": str,
    "created": str,
}
INTEGRATION_TYPES = COMMON | {
    "contactEmail": str,
    "companyName": str,
    "redirectUrls": list,
    "scopes": list,
    "clientId": str,
}
BOT_TYPES = COMMON | {"logo": str, "botEmail": str, "botPersonId": str}
TOKEN_TYPES = {
    "access_token": str,
    "expires_in": int,
    "refresh_token": str,
    "refresh_token_expires_in": int,
    "token_type": str,
    "scope": str,
}
DAYS_14, DAYS_60 = 1_209_600, 5_184_000


class Conversation:
    """Requests as they stand in the guides, with nothing but a bearer token."""

    def __init__(self, client: Any, token: str) -> None:
        self.client = client
        self.headers = {"Authorization": f"Bearer {token}"}

    def say(self, method: str, path: str, **body: Any) -> Response:
        answer: Response = self.client.request(method, f"/v1{path}", headers=self.headers, **body)
        return answer


class Client:
    """The developer's program, with what the administrator handed over."""

    def __init__(self, client: Any, made: Mapping[str, Any]) -> None:
        self.http = client
        self.client_id, self.secret = made["clientId"], made["clientSecret"]
        [self.callback] = made["redirectUrls"]

    def request(self) -> dict[str, str]:
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.callback,
            "scope": " ".join(INTEGRATION["scopes"]),
            "state": STATE,
        }
        return asked | S256

    def redeem(self, out: WayOut) -> dict[str, Any]:
        assert (out.address, out.answer["state"]) == (self.callback, STATE)
        answer = self._post(
            grant_type="authorization_code",
            code=out.answer["code"],
            redirect_uri=self.callback,
            code_verifier=VERIFIER,
        )
        tokens: dict[str, Any] = answer.json()
        return tokens

    def refresh(self, tokens: Mapping[str, Any]) -> Response:
        return self._post(grant_type="refresh_token", refresh_token=tokens["refresh_token"])

    def whoami(self, tokens: Mapping[str, Any]) -> dict[str, Any]:
        me: dict[str, Any] = Conversation(self.http, tokens["access_token"]).say("GET", "/people/me").json()
        return me

    def is_alive(self, tokens: Mapping[str, Any]) -> bool:
        return "id" in self.whoami(tokens)

    def _post(self, **form: str) -> Response:
        proof = {"client_id": self.client_id, "client_secret": self.secret}
        answer: Response = self.http.post("/v1/access_token", data=proof | form)
        return answer


@pytest.fixture
def admin(world, home):
    return world.full_admin(home, name="Grace Admin", password=PASSWORD)


@pytest.fixture
def to_platform(world, client, admin):
    """The administrator, with a token of 12 hours."""
    return Conversation(client, world.token(admin))


@pytest.fixture
def bot(world, home) -> Mapping[str, str]:
    return {
        "type": "bot",
        "name": "Night Watch",
        "description": "Tells the team what happened at night.",
        "botEmail": f"watch-{home.id.hex}@{world.deployment.settings.bot_domain}",
    }


def types_of(body: Mapping[str, Any]) -> dict[str, type]:
    return {name: type(value) for name, value in body.items()}


def test_an_integration_is_made(world, home, to_platform):
    answer = to_platform.say("POST", "/applications", json=INTEGRATION)
    made = answer.json()

    assert answer.status_code == 200
    assert types_of(made) == INTEGRATION_TYPES | {"clientSecret": str}
    assert {name: made[name] for name in INTEGRATION} == INTEGRATION
    assert (made["isNative"], made["isFeatured"], made["submissionStatus"]) == (False, False, "none")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", made["created"])
    assert made["orgId"] == world.organization_id(home)
    assert made["createdBy"] == to_platform.say("GET", "/people/me").json()["id"]
    check_shown_once(world, to_platform, made, "clientSecret")


def test_it_acts_for_who_allows_it_and_its_tokens_live_for_14_and_60_days(
    browser, client, admin, to_platform, clock
):
    """The authorization code flow with PKCE; the 60 days begin anew with each refresh."""
    made = to_platform.say("POST", "/applications", json=INTEGRATION).json()
    app = Client(client, made)
    tokens = app.redeem(walk(browser, admin, app.request()))

    assert types_of(tokens) == TOKEN_TYPES
    assert tokens["token_type"] == "Bearer"
    assert set(tokens["scope"].split()) == set(INTEGRATION["scopes"])
    check_lifetimes(tokens)
    assert app.whoami(tokens)["id"] == made["createdBy"]

    clock.advance(seconds=DAYS_14 - 60)
    assert app.is_alive(tokens)

    clock.advance(seconds=61)
    assert not app.is_alive(tokens)

    clock.advance(days=45)  # the 59th day
    for _ in range(2):
        renewed = app.refresh(tokens).json()
        assert types_of(renewed) == TOKEN_TYPES
        check_lifetimes(renewed)
        assert app.is_alive(renewed)
        clock.advance(days=59)

    clock.advance(days=1, seconds=1)  # 60 without a refresh
    refused = app.refresh(tokens)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


def check_lifetimes(tokens: Mapping[str, Any]) -> None:
    """A second may pass between issuing and telling, as on the platform itself (reference §1.6)."""
    assert tokens["expires_in"] in {DAYS_14 - 1, DAYS_14}
    assert tokens["refresh_token_expires_in"] in {DAYS_60 - 1, DAYS_60}


def test_a_bot_is_made_with_its_logo_as_a_file(world, client, to_platform, bot):
    """`curl -F 'type="bot"' … -F 'logo=@"logo.png"'`, of which curl makes these parts."""
    form = {name: (None, value) for name, value in bot.items()}
    answer = to_platform.say(
        "POST", "/applications", files={**form, "logo": ("logo.png", picture(), "image/png")}
    )

    check_bot(world, client, to_platform, bot, answer)
    served = to_platform.client.get(answer.json()["logo"], headers=to_platform.headers)
    assert (served.status_code, served.headers["content-type"]) == (200, "image/png")


def test_a_bot_is_made_with_the_address_of_its_logo(world, client, to_platform, bot):
    """GOV-07: nothing is fetched in a deployment that calls nobody, so the address itself is kept."""
    wanted = {**bot, "logo": "https://files.example.gov/logo.png"}

    answer = to_platform.say("POST", "/applications", json=wanted)

    check_bot(world, client, to_platform, wanted, answer)


def check_bot(
    world: Any, client: Any, to_platform: Conversation, wanted: Mapping[str, str], answer: Response
) -> None:
    made = answer.json()
    assert answer.status_code == 200
    assert types_of(made) == BOT_TYPES | {"botToken": str}
    assert {name: made[name] for name in wanted} == wanted
    check_shown_once(world, to_platform, made, "botToken")

    me = Conversation(client, made["botToken"]).say("GET", "/people/me").json()
    assert (me["type"], me["id"], me["emails"]) == ("bot", made["botPersonId"], [wanted["botEmail"]])

    regenerated = to_platform.say("DELETE", f"/applications/{made['id']}/botToken")
    assert (regenerated.status_code, types_of(regenerated.json())) == (200, {"botToken": str})
    assert Conversation(client, made["botToken"]).say("GET", "/people/me").status_code == 401
    assert Conversation(client, regenerated.json()["botToken"]).say("GET", "/people/me").status_code == 200


def check_shown_once(world: Any, to_platform: Conversation, made: dict[str, Any], secret: str) -> None:
    """CRED-02: not when the app is asked for again, not in a list, not in an event, not anywhere in the database."""
    without = {name: value for name, value in made.items() if name != secret}
    found = to_platform.say("GET", f"/applications/{made['id']}")
    listed = to_platform.say("GET", "/applications?createdBy=me")

    assert found.json() == without
    assert listed.json() == {"items": [without]}
    assert made[secret] not in whole_database(world)


def test_an_app_is_replaced_regenerated_and_deleted(client, to_platform):
    path = f"/applications/{to_platform.say('POST', '/applications', json=INTEGRATION).json()['id']}"
    spelt = {name: value for name, value in INTEGRATION.items() if name != "redirectUrls"}
    put = to_platform.say("PUT", path, json=spelt | {"redirectURLs": ["https://app.example.gov/new"]})
    secret = to_platform.say("DELETE", f"{path}/clientSecret")
    gone = to_platform.say("DELETE", path)

    assert (put.status_code, put.json()["redirectUrls"]) == (200, ["https://app.example.gov/new"])
    assert (secret.status_code, types_of(secret.json())) == (200, {"clientSecret": str})
    assert (gone.status_code, gone.content) == (204, b"")
    assert to_platform.say("GET", path).status_code == 404


def test_the_administrators_token_ends_after_12_hours(world, client, admin, clock):
    """GOV-04."""
    to_platform = Conversation(client, world.token(admin, hours=12))
    clock.advance(hours=12, seconds=-60)
    before = to_platform.say("POST", "/applications", json=INTEGRATION).status_code
    clock.advance(seconds=61)
    after = to_platform.say("POST", "/applications", json=INTEGRATION).status_code

    assert (before, after) == (200, 401)


def test_who_made_an_app_and_is_no_administrator_any_more_only_looks_at_it(
    world, client, home, admin, to_platform
):
    """GOV-03."""
    path = f"/applications/{to_platform.say('POST', '/applications', json=INTEGRATION).json()['id']}"
    another = world.full_admin(home)
    with world.deployment.transaction(world.origin) as tx:
        fresh = directory_queries.get_account(tx, home.id, admin.id)
        by = directory_queries.get_account(tx, home.id, another.id)
        directory.assign_roles(tx, fresh, [], by=by)
    token_left = to_platform.say("GET", path)
    refused = [
        to_platform.say("PATCH", path, json={"name": "Puller"}),
        to_platform.say("DELETE", f"{path}/clientSecret"),
        to_platform.say("DELETE", path),
    ]

    assert token_left.status_code == 200
    assert [answer.status_code for answer in refused] == [403, 403, 403]
    assert {answer.json()["errors"][0]["description"] for answer in refused} == {
        "Missing role: Full Administrator."
    }
