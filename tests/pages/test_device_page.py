"""The pages on which a person connects a device."""

import re
import uuid

import pytest

from support.consenting import allow, block, check_headers, integration, show_code
from support.world import PASSWORD

NOT_VALID = "This code is not valid any more, or never was."


@pytest.fixture
def app(world):
    return integration(world, name="Room Panel")


def enter(browser, code, **options):
    browser.get("/verify")
    return browser.submit("/verify", {"user_code": code}, **options)


def decide(browser, decision, *, status=200):
    return browser.submit("/verify/", {"decision": decision}, status=status)


def test_a_person_enters_the_code_and_allows_the_device(browser, world, app, lena, organization):
    browser.sign_in(lena)
    page = enter(browser, show_code(world, app))

    assert page.heading == "Room Panel on a device wants to use your account"

    page = decide(browser, "allow")

    assert page.heading == "Device connected"
    assert len(world.events(organization, "consent.given")) == 1


def test_the_confirmation_tells_what_asks_and_warns(browser, world, app, lena):
    """AUTHZ-13, RFC 8628 §5.4."""
    code = show_code(world, app)
    browser.sign_in(lena)
    page = enter(browser, code)

    for fact in (
        code,
        "198.51.100.7",
        "DeskPanel/2.1",
        "Published by Fabrikam GmbH. Not verified",
        "It asks for 3 permissions",
        "Deletes spaces together with their conversations.",
        "Lena Vogt",
        "If somebody sent you the code",
        "The device is on another network than this browser.",
    ):
        assert fact in page.text
    check_headers(page)


def test_who_is_not_signed_in_signs_in_first_and_keeps_the_code(browser, world, app, lena):
    code = show_code(world, app)
    page = browser.get(f"/verify?userCode={code}")

    assert page.heading == "Sign in"

    page = browser.submit("/login", {"email": lena.email, "password": PASSWORD})

    assert page.heading == "Connect a device"
    assert page.values(page.forms("/verify")[0])["user_code"] == [code]
    check_headers(page)


def test_a_code_in_the_address_is_filled_in_and_nothing_more(browser, world, app, lena, organization):
    """RFC 8628 §3.3.1, §5.4."""
    browser.sign_in(lena)
    page = browser.get(f"/verify?userCode={show_code(world, app)}")

    assert page.heading == "Connect a device"
    assert "Room Panel" not in page.text
    assert world.events(organization, "consent.given") == []


@pytest.mark.parametrize(
    "write", [str.lower, lambda code: code.replace("-", ""), lambda code: f"  {code[0]} {code[1:]} "]
)
def test_case_blanks_and_hyphens_do_not_matter(browser, world, app, lena, write):
    browser.sign_in(lena)

    assert "Room Panel" in enter(browser, write(show_code(world, app))).heading


def test_declining_tells_the_device_no(browser, world, app, lena, organization):
    browser.sign_in(lena)
    enter(browser, show_code(world, app))
    page = decide(browser, "decline")

    assert page.heading == "Nothing was allowed"
    assert world.events(organization, "consent.given") == []
    assert len(world.events(organization, "consent.declined")) == 1


@pytest.mark.parametrize("typed", ["BCDF-GHJK", "", "hello", "<script>", "B" * 5000])
def test_an_unknown_code_reads_like_every_other_wrong_one(browser, lena, typed):
    browser.sign_in(lena)
    page = enter(browser, typed, status=422)

    assert NOT_VALID in page.text
    assert page.all("script") == []


def test_a_code_that_expired_reads_like_an_unknown_one(browser, world, app, lena, clock):
    code = show_code(world, app)
    browser.sign_in(lena)
    clock.advance(minutes=6)

    assert NOT_VALID in enter(browser, code, status=422).text


def test_a_code_that_was_decided_reads_like_an_unknown_one(browser, world, app, lena):
    code = show_code(world, app)
    browser.sign_in(lena)
    enter(browser, code)
    decide(browser, "allow")

    assert NOT_VALID in enter(browser, code, status=422).text


