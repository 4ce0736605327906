"""A person's own pages: profile, sessions, password."""

import uuid

import pytest

from appanage.directory.roles import Role
from support.world import PASSWORD

NEW = "violet harbour under seven clouds"


@pytest.fixture
def user_admin(world, organization):
    return world.person(organization, Role.USER_ADMIN, name="Dana Kim", password=PASSWORD)


@pytest.fixture
def elsewhere(new_browser, user_admin):
    return new_browser().sign_in(user_admin)


def test_the_account_page_shows_who_one_is(browser, user_admin, organization):
    page = browser.sign_in(user_admin).get("/account")

    for fact in ("Dana Kim", user_admin.email, organization.name, "User Administrator", "This browser"):
        assert fact in page.text


def test_another_session_is_ended_alone(browser, user_admin, elsewhere, world, organization):
    browser.sign_in(user_admin).get("/account")
    page = browser.submit("/account/sessions/")

    assert "is signed out." in page.text
    assert page.forms("/account/sessions/") == []
    assert elsewhere.get("/account").heading == "Sign in"
    assert len(world.events(organization, "session.ended")) == 1


def test_all_other_sessions_are_ended_at_once(
    browser, user_admin, elsewhere, new_browser, world, organization
):
    third = new_browser().sign_in(user_admin)
    browser.sign_in(user_admin).get("/account")
    page = browser.submit("/account/sessions/end")

    assert "2 browsers are signed out. You stay signed in here." in page.text
    assert elsewhere.get("/account").heading == "Sign in"
    assert third.get("/account").heading == "Sign in"
    assert len(world.events(organization, "session.ended")) == 2


def test_nobody_ends_the_session_of_somebody_else(browser, new_browser, user_admin, world, organization):
    other = world.developer(organization, password=PASSWORD)
    theirs = new_browser().sign_in(other)
    new_browser().sign_in(other)
    action = theirs.get("/account").forms("/account/sessions/")[-1].get("action")
    browser.sign_in(user_admin).get("/account")
    token = browser.page.values(browser.page.forms("/logout")[0])["csrf"]

    browser.post(action, {"csrf": token}, status=404)
    browser.post(f"/account/sessions/{uuid.uuid4()}/end", {"csrf": token}, status=404)

    assert theirs.get("/account").heading == "Account"


def test_a_changed_password_signs_out_every_other_browser(browser, user_admin, elsewhere, new_browser):
    browser.sign_in(user_admin).get("/account/password")
    page = browser.submit("/account/password", {"current": PASSWORD, "password": NEW})

    assert "Your password is changed." in page.text
    assert page.heading == "Account"
    assert elsewhere.get("/account").heading == "Sign in"
    assert new_browser().sign_in(user_admin, NEW).get("/account").heading == "Account"


def test_a_changed_password_ends_personal_access_tokens(browser, world, user_admin):
    """SES-08."""
    headers = {"Authorization": f"Bearer {world.token(user_admin)}"}
    before = browser.client.get("/v1/people/me", headers=headers).status_code

    browser.sign_in(user_admin).get("/account/password")
    browser.submit("/account/password", {"current": PASSWORD, "password": NEW})

    assert (before, browser.client.get("/v1/people/me", headers=headers).status_code) == (200, 401)


@pytest.mark.parametrize(
    ("current", "new", "sentence"),
    [
        ("wrong", NEW, "That is not your present password."),
        (PASSWORD, "short", "it needs at least 15"),
        (PASSWORD, "Dana Kim Dana Kim Dana Kim", "Choose a few unrelated words"),
        (PASSWORD, "", "it needs at least 15"),
    ],
)
def test_a_password_that_cannot_be_changed_says_why(browser, user_admin, new_browser, current, new, sentence):
    browser.sign_in(user_admin).get("/account/password")
    page = browser.submit("/account/password", {"current": current, "password": new}, status=422)

    assert sentence in page.text
    assert all(value not in page.html for value in (current, new) if len(value) > 5)
    assert new_browser().sign_in(user_admin).get("/account").heading == "Account"


def test_guessing_the_present_password_is_throttled(browser, user_admin):
    browser.sign_in(user_admin).get("/account/password")
    for _ in range(5):
        browser.submit("/account/password", {"current": "wrong", "password": NEW}, status=422)
    page = browser.submit("/account/password", {"current": PASSWORD, "password": NEW}, status=429)

    assert "Try again after" in page.text
    assert "retry-after" in page.response.headers


@pytest.mark.parametrize("path", ["/account/password", "/account/sessions/end", "/account/theme"])
def test_account_forms_need_their_token(browser, user_admin, path):
    browser.sign_in(user_admin)

    browser.post(path, {"theme": "dark"}, status=403)


def test_the_theme_is_kept_by_the_server(browser, user_admin):
    browser.sign_in(user_admin).get("/account")
    page = browser.submit("/account/theme", {"theme": "dark"})

    assert 'data-theme="dark"' in page.html
    assert page.heading == "Account"
