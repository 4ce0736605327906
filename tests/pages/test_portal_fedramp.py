"""The portal where administrators make apps through the API: nothing creates, and nothing speaks of an App Hub."""

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest
from starlette.routing import Mount, Route

from appanage.api.app import create_api
from appanage.authorizations import bots
from appanage.deployment import Deployment
from appanage.directory import queries as directory
from appanage.directory import service as directory_service
from appanage.directory.model import Plan
from appanage.profiles import ProfileName
from appanage.web.site import Site
from support.browser import Browser
from support.live import deployment_for
from support.refusals import state
from support.world import PASSWORD

CREATION = ("/portal/apps/new", "/portal/apps/{id}/created")
NOWHERE = "/portal/apps/new{step:path}"  # answers nothing but 404
ELSEWHERE = re.compile("^/apps|^/review|appHub|listing|submission|sandbox")
"""There is neither an App Hub nor a sandbox in this profile."""
CHANGING: Mapping[str, Mapping[str, str]] = {
    "/scopes": {},
    "/settings": {},
    "/settings/urls": {},
    "/settings/logo": {"remove": "yes"},
    "/settings/rules": {"strict": "on"},
    "/delete": {},
    "/credentials/rotate": {"overlap": "0"},
    "/credentials/type": {"clientProof": "none"},
    "/owners": {"email": "nobody@people.example"},
    "/owners/transfer": {"email": "nobody@people.example"},
    "/proposal/discard": {"part": "about"},
}
CHANGING_BOTS: Mapping[str, Mapping[str, str]] = {**CHANGING, "/token/regenerate": {}, "/token/revoke": {}}


@pytest.fixture
def profile():
    return ProfileName.FEDRAMP


@pytest.fixture
def priya(browser, admin):
    return browser.sign_in(admin)


@pytest.fixture
def former(world, organization, admin):
    """Somebody who made apps as a Full Administrator and is one no more."""
    return world.full_admin(organization, name="Omar Haddad", password=PASSWORD)


def step_down(world, former, admin):
    with world.deployment.transaction(world.origin) as tx:
        person = directory.get_account(tx, former.organization_id, former.id)
        by = directory.get_account(tx, former.organization_id, admin.id)
        directory_service.assign_roles(tx, person, [], by=by)


def made_by(world, account):
    return {
        "service app": world.service_app(account, requested=False).id,
        "integration": world.integration(account).id,
        "bot": world.bot(account).id,
    }


def every_route(routes: Iterable[Any], under: str = "") -> Iterator[tuple[str, frozenset[str]]]:
    """The paths of a route table with their methods, also of what is mounted or included."""
    for route in routes:
        if isinstance(route, Mount):
            yield from every_route(route.routes, under + route.path)
        elif isinstance(route, Route):
            yield under + route.path, frozenset(route.methods or ())
        else:
            yield from every_route(route.original_router.routes, under)


def whole_table(deployment: Deployment) -> set[str]:
    mounted = Mount("/v1", create_api(deployment))
    return {path for path, _ in every_route([*Site(deployment).routes(), mounted])}


def test_there_is_no_creation_page_and_no_app_hub(deployment, database_url):
    """The route table itself, beside the one of a deployment that has them."""
    here = whole_table(deployment)
    elsewhere = deployment_for(database_url, "http://localhost:8080")
    try:
        there = whole_table(elsewhere)
    finally:
        elsewhere.database.dispose()

    assert [path for path in here if path.startswith(CREATION)] == [NOWHERE]
    assert [path for path in here if ELSEWHERE.search(path)] == []
    assert {
        path for path in there - here if not path.startswith(CREATION) and not ELSEWHERE.search(path)
    } == set()
    assert {path for path in here - there if not path.startswith("/hub/administrator-token")} == {NOWHERE}
    assert len(here) > 100


@pytest.mark.parametrize(
    "address",
    [
        "/portal/apps/new",
        *(
            f"/portal/apps/new/{kind}{step}"
            for kind in ("service-app", "integration", "bot")
            for step in ("", "/about", "/scopes", "/review")
        ),
    ],
)
def test_the_addresses_of_the_wizards_lead_nowhere(priya, address, world, organization):
    """Also for who could make apps by API; and they say where apps are made."""
    csrf = priya.get("/portal/apps").values(priya.page.forms("/logout")[0])["csrf"]
    shown = priya.get(address, status=404)
    response = priya.client.post(address, data={"csrf": csrf, "name": "X", "description": "Y"})

    assert "Control Hub › Administrator token" in shown.text
    assert response.status_code in {404, 405}
    assert world.events(organization, "app.created") == []


def test_administrators_are_led_to_their_token(priya, admin, world):
    page = priya.get("/portal/apps")

    assert "You own no apps" in page.text
    assert "/hub/administrator-token" in page.links()
    priya.get("/hub/administrator-token")

    world.bot(admin)
    page = priya.get("/portal/apps")

    assert "Apps are made through the API by Full Administrators like you" in page.text
    assert "/hub/administrator-token" in page.links()
    assert not [link for link in page.links() if "/new" in link]


