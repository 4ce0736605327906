"""Owners of apps by API: sharing one, handing it over, adopting one that nobody owns any more."""

import pytest

from api.conftest import Caller, Calling
from appanage.directory import service as directory
from appanage.directory.model import Account, Organization
from appanage.directory.service import Profile
from appanage.kit.ids import Kind
from support.world import MadeApp, World


@pytest.fixture
def made(world: World, account: Account) -> MadeApp:
    return world.service_app(account, name="Workforce Sync")


@pytest.fixture
def omar(world: World, organization: Organization) -> Account:
    return world.developer(organization, name="Omar Haddad")


def block(world: World, person: Account, by: Account) -> None:
    with world.deployment.transaction(world.origin) as tx:
        who, administrator = tx.get_one(Account, person.id), tx.get_one(Account, by.id)
        profile = Profile(who.email, display_name=who.display_name, login_enabled=False)
        directory.update_person(tx, who, profile, by=administrator, own_domains=())


def test_an_app_is_shared_and_handed_over(
    world: World, calling: Calling, developer: Caller, account: Account, made: MadeApp, omar: Account
):
    """CONS-12: somebody of another organization is refused as one who does not exist, and sees nothing of the app."""
    path = f"/applications/{world.app_id(made)}"
    omars_id, own_id = (world.public_id(Kind.PEOPLE, one.id) for one in (omar, account))
    stranger = world.developer(world.organization())

    added = developer.post(f"{path}/owners", {"email": omar.email})
    assert (added["personId"], added["displayName"], added["state"]) == (omars_id, "Omar Haddad", "owner")
    developer.post(f"{path}/owners", {"personId": omars_id}, 409)
    refusals = [
        developer.post(f"{path}/owners", body, 400)["errors"]
        for body in (
            {"email": stranger.email},
            {"email": "nobody@people.example"},
            {"personId": world.public_id(Kind.PEOPLE, stranger.id)},
        )
    ]
    assert refusals == [refusals[0]] * 3
    developer.post(f"{path}/owners", {}, 400)
    developer.post(f"{path}/owners", {"email": omar.email, "personId": omars_id}, 400)
    calling(world.token(stranger)).get(f"{path}/owners", 404)
    calling(world.token(stranger)).post(f"{path}/owners", {"email": stranger.email}, 404)

    other = calling(world.token(omar))
    assert [one["personId"] for one in other.get(f"{path}/owners")["items"]] == [own_id, omars_id]
    other.delete(f"{path}/owners/{own_id}")
    other.delete(f"{path}/owners/{own_id}", 404)
    other.delete(f"{path}/owners/{omars_id}", 409)
    developer.get(f"{path}/owners", 404)
    left = other.post(f"{path}/transfer", {"personId": own_id})["items"]
    assert [one["personId"] for one in left] == [own_id]
    other.get(path, 404)


def test_an_added_owner_of_a_listed_app_is_only_proposed(
    world: World, developer: Caller, made: MadeApp, omar: Account, account: Account
):
    """REG-13."""
    world.list_app(made)
    path = f"/applications/{world.app_id(made)}"

    added = developer.post(f"{path}/owners", {"email": omar.email})

    assert (added["state"], "since" in added) == ("proposed", False)
    ids = [world.public_id(Kind.PEOPLE, one.id) for one in (account, omar)]
    assert sorted(developer.get(path)["proposed"]["owners"]) == sorted(ids)
    developer.delete(f"{path}/owners/{added['personId']}")
    assert "proposed" not in developer.get(path)


def test_an_app_without_an_owner_is_found_and_adopted_by_a_full_administrator(
    world: World, calling: Calling, admin: Caller, priya: Account, made: MadeApp, omar: Account, lena: Account
):
    """CONS-12: before that, and from elsewhere, it is no app; the former owner finds it no more."""
    path = f"/applications/{world.app_id(made)}/adoption"
    admin.post(path, {}, 404)
    assert admin.get("/applicationsWithoutOwner")["items"] == []
    block(world, made.developer, priya)
    elsewhere = calling(world.token(world.full_admin(world.organization())))
    elsewhere.post(path, {}, 404)
    assert elsewhere.get("/applicationsWithoutOwner")["items"] == []
    calling(world.token(lena)).post(path, {}, 403)

    [found] = admin.get("/applicationsWithoutOwner")["items"]
    assert (found["name"], found["type"]) == ("Workforce Sync", "serviceApp")
    assert [one["state"] for one in found["formerOwners"]] == ["left"]
    adopted = admin.post(path, {"email": omar.email})

    assert (adopted["displayName"], adopted["state"]) == ("Omar Haddad", "owner")
    assert calling(world.token(omar)).get(f"/applications/{world.app_id(made)}")["name"] == "Workforce Sync"
    admin.post(path, None, 404)
    assert admin.get("/applicationsWithoutOwner")["items"] == []
