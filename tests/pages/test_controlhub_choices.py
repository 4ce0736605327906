"""Deciding in the administrators' console: fewer scopes, an end, what was added, two administrators."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from appanage.authorizations.model import SecondAdministrator
from appanage.directory import queries as directory
from appanage.directory import service as directory_service
from appanage.directory.model import Account, Organization
from appanage.directory.roles import Role
from pages.test_controlhub_decisions import decision_of, page_of, words
from support.browser import Browser
from support.clock import MovableClock
from support.deciding import LICENSES, READ, WRITE, ask_for, authorizations_of, decline_changes
from support.policing import set_app_policy
from support.world import PASSWORD, MadeApp, World

ROLES = "spark-admin:roles_read"


@pytest.fixture
def omar(world: World, organization: Organization) -> Account:
    return world.full_admin(organization, name="Omar Haddad", password=PASSWORD)


@pytest.fixture
def choosy(world: World, developer: Account) -> MadeApp:
    """An app that can do without a scope of high risk."""
    return world.service_app(developer, scopes=[READ, WRITE], optional_scopes=[WRITE], name="Choosy")


def test_optional_scopes_are_left_out_and_the_last_day_is_set(
    world: World, browser: Browser, clock: MovableClock, admin: Account, choosy: MadeApp
):
    """CONS-05: nothing that can be left out is chosen beforehand."""
    day = (clock() + timedelta(days=30)).date()
    shown = browser.sign_in(admin).get(page_of(choosy))

    assert "Scopes that you can leave out" in shown.text
    assert "Not reviewed" in shown.text

    wrong = browser.submit(decision_of(choosy), {"authorized": "on", "ends_on": "soon"}, status=422)
    past = browser.submit(decision_of(choosy), {"authorized": "on", "ends_on": "2020-01-01"}, status=422)
    done = browser.submit(decision_of(choosy), {"authorized": "on", "ends_on": f"{day}"})

    assert "Enter a day, as in 2027-01-31." in wrong.text
    assert "The end has to lie in the future" in past.text
    assert "Choosy is authorized for Northwind Traders." in done.text
    assert f"Declined scopes {WRITE}" in words(done)
    (made,) = authorizations_of(world, choosy)
    assert made.ends_at is not None
    assert made.ends_at.date() == day + timedelta(days=1)

    again = browser.submit(decision_of(choosy), {"note": "Nothing new"})
    unconfirmed = browser.submit(decision_of(choosy), {"scope": [WRITE]}, status=422)
    widened = browser.submit(decision_of(choosy), {"scope": [WRITE], "ack": "on", "ends_on": ""})

    assert "Nothing was changed: Choosy stays authorized" in again.text
    assert "Confirm that you reviewed the high-risk scopes" in unconfirmed.text
    assert "Choosy has 2 scopes now." in widened.text
    assert "Ends Not by itself" in words(widened)


def test_added_scopes_are_declined_with_a_reason(
    world: World, browser: Browser, admin: Account, organization: Organization, made: MadeApp
):
    """CONS-03: what is added and dropped is shown with the developer's reasons, and nothing is preselected."""
    world.authorize(made, admin)
    ask_for(world, made, [READ, LICENSES, ROLES], optional=[ROLES])
    shown = browser.sign_in(admin).get(page_of(made))

    assert "It asks for 2 more scopes." in shown.text
    assert "It no longer asks for 1 scope" in words(shown)

    undecided = browser.submit(decision_of(made), status=422)
    approved = browser.submit(decision_of(made), {"change": "approve"})
    ask_for(world, made, [READ, LICENSES, ROLES, WRITE])
    browser.get(page_of(made))
    declined = browser.submit(decision_of(made), {"change": "decline", "reason": "Reading is enough."})

    assert "Choose whether to approve the added scopes." in undecided.text
    assert f"{made.app.name} has 2 scopes now." in approved.text
    assert "1 added scope declined" in declined.text
    assert "Declined here" in declined.text
    (event,) = world.events(organization, "authorization.changes_declined")
    assert (event.data["declined"], event.data["reason"]) == ([WRITE], "Reading is enough.")
    assert "No apps here" in browser.get("/hub/service-apps").text


def test_two_administrators_decide_one_after_the_other(
    world: World,
    browser: Browser,
    new_browser: Callable[[], Browser],
    admin: Account,
    omar: Account,
    choosy: MadeApp,
):
    """CONS-07: the first sees that it waits, for whom and until when; the second sees what was proposed."""
    set_app_policy(world, admin, second_administrator=SecondAdministrator.ALWAYS)
    page = browser.sign_in(admin).get(page_of(choosy))
    assert "It waits for another Full Administrator: Omar Haddad." in words(page)

    proposed = browser.submit(
        decision_of(choosy), {"authorized": "on", "scope": [WRITE], "ack": "on", "note": "Ticket 4711"}
    )

    assert (
        "You proposed to authorize Choosy. Another Full Administrator has to confirm it by" in proposed.text
    )
    assert "Needs a second administrator" in proposed.text
    assert "Confirm authorization" not in proposed.text
    assert "Withdraw proposal" in proposed.text

    second = new_browser().sign_in(omar)
    waiting = words(second.get("/hub/service-apps"))
    assert "Proposed by Priya Raman" in waiting
    assert "Ticket 4711" in second.get(page_of(choosy)).text
    proposal_of = f"{page_of(choosy)}/proposal"

    careless = second.submit(proposal_of, status=422)
    confirmed = second.submit(proposal_of, {"ack": "on"})

    assert "Confirm that you reviewed the high-risk scopes" in careless.text
    assert "Choosy is authorized for Northwind Traders as Priya Raman proposed." in confirmed.text
    assert "Authorized by Priya Raman and Omar Haddad" in words(confirmed)
    late = browser.submit(proposal_of, status=409)
    assert "confirmed by Omar Haddad meanwhile" in late.text


