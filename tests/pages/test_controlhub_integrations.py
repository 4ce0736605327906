"""Integrations in the administrators' console: what people connected, the policy, rules, and the end of connections."""

import uuid

import pytest

from appanage.apps.model import App
from appanage.authorizations.model import PolicyMode
from appanage.authorizations.tokens import TokenPair
from appanage.directory.model import Account, Organization
from appanage.directory.roles import OF_EVERY_ORGANIZATION, Role
from appanage.events import SeenEvent
from support.browser import Browser, Shown
from support.connecting import connect, is_alive, set_policy, set_rule
from support.consenting import allow, ask, integration
from support.world import PASSWORD, World

LIST = "/hub/integrations"
POLICY, NEW, RULES = f"{LIST}/policy", f"{LIST}/rules/new", f"{LIST}/rules"
ALLOW, BLOCK = PolicyMode.ALLOW, PolicyMode.BLOCK
READERS = {Role.FULL_ADMIN, Role.READONLY_ADMIN, Role.DEVICE_ADMIN, Role.SUPPORT_ADMIN}


@pytest.fixture
def pair(world: World, app: App, lena: Account) -> TokenPair:
    """What Desk Booking holds for Lena."""
    return connect(world, app, lena)


def page_of(app: App) -> str:
    return f"{LIST}/{app.id}"


def words(shown: Shown) -> str:
    """The page with single blanks between all that stands apart."""
    return " ".join(" ".join(part.strip() for part in shown.root.itertext()).split())


def told(shown: Shown) -> str:
    """The page without the number of the incident."""
    return shown.text.partition("Status 404")[0]


def test_an_administrator_sees_what_people_connected(
    world: World, browser: Browser, organization: Organization, admin: Account, app: App, pair: TokenPair
):
    """CONS-10."""
    connect(world, app, world.person(organization))

    shown = browser.sign_in(admin).get(LIST)

    assert "People can connect whatever no rule blocks" in shown.text
    assert "In use 1 Allowed 1 Blocked 0" in words(shown)
    assert "Desk Booking Fabrikam GmbH Medium risk 2 just now Allowed by the policy" in words(shown)


def test_one_integration_shows_what_it_may_do_and_for_whom(
    world: World, browser: Browser, admin: Account, app: App, lena: Account
):
    """CONS-01, CONS-10: every grant can be inspected."""
    allow(world, app, lena, "spark:people_read")

    shown = words(browser.sign_in(admin).get(page_of(app)))

    for fact in (
        "Lena Vogt",
        lena.email,
        "1 scope spark:people_read",
        "Not yet",
        "Create, change, and delete the account's spaces",
        "Deletes spaces together with their conversations.",
        "From Fabrikam GmbH",
        app.client_id,
    ):
        assert fact in shown


def test_what_nobody_here_connected_does_not_exist(world: World, browser: Browser, admin: Account, app: App):
    """CONS-12: in lists and counts, by its id, and as the page of an id that nobody has."""
    connect(world, app, world.person(world.organization()))
    missing = uuid.uuid4()
    browser.sign_in(admin)

    assert "No integrations here" in browser.get(LIST).text
    assert app.name not in browser.get(f"{LIST}?state=allowed&q={app.client_id}").text
    for path in ("", "/disconnect"):
        there = browser.get(page_of(app) + path, 404)
        nowhere = browser.get(f"{LIST}/{missing}{path}", 404)
        assert told(there) == told(nowhere)
    browser.get(f"{LIST}/not-an-id", 404)


def test_an_integration_is_blocked_when_its_people_are_meant_to_be_disconnected(
    world: World,
    browser: Browser,
    organization: Organization,
    admin: Account,
    lena: Account,
    app: App,
    pair: TokenPair,
):
    """Nothing happens unless it was said how many people lose their connection, and confirmed."""
    browser.sign_in(admin).get(page_of(app))

    shown = browser.submit(page_of(app), {"rule": "block"}, status=422)

    assert "Disconnect 1 person if this blocks it" in shown.text
    assert "Confirm that people are disconnected. Nothing was changed." in shown.text
    assert is_alive(world, pair)

    shown = browser.submit(page_of(app), {"ack": "on"})

    assert "Desk Booking is blocked for Northwind Traders. 1 connection has ended." in shown.text
    assert "Nobody is connected." in shown.text
    assert "Rule decided by Priya Raman" in words(shown)
    assert not is_alive(world, pair)
    (blocked,) = world.events(organization, "integration.blocked")
    seen = SeenEvent.by(organization.id, blocked)
    assert seen.action_text == "Priya Raman blocked Desk Booking for Northwind Traders."
    assert "Blocked by a rule of Priya Raman" in words(browser.get(f"{LIST}?state=blocked"))


