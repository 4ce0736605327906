"""App policies in the administrators' console: settled, previewed, and apps named in them."""

import uuid
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from appanage.authorizations import app_policy_previews
from appanage.authorizations.app_policy_rules import Terms
from appanage.authorizations.model import AppRuleMode, Requesters, SecondAdministrator
from appanage.directory.model import Account, Organization
from appanage.directory.roles import Role
from appanage.profiles import ProfileName
from appanage.web.visit import Visit
from support.browser import Browser, Shown
from support.policing import set_app_policy, set_app_rule, terms_of
from support.refusals import counted_statements
from support.world import PASSWORD, MadeApp, World

POLICY = "/hub/app-policies"
PREVIEW, OUTSIDE, APPS = f"{POLICY}/preview", f"{POLICY}/outside", f"{POLICY}/apps"
READERS = {Role.FULL_ADMIN, Role.READONLY_ADMIN, Role.DEVICE_ADMIN, Role.SUPPORT_ADMIN}
ALLOW, BLOCK = AppRuleMode.ALLOW, AppRuleMode.BLOCK
LOW = ("spark:people_read",)


@pytest.fixture
def priya(browser: Browser, admin: Account) -> Browser:
    """The Full Administrator's browser, signed in."""
    return browser.sign_in(admin)


def words(shown: Shown) -> str:
    """The page with single blanks between all that stands apart."""
    return " ".join(" ".join(part.strip() for part in shown.root.itertext()).split())


def values_of(shown: Shown) -> dict[str, Any]:
    """What the policy's form would send as it stands."""
    (form,) = [
        one for one in shown.forms(POLICY) if (one.get("method"), one.get("action")) == ("post", POLICY)
    ]
    return dict(shown.values(form))


def told(shown: Shown) -> str:
    """The page without the number of the incident."""
    return shown.text.partition("Status 404")[0]


def test_a_full_administrator_settles_the_policy(
    world: World, priya: Browser, organization: Organization, admin: Account
):
    shown = priya.get(POLICY)
    assert "This is so until an administrator decides otherwise." in shown.text
    assert "Your organization has 1 Full Administrator who can act. Two are needed" in shown.text

    shown = priya.submit(
        POLICY,
        {
            "requesters": "administrators",
            "authorizes_low_risk": "on",
            "second_administrator": "high_risk",
            "longest_days": " 90 ",
        },
    )

    assert "The app policy is saved." in shown.text
    assert f"{admin.display_name} decided this on" in shown.text
    assert "Nobody could be the second administrator" in shown.text
    assert terms_of(world, organization) == Terms(
        requesters=Requesters.ADMINISTRATORS,
        authorizes_low_risk=True,
        second_administrator=SecondAdministrator.HIGH_RISK,
        longest_days=90,
        version=1,
    )
    assert "Nothing was changed" in priya.submit(POLICY).text
    world.full_admin(organization)
    assert "Nobody could be the second administrator" not in priya.get(POLICY).text
    shown = priya.submit(POLICY, {"longest_days": "", "only_allowed": "on"}, without=["authorizes_low_risk"])
    assert terms_of(world, organization).only_allowed
    assert terms_of(world, organization).longest_days is None
    assert not terms_of(world, organization).authorizes_low_risk
    assert len(world.events(organization, "app_policy.changed")) == 2


def test_what_makes_no_sense_is_said_beside_its_field(
    world: World, priya: Browser, organization: Organization
):
    priya.get(POLICY)
    for days in ("0", "3651", "soon", "²"):
        shown = priya.submit(POLICY, {"longest_days": days}, status=422)
        assert "Give a number of days from 1 to 3,650, or leave it empty." in shown.text
    shown = priya.submit(
        POLICY, {"requesters": "some", "second_administrator": "", "longest_days": ""}, status=422
    )

    assert "Choose who can ask for apps. Nothing was changed." in shown.text
    assert "Choose when two administrators must agree. Nothing was changed." in shown.text
    assert terms_of(world, organization) == Terms()
    priya.get(f"{PREVIEW}?requesters=everybody&second_administrator=never&longest_days=soon", 422)


