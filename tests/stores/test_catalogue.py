"""The catalogue: what is listed can be found, in an order that helps; what is not listed is nowhere."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from appanage.apphub import catalogue
from appanage.apphub.model import Listing
from appanage.apphub.search import CANDIDATES, Facets, ListingFilter, facets, get_listing, search
from appanage.apps.model import App
from appanage.apps.queries import is_owner
from appanage.authorizations import decisions, inbox, request_queries, service
from appanage.authorizations.model import SecondAdministrator
from appanage.authorizations.request_queries import RequestFilter
from appanage.directory.model import Account, Organization
from appanage.directory.queries import find_account
from appanage.directory.roles import Role
from appanage.jobs.letters import remind
from appanage.kit.errors import Conflict, Invalid, NotFound, NotPermitted
from appanage.kit.paging import Page, PageRequest, encode_cursor
from support.asking import request
from support.clock import MovableClock
from support.deciding import confirm, decide, propose, standing
from support.letters import forget_letters, letters
from support.policing import set_app_policy
from support.shelf import put_up
from support.world import MadeApp, World

WHOLE = PageRequest()


@pytest.fixture(scope="module")
def database_url(new_prepared_database: Callable[[], str]) -> str:
    """A catalogue of one's own: searches find everything that is listed."""
    return new_prepared_database()


@pytest.fixture
def developer(world: World) -> Account:
    return world.developer(world.organization("Fabrikam GmbH"))


@pytest.fixture(autouse=True)
def _empty_again(world: World) -> Iterator[None]:
    yield
    with world.deployment.transaction(world.origin) as tx:
        tx.query(Listing).delete()


def listed(
    world: World, developer: Account, name: str, company: str = "Fabrikam GmbH", **said: Any
) -> Listing:
    return put_up(world, world.service_app(developer, name=name, company_name=company), **said)


def found(world: World, page: PageRequest = WHOLE, **wanted: object) -> list[str]:
    return [listing.name for listing in page_of(world, page, **wanted).items]


def page_of(world: World, page: PageRequest = WHOLE, **wanted: object) -> Page[Listing]:
    with world.deployment.transaction(world.origin) as tx:
        return search(tx, ListingFilter(**wanted), page)  # type: ignore[arg-type]


def counted(world: World, **wanted: object) -> Facets:
    with world.deployment.transaction(world.origin) as tx:
        return facets(tx, ListingFilter(**wanted))  # type: ignore[arg-type]


def test_words_are_found_wherever_they_stand_and_count_for_more_in_a_name(world: World, developer: Account):
    listed(world, developer, "Night Owl", description="Books meetings when nobody sleeps.")
    listed(world, developer, "Meetings Recorder", description="Records.")
    listed(world, developer, "Day Owl", tagline="Plans a meeting", description="Plans.")
    listed(world, developer, "Ledger", tags=("meetings",), description="Counts.")

    assert found(world, search="meetings") == ["Meetings Recorder", "Ledger", "Day Owl", "Night Owl"]
    assert found(world, search="owl nobody") == ["Night Owl"]
    assert found(world, search="the meetings recorder") == ["Meetings Recorder"]
    assert found(world, search="FABRIKAM led") == ["Ledger"], "the last word may be a beginning"
    assert found(world, search="recor") == ["Meetings Recorder"]
    assert found(world, search="le") == [], "of two letters it may not"
    assert found(world, search='"planned a meeting"') == found(world, search='"Day Owl"') == ["Day Owl"]
    assert found(world, search='"owl day"') == []
    assert found(world, search="ledger owl") == []


def test_no_search_breaks_anything(world: World, developer: Account):
    listed(world, developer, "Ledger")
    nonsense = (
        "!!!",
        "'",
        "a & | !b:*",
        '"',
        "-",
        "\\",
        "the",
        "%_",
        "<->",
        "x" * 5000,
        "🦉",
        "a" + "\u0301" * 50,
    )

    assert [one for one in nonsense if found(world, search=one) or counted(world, search=one).count] == []


