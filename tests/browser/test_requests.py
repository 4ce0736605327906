"""An app is sent to another organization and declined there, in a browser."""

from collections.abc import Callable

from playwright.sync_api import expect

from support.asking import request
from support.person import Person
from support.world import PASSWORD, World


def test_an_app_is_shared_and_declined(live: World, sit_down: Callable[..., Person]):
    organization = live.organization("Northwind Traders")
    jonas = live.full_admin(organization, name="Jonas Weber", password=PASSWORD)
    maya = live.developer(live.organization("Fabrikam GmbH"), name="Maya Lindqvist", password=PASSWORD)
    made = live.service_app(maya, requested=False, name="Badge Printer")
    listed = live.service_app(maya, requested=False, name="Front Desk", scopes=["spark-admin:locations_read"])
    live.list_app(listed)
    request(live, listed, live.person(organization, name="Lena Vogt"), "For our front desk.")
    developer, administrator = sit_down("sharing developer"), sit_down("asked administrator")

    developer.sign_in(maya)
    developer.go("/portal/requests")
    developer.look("requests empty")
    developer.go(f"/portal/apps/{made.id}/authorization")
    developer.page.get_by_label("Organization ID or verified domain").fill("nobody.example")
    developer.press("Share")
    developer.look("nobody is reached")
    developer.page.get_by_label("Organization ID or verified domain").fill(str(organization.id))
    developer.page.get_by_label("Message to its administrators").fill("As agreed with you on the phone.")
    developer.press("Share")
    developer.look("shared")

    administrator.sign_in(jonas)
    administrator.go("/hub/requests")
    administrator.look("requests")
    administrator.follow("Decline Badge Printer")
    administrator.look("decline")
    administrator.page.get_by_label("Reason").fill("We have no contract with you.")
    administrator.press("Decline Badge Printer")
    expect(administrator.page.get_by_text("Badge Printer is declined.")).to_be_visible()
    administrator.go("/hub/requests?state=decided")
    administrator.look("decided")

    developer.go("/portal/requests")
    expect(developer.page.get_by_text("We have no contract with you.")).to_be_visible()
    developer.look("requests")