def test_who_saves_after_somebody_else_sees_both_and_decides(
    world: World, priya: Browser, organization: Organization
):
    """Policy changed between page and save: what was written stays, what holds stands beside it."""
    other = world.full_admin(organization, name="Omar Haddad")
    priya.get(POLICY)
    set_app_policy(world, other, longest_days=30, only_allowed=True)

    shown = priya.submit(POLICY, {"longest_days": "90", "second_administrator": "always"}, status=409)

    assert "Somebody else changed the app policy meanwhile." in shown.text
    beside = words(shown)
    assert "Setting Yours, not saved What holds now" in beside
    assert "A second administrator Always Never" in beside
    assert "Longest duration 90 days 30 days" in beside
    assert "Omar Haddad decided this on" in beside
    assert terms_of(world, organization) == Terms(longest_days=30, only_allowed=True, version=1)
    priya.submit(POLICY)
    after = Terms(longest_days=90, second_administrator=SecondAdministrator.ALWAYS, version=2)
    assert terms_of(world, organization) == after


def test_what_goes_beyond_the_policy_is_counted_and_listed(
    world: World, priya: Browser, admin: Account, made: MadeApp
):
    """What runs goes on."""
    other = world.service_app(made.developer, name="Other App")
    for one in (made, other):
        world.authorize(one, admin)
    set_app_rule(world, admin, other, ALLOW)
    assert "go beyond this policy" not in priya.get(POLICY).text
    assert "Nothing goes beyond the policy" in priya.get(OUTSIDE).text

    priya.get(POLICY)
    shown = priya.submit(POLICY, {"only_allowed": "on", "longest_days": "30"})

    assert "2 running authorizations go beyond this policy" in shown.text
    assert "1 is of an app that is not allowed by name." in shown.text
    assert "2 last longer than they could from now on." in shown.text
    assert OUTSIDE in shown.links()
    shown = priya.get(OUTSIDE)
    assert f"/hub/service-apps/{made.id}" in shown.links()
    assert "It is not allowed by name. It lasts longer than 30 days." in words(shown)
    assert words(shown).count("It lasts longer than 30 days.") == 2


def test_an_app_is_found_named_and_left_to_the_policy_again(
    world: World, priya: Browser, organization: Organization, made: MadeApp
):
    listed = world.service_app(world.developer(world.organization()), name=f"Quokka {uuid.uuid4().hex}")
    world.list_app(listed)

    shown = priya.get(APPS)
    assert made.app.name in shown.text
    assert "Quokka" not in shown.text
    for search in (listed.app.name[:12], listed.client_id, str(listed.id), world.app_id(listed)):
        shown = priya.get(f"{APPS}?q={search}")
        assert listed.app.name in shown.text
    for nonsense in (b"ciscospark://us/APPLICATION/\0", b"ciscospark://us/APPLICATION/a b"):
        assert listed.app.name not in priya.get(f"{APPS}?q={urlsafe_b64encode(nonsense).decode()}").text
    shown = priya.get(f"{APPS}/{listed.id}")
    assert "Everybody in your organization" in shown.text
    assert "one_is_enough" in shown.text
    assert "Reviewed" in shown.text

    shown = priya.submit(f"{APPS}/{listed.id}", {"rule": "block"})

    assert f"{listed.app.name} is blocked by name." in shown.text
    assert "Allowed 0 Blocked 1" in words(shown)
    assert "Priya Raman on" in shown.text
    shown = priya.get(f"{APPS}/{listed.id}")
    assert "Which rule makes it Blocked by name blocked_by_name" in words(shown)
    shown = priya.submit(f"{APPS}/{listed.id}", {"rule": "allow"})
    assert "Allowed 1 Blocked 0" in words(shown)
    priya.get(f"{APPS}/{listed.id}")
    shown = priya.submit(f"{APPS}/{listed.id}", {"rule": "policy"})
    assert f"{listed.app.name} is as the policy says." in shown.text
    assert "No app is allowed by name." in shown.text
    modes = [one.data["mode"]["after"] for one in world.events(organization, "app_rule.set")]
    assert modes == ["block", "allow"]
    assert len(world.events(organization, "app_rule.removed")) == 1
    priya.get(f"{APPS}/{listed.id}")
    assert "Choose what holds" in priya.submit(f"{APPS}/{listed.id}", {"rule": "maybe"}, status=422).text


