"""Signing in and out on the pages."""

import pytest

from support.world import PASSWORD

WRONG = "not the right password"


def sign_in(browser, email, password, **options):
    return browser.submit("/login", {"email": email, "password": password}, **options)


def test_a_page_for_signed_in_people_leads_to_the_sign_in_page_and_back(browser, developer):
    page = browser.get("/portal/scopes?q=people")

    assert page.heading == "Sign in"
    assert "to continue to Developer Portal" in page.text

    back = sign_in(browser, developer.email, PASSWORD)

    assert str(back.response.url).endswith("/portal/scopes?q=people")


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_nobody_is_led_to_another_site(browser, developer, elsewhere):
    browser.get("/login")
    page = browser.submit("/login", {"email": developer.email, "password": PASSWORD, "next": elsewhere})

    assert page.response.url.host == "localhost"
    assert page.heading == "My apps"


def test_the_sign_in_page_runs_no_script(browser):
    page = browser.get("/login")

    assert page.all("script") == []
    assert "script-src" not in page.response.headers["content-security-policy"]


def test_a_wrong_password_says_how_many_tries_are_left_and_keeps_the_address(browser, developer):
    browser.get("/login?next=/portal/scopes")
    page = sign_in(browser, developer.email, WRONG, status=422)

    assert "That e-mail and password do not match. 4 tries left." in page.text
    values = page.values(page.forms("/login")[0])
    assert values["email"] == [developer.email]
    assert values["next"] == ["/portal/scopes"]
    assert WRONG not in page.html


def test_an_unknown_address_reads_the_same_as_a_wrong_password(browser, developer):
    browser.get("/login")
    known = sign_in(browser, developer.email, WRONG, status=422).text
    browser.get("/login")
    unknown = sign_in(browser, "nobody@people.example", WRONG, status=422).text

    assert known == unknown


def test_too_many_wrong_passwords_must_wait(browser, developer):
    browser.get("/login")
    for _ in range(5):
        sign_in(browser, developer.email, WRONG, status=422)
    page = sign_in(browser, developer.email, PASSWORD, status=429)

    assert "Too many attempts. Try again after" in page.text
    assert int(page.response.headers["retry-after"]) > 0


def test_a_hostile_address_is_only_text(browser):
    browser.get("/login")
    page = sign_in(browser, '"><script>alert(1)</script>', WRONG, status=422)

    assert page.all("script") == []


def test_a_form_without_its_token_changes_nothing(browser, developer):
    browser.get("/login")
    page = browser.submit(
        "/login", {"email": developer.email, "password": PASSWORD}, status=403, without=["csrf"]
    )

    assert "nothing was changed" in page.text
    assert browser.get("/portal/apps").heading == "Sign in"


def test_signing_in_and_out_renews_the_cookie(browser, developer):
    browser.get("/login")
    before = browser.client.cookies["appanage"]
    sign_in(browser, developer.email, PASSWORD)
    signed_in = browser.client.cookies["appanage"]

    assert signed_in != before

    browser.submit("/logout")

    assert browser.client.cookies["appanage"] != signed_in

    browser.client.cookies.set("appanage", signed_in)

    assert browser.get("/portal/apps").heading == "Sign in"


def test_who_is_signed_in_already_is_not_asked_again(browser, developer):
    browser.sign_in(developer)

    assert browser.get("/login").heading == "My apps"


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (b"email=%ff", "application/x-www-form-urlencoded", 400),
        (b"email=%00", "application/x-www-form-urlencoded", 400),
        (b"--x", "multipart/form-data; boundary=y", 400),
        (b'{"email": "x"}', "application/json", 415),
    ],
)
def test_what_is_no_proper_form_is_refused(browser, body, media_type, status):
    """AUTHZ-15."""
    answer = browser.client.post("/login", content=body, headers={"content-type": media_type})

    assert answer.status_code == status
    assert "Incident" in answer.text