def test_a_proposal_is_declined_or_withdrawn(
    world: World,
    browser: Browser,
    new_browser: Callable[[], Browser],
    admin: Account,
    omar: Account,
    choosy: MadeApp,
):
    set_app_policy(world, admin, second_administrator=SecondAdministrator.ALWAYS)
    proposal_of = f"{page_of(choosy)}/proposal"
    browser.sign_in(admin).get(page_of(choosy))
    browser.submit(decision_of(choosy), {"authorized": "on"})
    second = new_browser().sign_in(omar)
    shown = second.get(page_of(choosy))
    values = next(
        values for form in shown.all("form") if (values := shown.values(form)).get("decision") == ["decline"]
    )

    declined = second.post(
        proposal_of, {"csrf": values["csrf"], **values, "reason": "Ask the works council first."}
    )

    assert "The proposal of Priya Raman is declined." in declined.text
    browser.get(page_of(choosy))
    browser.submit(decision_of(choosy), {"authorized": "on"})
    withdrawn = browser.submit(proposal_of)
    assert "Your proposal is withdrawn." in withdrawn.text
    stranger = world.full_admin(world.organization(), password=PASSWORD)
    new_browser().sign_in(stranger).get(page_of(choosy), 404)


def test_a_policy_that_changed_or_refuses_is_said_before_anything_happens(
    world: World, browser: Browser, admin: Account, omar: Account, choosy: MadeApp
):
    browser.sign_in(admin).get(page_of(choosy))
    set_app_policy(world, omar, longest_days=10)

    stale = browser.submit(decision_of(choosy), {"authorized": "on"}, status=409)

    assert "The policy of your organization on apps was changed meanwhile." in stale.text
    assert "at the latest" in stale.text
    set_app_policy(world, omar, only_allowed=True)
    late = browser.submit(decision_of(choosy), {"authorized": "on"}, status=409)
    assert "policy of your organization on apps was changed" in late.text
    refused = browser.get(page_of(choosy))
    assert "Your policy keeps you from authorizing this" in refused.text
    assert authorizations_of(world, choosy) == []


@pytest.mark.parametrize(
    ("happens", "said"),
    [
        ("is deleted", "Left on"),
        ("loses the role", "Is not a Full Administrator any more"),
        ("cannot sign in", "Cannot sign in any more"),
    ],
)
def test_the_departure_of_who_authorized_is_shown_and_changes_nothing(
    world: World, browser: Browser, admin: Account, omar: Account, made: MadeApp, happens: str, said: str
):
    world.authorize(made, omar)
    with world.deployment.transaction(world.origin) as tx:
        leaving = directory.get_account(tx, omar.organization_id, omar.id)
        by = directory.get_account(tx, admin.organization_id, admin.id)
        if happens == "is deleted":
            directory_service.delete_person(tx, leaving, by=by)
        elif happens == "loses the role":
            directory_service.assign_roles(tx, leaving, [Role.USER_ADMIN], by=by)
        else:
            leaving.login_enabled = False

    shown = browser.sign_in(admin).get(page_of(made))

    assert f"Omar Haddad {said}" in words(shown)
    assert "the authorization is not affected" in shown.text
    assert world.retrieve(made, admin.organization).scopes == {READ, WRITE}


def test_what_is_over_or_was_declined_stays_to_be_found(
    world: World, browser: Browser, clock: MovableClock, admin: Account, choosy: MadeApp, made: MadeApp
):
    world.authorize(choosy, admin, ends_at=clock() + timedelta(days=1))
    ask_for(world, choosy, [READ, WRITE, LICENSES])
    decline_changes(world, choosy, admin)
    browser.sign_in(admin)

    authorized = words(browser.get("/hub/service-apps?state=authorized"))

    assert "2 of 3 scopes, until" in authorized
    assert "No apps here" in browser.get("/hub/service-apps?state=declined").text


def test_developers_mark_what_an_app_can_do_without(world: World, dana: Browser, made: MadeApp):
    """In the portal, scope by scope; what is not chosen is not optional either."""
    address = f"/portal/apps/{made.id}/scopes"
    shown = dana.get(address)
    assert "Optional: the app works without it" in shown.text

    saved = dana.submit(address, {"scope": [READ, WRITE], "optional": [WRITE, LICENSES]})

    (form,) = [form for form in saved.all("form") if form.get("action") == address]
    assert saved.values(form)["optional"] == [WRITE]
