"""Who owns an app, in the portal; and the apps that nobody owns any more, in Control Hub."""

import pytest

from appanage.directory import service as directory
from appanage.directory.model import Account
from appanage.directory.service import Profile
from support.browser import rows_of
from support.refusals import counted_statements
from support.world import PASSWORD

LIST = "/hub/apps-without-owner"


@pytest.fixture
def made(world, developer):
    return world.service_app(developer, name="Workforce Sync")


@pytest.fixture
def omar(world, organization):
    return world.person(organization, name="Omar Haddad", password=PASSWORD)


def path_of(made, page=""):
    return f"/portal/apps/{made.id}/owners{page}"


def block(world, person, by):
    with world.deployment.transaction(world.origin) as tx:
        profile = Profile(person.email, display_name=person.display_name, login_enabled=False)
        who, administrator = tx.get_one(Account, person.id), tx.get_one(Account, by.id)
        directory.update_person(tx, who, profile, by=administrator, own_domains=())


def test_a_colleague_is_added_and_removed_and_the_last_owner_stays(
    dana, made, omar, world, developer, new_browser
):
    """CONS-12: a person of another organization is refused like an address that nobody has."""
    assert path_of(made) in dana.get(f"/portal/apps/{made.id}/settings").links()
    dana.get(path_of(made))
    stranger = world.person(world.organization())
    shown = [
        dana.submit(path_of(made), {"email": email}, status=422).text.replace(email, "")
        for email in (stranger.email, "nobody@people.example")
    ]
    assert shown[0] == shown[1]
    assert "There is no such person in your organization" in shown[0]

    assert (
        "Enter the e-mail address of a colleague."
        in dana.submit(path_of(made), {"email": " "}, status=422).text
    )

    page = dana.submit(path_of(made), {"email": omar.email})
    assert "Omar Haddad is an owner of Workforce Sync now." in page.text
    dana.submit(path_of(made), {"email": omar.email}, status=409)
    assert "owns Workforce Sync already" in dana.page.text

    other = new_browser().sign_in(omar)
    other.get(path_of(made, f"/{developer.id}/remove"))
    page = other.submit(path_of(made, f"/{developer.id}/remove"))
    assert "Dana Kim does not own Workforce Sync any more." in page.text
    dana.get(path_of(made), 404)
    other.get(path_of(made, f"/{developer.id}/remove"), 404)
    other.get(path_of(made, f"/{omar.id}/remove"))
    page = other.submit(path_of(made, f"/{omar.id}/remove"), status=409)
    assert "would be left without an owner" in page.text


def test_an_app_is_handed_over_or_left(dana, made, omar, new_browser, developer):
    dana.get(path_of(made, "/transfer"))
    dana.submit(path_of(made, "/transfer"), {"email": "nobody@people.example"}, status=422)
    page = dana.submit(path_of(made, "/transfer"), {"email": omar.email})

    assert "Workforce Sync is handed over to Omar Haddad." in page.text
    assert "Workforce Sync" not in page.links()
    dana.get(path_of(made), 404)
    other = new_browser().sign_in(omar)
    other.get(path_of(made))
    other.submit(path_of(made), {"email": developer.email})
    other.get(path_of(made, f"/{omar.id}/remove"))
    page = other.submit(path_of(made, f"/{omar.id}/remove"))
    assert "You do not own Workforce Sync any more." in page.text
    dana.get(path_of(made))


def test_owners_of_a_listed_app_wait_for_a_review(dana, made, omar, world):
    """REG-13."""
    world.list_app(made)
    dana.get(path_of(made))
    page = dana.submit(path_of(made), {"email": omar.email})
    assert ("Owners", "Dana Kim", "Dana Kim Omar Haddad") in rows_of(page)
    assert "Not yet" in page.text

    page = dana.submit(f"/portal/apps/{made.id}/proposal/discard")
    assert "Omar Haddad" not in page.text
    dana.get(path_of(made, "/transfer"))
    page = dana.submit(path_of(made, "/transfer"), {"email": omar.email})
    assert "Until then you are an owner." in page.text
    assert ("Owners", "Dana Kim", "Omar Haddad") in rows_of(page)


def test_an_administrator_finds_owners_for_apps_that_lost_theirs(
    world, browser, admin, made, omar, organization, developer, new_browser
):
    """CONS-12: an app with an owner, and another organization's, are not there."""
    browser.sign_in(admin)
    assert "Every app has an owner" in browser.get(LIST).text
    browser.get(f"{LIST}/{made.id}", 404)
    second = world.bot(developer, name="Stand-up Bot")
    foreign = world.service_app(world.developer(world.organization()), name="Foreign")
    block(world, foreign.developer, world.full_admin(foreign.developer.organization))
    block(world, developer, admin)

    page = browser.get(LIST)
    assert "Apps without an owner2" in page.text
    assert ("Workforce Sync" in page.text, "Dana Kim" in page.text, "Foreign" in page.text) == (
        True,
        True,
        False,
    )
    browser.get(f"{LIST}/{foreign.id}", 404)
    browser.get(f"{LIST}/{made.id}")
    browser.submit(f"{LIST}/{made.id}", {"who": "colleague", "email": "nobody@people.example"}, status=422)
    late = new_browser().sign_in(admin)
    late.get(f"{LIST}/{made.id}")
    page = browser.submit(f"{LIST}/{made.id}", {"who": "colleague", "email": omar.email})
    assert "Omar Haddad owns Workforce Sync now." in page.text
    late.submit(f"{LIST}/{made.id}", status=404)
    browser.get(f"{LIST}/{second.id}")
    page = browser.submit(f"{LIST}/{second.id}", {"who": "me"})
    assert page.heading == "Stand-up Bot"


def test_only_full_administrators_look_for_owners(browser, lena):
    browser.sign_in(lena)
    browser.get(LIST, 403)


def test_the_list_is_paged_and_costs_the_same_for_many_apps(world, browser, admin, developer, organization):
    other = world.developer(organization)
    world.service_app(other, requested=False)
    for number in range(30):
        world.service_app(developer, requested=False, name=f"App {number:02}")
    block(world, other, admin)
    browser.sign_in(admin)
    browser.get(LIST)
    with counted_statements(world) as few:
        browser.get(LIST)
    block(world, developer, admin)
    with counted_statements(world) as many:
        page = browser.get(LIST)

    assert len(many) == len(few)
    [next_page] = [link for link in page.links() if "cursor=" in link]
    assert "App 00" in browser.get(next_page).text
