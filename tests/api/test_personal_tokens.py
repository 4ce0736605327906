"""A person's own personal access tokens, by API."""

import uuid

from api.conftest import Calling
from appanage.directory.model import Account
from appanage.directory.roles import OF_EVERY_ORGANIZATION
from support.connecting import connect
from support.consenting import integration
from support.world import World

LIST = "/personalTokens"


def test_own_tokens_are_listed_without_the_token(world: World, calling: Calling, lena: Account):
    """CRED-02."""
    narrow, wide = world.token(lena, "spark:people_read", hours=1), world.token(lena)
    items = calling(wide).get(LIST)["items"]

    assert [one["lastFour"] for one in items] == [wide[-4:], narrow[-4:]]
    assert items[1]["scopes"] == ["spark:people_read"]
    assert set(items[1]) == {"id", "label", "lastFour", "scopes", "created", "createdByName", "expires"}
    assert wide not in str(items)
    assert narrow not in str(items)


def test_a_used_token_tells_when_and_from_where(world: World, calling: Calling, lena: Account):
    caller = calling(world.token(lena))
    caller.get(LIST)
    (item,) = caller.get(LIST)["items"]

    assert item["lastUsedFrom"] == "unknown"  # the test client has no address
    assert item["lastUsed"] >= item["created"]


def test_what_has_ended_is_not_listed(world: World, calling: Calling, lena: Account, clock):
    world.token(lena, hours=1)
    caller = calling(world.token(lena))
    clock.advance(hours=1)

    assert len(caller.get(LIST)["items"]) == 1


def test_a_token_is_ended_at_once_and_once(world: World, calling: Calling, lena: Account):
    doomed, caller = world.token(lena), calling(world.token(lena))
    token_id = next(one["id"] for one in caller.get(LIST)["items"] if one["lastFour"] == doomed[-4:])
    calling(doomed).get("/people/me")
    caller.delete(f"{LIST}/{token_id}")

    calling(doomed).get("/people/me", 401)
    caller.delete(f"{LIST}/{token_id}", 404)
    (event,) = world.events(lena.organization, "personal_token.revoked")
    assert (event.actor_id, event.method) == (lena.id, "token")


def test_a_token_can_end_itself(world: World, calling: Calling, lena: Account):
    caller = calling(world.token(lena))
    caller.delete(f"{LIST}/{caller.get(LIST)['items'][0]['id']}")

    caller.get(LIST, 401)


def test_another_persons_token_does_not_exist(world: World, calling: Calling, lena: Account):
    """CONS-12: not even for the most powerful person of the same organization."""
    theirs = calling(world.token(lena))
    token_id = theirs.get(LIST)["items"][0]["id"]
    boss = calling(world.token(world.person(lena.organization, *OF_EVERY_ORGANIZATION)))
    told = boss.delete(f"{LIST}/{token_id}", 404)["message"]

    assert told == boss.delete(f"{LIST}/{uuid.uuid4()}", 404)["message"]
    assert len(boss.get(LIST)["items"]) == 1
    theirs.get("/people/me")


def test_no_token_makes_tokens(world: World, calling: Calling, lena: Account):
    """SES-07: it would never end."""
    calling(world.token(lena)).post(LIST, {}, 405)


def test_a_token_without_the_scope_sees_and_ends_none(world: World, calling: Calling, lena: Account):
    narrow = calling(world.token(lena, "spark:people_read"))

    assert "Missing scope: spark:all." in str(narrow.get(LIST, 403))
    narrow.delete(f"{LIST}/{uuid.uuid4()}", 403)


def test_an_app_sees_and_ends_none_in_a_persons_name(world: World, calling: Calling, lena: Account):
    made = integration(world, scopes=["spark:all"])
    app = calling(connect(world, made, lena).access_token.reveal())

    assert "needs a personal access token" in app.get(LIST, 403)["message"]
    app.delete(f"{LIST}/{uuid.uuid4()}", 403)


def test_machine_accounts_and_bots_have_none(world: World, calling: Calling, lena: Account):
    for token in (
        world.machine_token(lena.organization),
        world.bot(world.full_admin(lena.organization)).token,
    ):
        assert "needs a person's token" in calling(token).get(LIST, 403)["message"]