class TestSomebodyElse:
    """AUTHZ-13: only the person who claimed a code can approve, deny or see it."""

    @pytest.fixture
    def other(self, new_browser, world, organization):
        return new_browser().sign_in(world.person(organization, password=PASSWORD))

    def test_cannot_claim_it_too(self, browser, other, world, app, lena):
        code = show_code(world, app)
        browser.sign_in(lena)
        enter(browser, code)

        assert NOT_VALID in enter(other, code, status=422).text

    def test_cannot_see_it(self, browser, other, world, app, lena):
        browser.sign_in(lena)
        path = enter(browser, show_code(world, app)).response.url.path

        other.get(path, status=404)
        other.get(f"/verify/{uuid.uuid4()}", status=404)

    @pytest.mark.parametrize("decision", ["allow", "decline"])
    def test_cannot_decide_it(self, browser, other, world, app, lena, organization, decision):
        browser.sign_in(lena)
        path = enter(browser, show_code(world, app)).response.url.path
        csrf = other.get("/verify").forms("/verify")[0]
        sent = {"csrf": other.page.values(csrf)["csrf"], "decision": decision}

        other.post(f"{path}/decision", sent, status=404)

        assert world.events(organization, "consent.given") == []
        assert world.events(organization, "consent.declined") == []

    def test_is_not_needed_to_go_on(self, browser, world, app, lena):
        code = show_code(world, app)
        browser.sign_in(lena)
        enter(browser, code)

        assert "Room Panel" in enter(browser, code).heading


def test_guessing_is_throttled(browser, world, app, lena):
    """RFC 8628 §5.1. A right code in between gives a guesser nothing."""
    code = show_code(world, app)
    browser.sign_in(lena)
    for _ in range(10):
        enter(browser, "BCDF-GHJK", status=422)
    enter(browser, code)
    for _ in range(9):
        enter(browser, "BCDF-GHJK", status=422)
    page = enter(browser, code, status=429)

    assert re.search("Try again after .* UTC", page.text)
    assert int(page.response.headers["retry-after"]) > 0


def test_an_app_that_the_administrators_block_is_refused_once(browser, world, app, lena, organization):
    block(world, app, organization)
    browser.sign_in(lena)
    page = enter(browser, show_code(world, app), status=403)

    assert page.heading == "Room Panel is blocked by your organization"
    assert page.forms("/verify/") == []
    check_headers(page)
    assert browser.get(page.response.url.path).heading == "Nothing was allowed"
    assert len(world.events(organization, "consent.refused")) == 1
    assert world.events(organization, "consent.declined") == []


def test_a_block_that_is_newer_than_the_page_counts(browser, world, app, lena, organization):
    browser.sign_in(lena)
    enter(browser, show_code(world, app))
    block(world, app, organization)
    page = decide(browser, "allow", status=403)

    assert page.heading == "Room Panel is blocked by your organization"
    assert world.events(organization, "consent.given") == []


def test_a_second_decision_changes_nothing(browser, world, app, lena, organization):
    """CONS-09."""
    browser.sign_in(lena)
    page = enter(browser, show_code(world, app))
    path, sent = page.response.url.path, page.values(page.forms("/verify/")[0])
    decide(browser, "decline")
    browser.post(f"{path}/decision", sent | {"decision": "allow"}, status=409)

    assert world.events(organization, "consent.given") == []
    assert browser.get(path).heading == "Nothing was allowed"


def test_a_form_without_its_token_changes_nothing(browser, world, app, lena, organization):
    browser.sign_in(lena)
    enter(browser, show_code(world, app))
    browser.submit("/verify/", {"decision": "allow"}, without=["csrf"], status=403)

    assert world.events(organization, "consent.given") == []


def test_what_was_allowed_before_is_told_apart(browser, world, app, lena):
    allow(world, app, lena, "spark:people_read")
    browser.sign_in(lena)

    assert "It asks for 2 more permissions" in enter(browser, show_code(world, app)).text