def test_a_block_says_before_what_it_ends_and_wants_to_be_confirmed(
    world: World, priya: Browser, organization: Organization, admin: Account, made: MadeApp
):
    """Nothing happens unless it was said what stops, and confirmed."""
    world.authorize(made, admin)
    token = world.retrieve(made, organization).access_token.reveal()
    shown = priya.get(f"{APPS}/{made.id}")
    assert "Blocking it ends at once" in shown.text
    assert "the machine account is deleted, and every token stops working." in shown.text

    shown = priya.submit(f"{APPS}/{made.id}", {"rule": "block"}, status=422)

    assert "Confirm what the block ends. Nothing was changed." in shown.text
    me = priya.client.get("/v1/people/me", headers={"authorization": f"Bearer {token}"})
    assert me.status_code == 200
    shown = priya.submit(f"{APPS}/{made.id}", {"ack": "on", "seen": "0-1-0"}, status=422)
    assert "What the block ends has changed. Look at it, then confirm again." in shown.text
    shown = priya.submit(f"{APPS}/{made.id}", {"ack": "on"})
    assert "is blocked by name. 1 authorization has ended." in shown.text
    me = priya.client.get("/v1/people/me", headers={"authorization": f"Bearer {token}"})
    assert me.status_code == 401
    assert len(world.events(organization, "authorization.revoked")) == 1


def test_the_preview_tells_of_one_app_who_decides_until_when_and_by_which_rule(
    world: World, priya: Browser, organization: Organization, made: MadeApp
):
    listed = world.service_app(
        world.developer(world.organization()), scopes=LOW, name=f"Wombat {uuid.uuid4().hex}"
    )
    world.list_app(listed)

    shown = priya.get(f"{PREVIEW}?q={listed.app.name}")
    (link,) = [one for one in shown.links() if str(listed.id) in one]
    shown = priya.get(link)

    facts = words(shown)
    assert "Who can ask for it Everybody in your organization" in facts
    assert "Who decides One Full Administrator" in facts
    assert "Until when Until somebody ends it" in facts
    assert "One administrator is enough one_is_enough" in facts
    shown = priya.get(f"{PREVIEW}?app={made.id}")
    assert "Its developers; it is not in the App Hub" in shown.text
    assert "No app that your organization can see" in priya.get(f"{PREVIEW}?q=nothing-like-it").text


def test_the_preview_of_unsaved_terms_compares_and_can_be_saved_or_gone_back_from(
    world: World, priya: Browser, organization: Organization, admin: Account, made: MadeApp
):
    """Without JavaScript: the form's second button leads there, and nothing is changed by looking."""
    shown = priya.get(POLICY)
    draft = values_of(shown) | {
        "second_administrator": "high_risk",
        "longest_days": "90",
        "authorizes_low_risk": "on",
    }
    assert f'formaction="{PREVIEW}"' in shown.html

    shown = priya.post(PREVIEW, draft)

    assert shown.heading == "What would happen"
    assert "csrf" not in str(shown.response.url)
    assert "Something else would happen with 1 of 1 app." in shown.text
    row = f"{made.app.name} One administrator decides one_is_enough Two administrators decide high_risk"
    assert row in words(shown)
    assert terms_of(world, organization) == Terms()
    shown = priya.get(f"{PREVIEW}?{shown.response.url.query.decode()}&app={made.id}")
    assert "A Full Administrator proposes it, and another one confirms it" in shown.text
    assert "At most until" in shown.text
    (back,) = [link for link in shown.links() if link.startswith(f"{POLICY}?")]
    assert parse_qs(urlsplit(back).query)["longest_days"] == ["90"]
    assert 'value="90"' in priya.get(back).html

    shown = priya.post(POLICY, values_of(priya.get(f"{PREVIEW}?{shown.response.url.query.decode()}")))

    assert "The app policy is saved." in shown.text
    assert terms_of(world, organization).longest_days == 90
    assert terms_of(world, organization).authorizes_low_risk
    priya.get(POLICY)
    priya.post(PREVIEW, draft | {"longest_days": "x"}, status=422)


def test_a_private_app_of_others_is_not_there(
    world: World, priya: Browser, organization: Organization, made: MadeApp
):
    """CONS-12: by its id, in every search, as the page of an id that nobody has."""
    abroad = world.developer(world.organization())
    hidden = world.service_app(abroad, name="Hidden Helper", requested=False)
    integration = world.integration(abroad, name="Hidden Integration")
    missing = uuid.uuid4()

    for search in (hidden.client_id, str(hidden.id), world.app_id(hidden)):
        assert "Hidden " not in priya.get(f"{APPS}?q={search}").text
    for page in (APPS, PREVIEW):
        assert "Hidden " not in priya.get(f"{page}?q=Hidden").text
    for address in (f"{APPS}/{{}}", f"{PREVIEW}?app={{}}"):
        nowhere = told(priya.get(address.format(missing), 404))
        for one in (hidden, integration):
            assert told(priya.get(address.format(one.id), 404)) == nowhere
        priya.get(address.format("not-an-id"), 404)
    form = values_of(priya.get(POLICY))
    priya.post(f"{APPS}/{hidden.id}", form | {"rule": "block"}, status=404)


