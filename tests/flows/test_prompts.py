"""What a person is asked although they need not be, and what is never skipped (OpenID Connect Core §3.1.2.1)."""

from urllib.parse import urlencode

import pytest

from support.consenting import parameters_for
from support.integration import AUTHORIZE, connect, go, leave, sign_in_quickly, walk
from support.refusals import counted_statements, leaves_only
from support.world import PASSWORD

AGAIN = [{"prompt": "login"}, {"max_age": "0"}]


@pytest.fixture
def ada(world, home, desk):
    """Somebody who can sign in again, and allowed the app earlier."""
    person = world.person(home, name="Ada Byron", password=PASSWORD)
    connect(world, desk.made, person)
    return person


def page(browser, client, **changes):
    answer = go(browser, client.made, **changes)
    assert answer.status_code == 302, answer.text[:300]
    return browser.get(answer.headers["location"])


def test_consent_is_asked_for_again(desk, at_desk):
    assert page(at_desk, desk, prompt="consent").forms("/oauth/authorize/")


def test_the_account_is_chosen_again(desk, at_desk):
    assert page(at_desk, desk, prompt="select_account").heading == "Choose an account"


@pytest.mark.parametrize("changes", AGAIN)
def test_the_person_signs_in_again(world, desk, browser, ada, clock, changes):
    sign_in_quickly(world, browser, ada)
    clock.advance(seconds=30)

    assert page(browser, desk, **changes).forms("/login")
    assert walk(browser, ada, parameters_for(desk.made.app, **changes)).answer["code"]


@pytest.mark.parametrize("changes", AGAIN)
def test_the_decision_does_not_stand_in_for_the_sign_in(world, desk, at_desk, clock, changes):
    """REG-05: no step is skipped by sending the answer to the next one."""
    clock.advance(seconds=30)
    where = go(at_desk, desk.made, **changes).headers["location"]
    at_desk.get("/account")
    csrf = at_desk.page.values(at_desk.page.forms("/logout")[0])["csrf"]
    with leaves_only(world, desk.owner):
        shown = at_desk.post(f"{where}/decision", {"decision": "allow", "csrf": csrf})

    assert shown.forms("/login")


def test_a_sign_in_that_is_recent_enough_is_enough(desk, at_desk, clock):
    clock.advance(seconds=50)

    assert leave(at_desk, desk.made, max_age="60").answer["code"]


def test_what_is_no_prompt_and_no_age_is_refused(world, desk, at_desk):
    prompts = ["none login", "none consent", "none select_account", "create", "NONE"]
    ages = ["-1", "1.5", "soon", "1" * 10, " 1", "١"]
    wrong = [{"prompt": one} for one in prompts] + [{"max_age": one} for one in ages]
    with leaves_only(world, desk.owner, *["authorization_request.refused"] * len(wrong)):
        outs = [leave(at_desk, desk.made, **one) for one in wrong]

    assert {out.answer["error"] for out in outs} == {"invalid_request"}


def test_the_address_that_was_hinted_at_is_filled_in(desk, browser, lena):
    shown = page(browser, desk, login_hint=lena.email)

    assert shown.values(shown.forms("/login")[0])["email"] == [lena.email]


def test_the_number_of_statements_does_not_grow(world, desk, at_desk):
    """TEN-05: neither of pushing a request nor of using one, with the requests that there are."""

    def use(request_uri):
        query = urlencode({"client_id": desk.client_id, "request_uri": request_uri})
        return at_desk.client.get(f"{AUTHORIZE}?{query}", follow_redirects=False)

    use(desk.push().json()["request_uri"])
    counts = []
    for _ in range(2):
        with counted_statements(world) as pushing:
            request_uri = desk.push().json()["request_uri"]
        with counted_statements(world) as using:
            assert "code=" in use(request_uri).headers["location"]
        counts.append((len(pushing), len(using)))
        for _ in range(5):
            desk.push()

    assert counts[0] == counts[1]
    assert counts[0][0] <= 10
    assert counts[0][1] <= 18
