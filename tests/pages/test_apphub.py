"""The public pages of the App Hub: looked through by anybody, asked for by people, decided on by administrators."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from appanage.apphub.model import Listing
from appanage.apps.model import App
from appanage.authorizations import app_policies
from appanage.authorizations.app_policy_rules import Terms
from appanage.deployment import Deployment
from appanage.directory.model import Account, Organization, Plan
from appanage.directory.queries import get_account
from appanage.directory.roles import Role
from appanage.profiles import ProfileName
from appanage.signin import service as signin
from appanage.web.site import Site
from support.browser import Browser
from support.shelf import put_up
from support.world import PASSWORD, MadeApp, World


@pytest.fixture
def word() -> str:
    """A word that no other story's apps have."""
    return f"w{uuid.uuid4().hex[:12]}"


@pytest.fixture
def sync(world: World, word: str) -> MadeApp:
    """A Service App of Fabrikam."""
    developer = world.developer(world.organization("Fabrikam GmbH"), password=PASSWORD)
    return world.service_app(
        developer, name=f"Sync {word}", scope_reasons={"spark-admin:people_write": "To create people."}
    )


def with_screenshot(world: World, made: MadeApp, **said: Any) -> Listing:
    return put_up(world, made, with_picture=True, **said)


def test_anybody_searches_and_looks_at_an_app(world: World, browser: Browser, sync: MadeApp, word: str):
    listing = with_screenshot(
        world,
        sync,
        categories=("finance", "security"),
        description="Sees <b>all</b> of [it](https://x.example).",
    )
    put_up(world, world.integration(name=f"Desk {word}"), categories=("finance",), tags=("blue",))

    assert browser.get("/apps").forms("/apps")
    shown = browser.get(f"/apps?search={word}")
    assert "2 apps" in shown.text
    assert "Finance 2" in shown.text
    assert shown.response.headers["x-robots-tag"] == "noindex, follow"
    assert "Sign in" in shown.text
    narrowed = browser.get(f"/apps?search={word}&category=security")
    assert f"Desk {word}" not in narrowed.text
    assert "Nothing matches these filters" in browser.get(f"/apps?search={word}&tag=green").text

    page = browser.get(f"/apps/{listing.slug}")
    assert f"Sync {word} by Fabrikam GmbH" in page.title
    assert "Sees <b>all</b> of it." in page.text, "the writer's own HTML is text"
    assert "Developer’s reason: To create people." in page.text
    assert "High risk" in page.text
    assert "Domain not verified" in page.text
    assert 'name="description" content="Keeps people in step with HR"' in page.html
    outside = [link for link in page.all("a") if link.get("href", "").startswith("https://")]
    assert len(outside) == 4
    assert all({"nofollow", "noopener"} <= set(link.get("rel", "").split()) for link in outside)

    (image,) = [one.get("src", "") for one in page.all("img") if "/pictures/" in one.get("src", "")]
    answer = browser.client.get(image)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    for other in (image[:-1], image.partition("?")[0], image.replace("/pictures/", "/pictures/x")):
        assert browser.client.get(other).status_code == 404


def test_featured_apps_come_first_and_pages_can_be_turned(
    world: World, browser: Browser, new_browser: Callable[[], Browser], sync: MadeApp, word: str
):
    listing = put_up(world, sync)
    for number in range(25):
        put_up(world, world.integration(sync.developer, name=f"Many {word} {number:02}"))
    reviewer = world.operators(Role.APP_REVIEWER)
    with world.deployment.transaction(world.origin) as tx:
        signin.set_password(
            tx,
            get_account(tx, reviewer.organization_id, reviewer.id),
            PASSWORD,
            by=reviewer.as_actor(),
            passwords=world.deployment.passwords,
        )
    browser.sign_in(reviewer).get(f"/apps/{listing.slug}")
    assert "is featured." in browser.submit(f"/apps/{listing.slug}/featured").text
    visitor = new_browser()

    assert "Featured" in visitor.get("/apps").text
    first = visitor.get(f"/apps?search=many+{word}")
    assert "25 apps" in first.text
    (onward,) = [link for link in first.links() if "cursor=" in link]
    second = visitor.get(onward)
    assert sum(link.startswith("/apps/many-") for link in first.links()) == 24
    assert sum(link.startswith("/apps/many-") for link in second.links()) == 1
    assert "First page" in second.text
    assert "is not featured any more" in browser.submit(f"/apps/{listing.slug}/featured").text


