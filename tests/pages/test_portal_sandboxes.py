"""Sandboxes in the portal: made with a password that is shown once, and ended on a page of its own."""

from collections.abc import Callable
from datetime import timedelta

from appanage.deployment import Deployment
from appanage.directory.model import Account, Organization, Sandbox
from appanage.kit.ids import parse_uuid
from appanage.profiles import ProfileName
from appanage.web.site import Site
from support.browser import Browser
from support.world import World

LIST = "/portal/sandboxes"


def test_a_developer_makes_a_sandbox_and_signs_in_to_it(
    world: World, dana: Browser, new_browser: Callable[[], Browser], lena: Account
):
    page = dana.get(LIST)
    assert LIST in page.links()
    assert "Give the sandbox a name" in dana.submit(LIST, status=422).text
    shown = dana.submit(LIST, {"name": "Play <ground>"})
    secrets = {field.get("id"): field.get("value", "") for field in shown.all("input")}
    address, password = secrets["sandbox-address"], secrets["sandbox-password"]

    again = dana.get(str(shown.response.url))
    assert "This password was shown already" in again.text
    assert password not in again.html + dana.get(LIST).html
    assert address in dana.get(LIST).text
    inside = new_browser()
    inside.get("/login")
    inside.submit("/login", {"email": address, "password": password})
    hub = inside.get("/hub/users")
    assert "Sandbox until" in hub.text
    assert "Maya Lindqvist" in hub.text
    assert "You are in a sandbox" in inside.get(LIST).text
    assert "Sandbox until" not in dana.get(LIST).text

    base = str(shown.response.url.path).removesuffix("/created")
    stranger = new_browser().sign_in(lena)
    for path in (f"{base}/end", f"{base}/created"):
        stranger.get(path, status=404)


def test_it_is_extended_near_its_end_and_ended_for_good(
    world: World, dana: Browser, organization: Organization
):
    dana.get(LIST)
    base = str(dana.submit(LIST, {"name": "Playground"}).response.url.path).removesuffix("/created")
    page = dana.get(LIST)
    assert "Can be extended from" in page.text
    assert page.forms(f"{base}/extension") == []
    csrf = page.values(page.forms(LIST)[0])["csrf"]
    assert "can be extended from" in dana.post(f"{base}/extension", {"csrf": csrf}, status=409).text
    with world.deployment.transaction(world.origin) as tx:
        tx.get_one(Sandbox, parse_uuid(base.rpartition("/")[2])).expires_at = tx.now + timedelta(days=13)
    dana.get(LIST)
    assert "Playground lives on." in dana.submit(f"{base}/extension").text
    dana.get(f"{base}/end")

    assert "Playground has ended." in dana.submit(f"{base}/end").text
    assert "Ended" in dana.get(LIST).text
    assert [event.type for event in world.events(organization, "sandbox.ended")] == ["sandbox.ended"]


def test_an_operator_of_the_fedramp_profile_may_switch_them_on(new_deployment: Callable[..., Deployment]):
    """GOV-02: the profile says what holds until the operator says otherwise."""

    def has_sandboxes(**settings: object) -> bool:
        routes = Site(new_deployment(**settings)).routes()
        return any(getattr(route, "path", "") == LIST for route in routes)

    assert has_sandboxes()
    assert not has_sandboxes(sandboxes=False)
    assert not has_sandboxes(profile=ProfileName.FEDRAMP)
    assert has_sandboxes(profile=ProfileName.FEDRAMP, sandboxes=True)