def test_blocked_people_are_told_so_and_allowed_ones_are_asked(
    world: World, browser: Browser, organization: Organization, admin: Account, lena: Account, app: App
):
    set_rule(world, admin, app, BLOCK)
    browser.sign_in(lena)

    assert "do not allow" in ask(browser, app, status=403).text

    set_rule(world, admin, app, ALLOW)
    assert "It asks for 3 permissions" in ask(browser, app).text


def test_a_rule_that_is_removed_leaves_the_app_to_the_policy(
    world: World, browser: Browser, organization: Organization, admin: Account, app: App
):
    set_rule(world, admin, app, BLOCK)
    browser.sign_in(admin).get(page_of(app))

    shown = browser.submit(page_of(app), {"rule": "policy"})

    assert shown.heading == "Integrations"
    assert "Desk Booking follows the policy." in shown.text
    assert len(world.events(organization, "integration.rule_removed")) == 1


def test_a_decision_has_to_be_one(browser: Browser, admin: Account, app: App, pair: TokenPair):
    browser.sign_in(admin).get(page_of(app))

    shown = browser.submit(page_of(app), {"rule": "maybe"}, status=422)

    assert "Choose what holds for this integration. Nothing was changed." in shown.text


def test_the_policy_says_before_whom_it_disconnects(
    world: World, browser: Browser, organization: Organization, admin: Account, lena: Account, app: App
):
    pairs = [connect(world, app, lena), connect(world, app, world.person(organization))]
    pairs.append(connect(world, integration(world), lena))
    browser.sign_in(admin).get(LIST)

    shown = browser.get(POLICY)

    assert "3 connections end." in shown.text
    assert "2 people lose at least one." in shown.text
    assert "2 apps that no rule allows are concerned." in shown.text
    shown = browser.submit(POLICY, {"mode": "block"}, status=422)
    assert "Confirm that people are disconnected. Nothing was changed." in shown.text
    assert all(is_alive(world, pair) for pair in pairs)

    shown = browser.submit(POLICY, {"ack": "on"})

    assert "Integrations that no rule names are blocked. 3 connections have ended." in shown.text
    assert "People can connect only what a rule allows" in shown.text
    assert "Priya Raman decided this on" in shown.text
    assert not any(is_alive(world, pair) for pair in pairs)


def test_a_policy_that_disconnects_nobody_needs_no_confirmation(
    world: World, browser: Browser, organization: Organization, admin: Account
):
    browser.sign_in(admin).get(POLICY)

    assert "are blocked." in browser.submit(POLICY, {"mode": "block"}).text
    browser.get(POLICY)
    assert "are allowed." in browser.submit(POLICY, {"mode": "allow"}).text

    modes = [one.data["mode"] for one in world.events(organization, "integration_policy.changed")]
    assert modes == [{"before": "allow", "after": "block"}, {"before": "block", "after": "allow"}]
    browser.get(POLICY)
    browser.submit(POLICY, {"mode": "sometimes"}, status=422)


def test_a_rule_is_made_by_client_id_before_anybody_connects(
    world: World, browser: Browser, organization: Organization, admin: Account, app: App
):
    browser.sign_in(admin).get(NEW)

    shown = browser.submit(RULES, {"client_id": f"  {app.client_id}\n", "rule": "block"})

    assert shown.heading == "Desk Booking"
    assert "Desk Booking is blocked for Northwind Traders." in shown.text
    assert len(world.events(organization, "integration.blocked")) == 1


