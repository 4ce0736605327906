"""The apps that a person connected, on their own pages."""

import uuid

from support.browser import text_of
from support.consenting import allow, integration
from support.world import PASSWORD

LIST = "/account/connected-apps"


def test_nothing_is_connected_at_first(browser, lena):
    page = browser.sign_in(lena).get(LIST)

    assert "No app is connected" in page.text


def test_connected_apps_are_listed_with_what_matters(browser, world, app, lena):
    """CONS-10."""
    allow(world, app, lena)
    page = browser.sign_in(lena).get(LIST)
    cells = [text_of(cell) for cell in page.all("th")[-1:] + page.all("td")]

    assert cells[0].endswith("Desk BookingFabrikam GmbH")
    assert cells[1] == "3"
    assert cells[3] == "Not yet"


def test_an_app_shows_what_it_may_do_in_plain_words(browser, world, app, lena):
    made = allow(world, app, lena)
    page = browser.sign_in(lena).get(f"{LIST}/{made.id}")

    for fact in (
        "Create, change, and delete the account's spaces",
        "Deletes spaces together with their conversations.",
        "Medium risk",
        "Fabrikam GmbH",
    ):
        assert fact in page.text


def test_an_app_is_disconnected_after_a_confirmation(browser, world, app, lena, organization):
    made = allow(world, app, lena)
    browser.sign_in(lena).get(f"{LIST}/{made.id}")
    page = browser.get(f"{LIST}/{made.id}/disconnect")

    assert page.heading == "Disconnect Desk Booking?"

    page = browser.submit(f"{LIST}/")

    assert "Desk Booking is disconnected." in page.text
    assert "No app is connected" in page.text
    (event,) = world.events(organization, "consent.withdrawn")
    assert event.actor_name == "Lena Vogt"
    browser.get(f"{LIST}/{made.id}", status=404)


def test_what_was_disconnected_in_another_tab_is_gone(browser, world, app, lena, organization):
    made = allow(world, app, lena)
    browser.sign_in(lena)
    sent = browser.get(f"{LIST}/{made.id}/disconnect").values(browser.page.forms(LIST)[0])
    browser.submit(f"{LIST}/")
    browser.post(f"{LIST}/{made.id}/disconnect", sent, status=404)

    assert len(world.events(organization, "consent.withdrawn")) == 1


def test_nobody_sees_or_ends_what_somebody_else_connected(browser, world, app, lena, organization):
    made = allow(world, app, lena)
    browser.sign_in(world.full_admin(organization, password=PASSWORD))
    csrf = browser.get("/account").values(browser.page.forms("/logout")[0])["csrf"]

    assert "Desk Booking" not in browser.get(LIST).text
    browser.get(f"{LIST}/{made.id}", status=404)
    browser.get(f"{LIST}/{made.id}/disconnect", status=404)
    browser.get(f"{LIST}/{uuid.uuid4()}", status=404)
    browser.post(f"{LIST}/{made.id}/disconnect", {"csrf": csrf}, status=404)
    assert world.events(organization, "consent.withdrawn") == []


def test_a_form_without_its_token_changes_nothing(browser, world, app, lena, organization):
    made = allow(world, app, lena)
    browser.sign_in(lena)
    browser.post(f"{LIST}/{made.id}/disconnect", {"csrf": "0" * 64}, status=403)

    assert world.events(organization, "consent.withdrawn") == []


def test_many_apps_are_listed_page_by_page(browser, world, lena, organization):
    for number in range(27):
        allow(world, integration(world, organization, name=f"App {number:02d}"), lena)
    page = browser.sign_in(lena).get(LIST)

    assert len(page.all("tr")) == 26

    page = browser.get(next(link for link in page.links() if "cursor=" in link))

    assert [link for link in page.links() if link.startswith(f"{LIST}/")]
    assert len(page.all("tr")) == 3


def test_the_pages_are_for_signed_in_people(browser):
    assert browser.get(LIST).heading == "Sign in"