def test_an_app_with_exactly_that_name_comes_first_even_if_it_is_a_word_that_english_leaves_out(
    world: World, developer: Account
):
    listed(world, developer, "Who Is Who", tags=("who", "people"))
    listed(world, developer, "Who", company="C")

    assert found(world, search="who") == ["Who", "Who Is Who"]


def test_filters_narrow_what_is_shown_and_unknown_ones_show_nothing(world: World, developer: Account):
    listed(world, developer, "Ant", categories=("analytics", "security"), tags=("red",), languages=("de-DE",))
    listed(world, developer, "Bee", categories=("security",), tags=("red", "blue"))
    cat = listed(world, developer, "cat", categories=("finance",))
    put_up(world, world.integration(developer, name="Dog"), categories=("security",))

    assert found(world) == ["Ant", "Bee", "cat", "Dog"]
    assert found(world, category="security") == ["Ant", "Bee", "Dog"]
    assert found(world, category="security", kind="service_app", tag="red") == ["Ant", "Bee"]
    assert found(world, tag=" RED ") == found(world, search="fabrikam", tag="Red") == ["Ant", "Bee"]
    assert "red" not in counted(world, search="fabrikam", tag="RED").tags
    assert found(world, language="de-DE") == ["Ant"]
    assert found(world, search="fabrikam", category="finance") == ["cat"]
    assert (
        found(world, category="emperors") == found(world, language="xx") == found(world, tag="nobodys") == []
    )

    reviewer = world.operators(Role.APP_REVIEWER)
    with world.deployment.transaction(world.origin) as tx:
        catalogue.feature(tx, get_listing(tx, cat.slug), True, by=reviewer)

    assert found(world, featured=True) == ["cat"]
    assert found(world, featured=False) == ["Ant", "Bee", "Dog"]


def test_what_was_found_is_counted_by_category_whatever_category_is_chosen(world: World, developer: Account):
    listed(world, developer, "Ant Farm", categories=("analytics", "security"), tags=("red",))
    listed(world, developer, "Bee Farm", categories=("security",), tags=("red", "blue"))
    listed(world, developer, "Cat", categories=("finance",))

    assert counted(world, search="farm") == Facets(2, False, {"analytics": 1, "security": 2}, ["red", "blue"])
    assert counted(world, search="farm", category="analytics", tag="red") == Facets(
        1, False, {"analytics": 1, "security": 2}, []
    )
    assert counted(world, category="security") == Facets(2)