def test_client_ids_that_are_no_integrations_all_read_the_same(
    world: World, browser: Browser, organization: Organization, admin: Account
):
    """CONS-12: nobody's, a Service App's, one that was cut short."""
    made = world.service_app(world.developer(organization))
    browser.sign_in(admin)
    answers = set()

    for client_id in ("C" + "0" * 64, made.client_id, made.client_id[:40]):
        browser.get(NEW)
        shown = browser.submit(RULES, {"client_id": client_id, "rule": "allow"}, status=422)
        answers.add(shown.text)

    assert len(answers) == 1
    assert "There is no integration with this client ID." in answers.pop()
    browser.get(NEW)
    assert "Choose whether to allow or to block it." in browser.submit(RULES, status=422).text


def test_a_rule_on_an_app_that_people_use_is_decided_where_that_is_said(
    world: World, browser: Browser, organization: Organization, admin: Account, app: App, pair: TokenPair
):
    browser.sign_in(admin).get(NEW)

    shown = browser.submit(RULES, {"client_id": app.client_id, "rule": "block"})

    assert "1 person uses Desk Booking already. Decide on it here." in shown.text
    assert is_alive(world, pair)


def test_one_person_is_disconnected_after_a_confirmation(
    world: World, browser: Browser, organization: Organization, admin: Account, app: App, pair: TokenPair
):
    """CONS-10."""
    other = connect(world, app, world.person(organization))
    shown = browser.sign_in(admin).get(page_of(app))
    (link,) = [one for one in shown.links() if "?person=" in one and str(pair.access.claims.subject) in one]

    shown = browser.get(link)

    assert shown.heading == "Disconnect Lena Vogt from Desk Booking?"
    assert "It last fetched or renewed tokens just now" in shown.text
    shown = browser.submit(page_of(app), {"reason": "Lost laptop"})
    assert "1 connection has ended." in shown.text
    assert "Lena Vogt" not in shown.text
    assert (is_alive(world, pair), is_alive(world, other)) == (False, True)
    (withdrawn,) = world.events(organization, "consent.withdrawn")
    assert (withdrawn.data["person"], withdrawn.data["reason"]) == ("Lena Vogt", "Lost laptop")
    browser.get(link, 404)


def test_everybody_is_disconnected_after_a_page_that_says_what_stops(
    world: World, browser: Browser, organization: Organization, admin: Account, app: App, pair: TokenPair
):
    browser.sign_in(admin).get(page_of(app))

    shown = browser.get(f"{page_of(app)}/disconnect")

    assert shown.heading == "Disconnect everybody from Desk Booking?"
    assert "1 person of your organization is disconnected." in shown.text
    browser.submit(page_of(app), {"reason": "x" * 501}, status=422)
    assert is_alive(world, pair)
    assert "1 connection has ended." in browser.submit(page_of(app), {"reason": ""}).text
    assert not is_alive(world, pair)
    browser.get(f"{page_of(app)}/disconnect")
    assert "nobody was connected any more" in browser.submit(page_of(app)).text


@pytest.mark.parametrize("role", OF_EVERY_ORGANIZATION)
def test_a_role_sees_the_pages_and_forms_that_the_matrix_gives_it(
    world: World, browser: Browser, organization: Organization, app: App, pair: TokenPair, role: Role
):
    """CONS-06: read-only administrators see everything and get no forms."""
    browser.sign_in(world.person(organization, role, password=PASSWORD))
    may_see, may_rule = role in READERS, role is Role.FULL_ADMIN
    may_disconnect = role in {Role.FULL_ADMIN, Role.DEVICE_ADMIN}

    shown = [browser.get(path, 200 if may_see else 403) for path in (LIST, page_of(app))]

    for path in (POLICY, NEW):
        browser.get(path, 200 if may_rule else 403)
    browser.get(f"{page_of(app)}/disconnect", 200 if may_disconnect else 403)
    links = {link.partition("?")[0] for page in shown for link in page.links()}
    assert bool(shown[1].forms(LIST)) == may_rule
    assert (POLICY in links) == (NEW in links) == may_rule
    assert (f"{page_of(app)}/disconnect" in links) == may_disconnect
    assert (LIST in links) == may_see


