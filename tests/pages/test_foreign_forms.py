"""Forms that other sites send: without our cookie, so they change nothing here, not even who is signed in."""

import itertools
import uuid

from starlette.routing import Route
from starlette.testclient import TestClient

from appanage.deployment import Deployment
from appanage.web.oauth.endpoints import FOR_CLIENTS
from appanage.web.site import Site
from support.browser import Browser
from support.consenting import parameters_for
from support.integration import AUTHORIZE, sign_in_quickly
from support.world import World

FOREIGN = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

# A form, with and without the browser's word for where it comes from; one that cannot be read, one that is too long;
# and what is no form.
SENT: list[tuple[dict[str, str], bytes]] = [
    (FORM, b"email=lena%40people.example&csrf=x"),
    (FORM | FOREIGN, b"email=lena%40people.example&csrf=x"),
    (FORM | FOREIGN, b"client_id=%ff"),
    (FORM | FOREIGN, b"a&" * 700),
    ({"Content-Type": "multipart/form-data"} | FOREIGN, b"nothing"),
    ({"Content-Type": "text/plain"} | FOREIGN, b"x"),
]


def pages_that_take_forms(deployment: Deployment) -> list[str]:
    """The address of every one, with some id where one belongs."""
    found = [
        route.path
        for route in Site(deployment).routes()
        if isinstance(route, Route) and "POST" in (route.methods or ()) and route.path not in FOR_CLIENTS
    ]
    return [_with_ids(path) for path in found]


def _with_ids(path: str) -> str:
    return "/".join(str(uuid.uuid4()) if part.startswith("{") else part for part in path.split("/"))


def test_no_page_answers_a_form_of_another_site_with_a_cookie(client: TestClient, deployment: Deployment):
    """A new cookie would take the place of the one that the browser has but may not send: signed out (SES-06)."""
    paths = [*pages_that_take_forms(deployment), "/nowhere"]
    answers = {
        (path, number): client.post(path, content=body, headers=headers, follow_redirects=False)
        for path, (number, (headers, body)) in itertools.product(paths, enumerate(SENT))
    }

    assert len(paths) > 30
    assert [sent for sent, answer in answers.items() if "set-cookie" in answer.headers] == []
    assert [sent for sent, answer in answers.items() if answer.status_code >= 500] == []


def test_a_request_of_an_app_that_comes_as_a_form_leaves_the_person_signed_in(
    world: World, client: TestClient, browser: Browser
):
    """RFC 6749 §3.1, OpenID Connect Core §3.1.2.1: the browser comes back with its cookie, and goes on."""
    made = world.integration()
    sign_in_quickly(world, browser, world.person(world.organization()))
    cookies = dict(client.cookies)
    client.cookies.clear()
    sent = client.post(AUTHORIZE, data=parameters_for(made.app), headers=FOREIGN, follow_redirects=False)
    came_without = "set-cookie" not in sent.headers
    client.cookies.update(cookies)
    page = browser.get(sent.headers["location"])

    assert (sent.status_code, came_without) == (303, True)
    assert page.forms("/oauth/authorize/")
