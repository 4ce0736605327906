"""The bots of an organization, for its administrators."""

import uuid

import pytest

from api.conftest import Caller, Calling
from appanage.directory.model import Organization
from appanage.directory.roles import OF_EVERY_ORGANIZATION, SERVICE_APP_READERS, Role
from appanage.kit.ids import Kind
from support.world import World


def test_a_bot_is_listed_with_its_owners_and_its_last_use(
    world: World, calling: Calling, organization: Organization, admin: Caller
):
    made = world.bot(world.developer(organization, name="Dana Weiss"), name="Duty Bot")
    [unused] = admin.get("/bots")["items"]
    me = calling(made.token).get("/people/me")

    [used] = admin.get("/bots")["items"]

    assert unused["id"] == world.public_id(Kind.APPLICATION, made.app.client_id)
    assert (unused["name"], unused["botEmail"]) == ("Duty Bot", made.address)
    assert unused["botPersonId"] == me["id"]
    assert [(one["displayName"], one["hasLeft"]) for one in unused["owners"]] == [("Dana Weiss", False)]
    assert unused["hasToken"] is True
    assert "lastUsed" not in unused
    assert used["lastUsed"]
    assert made.token not in str(used)


def test_bots_are_found_by_name_or_address_page_by_page(
    world: World, organization: Organization, admin: Caller
):
    developer = world.developer(organization)
    for name in ("Ada", "Bea", "Bear"):
        world.bot(developer, name=name, bot_email=f"{name.lower()}-{uuid.uuid4().hex[:8]}@webex.bot")
    world.bot(world.developer(world.organization()), name="Beatrice of another organization")

    assert [one["name"] for one in admin.pages("/bots?max=1")] == ["Ada", "Bea", "Bear"]
    assert [one["name"] for one in admin.pages("/bots?name=bea")] == ["Bea", "Bear"]
    assert [one["name"] for one in admin.pages("/bots?name=ada-")] == ["Ada"]


def test_a_full_administrator_ends_a_bots_token(
    world: World, calling: Calling, organization: Organization, admin: Caller
):
    """The same function as in Control Hub; a repeat changes nothing."""
    made = world.bot(world.developer(organization))
    bot_id = world.public_id(Kind.APPLICATION, made.app.client_id)

    admin.delete(f"/bots/{bot_id}/token")
    admin.delete(f"/bots/{bot_id}/token")

    calling(made.token).get("/people/me", 401)
    assert admin.get("/bots")["items"][0]["hasToken"] is False
    assert len(world.events(organization, "bot_token.revoked")) == 1


def test_another_organizations_bot_does_not_exist(world: World, calling: Calling, admin: Caller):
    """TEN-01, CONS-12."""
    made = world.bot()
    bot_id = world.public_id(Kind.APPLICATION, made.app.client_id)

    refused = admin.delete(f"/bots/{bot_id}/token", 404)

    assert refused["message"] == admin.delete(f"/bots/{uuid.uuid4()}/token", 404)["message"]
    assert calling(made.token).get("/people/me")["type"] == "bot"


@pytest.mark.parametrize("role", [role for role in OF_EVERY_ORGANIZATION if role is not Role.FULL_ADMIN])
def test_others_look_or_are_turned_away(
    world: World, calling: Calling, organization: Organization, role: Role
):
    made = world.bot(world.developer(organization))
    bot_id = world.public_id(Kind.APPLICATION, made.app.client_id)
    caller = calling(world.token(world.person(organization, role)))

    caller.get("/bots", 200 if role in SERVICE_APP_READERS else 403)
    refused = caller.delete(f"/bots/{bot_id}/token", 403)

    assert "Full Administrator" in refused["message"]
    assert calling(made.token).get("/people/me")["type"] == "bot"