@pytest.mark.parametrize(
    "role", [None, *(role for role in OF_EVERY_ORGANIZATION if role is not Role.FULL_ADMIN)]
)
def test_a_form_of_somebody_who_may_not_decide_is_refused_and_recorded(
    world: World,
    browser: Browser,
    organization: Organization,
    app: App,
    pair: TokenPair,
    role: Role | None,
):
    """CONS-06, AUD-01: whatever the page offered."""
    somebody = world.person(organization, *[role] if role else [], password=PASSWORD)
    browser.sign_in(somebody)
    account = browser.get("/account")
    csrf = account.values(account.forms("/logout")[0])["csrf"]
    forms = {
        POLICY: {"mode": "block", "ack": "on"},
        RULES: {"client_id": app.client_id, "rule": "block"},
        f"{page_of(app)}/rule": {"rule": "block", "ack": "on"},
    }
    if role is not Role.DEVICE_ADMIN:
        forms[f"{page_of(app)}/disconnect"] = {}

    for path, values in forms.items():
        browser.post(path, values | {"csrf": csrf}, status=403)

    assert is_alive(world, pair)
    assert len(world.events(organization, "access.refused")) == len(forms)


def test_forms_from_elsewhere_change_nothing(
    world: World, browser: Browser, admin: Account, app: App, pair: TokenPair
):
    """CONS-09."""
    browser.sign_in(admin)

    for path in (POLICY, RULES, f"{page_of(app)}/rule", f"{page_of(app)}/disconnect"):
        browser.post(path, {"mode": "block", "rule": "block", "ack": "on", "csrf": "0" * 64}, status=403)

    assert is_alive(world, pair)


def test_another_organizations_people_and_rules_stay_out_of_sight(
    world: World, browser: Browser, admin: Account, app: App, pair: TokenPair
):
    """CONS-11, TEN-01."""
    abroad = world.organization()
    stranger = world.person(abroad, name="Stella Stranger")
    theirs = connect(world, app, stranger)
    set_rule(world, world.full_admin(abroad, name="Bruno Boss"), integration(world, name="Their Rule"), BLOCK)
    browser.sign_in(admin)

    seen = "".join(browser.get(path).text for path in (LIST, f"{LIST}?state=blocked", page_of(app)))

    assert "Stella" not in seen
    assert "Their Rule" not in seen
    browser.get(f"{page_of(app)}/disconnect?person={stranger.id}", 404)
    browser.get(f"{page_of(app)}/disconnect?person=nonsense", 404)
    browser.get(f"{page_of(app)}/disconnect")
    browser.submit(page_of(app), {"person": str(stranger.id)}, status=404)
    assert is_alive(world, theirs)


def test_long_lists_are_turned_page_by_page(
    world: World, browser: Browser, organization: Organization, admin: Account, app: App
):
    for number in range(27):
        allow(world, app, world.person(organization, name=f"Person {number:02d}"))
        set_rule(world, admin, integration(world, name=f"App {number:02d}"), BLOCK)
    browser.sign_in(admin)

    for path, word in ((f"{LIST}?state=blocked", "App"), (page_of(app), "Person")):
        first = browser.get(path)
        (following,) = [link for link in first.links() if "cursor=" in link]
        second = browser.get(following)
        assert f"{word} 24" in first.text
        assert f"{word} 25" not in first.text
        assert f"{word} 26" in second.text
        browser.get(f"{path}{'&' if '?' in path else '?'}cursor=forged", 400)


def test_a_filter_that_finds_nothing_says_so(browser: Browser, admin: Account, pair: TokenPair):
    browser.sign_in(admin)

    assert "Nothing matches these filters" in browser.get(f"{LIST}?q=zzz").text
    assert "Desk Booking" in browser.get(f"{LIST}?q=desk").text


@pytest.mark.parametrize("state", ["in_use", "allowed", "blocked", "nonsense"])
def test_an_empty_list_says_what_it_is_for(browser: Browser, admin: Account, state: str):
    browser.sign_in(admin)

    assert "No integrations here" in browser.get(f"{LIST}?state={state}").text


def test_what_the_policy_blocks_can_be_allowed_by_a_rule(
    world: World, browser: Browser, admin: Account, lena: Account, app: App
):
    set_policy(world, admin, BLOCK)
    browser.sign_in(admin).get(NEW)

    shown = browser.submit(RULES, {"client_id": app.client_id, "rule": "allow"})

    assert "The policy blocks it: nobody can connect it." in shown.text
    assert is_alive(world, connect(world, app, lena))
