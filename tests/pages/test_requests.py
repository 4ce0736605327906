"""Both inboxes: what administrators find and decline, what developers and people asked for; and sharing an app."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from appanage.apps import service as apps
from appanage.apps.drafts import draft_of
from appanage.apps.queries import get_app
from appanage.authorizations import decisions, service
from appanage.authorizations.model import SecondAdministrator
from appanage.directory.model import Account, Organization, Plan
from appanage.directory.roles import Role
from support.asking import decline, request, set_app_policy, share
from support.browser import Browser, Shown
from support.clock import MovableClock
from support.refusals import counted_statements
from support.world import PASSWORD, MadeApp, World

INBOX, MINE = "/hub/requests", "/portal/requests"
READS = ["spark-admin:people_read"]


@pytest.fixture
def maker(world: World) -> Account:
    """A developer of another organization."""
    return world.developer(world.organization("Fabrikam GmbH"), name="Omar Haddad", password=PASSWORD)


@pytest.fixture
def theirs(world: World, maker: Account) -> MadeApp:
    """A private app of that developer."""
    return world.service_app(maker, requested=False, name="Badge Printer", scopes=READS)


def words(shown: Shown) -> str:
    """Everything on the page, with blanks between its parts."""
    return " ".join(" ".join(shown.root.itertext()).split())


def row_of(shown: Shown, name: str) -> str:
    """What the row about one app says."""
    (row,) = [row for row in shown.all("tr") if name in " ".join(row.itertext())]
    return " ".join(" ".join(row.itertext()).split())


class TestTheInboxOfAdministrators:
    def test_it_shows_who_asks_for_what_how_risky_it_is_and_what_the_policy_says(
        self, world: World, browser: Browser, admin: Account, lena: Account, made: MadeApp, theirs: MadeApp
    ):
        organization = admin.organization
        listed = world.service_app(theirs.developer, requested=False, name="Front Desk", scopes=READS)
        world.list_app(listed)
        share(world, theirs, organization, message="As agreed on the phone.")
        request(world, listed, lena, "For our front desk.")
        request(world, listed, world.person(organization, name="Jan Novak"))
        set_app_policy(world, admin, second_administrator=SecondAdministrator.HIGH_RISK)

        shown = browser.sign_in(admin).get(INBOX)

        shared, asked, own = (row_of(shown, one.app.name) for one in (theirs, listed, made))
        assert "Fabrikam GmbH Omar Haddad shared it with you “As agreed on the phone.”" in shared
        assert "Not reviewed 1 scope One administrator decides" in shared
        assert "Jan Novak and 1 other asked for it from the App Hub" in asked
        assert "Reviewed" in asked
        assert "Not reviewed" not in asked
        assert "Dana Kim asked for their app" in own
        assert "High risk" in own
        assert "wants two administrators to agree" in own
        assert f"/hub/service-apps/{listed.id}" in shown.links()
        assert "Requests 3 " in words(shown)
        for query, there in (("kind=share", theirs), ("kind=person", listed), ("q=workforce", made)):
            found = browser.get(f"{INBOX}?{query}")
            assert [one.app.name for one in (theirs, listed, made) if one.app.name in found.text] == [
                there.app.name
            ]
        assert "Nothing matches these filters" in browser.get(f"{INBOX}?q=nothing").text

    def test_proposals_and_changed_scopes_are_there_too(
        self, world: World, browser: Browser, admin: Account, developer: Account, made: MadeApp
    ):
        changed = world.service_app(developer, name="Grown App", scopes=READS)
        world.authorize(changed, admin)
        with world.deployment.transaction(world.origin) as tx:
            app = get_app(tx, changed.id)
            apps.update(
                tx, app, replace(draft_of(app), scopes=[*READS, "spark-admin:people_write"]), by=app.creator
            )
        set_app_policy(world, admin, second_administrator=SecondAdministrator.ALWAYS)
        with world.deployment.transaction(world.origin) as tx:
            app = decisions.get_visible_app(tx, admin, made.id)
            service.authorize(tx, app, by=admin, machine_domain="machine.internal")

        shown = browser.sign_in(admin).get(INBOX)

        assert "Waiting for a second administrator One administrator decided already." in words(shown)
        assert f"{made.app.name} Proposed by Priya Raman" in words(shown)
        assert "Grown App 1 scope to decide on" in words(shown)
        assert "Requests 2 " in words(shown)

    def test_a_request_is_declined_with_a_reason_on_a_page_of_its_own(
        self, world: World, browser: Browser, admin: Account, theirs: MadeApp
    ):
        share(world, theirs, admin.organization)
        page = f"{INBOX}/{theirs.id}/decline"
        browser.sign_in(admin).get(page)

        refused = browser.submit(page, {"reason": " "}, status=422)
        assert "Say why: whoever asked is told. Nothing was changed." in refused.text
        shown = browser.submit(page, {"reason": "We have no contract with you."})

        assert "Badge Printer is declined. 1 person who asked is told why." in shown.text
        assert "Nobody waits for you" in shown.text
        decided = row_of(browser.get(f"{INBOX}?state=decided"), "Badge Printer")
        assert "Declined “We have no contract with you.” Priya Raman" in decided
        assert "Nobody waits for this app" in browser.get(page).text

    def test_somebody_else_was_faster(self, world: World, browser: Browser, admin: Account, made: MadeApp):
        page = f"{INBOX}/{made.id}/decline"
        browser.sign_in(admin).get(page)
        world.authorize(made, world.full_admin(admin.organization, name="Omar Haddad"))

        shown = browser.submit(page, {"reason": "Not needed."}, status=409)

        assert "Nothing was changed: the app was authorized by Omar Haddad on" in shown.text
        assert world.events(admin.organization, "authorization.request_declined") == []

    def test_who_may_not_decide_sees_it_and_cannot_decline(
        self, world: World, browser: Browser, admin: Account, made: MadeApp, theirs: MadeApp
    ):
        """CONS-06, CONS-12."""
        page = f"{INBOX}/{made.id}/decline"
        reader = world.person(admin.organization, Role.READONLY_ADMIN, password=PASSWORD)
        browser.sign_in(reader)

        shown = browser.get(INBOX)
        assert made.app.name in shown.text
        assert page not in shown.links()
        token = shown.values(shown.forms("/logout")[0])["csrf"]
        browser.get(page, 403)
        browser.post(page, {"csrf": token, "reason": "No."}, status=403)
        browser.post(f"{INBOX}/{theirs.id}/decline", {"csrf": token, "reason": "No."}, status=404)

        assert len(world.events(admin.organization, "authorization.refused")) == 1

    def test_it_is_paged_and_costs_the_same_however_long_it_is(
        self, world: World, browser: Browser, admin: Account, developer: Account
    ):
        def cost(path: str) -> int:
            with counted_statements(world) as statements:
                browser.get(path)
            return len(statements)

        def grow(number: int) -> None:
            for _ in range(number):
                world.service_app(developer)

        grow(2)
        browser.sign_in(admin).get(INBOX)
        few = cost(INBOX)
        grow(24)

        assert cost(INBOX) == few
        assert "25 apps on this page" in browser.get(INBOX).text
        (following,) = [link for link in browser.page.links() if "cursor=" in link]  # type: ignore[union-attr]
        assert "1 app on this page" in browser.get(following).text


class TestSharing:
    def test_an_app_is_shared_and_the_share_is_withdrawn(
        self, browser: Browser, maker: Account, theirs: MadeApp, organization: Organization
    ):
        page, form = f"/portal/apps/{theirs.id}/authorization", f"/portal/apps/{theirs.id}/shares"
        browser.sign_in(maker).get(page)

        refused = browser.submit(
            form, {"organization": "nobody.example", "share_message": "Hello"}, status=422
        )
        assert "No organization can be reached by this." in refused.text
        assert refused.values(refused.forms(form)[0])["share_message"] == ["Hello"]
        shown = browser.submit(form, {"organization": str(organization.id)})

        assert f"Badge Printer is shared with {organization.id}." in shown.text
        assert "Waits for its administrators" in shown.text
        assert "Northwind" not in shown.text
        assert f"{organization.id} Waiting" in words(browser.get(f"/portal/apps/{theirs.id}/orgs"))
        browser.get(page)
        token = shown.values(shown.forms("/logout")[0])["csrf"]
        again = browser.post(form, {"csrf": token, "organization": str(organization.id)}, status=409)
        assert "You asked already." in again.text
        (withdrawal,) = [one for one in again.forms(f"{form}/") if "withdrawal" in one.get("action", "")]

        shown = browser.submit(withdrawal.get("action", ""))

        assert "is not shared there any more." in shown.text
        assert "Withdrawn" in shown.text

    def test_people_of_a_free_organization_can_share_too(self, world: World, browser: Browser):
        free = world.developer(world.organization("Solo", plan=Plan.FREE), password=PASSWORD)
        made = world.service_app(free, requested=False)
        target = world.organization()
        browser.sign_in(free).get(f"/portal/apps/{made.id}/authorization")

        shown = browser.submit(f"/portal/apps/{made.id}/shares", {"organization": str(target.id)})

        assert "Its administrators decide." in shown.text

    def test_too_many_guesses_end(self, world: World, browser: Browser, maker: Account, theirs: MadeApp):
        """CONS-12."""
        form = f"/portal/apps/{theirs.id}/shares"
        browser.sign_in(maker).get(f"/portal/apps/{theirs.id}/authorization")
        for _ in range(20):
            world.deployment.throttle.count_address(str(maker.id))

        assert "Too many attempts" in browser.submit(form, {"organization": "x.example"}, status=429).text


class TestTheInboxOfWhoAsked:
    def test_it_shows_what_became_of_each_request_and_whom_it_waits_for(
        self,
        world: World,
        browser: Browser,
        admin: Account,
        maker: Account,
        theirs: MadeApp,
        clock: MovableClock,
    ):
        """AUD-05: who in the other organization decided is its own business."""
        declined = world.service_app(maker, requested=False, name="Declined App")
        own = world.service_app(maker, name="Own App")
        listed = world.service_app(world.developer(admin.organization), requested=False, name="Listed App")
        world.list_app(listed)
        share(world, theirs, admin.organization)
        share(world, declined, admin.organization)
        decline(world, declined, admin, "No contract.")
        boss = world.full_admin(maker.organization, name="Berta Boss")
        request(world, listed, maker)
        clock.advance(days=1)

        shown = browser.sign_in(maker).get(MINE)

        assert "Northwind Traders Declined by Northwind Traders" in row_of(shown, "Declined App")
        assert "“No contract.”" in row_of(shown, "Declined App")
        assert "Priya Raman" not in shown.text
        assert f"{admin.organization_id} Waiting Waits for its administrators You" in row_of(
            shown, "Badge Printer"
        )
        assert "Fabrikam GmbH Waiting Waits for Berta Boss You" in row_of(shown, "Listed App")
        assert "Requests 3 " in words(shown)
        for asked in ("Own App", "Badge Printer", "Listed App"):
            remind = next(
                form.get("action", "")
                for row in browser.get(MINE).all("tr")
                if asked in " ".join(row.itertext())
                for form in row.iter("{http://www.w3.org/1999/xhtml}form")
                if "reminder" in form.get("action", "")
            )
            assert f"{asked} is asked for once more." in browser.submit(remind).text
        assert "Remind from" in row_of(browser.get(MINE), "Badge Printer")
        assert "Declined App" in browser.get(f"{MINE}?state=declined&q=declined").text
        assert "Own App" not in browser.page.text  # type: ignore[union-attr]
        assert len(world.events(own.app.organization, "authorization.requested")) == 4
        assert boss.is_active

    def test_a_person_withdraws_what_they_asked_for(
        self,
        world: World,
        browser: Browser,
        new_browser: Callable[[], Browser],
        admin: Account,
        lena: Account,
        theirs: MadeApp,
    ):
        world.list_app(theirs)
        asked = request(world, theirs, lena).request
        mine, others = browser.sign_in(lena).get(MINE), new_browser().sign_in(admin)
        path = f"{MINE}/{asked.id}/withdrawal"

        assert "The request for Badge Printer is withdrawn." in browser.submit(path).text
        token = mine.values(mine.forms("/logout")[0])["csrf"]
        assert "the request was withdrawn" in browser.post(path, {"csrf": token}, status=409).text
        page = others.get("/portal/requests")
        others.post(path, {"csrf": page.values(page.forms("/logout")[0])["csrf"]}, status=404)

    def test_before_anything_was_asked_it_says_what_will_be_there(self, browser: Browser, lena: Account):
        shown = browser.sign_in(lena).get(MINE)

        assert "You asked for nothing yet" in shown.text
        assert "/portal/apps" in shown.links()
