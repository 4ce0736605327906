"""Owners of apps: colleagues who share one, hand it over, and find a new owner when all have left (checklist CONS-12)."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from appanage.apps import owners, queries
from appanage.apps.model import AppOwner, Visibility
from appanage.authorizations.departures import remove_person
from appanage.deployment import Deployment, assemble
from appanage.directory import queries as directory
from appanage.directory import service as directory_service
from appanage.directory.model import Account, Organization
from appanage.directory.service import Profile
from appanage.kit.errors import Conflict, Invalid, NotFound, NotPermitted
from appanage.kit.paging import PageRequest
from appanage.profiles import ProfileName
from support.at_once import at_once
from support.clock import MovableClock
from support.live import settings_for
from support.world import MadeApp, World

MANY = 4


@pytest.fixture
def deployment(database_url: str, clock: MovableClock) -> Iterator[Deployment]:
    """With a connection for each of several threads."""
    made = assemble(settings_for(database_pool=2 * MANY), database_url, clock=clock)
    yield made
    made.database.dispose()


@pytest.fixture
def organization(world: World) -> Organization:
    return world.organization("Northwind Traders")


@pytest.fixture
def dana(world: World, organization: Organization) -> Account:
    return world.developer(organization, name="Dana Kim")


@pytest.fixture
def omar(world: World, organization: Organization) -> Account:
    return world.person(organization, name="Omar Haddad")


@pytest.fixture
def priya(world: World, organization: Organization) -> Account:
    return world.full_admin(organization, name="Priya Raman")


@pytest.fixture
def made(world: World, dana: Account) -> MadeApp:
    return world.service_app(dana, requested=False)


def act(world: World, made: MadeApp, by: Account, what: Callable[..., None], *who: Any) -> None:
    """One act of an owner, in a transaction of its own."""
    with world.deployment.transaction(world.origin) as tx:
        fresh = directory.get_account(tx, by.organization_id, by.id)
        app = queries.get_owned(tx, fresh, made.id, for_update=True)
        what(tx, app, *who, by=fresh, rules=world.deployment.app_rules)


def adopt(world: World, made: MadeApp, by: Account, new_owner: Account) -> None:
    with world.deployment.transaction(world.origin) as tx:
        fresh = directory.get_account(tx, by.organization_id, by.id)
        app = queries.get_ownerless(tx, by.organization_id, made.id, for_update=True)
        owners.adopt(tx, app, new_owner, by=fresh, rules=world.deployment.app_rules)


def owners_of(world: World, made: MadeApp) -> list[str]:
    with world.deployment.transaction(world.origin) as tx:
        app = queries.get_app(tx, made.id)
        return [one.account.display_name for one in queries.list_owners(tx, app)]


def ownerless(world: World, organization: Organization) -> list[str]:
    with world.deployment.transaction(world.origin) as tx:
        found = queries.list_ownerless(tx, organization.id, PageRequest(10)).items
        assert len(found) == queries.count_ownerless(tx, organization.id)
        return [app.name for app in found]


def leave(world: World, person: Account, by: Account) -> None:
    with world.deployment.transaction(world.origin) as tx:
        who, remover = tx.get_one(Account, person.id), tx.get_one(Account, by.id)
        remove_person(tx, who, by=remover, longest_token=timedelta(days=14))


def block(world: World, person: Account, by: Account, *, is_blocked: bool = True) -> None:
    with world.deployment.transaction(world.origin) as tx:
        profile = Profile(person.email, display_name=person.display_name, login_enabled=not is_blocked)
        who = tx.get_one(Account, person.id)
        directory_service.update_person(tx, who, profile, by=tx.get_one(Account, by.id), own_domains=())


def test_a_colleague_shares_an_app_and_it_is_handed_over(world, organization, made, dana, omar):
    act(world, made, dana, owners.add, omar)
    with pytest.raises(Conflict, match=r"owns .* already"):
        act(world, made, omar, owners.add, dana)
    act(world, made, omar, owners.remove, dana.id)
    with pytest.raises(NotFound):
        act(world, made, dana, owners.remove, omar.id)
    with pytest.raises(Conflict, match="without an owner"):
        act(world, made, omar, owners.remove, omar.id)
    with pytest.raises(Invalid, match="yours already"):
        act(world, made, omar, owners.transfer, omar)
    act(world, made, omar, owners.transfer, dana)

    assert owners_of(world, made) == ["Dana Kim"]
    told = [(one.type, one.actor_name, one.data) for one in world.events(organization)]
    assert ("app.owner_added", "Dana Kim", {"personId": str(omar.id), "person": "Omar Haddad"}) in told
    assert ("app.owner_removed", "Omar Haddad", {"personId": str(dana.id), "person": "Dana Kim"}) in told
    assert ("app.transferred", "Omar Haddad", {"personId": str(dana.id), "person": "Dana Kim"}) in told


def test_nobody_from_elsewhere_and_nobody_who_cannot_sign_in_becomes_an_owner(
    world, organization, made, dana, omar, priya
):
    """CONS-12: an unknown address, a person of another organization, a bot and one who has left read the same."""
    stranger, bot = world.person(world.organization()), world.bot(dana)
    block(world, omar, priya)
    sentences = set()
    with world.deployment.transaction(world.origin) as tx:
        for email in ("nobody@people.example", stranger.email, bot.address, omar.email):
            with pytest.raises(Invalid) as refused:
                owners.find_colleague(tx, dana, email=email)
            sentences.add((refused.value.code, refused.value.message, tuple(refused.value.fields)))
        with pytest.raises(Invalid, match="no such person"):
            owners.find_colleague(tx, dana, person_id=stranger.id)
        assert owners.find_colleague(tx, dana, email=f" {priya.email.upper()} ").id == priya.id

    assert len(sentences) == 1
    with pytest.raises(Invalid, match="no such person"):
        act(world, made, dana, owners.add, stranger)
    with pytest.raises(Invalid, match="no such person"):
        act(world, made, dana, owners.transfer, omar)
    assert owners_of(world, made) == ["Dana Kim"]


def test_an_owner_who_cannot_act_does_not_count_as_the_last_one(world, made, dana, omar, priya):
    act(world, made, dana, owners.add, omar)
    block(world, dana, priya)
    with pytest.raises(Conflict, match="without an owner"):
        act(world, made, omar, owners.remove, omar.id)

    act(world, made, omar, owners.remove, dana.id)

    assert owners_of(world, made) == ["Omar Haddad"]


def test_there_is_an_end_to_how_many_own_an_app(world, organization, made, dana, omar, monkeypatch):
    monkeypatch.setattr(owners, "MOST_OWNERS", 1)

    with pytest.raises(Conflict, match="there can be no more"):
        act(world, made, dana, owners.add, omar)


def test_an_administrator_finds_an_owner_when_all_have_left(world, organization, made, dana, omar, priya):
    """Whoever owned it does so no more, though they come back. Another organization's app is the same 404 (CONS-12)."""
    act(world, made, dana, owners.add, omar)
    leave(world, omar, priya)
    assert ownerless(world, organization) == []
    with pytest.raises(NotFound):
        adopt(world, made, priya, priya)
    block(world, dana, priya)
    assert ownerless(world, organization) == [made.app.name]
    elsewhere = world.full_admin(world.organization())
    with pytest.raises(NotFound):
        adopt(world, made, elsewhere, elsewhere)
    with pytest.raises(Invalid, match="no such person"):
        adopt(world, made, priya, elsewhere)
    with pytest.raises(NotPermitted, match="Full Administrator"):
        adopt(world, made, world.person(organization), priya)

    adopt(world, made, priya, priya)

    block(world, dana, priya, is_blocked=False)
    assert owners_of(world, made) == ["Priya Raman"]
    assert ownerless(world, organization) == []
    [adopted] = world.events(organization, "app.adopted")
    assert adopted.data == {"personId": str(priya.id), "person": "Priya Raman"}


