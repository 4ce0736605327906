"""Sign-out that an app asks for (OpenID Connect RP-Initiated Logout 1.0)."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest

from appanage.oauth import id_tokens
from appanage.oauth.id_tokens import IdClaims
from support.consenting import STATE, check_headers, integration, way_out_of
from support.world import PASSWORD, SIGNED_OUT

ELSEWHERE = "https://evil.example/"


@pytest.fixture
def id_token(world, app, lena):
    """An ID token that the app got for a person, long expired."""

    def make(person=lena, client_id=app.client_id, issuer=world.deployment.settings.issuer):
        with world.deployment.transaction(world.origin) as tx:
            issued_at = tx.now - timedelta(days=30)
            claims = IdClaims(
                issuer=issuer,
                subject=str(person.id),
                client_id=client_id,
                organization=str(person.organization_id),
                issued_at=issued_at,
                expires_at=issued_at + timedelta(hours=2),
                authenticated_at=issued_at,
            )
            key = world.deployment.keys.signing_key(tx, world.deployment.settings.rules.signs_id_tokens_with)
            return id_tokens.sign(claims, key, access_token="token")

    return make


def leave(browser, *, status=200, **parameters):
    return browser.get(f"/v1/logout?{urlencode(parameters)}", status)


def is_signed_in(browser):
    return browser.get("/account").heading == "Account"


def test_a_person_is_asked_signed_out_and_led_back_to_the_app(browser, app, lena, id_token):
    browser.sign_in(lena)
    page = leave(browser, id_token_hint=id_token(), post_logout_redirect_uri=SIGNED_OUT, state=STATE)

    assert page.heading == "Sign out of Appanage?"
    assert "You signed out of Desk Booking." in page.text
    assert "You will go on to desk.fabrikam.example." in page.text
    check_headers(page)

    page = browser.submit("/oauth/sign-out")
    out = way_out_of(page)

    assert out.address == SIGNED_OUT
    assert out.answer == {"state": STATE}
    assert not is_signed_in(browser)


def test_a_link_alone_signs_nobody_out(browser, app, lena, id_token):
    browser.sign_in(lena)
    leave(browser, id_token_hint=id_token())

    assert is_signed_in(browser)


def test_who_is_not_signed_in_goes_straight_on(browser, app):
    page = leave(browser, client_id=app.client_id, post_logout_redirect_uri=SIGNED_OUT)

    assert way_out_of(page).address == SIGNED_OUT


def test_without_an_address_to_go_to_a_page_says_that_one_is_signed_out(browser, lena):
    browser.sign_in(lena)
    page = leave(browser)

    assert page.heading == "Sign out of Appanage?"

    page = browser.submit("/oauth/sign-out")

    assert page.heading == "You are signed out"
    check_headers(page)


def test_staying_signed_in_leads_back_as_well(browser, app, lena):
    browser.sign_in(lena)
    page = leave(browser, client_id=app.client_id, post_logout_redirect_uri=SIGNED_OUT, state=STATE)

    assert f"{SIGNED_OUT}?state={STATE}" in page.links()


def test_the_same_request_comes_as_a_form_of_the_app(browser, app, lena, id_token):
    """RP-Initiated Logout §2: GET and POST. The cookie of a strict browser does not come with the form."""
    browser.sign_in(lena)
    cookie = browser.client.cookies["appanage"]
    browser.client.cookies.clear()
    answer = browser.client.post(
        "/v1/logout",
        data={"client_id": app.client_id, "post_logout_redirect_uri": SIGNED_OUT, "state": STATE},
        headers={"sec-fetch-site": "cross-site"},
        follow_redirects=False,
    )

    assert answer.status_code == 303
    assert "set-cookie" not in answer.headers

    browser.client.cookies.set("appanage", cookie)
    page = browser.get(answer.headers["location"])

    assert page.heading == "Sign out of Appanage?"
    assert way_out_of(browser.submit("/oauth/sign-out")).address == SIGNED_OUT


@pytest.mark.parametrize(
    "target",
    [
        ELSEWHERE,
        SIGNED_OUT + "/",
        SIGNED_OUT + "?x=1",
        "https://desk.fabrikam.example/callback",
        "javascript:alert(1)",
    ],
)
@pytest.mark.parametrize("signed_in", [True, False])
def test_nobody_is_sent_where_the_app_did_not_say_beforehand(browser, app, lena, target, signed_in):
    if signed_in:
        browser.sign_in(lena)
    page = leave(browser, status=400, client_id=app.client_id, post_logout_redirect_uri=target)

    assert "not registered" in page.text
    assert target not in page.links()
    assert "refresh" not in page.response.headers
    assert is_signed_in(browser) == signed_in


def test_an_address_without_an_app_is_nobody_s(browser):
    leave(browser, status=400, post_logout_redirect_uri=SIGNED_OUT)
    leave(browser, status=400, post_logout_redirect_uri=SIGNED_OUT, client_id="C" + "0" * 64)


def test_a_hint_of_another_server_or_a_broken_one_is_refused(browser, lena, id_token):
    browser.sign_in(lena)
    leave(browser, status=400, id_token_hint=id_token(issuer="https://elsewhere.example/v1"))
    leave(browser, status=400, id_token_hint=id_token()[:-6] + "AAAAAA")
    leave(browser, status=400, id_token_hint="nonsense")


def test_a_hint_for_another_client_is_refused(browser, app, lena, id_token, world):
    other = integration(world, name="Other")
    browser.sign_in(lena)
    leave(browser, status=400, id_token_hint=id_token(), client_id=other.client_id)


def test_an_access_token_is_no_hint(browser, world, lena, organization):
    browser.sign_in(lena)
    leave(browser, status=400, id_token_hint=world.machine_token(organization))


def test_a_hint_for_somebody_else_is_pointed_out(browser, world, lena, organization, id_token):
    ann = world.person(organization, name="Ann Other", password=PASSWORD)
    browser.sign_in(ann)
    page = leave(browser, id_token_hint=id_token())

    assert "The app knows you by another account" in page.text
    assert lena.email not in page.text


def test_a_repeated_parameter_is_refused(browser, app):
    browser.get(f"/v1/logout?client_id={app.client_id}&client_id={app.client_id}", 400)


def test_a_long_state_is_refused(browser):
    leave(browser, status=400, state="x" * 2001)


def test_unknown_parameters_and_hints_are_left_aside(browser, lena):
    browser.sign_in(lena)

    assert leave(browser, logout_hint="somebody", ui_locales="de", x="y").heading == "Sign out of Appanage?"


def test_a_form_without_its_token_signs_nobody_out(browser, lena):
    browser.sign_in(lena)
    leave(browser)
    browser.submit("/oauth/sign-out", {"state": STATE}, without=["csrf"], status=403)

    assert is_signed_in(browser)