def test_pages_neither_repeat_nor_skip_while_apps_come_and_go(world: World, developer: Account):
    names = ["Alpha Farm", "alpha Farm", "Beta Farm", "Gamma Farm", "Zeta Farm"]
    slugs = {name: listed(world, developer, name).slug for name in names}

    for wanted in ({}, {"search": "farm"}):
        seen, cursor = [], None
        while True:
            page = page_of(world, PageRequest(2, cursor), **wanted)
            seen += [one.slug for one in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert sorted(seen) == sorted(slugs.values())

    first = page_of(world, PageRequest(3))
    listed(world, developer, "Aaron Farm")
    listed(world, developer, "Delta Farm")

    assert found(world, PageRequest(9, first.next_cursor)) == ["Delta Farm", "Gamma Farm", "Zeta Farm"]


@pytest.mark.parametrize("wanted", [{}, {"search": "farm"}])
def test_a_cursor_of_another_list_is_refused(world: World, developer: Account, wanted: dict[str, str]):
    for number in range(3):
        listed(world, developer, f"Farm {number}")
    other = page_of(world, PageRequest(1), **({} if wanted else {"search": "farm"})).next_cursor

    endless = encode_cursor(("1E+999999", "farm", str(developer.id)))
    for cursor in (other, "nonsense", "WyJOYU4iLCAiYSIsICJiIl0", endless if wanted else other):
        with pytest.raises(Invalid):
            page_of(world, PageRequest(1, cursor), **wanted)


def test_of_a_frequent_word_only_the_candidates_are_ranked_those_that_are_named_so_first(
    world: World, developer: Account, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("appanage.apphub.search.CANDIDATES", 3)
    for number in range(4):
        listed(world, developer, f"Tool {number}", description="For every farm.")
    for number in range(3):
        listed(world, developer, f"Farm Tool {number}")
    listed(world, developer, "Farm")

    assert CANDIDATES > 100
    assert found(world, search="farm")[0] == "Farm"
    assert len(found(world, search="farm")) < 5, "not all that speak of it"
    assert counted(world, search="farm").is_more


def test_a_listing_keeps_its_address_while_its_versions_come(world: World, developer: Account):
    made = world.service_app(developer, name="Workforce Sync", company_name="Fabrikam GmbH")
    first = put_up(world, made)
    twin = listed(world, developer, "Workforce  Sync")
    third = listed(world, developer, "Workforce Sync")
    with world.deployment.transaction(world.origin) as tx:
        tx.get_one(App, made.id).name = "Staff Sync"
    second = put_up(world, made, number=2, tagline="Another one")

    assert first.slug == second.slug == "workforce-sync-fabrikam-gmbh"
    assert (twin.slug, third.slug) == ("workforce-sync-fabrikam-gmbh-2", "workforce-sync-fabrikam-gmbh-3")
    assert (second.name, second.tagline) == ("Staff Sync", "Another one")
    assert found(world, search="staff") == ["Staff Sync"]
    assert listed(world, developer, "人事", company="株式会社").slug == "app"
    assert listed(world, developer, str(uuid.uuid4()), company="!").slug.startswith("app-")


def hide_app(field: str) -> Callable[[World, Listing], None]:
    def act(world: World, listing: Listing) -> None:
        with world.deployment.transaction(world.origin) as tx:
            setattr(tx.get_one(App, listing.app_id), field, tx.now)

    return act


def suspend_organization(world: World, listing: Listing) -> None:
    with world.deployment.transaction(world.origin) as tx:
        tx.get_one(Organization, tx.get_one(App, listing.app_id).organization_id).suspended_at = tx.now


def unlist(world: World, listing: Listing) -> None:
    reviewer = world.operators(Role.APP_REVIEWER)
    with world.deployment.transaction(world.origin) as tx:
        catalogue.unlist(tx, tx.get_one(App, listing.app_id), by=reviewer, reason="It broke.")


@pytest.mark.parametrize(
    "hide", [hide_app("deleted_at"), hide_app("suspended_at"), suspend_organization, unlist]
)
def test_what_is_not_shown_is_not_there_in_any_way(
    world: World, developer: Account, hide: Callable[[World, Listing], None]
):
    """CONS-12: the same 404 by address and by id, absent from lists, searches, beginnings and counts."""
    hidden = listed(world, developer, "Quagga Sync", categories=("finance",), tags=("quagga",))
    other = world.developer(world.organization("Contoso"))
    listed(world, other, "Zebra Sync", categories=("security",))
    private = world.service_app(other, name="Quagga Private")
    hide(world, hidden)

    assert found(world) == found(world, search="sync") == ["Zebra Sync"]
    assert found(world, search="quagga") == found(world, search="quag") == found(world, tag="quagga") == []
    assert counted(world, search="sync") == Facets(1, False, {"security": 1}, ["hr"])
    assert counted(world, category="finance").count == 0
    refusals = []
    for key in (hidden.slug, hidden.app_id, private.id, uuid.uuid4(), "no-such-app"):
        with world.deployment.transaction(world.origin) as tx, pytest.raises(NotFound) as refused:
            get_listing(tx, key)
        refusals.append((refused.value.code, refused.value.message))
    assert len(set(refusals)) == 1


def test_reviewers_feature_apps_and_owners_or_reviewers_take_them_out(world: World, developer: Account):
    """CONS-06: roles are read where it is decided."""
    made = world.service_app(developer, name="Ledger", company_name="Fabrikam GmbH")
    listing = put_up(world, made)
    reviewer, stranger = world.operators(Role.APP_REVIEWER), world.operators(Role.OPERATOR)

    def act(by: Account, reason: str | None = None) -> None:
        with world.deployment.transaction(world.origin) as tx:
            account = find_account(tx, by.id)
            assert account is not None
            if reason is None:
                catalogue.feature(tx, get_listing(tx, listing.slug), True, by=account)
            else:
                catalogue.unlist(tx, tx.get_one(App, made.id), by=account, reason=reason)

    with pytest.raises(NotPermitted):
        act(developer)
    with pytest.raises(NotPermitted):
        act(stranger)
    with pytest.raises(NotPermitted):
        act(stranger, "I want to.")
    with world.deployment.transaction(world.origin) as tx:
        app, stale = tx.get_one(App, made.id), tx.get_one(Account, developer.id)
        assert is_owner(tx, app.id, stale)
        with world.deployment.transaction(world.origin) as meanwhile:
            meanwhile.get_one(Account, developer.id).login_enabled = False
        with pytest.raises(NotPermitted):
            catalogue.unlist(tx, app, by=stale, reason="I may not by now.")
    with world.deployment.transaction(world.origin) as tx:
        tx.get_one(Account, developer.id).login_enabled = True
    act(reviewer)
    act(reviewer)
    with pytest.raises(Invalid):
        act(developer, "  ")
    act(developer, "It is replaced by another.")
    with pytest.raises(Conflict):
        act(reviewer, "Again.")

    types = [
        event.type for event in world.events(developer.organization) if event.type.startswith("listing.")
    ]
    assert types == ["listing.featured", "listing.removed"]
    assert made_visibility(world, made) == "organization"
    assert put_up(world, made, number=2).slug == listing.slug, "listed again it has its old address"
    assert found(world) == ["Ledger"]


def test_what_is_taken_out_can_be_authorized_by_no_further_organization(
    world: World, developer: Account, clock: MovableClock
):
    """CONS-03, CONS-12: neither what somebody asked for nor what was half decided, and nothing waits for it."""
    contoso, here = world.organization("Contoso Health"), world.full_admin(developer.organization)
    omar, priya = world.full_admin(contoso), world.full_admin(contoso)
    asked_for, half_decided, used = (world.service_app(developer, requested=False) for _ in range(3))
    for made in (asked_for, half_decided, used):
        put_up(world, made)
    waits = request(world, asked_for, world.person(contoso)).request
    request(world, asked_for, world.person(developer.organization))
    world.authorize(used, omar)
    set_app_policy(world, omar, second_administrator=SecondAdministrator.ALWAYS)
    proposal = propose(world, half_decided, omar)
    versions = {made.id: standing(world, made, here).app.version for made in (asked_for, used)}

    with world.deployment.transaction(world.origin) as tx:
        by = find_account(tx, developer.id)
        assert by is not None
        about_to = decisions.get_visible_app(tx, find_account(tx, omar.id) or omar, asked_for.id)
        with world.deployment.transaction(world.origin) as meanwhile:
            for made in (asked_for, half_decided, used):
                owner = find_account(meanwhile, developer.id) or developer
                catalogue.unlist(
                    meanwhile, meanwhile.get_one(App, made.id), by=owner, reason="It turned bad."
                )
        with pytest.raises(NotFound):
            service.authorize(tx, about_to, by=omar, machine_domain="machine.internal")

    for made in (asked_for, half_decided):
        with pytest.raises(NotFound):
            standing(world, made, priya)
    with pytest.raises(NotFound):
        confirm(world, proposal, priya)
    with world.deployment.transaction(world.origin) as tx:
        assert inbox.count_waiting(tx, contoso.id) == 0
        assert inbox.list_waiting_apps(tx, contoso.id, RequestFilter(), PageRequest()).items == []
        assert inbox.list_waiting_proposals(tx, contoso.id) == []
        with pytest.raises(NotFound):
            request_queries.get_in_organization(tx, contoso.id, waits.id)
    assert standing(world, asked_for, here).needs_decision, "its own organization still decides"
    for made, admin in ((asked_for, here), (used, omar)):
        with pytest.raises(Conflict, match="was changed"):
            decide(world, made, admin, version=versions[made.id])

    clock.advance(days=3, hours=1)
    forget_letters(world)
    remind(world.deployment, lambda _: False)
    assert {one.address for one in letters(world)} == {here.email}

    put_up(world, asked_for, number=2)
    assert standing(world, asked_for, priya).needs_decision, "listed again it is asked for as before"


def made_visibility(world: World, made: MadeApp) -> str:
    with world.deployment.transaction(world.origin) as tx:
        return tx.get_one(App, made.id).visibility