def test_a_listed_app_is_adopted_at_once_and_who_waited_still_does(world, made, dana, omar, priya):
    """REG-13: somebody must answer for it; the next version that is handed in names its owners as they are."""
    world.list_app(made)
    act(world, made, dana, owners.add, omar)
    leave(world, dana, priya)

    adopt(world, made, priya, priya)

    with world.deployment.transaction(world.origin) as tx:
        app = queries.get_app(tx, made.id)
        assert [one.account.id for one in queries.list_owners(tx, app)] == [priya.id]
        assert [one.id for one in queries.list_waiting_owners(tx, app)] == [omar.id]
        assert app.visibility == Visibility.PUBLIC


def test_what_is_refused_settles_nothing(world, made, dana, omar):
    """Pages show a refusal and commit: what waited for a review still waits then, though the app is listed no more."""
    world.list_app(made)
    act(world, made, dana, owners.add, omar)
    with world.deployment.transaction(world.origin) as tx:
        app, by = queries.get_app(tx, made.id), tx.get_one(Account, dana.id)
        app.visibility = Visibility.ORGANIZATION
        rules = world.deployment.app_rules
        tx.flush()
        for refused in (
            lambda: owners.add(tx, app, omar, by=by, rules=rules),
            lambda: owners.remove(tx, app, app.organization_id, by=by, rules=rules),
            lambda: owners.transfer(tx, app, by, by=by, rules=rules),
        ):
            with pytest.raises((Conflict, NotFound, Invalid)):
                refused()

    assert owners_of(world, made) == ["Dana Kim"]
    act(world, made, dana, owners.transfer, omar)
    assert owners_of(world, made) == ["Omar Haddad"]