@pytest.mark.parametrize("role", [Role.USER_ADMIN, Role.DEVICE_ADMIN, Role.FULL_ADMIN])
def test_readers_see_everything_and_only_full_administrators_change_it(
    world: World, browser: Browser, organization: Organization, made: MadeApp, role: Role
):
    """CONS-06: whatever the page offered; who tries leaves a trace."""
    browser.sign_in(world.person(organization, role, password=PASSWORD))
    may_see, may_set = role in READERS, role is Role.FULL_ADMIN
    pages = [POLICY, PREVIEW, OUTSIDE, APPS, f"{APPS}/{made.id}"]

    shown = [browser.get(page, 200 if may_see else 403) for page in pages]

    offered = [page for page in shown if page.forms(POLICY) and page.forms(POLICY)[0].get("method") == "post"]
    assert len(offered) == (2 if may_set else 0)
    if may_set:
        return
    account = browser.get("/account")
    csrf = account.values(account.forms("/logout")[0])["csrf"]
    values = {
        "requesters": "nobody",
        "second_administrator": "never",
        "rule": "block",
        "ack": "on",
        "csrf": csrf,
    }
    for page in (POLICY, PREVIEW, f"{APPS}/{made.id}"):
        browser.post(page, values, status=403)
    assert terms_of(world, organization) == Terms()
    assert len(world.events(organization, "access.refused")) == 3


@pytest.mark.parametrize("profile", [ProfileName.FEDRAMP])
def test_where_there_is_no_app_hub_nobody_is_offered_to_ask_for_its_apps(
    world: World, priya: Browser, organization: Organization, admin: Account
):
    """What was settled about it stays as it is."""
    set_app_policy(world, admin, requesters=Requesters.ADMINISTRATORS, authorizes_low_risk=True)

    shown = priya.get(POLICY)

    assert "App Hub" not in shown.text
    priya.submit(POLICY, {"longest_days": "7"})
    settled = Terms(Requesters.ADMINISTRATORS, authorizes_low_risk=True, longest_days=7, version=2)
    assert terms_of(world, organization) == settled


def test_forms_from_elsewhere_change_nothing(
    world: World, priya: Browser, organization: Organization, made: MadeApp
):
    """CONS-09."""
    for page in (POLICY, f"{APPS}/{made.id}"):
        forged = {"requesters": "nobody", "second_administrator": "never", "rule": "block", "csrf": "0" * 64}
        priya.post(page, forged, status=403)

    assert terms_of(world, organization) == Terms()


def test_the_pages_cost_the_same_for_few_and_for_many(
    world: World, priya: Browser, admin: Account, made: MadeApp
):
    """TEN-05: names, previews and lists, page by page."""
    draft = "requesters=everybody&second_administrator=always&only_allowed=on&longest_days=5&version=0"
    pages = [POLICY, f"{PREVIEW}?{draft}", OUTSIDE, APPS, f"{PREVIEW}?q=App"]
    priya.get(POLICY)
    costs: dict[str, list[int]] = {page: [] for page in pages}

    for size in (1, 6):
        for number in range(0 if size == 1 else 1, size):
            one = world.service_app(made.developer, name=f"App {number:02d}")
            set_app_rule(world, admin, one, ALLOW)
        if size == 6:
            world.authorize(made, admin)
        for page in pages:
            with counted_statements(world) as statements:
                priya.get(page)
            costs[page].append(len(statements))

    assert {page: few for page, (few, many) in costs.items() if few != many} == {}


def test_long_lists_are_turned_page_by_page_and_long_previews_are_cut(
    world: World, priya: Browser, admin: Account, made: MadeApp, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Visit.page_request, "__defaults__", (2,))
    monkeypatch.setattr(app_policy_previews, "SHOWN", 2)
    for number in range(3):
        set_app_rule(world, admin, world.service_app(made.developer, name=f"App {number}"), ALLOW)
    world.authorize(made, admin)
    shown = priya.get(POLICY)
    assert "App 1" in shown.text
    assert "App 2" not in shown.text
    (following,) = [link for link in shown.links() if "cursor=" in link]

    assert "App 2" in priya.get(following.removesuffix("#named")).text

    for page in (POLICY, APPS):
        priya.get(f"{page}?cursor=forged", 400)
    shown = priya.get(f"{PREVIEW}?requesters=everybody&second_administrator=always&longest_days=")
    assert "Something else would happen with 4 of 4 apps." in shown.text
    assert "And 2 more." in shown.text
