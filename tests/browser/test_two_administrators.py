"""Two administrators decide on an app with fewer scopes and an end, in a browser."""

from collections.abc import Callable

from playwright.sync_api import expect

from appanage.authorizations.model import SecondAdministrator
from support.deciding import LICENSES, READ, WRITE, ask_for
from support.person import Person
from support.policing import set_app_policy
from support.world import PASSWORD, World


def test_an_app_is_proposed_confirmed_and_declined_more(live: World, sit_down: Callable[..., Person]):
    """CONS-05, CONS-07."""
    organization = live.organization("Northwind Traders")
    priya = live.full_admin(organization, name="Priya Raman", password=PASSWORD)
    omar = live.full_admin(organization, name="Omar Haddad", password=PASSWORD)
    maya = live.developer(organization, name="Maya Lindqvist", password=PASSWORD)
    reasons = {WRITE: "New hires get an account on their first day."}
    made = live.service_app(
        maya, scopes=[READ, WRITE], optional_scopes=[WRITE], scope_reasons=reasons, name="Workforce Sync"
    )
    set_app_policy(live, priya, second_administrator=SecondAdministrator.ALWAYS, longest_days=90)
    first, second = sit_down("first administrator"), sit_down("second administrator")
    page = f"/hub/service-apps/{made.id}"

    first.sign_in(priya)
    first.go(page)
    first.look("requested")
    first.page.get_by_label("Authorized").check()
    first.page.get_by_label(WRITE).check()
    first.page.get_by_label("I reviewed the high-risk scope").check()
    first.page.get_by_label("Note for the audit log").fill("Ticket 4711")
    first.press("Save")
    expect(first.page.get_by_text("You proposed to authorize Workforce Sync.")).to_be_visible()
    first.look("proposed")

    second.sign_in(omar)
    second.go("/hub/service-apps")
    second.look("needs decision")
    second.follow("Workforce Sync")
    second.look("to confirm")
    second.page.get_by_label("I reviewed the high-risk scope").check()
    second.press("Confirm authorization")
    expect(second.page.get_by_text("as Priya Raman proposed.")).to_be_visible()
    second.look("confirmed")

    ask_for(live, made, [READ, LICENSES])
    second.go(page)
    second.look("more scopes")
    second.page.get_by_label("Decline", exact=True).check()
    second.page.get_by_label("Reason, if you decline").fill("We count licenses ourselves.")
    second.press("Save")
    expect(second.page.get_by_text("1 added scope declined")).to_be_visible()
    second.look("declined")

    developer = sit_down("choosing developer")
    developer.sign_in(maya)
    developer.go(f"/portal/apps/{made.id}/scopes")
    developer.look("optional scopes")
