"""What an administrator settles on Service Apps before any of them is asked for, in a browser."""

from collections.abc import Callable

from playwright.sync_api import expect

from support.person import Person
from support.world import PASSWORD, World


def test_an_administrator_settles_the_app_policy(live: World, sit_down: Callable[..., Person]):
    organization = live.organization("Northwind Traders")
    priya = live.full_admin(organization, name="Priya Raman", password=PASSWORD)
    maya = live.developer(live.organization("Fabrikam GmbH"), name="Maya Lindqvist")
    own = live.service_app(live.developer(organization), name="Badge Printer")
    live.authorize(own, priya)
    listed = live.service_app(maya, requested=False, name=f"Front Desk {maya.id.hex[:6]}")
    live.list_app(listed)
    administrator = sit_down("administrator of policies")
    page = administrator.page

    administrator.sign_in(priya)
    administrator.go("/hub/app-policies")
    administrator.look("policy")
    page.get_by_label("Administrators", exact=True).check()
    page.get_by_label("For high-risk scopes").check()
    page.get_by_label("Only apps that are allowed by name").check()
    page.get_by_label("Longest duration in days").fill("90")
    administrator.press("Preview")
    page.get_by_label("Search apps").fill(listed.app.name)
    page.get_by_label("Search apps").press("Enter")
    administrator.follow(listed.app.name)
    administrator.look("what would happen with one app")
    administrator.press("Save policy")
    expect(page.get_by_text("The app policy is saved.")).to_be_visible()
    administrator.look("saved")
    administrator.follow("Look at them")
    administrator.look("beyond the policy")

    administrator.go("/hub/app-policies/apps")
    administrator.look("apps to name")
    administrator.follow("Badge Printer")
    page.get_by_role("radio", name="Blocked").check()
    administrator.press("Save decision")
    expect(page.get_by_text("There is 1 problem")).to_be_visible()
    administrator.look("what ends is not confirmed")
    page.get_by_role("radio", name="Blocked").check()
    page.get_by_label("End all of this if it is blocked").check()
    administrator.press("Save decision")
    administrator.go("/hub/app-policies?named=block")
    administrator.look("blocked by name")
