"""The kill switch: a suspension ends every token of an app for good, lifting it gives back what was authorized."""

import time

import pytest
from starlette.testclient import TestClient

from appanage.apps.model import ClientProof
from support.integration import DEVICE_AUTHORIZE, TOKEN, USERINFO, OAuthClient, is_dead
from support.profiles import commercial_only
from support.suspending import lift, suspend
from support.world import World

AUTHZ = "/v1/authz"


@pytest.fixture(params=[0, 600], ids=["lifted at once", "lifted later"])
def pause(request: pytest.FixtureRequest) -> int:
    """Seconds between the suspension and its end."""
    return int(request.param)


@pytest.fixture
def service(world: World, client: TestClient, home) -> OAuthClient:
    """A Service App that the organization authorized."""
    made = world.service_app(world.developer(home))
    world.authorize(made, world.full_admin(home))
    return OAuthClient(world, client, made)


def fetch(service, organization):
    form = {"grant_type": "client_credentials", "organization": str(organization.id)}
    return service.post(TOKEN, form)


def passes(client, token):
    """Whether a proxy that asks lets the token's holder through."""
    return client.get(AUTHZ, headers={"Authorization": f"Bearer {token}"}).status_code == 200


def told(answer):
    return answer.status_code, answer.json()["error"]


def test_an_integration_comes_back_without_its_tokens(world, client, desk, at_desk, clock, pause):
    """MACH-06, REV-09: code, refresh token, access token, wherever they are presented, also from memory."""
    clock.advance(seconds=2)
    body, code = desk.tokens(at_desk), desk.code(at_desk)
    assert desk.call("/v1/people/me", body["access_token"]).status_code == 200
    assert passes(client, body["access_token"])

    suspend(world, desk.made)
    refused = {told(answer) for answer in (desk.refresh(body["refresh_token"]), desk.redeem(code))}
    calls = [desk.call(path, body["access_token"]).status_code for path in ("/v1/people/me", USERINFO)]
    passed = passes(client, body["access_token"])
    clock.advance(seconds=pause)
    lift(world, desk.made)

    assert (refused, calls, passed) == ({(401, "invalid_client")}, [401, 401], False)
    assert is_dead(desk, body)
    assert told(desk.redeem(code)) == (400, "invalid_grant")
    assert not passes(client, body["access_token"])

    again = desk.tokens(at_desk)  # without another consent: the authorization held

    assert desk.call("/v1/people/me", again["access_token"]).status_code == 200
    assert passes(client, again["access_token"])
    assert desk.introspect(again["access_token"])["active"]
    assert desk.introspect(again["refresh_token"])["active"]
    assert desk.refresh(again["refresh_token"]).status_code == 200
    assert is_dead(desk, body)


def test_a_service_app_comes_back_without_its_tokens(world, home, service, clock, pause):
    """MACH-06: the pair that its developer fetched, and the token that it fetched itself."""
    pair, short = world.retrieve(service.made, home), fetch(service, home).json()["access_token"]

    suspend(world, service.made)
    refused = told(fetch(service, home))
    clock.advance(seconds=pause)
    lift(world, service.made)

    assert refused == (401, "invalid_client")
    assert service.call("/v1/people/me", short).status_code == 401
    assert service.call("/v1/people/me", pair.access_token.reveal()).status_code == 401
    assert told(service.refresh(pair.refresh_token.reveal())) == (400, "invalid_grant")

    again, fresh = world.retrieve(service.made, home), fetch(service, home).json()["access_token"]

    assert service.call("/v1/people/me", fresh).status_code == 200
    assert service.call("/v1/people/me", again.access_token.reveal()).status_code == 200
    assert service.refresh(again.refresh_token.reveal()).status_code == 200


@commercial_only
def test_every_process_hears_of_it_within_the_bound(world, client, desk, at_desk, new_deployment):
    """REV-09: the act is another process's; this one remembers that all is well until the feed tells it otherwise."""
    body = desk.tokens(at_desk)
    assert passes(client, body["access_token"])
    elsewhere = World(new_deployment())

    for act in (suspend, lift):
        act(elsewhere, desk.made)
        assert not soon(lambda: passes(client, body["access_token"]))
        assert not soon(lambda: desk.introspect(body["refresh_token"]).get("active", False))
    again = desk.tokens(at_desk)

    assert passes(client, again["access_token"])


@commercial_only
def test_a_public_client_s_family_of_before_is_dead_and_nobody_s_theft(world, new_client, at_desk, home):
    """REV-02: what was rotated away before the suspension is merely invalid, so nothing new ends with it."""
    panel = new_client(client_proof=ClientProof.NONE)
    body = panel.tokens(at_desk)
    renewed = panel.refresh(body["refresh_token"]).json()

    suspend(world, panel.made)
    lift(world, panel.made)
    again = panel.tokens(at_desk)

    assert told(panel.refresh(renewed["refresh_token"])) == (400, "invalid_grant")
    assert told(panel.refresh(body["refresh_token"])) == (400, "invalid_grant")
    assert panel.refresh(again["refresh_token"]).status_code == 200
    assert world.events(home, "token.reused") == []


@commercial_only
def test_a_device_asks_anew(world, new_client, at_desk):
    """An earlier device code is worth nothing, whether or not somebody had allowed it."""
    tv = new_client(client_proof=ClientProof.NONE)
    allowed, waiting = (tv.post(DEVICE_AUTHORIZE, {"scope": "spark:people_read"}).json() for _ in range(2))
    allow(at_desk, allowed["user_code"])

    suspend(world, tv.made)
    lift(world, tv.made)
    at_desk.get("/verify")
    entered = at_desk.submit("/verify", {"user_code": waiting["user_code"]}, status=422)

    assert "not valid" in entered.text
    assert {told(tv.poll(one["device_code"])) for one in (allowed, waiting)} == {(400, "expired_token")}

    fresh = tv.post(DEVICE_AUTHORIZE, {"scope": "spark:people_read"}).json()
    allow(at_desk, fresh["user_code"])

    assert tv.poll(fresh["device_code"]).status_code == 200


@commercial_only
def test_a_bot_needs_a_new_token(world, client, home):
    """MACH-06: the one token of a bot, which nothing but its end would otherwise end."""
    bot = world.bot(world.developer(home))
    assert status_of(client, bot.token) == 200

    suspend(world, bot)
    while_suspended = status_of(client, bot.token)
    lift(world, bot)

    assert (while_suspended, status_of(client, bot.token)) == (401, 401)
    assert status_of(client, regenerate(world, client, bot)) == 200


def soon(look):
    """What there is to see as soon as everybody has heard: at once, or false within a second."""
    deadline = time.monotonic() + 1
    while look() and time.monotonic() < deadline:
        pass
    return look()


def allow(browser, user_code):
    browser.get("/verify")
    browser.submit("/verify", {"user_code": user_code})
    browser.submit("/verify/", {"decision": "allow"})


def status_of(client, token):
    return client.get("/v1/people/me", headers={"Authorization": f"Bearer {token}"}).status_code


def regenerate(world, client, bot):
    headers = {"Authorization": f"Bearer {world.token(bot.developer)}"}
    answer = client.delete(f"/v1/applications/{bot.app.client_id}/botToken", headers=headers)
    return answer.json()["botToken"]
