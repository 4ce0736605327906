"""Who answers for an app, in a browser: colleagues are added, it is handed over, and adopted when nobody is left."""

from collections.abc import Callable

from playwright.sync_api import expect

from appanage.directory import service as directory
from appanage.directory.model import Account
from support.person import Person
from support.world import PASSWORD, World


def test_an_app_goes_from_hand_to_hand(live: World, sit_down: Callable[..., Person]):
    organization = live.organization("Fabrikam GmbH")
    maya = live.developer(organization, name="Maya Lindqvist", password=PASSWORD)
    omar = live.person(organization, name="Omar Haddad")
    jonas = live.full_admin(organization, name="Jonas Weber", password=PASSWORD)
    made = live.service_app(maya, name="Workforce Sync")
    owners = f"/portal/apps/{made.id}/owners"
    developer, administrator = sit_down("owner"), sit_down("administrator who finds an owner")
    page = developer.page

    developer.sign_in(maya)
    developer.go(owners)
    page.get_by_label("E-mail of the colleague").fill("nobody@fabrikam.example")
    developer.press("Add owner")
    developer.look("no such colleague")
    page.get_by_label("E-mail of the colleague").fill(omar.email)
    developer.press("Add owner")
    developer.look("owners")
    page.get_by_role("link", name="Remove Omar Haddad").click()
    developer.look("remove")
    developer.press("Remove owner")
    expect(page.get_by_text("does not own Workforce Sync any more")).to_be_visible()
    developer.follow("Hand over…")
    developer.look("hand over")
    page.get_by_label("E-mail of the colleague").fill(omar.email)
    developer.press("Hand over")
    expect(page.get_by_text("Workforce Sync is handed over to Omar Haddad.")).to_be_visible()

    with live.deployment.transaction(live.origin) as tx:
        directory.delete_person(tx, tx.get_one(Account, omar.id), by=tx.get_one(Account, jonas.id))
    administrator.sign_in(jonas)
    administrator.go("/hub/apps-without-owner")
    administrator.look("apps without an owner")
    administrator.page.get_by_role("link", name="Find an owner for Workforce Sync").click()
    administrator.page.get_by_label("A colleague").check()
    administrator.press("Make owner")
    administrator.look("find an owner")
    administrator.page.get_by_label("E-mail of the colleague").fill(maya.email)
    administrator.press("Make owner")
    expect(administrator.page.get_by_text("Maya Lindqvist owns Workforce Sync now.")).to_be_visible()
    administrator.look("every app has an owner")