def test_of_several_who_adopt_an_app_at_once_one_does(world, organization, made, dana, priya):
    """The one who waited finds it owned, though they opened the page before."""
    administrators = [priya, *(world.full_admin(organization) for _ in range(MANY - 1))]
    block(world, dana, priya)

    results = at_once([partial(adopt, world, made, by, by) for by in administrators])

    assert sorted(type(one).__name__ for one in results) == sorted(["NoneType"] + ["NotFound"] * (MANY - 1))
    assert len(owners_of(world, made)) == 1


def test_two_owners_who_leave_at_once_do_not_both_leave(world, made, dana, omar):
    act(world, made, dana, owners.add, omar)

    results = at_once([partial(act, world, made, by, owners.remove, by.id) for by in (dana, omar)])

    assert sorted(type(one).__name__ for one in results) == ["Conflict", "NoneType"]
    assert len(owners_of(world, made)) == 1


def test_owners_who_add_each_other_at_once_do_not_wait_for_each_other(world, made, dana, omar):
    """The accounts are held in one order, so neither of the two is killed for waiting."""
    other = world.service_app(omar, requested=False)

    for _ in range(3):
        results = at_once(
            [
                lambda: act(world, made, dana, owners.add, omar),
                lambda: act(world, other, omar, owners.add, dana),
            ]
        )
        assert results == [None, None]
        act(world, made, dana, owners.remove, omar.id)
        act(world, other, omar, owners.remove, dana.id)


def test_who_lost_an_app_meanwhile_changes_nothing(world, made, dana, omar, priya):
    """CONS-06: between the page and the act an owner may be removed, or be blocked."""
    act(world, made, dana, owners.add, omar)
    with world.deployment.transaction(world.origin) as tx:
        app, stale = queries.get_app(tx, made.id), tx.get_one(Account, omar.id)
        block(world, omar, priya)
        with pytest.raises(NotPermitted, match="cannot act"):
            owners.add(tx, app, priya, by=stale, rules=world.deployment.app_rules)

    assert owners_of(world, made) == ["Dana Kim", "Omar Haddad"]


class TestWhereOnlyAdministratorsMakeApps:
    @pytest.fixture
    def deployment(self, new_deployment: Callable[..., Deployment]) -> Deployment:
        return new_deployment(profile=ProfileName.FEDRAMP)

    def test_only_full_administrators_own_apps(self, world, made, dana, omar, priya):
        """GOV-03."""
        with pytest.raises(Invalid, match="only Full Administrators"):
            act(world, made, dana, owners.add, omar)
        act(world, made, dana, owners.add, priya)
        with world.deployment.transaction(world.origin) as tx:
            who = tx.get_one(Account, dana.id)
            directory_service.assign_roles(tx, who, [], by=tx.get_one(Account, priya.id))
        with pytest.raises(NotPermitted):
            act(world, made, dana, owners.remove, dana.id)
        act(world, made, priya, owners.remove, dana.id)
        assert owners_of(world, made) == ["Priya Raman"]
        with world.deployment.transaction(world.origin) as tx:
            assert tx.query(AppOwner).filter_by(app_id=made.id).count() == 1
