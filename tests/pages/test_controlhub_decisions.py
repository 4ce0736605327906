"""Deciding on Service Apps in the administrators' console."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from appanage.apps import service as apps
from appanage.apps.drafts import draft_of
from appanage.apps.queries import get_app
from appanage.directory import service as directory
from appanage.directory.model import Account, Organization
from appanage.directory.queries import get_account
from appanage.directory.roles import ADMINISTRATORS, Role
from support.browser import NAMESPACE, Browser, Shown
from support.world import PASSWORD, MadeApp, World

READS = ["spark-admin:people_read"]
COMPLIANCE = ["spark-compliance:messages_read"]


def page_of(made: MadeApp) -> str:
    return f"/hub/service-apps/{made.id}"


def decision_of(made: MadeApp) -> str:
    return f"{page_of(made)}/decision"


def ask_for(world: World, made: MadeApp, scopes: list[str]) -> None:
    """The developer changes what the app asks for."""
    with world.deployment.transaction(world.origin) as tx:
        app = get_app(tx, made.id)
        apps.update(tx, app, replace(draft_of(app), scopes=scopes), by=app.creator)


def types_of(world: World, organization: Organization) -> list[str]:
    return [event.type for event in world.events(organization) if event.type.startswith("authorization.")]


def test_an_administrator_authorizes_an_app_and_is_shown_as_the_authorizing_user(
    world: World, browser: Browser, organization: Organization, admin: Account, made: MadeApp
):
    browser.sign_in(admin).get(page_of(made))

    shown = browser.submit(decision_of(made), {"authorized": "on", "ack": "on", "note": "Ticket 4711"})

    assert f"{made.app.name} is authorized for {organization.name}." in shown.text
    assert "Authorized by Priya Raman" in words(shown)
    assert "@machine.internal" in shown.text
    assert "Tokens retrieved Not yet" in words(shown)
    (created,) = world.events(organization, "authorization.created")
    assert created.data["note"] == "Ticket 4711"


def test_the_list_shows_each_app_under_the_tab_of_its_state(
    world: World, browser: Browser, admin: Account, organization: Organization
):
    developer = world.developer(organization, name="Dana Kim")
    waiting = world.service_app(developer, name="Waiting One")
    running = world.service_app(developer, name="Running One", scopes=READS)
    ended = world.service_app(developer, name="Ended One")
    world.authorize(running, admin)
    world.authorize(ended, admin)
    world.deauthorize(ended, admin)
    browser.sign_in(admin)

    needs = words(browser.get("/hub/service-apps"))
    authorized = browser.get("/hub/service-apps?state=authorized").text
    deauthorized = browser.get("/hub/service-apps?state=deauthorized").text

    assert "Needs decision 1 Authorized 1 Deauthorized 1" in needs
    assert "Waiting One" in needs
    assert "First authorization" in needs
    assert "High risk" in needs
    assert "Dana Kim" in needs
    assert "Running One" in authorized
    assert "Priya Raman" in authorized
    assert "Ended One" in deauthorized
    assert waiting.app.name not in authorized + deauthorized


def test_apps_are_found_by_name_and_by_client_id(
    world: World, browser: Browser, admin: Account, organization: Organization
):
    developer = world.developer(organization)
    payroll = world.service_app(developer, name="Payroll Bridge")
    world.service_app(developer, name="Room Finder")
    browser.sign_in(admin)

    by_name = browser.get("/hub/service-apps?q=payroll")
    by_client_id = browser.get(f"/hub/service-apps?q={payroll.client_id}")
    nothing = browser.get("/hub/service-apps?q=zzz")

    for shown in (by_name, by_client_id):
        assert "Payroll Bridge" in shown.text
        assert "Room Finder" not in shown.text
    assert "Nothing matches these filters" in nothing.text


@pytest.mark.parametrize("state", ["waiting", "authorized", "deauthorized"])
def test_an_empty_list_says_what_it_is_for(browser: Browser, admin: Account, state: str):
    browser.sign_in(admin)

    assert "No apps here" in browser.get(f"/hub/service-apps?state={state}").text


def test_a_long_list_is_turned_page_by_page(
    world: World, browser: Browser, admin: Account, organization: Organization
):
    developer = world.developer(organization)
    for number in range(27):
        world.service_app(developer, name=f"App {number:02}", scopes=READS)
    browser.sign_in(admin)

    first = browser.get("/hub/service-apps")
    (following,) = [link for link in first.links() if "cursor=" in link]
    second = browser.get(following)

    assert "25 apps on this page" in first.text
    assert "2 apps on this page" in second.text
    assert "App 26" in second.text
    assert "/hub/service-apps" in second.links()
    browser.get("/hub/service-apps?cursor=forged", 400)


def test_high_risk_scopes_are_acknowledged_first(
    world: World, browser: Browser, organization: Organization, admin: Account, made: MadeApp
):
    browser.sign_in(admin).get(page_of(made))

    shown = browser.submit(decision_of(made), {"authorized": "on", "note": "Ticket 4711"}, status=422)

    assert "Confirm that you reviewed the high-risk scopes." in shown.text
    assert shown.values(shown.forms(decision_of(made))[0])["note"] == ["Ticket 4711"]
    assert types_of(world, organization) == ["authorization.requested"]


def test_low_risks_need_no_acknowledgement(
    world: World, browser: Browser, organization: Organization, admin: Account
):
    made = world.service_app(world.developer(organization), scopes=READS)
    browser.sign_in(admin).get(page_of(made))

    assert "is authorized for" in browser.submit(decision_of(made), {"authorized": "on"}).text


def test_saving_with_the_switch_off_says_that_nothing_was_changed(
    browser: Browser, admin: Account, made: MadeApp
):
    browser.sign_in(admin).get(page_of(made))

    shown = browser.submit(decision_of(made), {"ack": "on"}, status=422)

    assert f"Turn this on to authorize {made.app.name}. Nothing was changed." in shown.text


def test_a_note_that_is_too_long_is_kept_and_explained(browser: Browser, admin: Account, made: MadeApp):
    browser.sign_in(admin).get(page_of(made))

    shown = browser.submit(
        decision_of(made), {"authorized": "on", "ack": "on", "note": "x" * 501}, status=422
    )

    assert "The note has 501 characters; at most 500 are possible." in shown.text


def test_sending_the_form_twice_changes_nothing_more(
    world: World, browser: Browser, organization: Organization, admin: Account, made: MadeApp
):
    """CONS-09."""
    shown = browser.sign_in(admin).get(page_of(made))
    form = shown.values(shown.forms(decision_of(made))[0]) | {"authorized": "on", "ack": "on"}

    browser.post(decision_of(made), form)
    second = browser.post(decision_of(made), form)

    assert "Nothing was changed" in second.text
    assert len(world.events(organization, "authorization.created")) == 1


def test_a_form_without_the_token_of_this_browser_is_refused(
    world: World, browser: Browser, organization: Organization, admin: Account, made: MadeApp
):
    """CONS-09."""
    browser.sign_in(admin).get(page_of(made))

    browser.submit(decision_of(made), {"authorized": "on", "ack": "on"}, without=["csrf"], status=403)
    browser.get(page_of(made))
    browser.submit(decision_of(made), {"authorized": "on", "ack": "on", "csrf": "f" * 64}, status=403)

    assert types_of(world, organization) == ["authorization.requested"]


def test_a_missing_compliance_role_is_named_with_who_holds_it(
    world: World, browser: Browser, organization: Organization, admin: Account
):
    world.person(organization, Role.FULL_ADMIN, Role.COMPLIANCE_OFFICER, name="Omar Haddad")
    made = world.service_app(world.developer(organization), scopes=COMPLIANCE)

    shown = browser.sign_in(admin).get(page_of(made))

    assert "You lack the role Compliance Officer. It is held by Omar Haddad." in shown.text
    assert not shown.forms(decision_of(made))


def test_deciding_without_the_compliance_role_is_refused_in_words_and_recorded(
    world: World, browser: Browser, organization: Organization, admin: Account
):
    """CONS-06."""
    made = world.service_app(world.developer(organization), scopes=COMPLIANCE)
    csrf = csrf_of(browser.sign_in(admin), page_of(made))

    shown = browser.post(decision_of(made), {"csrf": csrf, "authorized": "on", "ack": "on"}, status=403)

    assert (
        "Your changes were not updated. The request was unauthorized. You need the Compliance Officer role to "
        "approve spark-compliance:messages_read. Ask a Full Administrator to assign it under Users."
    ) in shown.text
    assert shown.heading == made.app.name
    assert types_of(world, organization) == ["authorization.requested", "authorization.refused"]


def test_a_role_taken_away_between_looking_and_saving_is_missing(
    world: World, browser: Browser, organization: Organization, admin: Account, made: MadeApp
):
    """CONS-06."""
    other = world.full_admin(organization)
    browser.sign_in(admin).get(page_of(made))
    with world.deployment.transaction(world.origin) as tx:
        fresh = get_account(tx, organization.id, admin.id)
        directory.assign_roles(
            tx, fresh, [Role.READONLY_ADMIN], by=get_account(tx, organization.id, other.id)
        )

    shown = browser.submit(decision_of(made), {"authorized": "on", "ack": "on"}, status=403)

    assert "Only a Full Administrator can decide on Service Apps." in shown.text
    assert types_of(world, organization)[-1] == "authorization.refused"


@pytest.mark.parametrize("roles", [(), (Role.COMPLIANCE_OFFICER,)], ids=",".join)
@pytest.mark.parametrize("act", ["decision", "deauthorize"])
def test_for_who_is_no_administrator_there_is_no_app_to_decide_on(
    world: World,
    browser: Browser,
    organization: Organization,
    made: MadeApp,
    roles: tuple[Role, ...],
    act: str,
):
    """CONS-06, CONS-12."""
    csrf = csrf_of(browser.sign_in(world.person(organization, *roles, password=PASSWORD)), "/account")
    values = {"csrf": csrf, "authorized": "on", "ack": "on", "confirm": made.app.name}

    browser.post(f"{page_of(made)}/{act}", values, status=404)

    assert types_of(world, organization) == ["authorization.requested"]


@pytest.mark.parametrize(
    "roles",
    [(role,) for role in Role if role in ADMINISTRATORS and role is not Role.FULL_ADMIN],
    ids=",".join,
)
@pytest.mark.parametrize("act", ["decision", "deauthorize"])
def test_nobody_but_a_full_administrator_decides_whatever_they_post(
    world: World,
    browser: Browser,
    organization: Organization,
    made: MadeApp,
    roles: tuple[Role, ...],
    act: str,
):
    """CONS-06: every refusal is recorded."""
    csrf = csrf_of(browser.sign_in(world.person(organization, *roles, password=PASSWORD)), "/account")
    values = {"csrf": csrf, "authorized": "on", "ack": "on", "confirm": made.app.name}

    browser.post(f"{page_of(made)}/{act}", values, status=403)

    assert types_of(world, organization) == ["authorization.requested", "authorization.refused"]


def test_what_the_developer_changed_meanwhile_is_not_authorized_unseen(
    world: World, browser: Browser, organization: Organization, admin: Account
):
    """CONS-03: approval is for what the administrator saw."""
    made = world.service_app(world.developer(organization), scopes=READS)
    browser.sign_in(admin).get(page_of(made))
    ask_for(world, made, [*READS, "spark-admin:people_write"])

    shown = browser.submit(decision_of(made), {"authorized": "on", "note": "Ticket 4711"}, status=409)

    assert "was changed by its developer meanwhile" in shown.text
    assert "spark-admin:people_write" in shown.text
    assert shown.values(shown.forms(decision_of(made))[0])["note"] == ["Ticket 4711"]
    assert types_of(world, organization) == ["authorization.requested"]


def test_changed_scopes_are_shown_as_changes_and_approved(
    world: World, browser: Browser, organization: Organization, admin: Account
):
    made = world.service_app(world.developer(organization), scopes=[*READS, "spark-admin:devices_read"])
    world.authorize(made, admin)
    ask_for(world, made, [*READS, "spark-admin:people_write"])

    everything = browser.sign_in(admin).get(page_of(made))
    changes = browser.get(f"{page_of(made)}?show=changes")

    assert "Re-approval needed" in everything.text
    assert "Only changes 2" in everything.text
    assert scopes_on(changes) == {"spark-admin:people_write", "spark-admin:devices_read"}

    unsaid = browser.submit(decision_of(made), status=422)

    assert "Choose whether to approve the added scopes." in unsaid.text

    approved = browser.submit(decision_of(made), {"change": "approve", "ack": "on"})

    assert "The changes are approved" in approved.text
    assert world.events(organization, "authorization.updated")[0].data["added"] == [
        "spark-admin:people_write"
    ]


def test_declining_changes_leaves_the_app_what_it_has(
    world: World, browser: Browser, organization: Organization, admin: Account
):
    made = world.service_app(world.developer(organization), scopes=READS)
    world.authorize(made, admin)
    ask_for(world, made, [*READS, "spark-admin:people_write"])
    browser.sign_in(admin).get(page_of(made))

    shown = browser.submit(decision_of(made), {"change": "keep"})

    assert "keeps the 1 scope it has" in shown.text
    assert not world.events(organization, "authorization.updated")


def test_turning_the_switch_off_leads_to_a_confirmation_that_ends_everything(
    world: World, browser: Browser, organization: Organization, admin: Account, made: MadeApp
):
    machine = world.authorize(made, admin).account
    world.retrieve(made, organization)
    browser.sign_in(admin).get(page_of(made))

    confirmation = browser.submit(decision_of(made), without=["authorized"])

    assert confirmation.heading == f"Deauthorize {made.app.name}?"
    assert machine.email in confirmation.text
    assert "1 refresh token and every access token" in confirmation.text

    wrong = browser.submit(f"{page_of(made)}/deauthorize", {"confirm": "Another app"}, status=422)

    assert f"Type {made.app.name} to confirm. Nothing was changed." in wrong.text

    done = browser.submit(f"{page_of(made)}/deauthorize", {"confirm": made.app.name, "reason": "Not needed"})

    assert f"{made.app.name} is deauthorized." in done.text
    assert "Reason: Not needed" in done.text
    assert "it gets a new machine account and new tokens" in done.text
    assert machine.email not in browser.get("/hub/machine-accounts").text


def test_an_app_can_be_authorized_again(
    world: World, browser: Browser, organization: Organization, admin: Account, made: MadeApp
):
    """MACH-05."""
    first = world.authorize(made, admin)
    world.deauthorize(made, admin)
    browser.sign_in(admin).get(page_of(made))

    shown = browser.submit(decision_of(made), {"authorized": "on", "ack": "on"})

    assert "is authorized for" in shown.text
    assert first.account.email not in shown.text


def test_deauthorizing_what_somebody_else_deauthorized_says_who_and_when(
    world: World, browser: Browser, organization: Organization, admin: Account, made: MadeApp
):
    other = world.full_admin(organization, name="Omar Haddad")
    world.authorize(made, admin)
    browser.sign_in(admin).get(f"{page_of(made)}/deauthorize")
    world.deauthorize(made, other)

    shown = browser.submit(f"{page_of(made)}/deauthorize", {"confirm": made.app.name}, status=409)

    assert "by Priya Raman, deauthorized" in shown.text
    assert "by Omar Haddad. Tokens stopped working then." in shown.text
    browser.get(f"{page_of(made)}/deauthorize", 409)


def test_a_reason_that_is_too_long_is_kept_and_explained(
    world: World, browser: Browser, admin: Account, made: MadeApp
):
    world.authorize(made, admin)
    browser.sign_in(admin).get(f"{page_of(made)}/deauthorize")

    shown = browser.submit(
        f"{page_of(made)}/deauthorize", {"confirm": made.app.name, "reason": "x" * 501}, status=422
    )

    assert "The reason has 501 characters; at most 500 are possible." in shown.text


def test_a_long_reason_for_an_app_that_is_not_authorized_is_explained(
    world: World, browser: Browser, organization: Organization, admin: Account, made: MadeApp
):
    csrf = csrf_of(browser.sign_in(admin), "/account")

    shown = browser.post(f"{page_of(made)}/deauthorize", {"csrf": csrf, "reason": "x" * 501}, status=409)

    assert f"{made.app.name} is not authorized for {organization.name}." in shown.text


@pytest.mark.parametrize("act", ["decision", "deauthorize"])
def test_a_long_note_shows_nobody_a_page_that_is_not_theirs(
    world: World, browser: Browser, organization: Organization, admin: Account, made: MadeApp, act: str
):
    """CONS-12: what is wrong with a form is said only to who may send it."""
    world.authorize(made, admin)
    helper = world.person(organization, Role.USER_ADMIN, password=PASSWORD)
    csrf = csrf_of(browser.sign_in(helper), "/account")
    values = {"csrf": csrf, "authorized": "on", "note": "x" * 501, "reason": "x" * 501}

    shown = browser.post(f"{page_of(made)}/{act}", values, status=403)

    assert made.app.name not in shown.text
    assert made.app.description not in shown.text


def test_a_full_administrator_without_the_compliance_role_can_still_deauthorize(
    world: World, browser: Browser, organization: Organization, admin: Account
):
    both = world.person(organization, Role.FULL_ADMIN, Role.COMPLIANCE_OFFICER)
    made = world.service_app(world.developer(organization), scopes=COMPLIANCE)
    world.authorize(made, both)
    browser.sign_in(admin).get(page_of(made))

    browser.submit(decision_of(made), without=["authorized"])
    shown = browser.submit(f"{page_of(made)}/deauthorize", {"confirm": made.app.name})

    assert "is deauthorized" in shown.text


def test_a_read_only_administrator_sees_the_app_but_no_form(
    world: World, browser: Browser, organization: Organization, admin: Account, made: MadeApp
):
    browser.sign_in(world.person(organization, Role.READONLY_ADMIN, password=PASSWORD))

    shown = browser.get(page_of(made))

    assert "You lack the role Full Administrator. It is held by Priya Raman." in shown.text
    assert not shown.forms(decision_of(made))
    browser.get(f"{page_of(made)}/deauthorize", 403)


def test_the_page_shows_who_built_the_app_and_why_it_asks(
    world: World, browser: Browser, organization: Organization, admin: Account
):
    made = world.service_app(
        world.developer(organization, name="Dana Kim"),
        company_name="Kim Software",
        support_url="https://support.example/help",
        scope_reasons={"spark-admin:people_write": "Joiners are pushed from HR."},
    )

    shown = browser.sign_in(admin).get(page_of(made))

    assert f"Publisher {organization.name}" in words(shown)
    assert "Dana Kim" in shown.text
    assert "Kim Software" in shown.text
    assert "https://support.example/help" in shown.links()
    assert f"mailto:{made.developer.email}" in shown.links()
    assert "Developer’s reason: Joiners are pushed from HR." in shown.text


def test_what_a_developer_writes_is_text_and_never_markup(
    world: World, browser: Browser, organization: Organization, admin: Account
):
    hostile = '<img src=x onerror="alert(1)">'
    made = world.service_app(
        world.developer(organization, name="<b>Dana</b> Kim"),
        name=hostile,
        contact_email="dana@northwind.example",
        description=f"</p>{hostile}",
        company_name=hostile,
        scope_reasons={"spark-admin:people_write": hostile},
    )
    browser.sign_in(admin)

    pages = [browser.get("/hub/service-apps"), browser.get(page_of(made)), browser.get("/hub/audit")]
    browser.get(page_of(made))
    pages.append(browser.submit(decision_of(made), {"authorized": "on", "ack": "on"}))
    pages.append(browser.get(f"{page_of(made)}/deauthorize"))
    pages.append(browser.get("/hub/machine-accounts"))

    for shown in pages:
        assert not shown.all("img")
        assert hostile in shown.text


def test_a_developer_who_is_full_administrator_sees_the_own_private_app_and_others_do_not(
    world: World,
    browser: Browser,
    new_browser: Callable[[], Browser],
    organization: Organization,
    admin: Account,
):
    owner = world.full_admin(organization, password=PASSWORD)
    made = world.service_app(owner, requested=False)

    own = browser.sign_in(owner).get(page_of(made))

    assert "Nobody requested this authorization" in own.text
    new_browser().sign_in(admin).get(page_of(made), 404)


def csrf_of(browser: Browser, path: str) -> str:
    shown = browser.get(path)
    return next(values["csrf"][0] for form in shown.all("form") if "csrf" in (values := shown.values(form)))


def scopes_on(shown: Shown) -> set[str]:
    """The scopes that are listed, leaving out those that a notice only names."""
    listed = [item for item in shown.all("li") if item.find(f"{NAMESPACE}div") is not None]
    codes = [code.text or "" for item in listed for code in item.iter(f"{NAMESPACE}code")]
    return {code for code in codes if code.startswith("spark")}


def words(shown: Shown) -> str:
    """What can be read on the page, with a blank between any two elements."""
    return " ".join(" ".join(shown.root.itertext()).split())