def test_an_administrator_of_a_free_organization_makes_a_personal_token(world, browser):
    """There is no Control Hub in a free organization."""
    organization = world.organization("Friends of the River", plan=Plan.FREE)
    browser.sign_in(world.full_admin(organization, password=PASSWORD))

    page = browser.get("/portal/apps")

    assert "/account/tokens" in page.links()
    assert "/hub/administrator-token" not in page.links()


def test_others_learn_whom_to_ask(world, browser, organization, admin):
    browser.sign_in(world.person(organization, password=PASSWORD))

    page = browser.get("/portal/apps")

    assert "Full Administrators of your organization: ask Priya Raman." in page.text
    assert "/hub/administrator-token" not in page.links()


def test_where_there_is_no_administrator_nobody_is_named(world, browser):
    browser.sign_in(world.person(world.organization(), password=PASSWORD))

    assert "nobody in your organization is one now" in browser.get("/portal/apps").text


@pytest.mark.parametrize("kind", ["service app", "integration", "bot"])
def test_every_page_of_the_portal_that_is_left_works(priya, admin, world, deployment, kind):
    """Over the whole route table: each page answers, or says that apps of this kind have none of the sort."""
    app_id = made_by(world, admin)[kind]
    paths = {
        path
        for path, methods in every_route(Site(deployment).routes())
        if path.startswith("/portal") and "GET" in methods
    } - {NOWHERE}
    shown = []

    for path in sorted(paths):
        address = path.format(
            id=app_id, org=uuid.uuid4(), secret=uuid.uuid4(), key=uuid.uuid4(), account=uuid.uuid4()
        )
        response = priya.client.get(address, headers={"accept": "text/html"})
        assert response.status_code in {200, 404}, address
        if response.status_code == 200:
            shown.append(path)
            page = priya.get(address)
            assert "App Hub" not in page.text, address
            assert not [link for link in page.links() if link.startswith(CREATION[0])], address
    assert {"/portal/apps", "/portal/scopes", "/portal/apps/{id}", "/portal/apps/{id}/settings"} <= set(shown)


def test_an_administrator_changes_apps_in_the_portal(priya, admin, world, organization):
    bot = world.bot(admin, name="River Bot")
    priya.get(f"/portal/apps/{bot.id}/settings")
    page = priya.submit(f"/portal/apps/{bot.id}/settings", {"description": "Tells the level of each river."})

    assert "The settings are saved." in page.text
    assert "not change it" not in page.text

    priya.get(f"/portal/apps/{bot.id}/token/regenerate")
    priya.submit(f"/portal/apps/{bot.id}/token/regenerate")

    assert len(world.events(organization, "bot_token.created")) == 2


def test_an_owner_who_is_no_administrator_looks_and_is_told_why(
    world, browser: Browser, organization, admin, former
):
    """GOV-03."""
    made = made_by(world, former)
    step_down(world, former, admin)
    browser.sign_in(former)

    for app_id in made.values():
        page = browser.get(f"/portal/apps/{app_id}/settings")
        assert "You can look at this app, not change it" in page.text
        assert "Here only a Full Administrator of your organization makes and changes apps." in page.text
        for form in page.forms("/portal"):
            assert next(one for one in form if one.tag.endswith("fieldset")).get("disabled") is not None


def test_an_owner_who_is_no_administrator_changes_nothing(
    world, browser: Browser, organization, admin, former
):
    """GOV-03: the forms are refused even if they are sent by hand."""
    made = made_by(world, former)
    step_down(world, former, admin)
    page = browser.sign_in(former).get("/portal/apps")
    csrf = page.values(page.forms("/logout")[0])["csrf"]
    before = state(world)

    for kind, app_id in made.items():
        for form, values in (CHANGING if kind != "bot" else CHANGING_BOTS).items():
            page = browser.post(f"/portal/apps/{app_id}{form}", {"csrf": csrf, **values}, status=403)
            assert "only a Full Administrator of your organization makes and changes apps" in page.text

    assert state(world) == before
    with world.deployment.transaction(world.origin) as tx:
        assert len(bots.live_tokens(tx, [made["bot"]])) == 1


def test_a_browser_left_alone_for_a_quarter_of_an_hour_is_signed_out(priya, clock):
    """SES-07, hardened; and after twelve hours in any case."""
    for _ in range(3):
        clock.advance(minutes=14)
        assert "My apps" in priya.get("/portal/apps").heading
    clock.advance(minutes=15, seconds=1)

    assert "Sign in" in priya.get("/portal/apps").heading


def test_a_browser_that_is_never_left_alone_is_signed_out_after_half_a_day(priya, clock):
    for _ in range(55):
        clock.advance(minutes=13)
        priya.get("/portal/apps")
    clock.advance(minutes=6)

    assert "Sign in" in priya.get("/portal/apps").heading