def test_a_person_asks_for_an_app_and_an_administrator_is_led_to_the_decision(
    world: World,
    browser: Browser,
    new_browser: Callable[[], Browser],
    sync: MadeApp,
    lena: Account,
    admin: Account,
    organization: Organization,
):
    listing = put_up(world, sync)
    address = f"/apps/{listing.slug}"
    assert "Sign in" in browser.get(f"{address}/request").heading, "whoever asks says who they are"
    browser.sign_in(lena).get(f"{address}/request")
    browser.submit(f"{address}/request", {"message": "x" * 501}, status=422)
    shown = browser.submit(f"{address}/request", {"message": "For onboarding"})

    assert "is handed to your administrators" in shown.text
    (asked,) = world.events(organization, "authorization.requested")
    assert asked.data["message"] == "For onboarding"
    browser.get(f"{address}/request")
    assert browser.submit(f"{address}/request", status=409).forms(f"{address}/request")

    page = new_browser().sign_in(admin).get(address)
    assert f"/hub/service-apps/{sync.id}" in page.links()
    assert f"{address}/request" not in page.links()


def test_the_policy_of_the_organization_is_told_where_it_refuses_or_authorizes(
    world: World,
    browser: Browser,
    sync: MadeApp,
    lena: Account,
    admin: Account,
    organization: Organization,
    word: str,
):
    listing = put_up(world, sync)
    mild = world.service_app(sync.developer, name=f"Mild {word}", scopes=["spark:people_read"])
    harmless = put_up(world, mild)
    browser.sign_in(lena)
    with world.deployment.transaction(world.origin) as tx:
        by = get_account(tx, admin.organization_id, admin.id)
        app_policies.settle(tx, by.organization, Terms(authorizes_low_risk=True), by=by, version=0)

    browser.get(f"/apps/{harmless.slug}/request")
    done = browser.submit(f"/apps/{harmless.slug}/request")
    assert f"{harmless.name} is authorized for Northwind Traders." in done.text
    with world.deployment.transaction(world.origin) as tx:
        by = get_account(tx, admin.organization_id, admin.id)
        app_policies.settle(tx, by.organization, Terms(only_allowed=True), by=by, version=1)
    browser.get(f"/apps/{listing.slug}/request")
    refused = browser.submit(f"/apps/{listing.slug}/request", status=403)

    assert "allows only apps that it names" in refused.text
    assert len(world.events(organization, "authorization.requested")) == 1


def test_free_organizations_and_apps_for_single_people_have_other_ways(
    world: World, browser: Browser, sync: MadeApp, word: str
):
    listing = put_up(world, sync)
    desk = put_up(world, world.integration(name=f"Desk {word}"), landing_url="https://desk.example/start")
    free = world.person(world.organization(plan=Plan.FREE), password=PASSWORD)
    browser.sign_in(free)

    assert "Your organization cannot authorize it" in browser.get(f"/apps/{listing.slug}").text
    assert "https://desk.example/start" in browser.get(f"/apps/{desk.slug}").links()
    assert f"/apps/{desk.slug}/request" not in browser.page.links()  # type: ignore[union-attr]
    browser.get(f"/apps/{desk.slug}/request", status=404)


def test_an_app_that_is_not_listed_has_no_page_of_any_kind(
    world: World, browser: Browser, sync: MadeApp, word: str, lena: Account
):
    """CONS-12: one answer, whether it never was listed, is no more, or there is none."""
    listing = with_screenshot(world, sync)
    picture = next(link for link in _pictures(browser.get(f"/apps/{listing.slug}")))
    with world.deployment.transaction(world.origin) as tx:
        tx.get_one(App, sync.id).suspended_at = tx.now
    browser.sign_in(lena)

    texts = set()
    for path in (
        listing.slug,
        f"{listing.slug}/request",
        f"{listing.slug}/removal",
        "nobody",
        str(sync.id),
        "A%00",
    ):
        texts.add(browser.get(f"/apps/{path}", status=404).text.partition("Incident")[0])
    assert browser.client.get(picture).status_code == 404
    assert word not in browser.get(f"/apps?search={word[:8]}").text.replace(f"search={word}", "")
    assert len(texts) <= 2, "the pages for owners and reviewers say what every unknown page says"


def test_the_owner_takes_an_app_out_with_a_reason(
    world: World, browser: Browser, sync: MadeApp, lena: Account
):
    listing = put_up(world, sync)
    address = f"/apps/{listing.slug}/removal"
    browser.sign_in(lena).get(address, status=404)
    browser.client.cookies.clear()
    browser.sign_in(sync.developer).get(f"/apps/{listing.slug}")
    browser.get(address)
    assert "Say why" in browser.submit(address, status=422).text
    assert "is not in the App Hub any more" in browser.submit(address, {"reason": "Replaced."}).text

    browser.get(f"/apps/{listing.slug}", status=404)


def test_there_is_no_app_hub_in_the_fedramp_profile(new_deployment: Callable[..., Deployment]):
    routes = Site(new_deployment(profile=ProfileName.FEDRAMP)).routes()

    assert [route for route in routes if getattr(route, "path", "").startswith("/apps")] == []


def _pictures(page: object) -> list[str]:
    return [one.get("src", "") for one in page.all("img") if "/pictures/" in one.get("src", "")]  # type: ignore[attr-defined]
