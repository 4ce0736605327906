"""From an authorization request to its answer: sign-in, account, consent, and the way back to the app."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.testclient import TestClient

from appanage.app import create_app
from appanage.apps import service as apps
from appanage.apps.model import ClientProof
from appanage.deployment import assemble
from support.browser import Browser
from support.consenting import (
    STATE,
    allow,
    ask,
    block,
    check_headers,
    integration,
    offered_way_out,
    way_out_of,
)
from support.live import settings_for
from support.uploads import picture
from support.world import CALLBACK, DESK_SCOPES, PASSWORD

ISSUER = "http://localhost:8080/v1"
RESOURCE = "https://rooms.example/api"


def decide(browser, decision, *, status=200):
    return browser.submit("/oauth/authorize/", {"decision": decision}, status=status)


def sign_in_here(browser, person, **options):
    """With the form of the present page."""
    return browser.submit("/login", {"email": person.email, "password": PASSWORD}, **options)


def test_the_way_leads_over_sign_in_and_consent_back_to_the_app(browser, world, app, lena, organization):
    page = ask(browser, app)

    assert page.heading == "Sign in"
    assert "to continue to Desk Booking" in page.text

    page = sign_in_here(browser, lena)

    assert page.heading == "Desk Booking wants to use your account"

    out = way_out_of(decide(browser, "allow"))

    assert out.address == CALLBACK
    assert out.answer["state"] == STATE
    assert out.answer["iss"] == ISSUER
    assert out.answer["code"].startswith("apn_")
    (event,) = world.events(organization, "consent.given")
    assert event.actor_name == "Lena Vogt"
    assert set(event.data["scopes"]) == set(DESK_SCOPES)


def test_the_consent_page_tells_all_that_there_is_to_know(browser, app, lena):
    """CONS-01."""
    browser.sign_in(lena)
    page = ask(browser, app)

    for fact in (
        "Published by Fabrikam GmbH. Not verified",
        "Lena Vogt",
        lena.email,
        "Northwind Traders",
        "It asks for 3 permissions",
        "Create, change, and delete the account's spaces",
        "Deletes spaces together with their conversations.",
        "Medium risk",
        "You will go on to desk.fabrikam.example.",
        "until you disconnect it",
    ):
        assert fact in page.text
    assert "/login?next=/oauth/authorize/" in page.html
    check_headers(page)
    assert "form-action 'self';" in page.response.headers["content-security-policy"]


def test_the_safe_answer_comes_first_and_both_are_of_one_size(browser, app, lena):
    browser.sign_in(lena)
    buttons = ask(browser, app).forms("/oauth/authorize/")[0].iter("{http://www.w3.org/1999/xhtml}button")

    assert [button.get("value") for button in buttons] == ["decline", "allow"]


def test_the_app_of_ones_own_organization_is_named_as_such(browser, world, lena, organization):
    browser.sign_in(lena)
    page = ask(browser, integration(world, organization))

    assert "Published by Northwind Traders, your organization." in page.text


def test_only_what_is_new_is_asked_and_the_rest_is_folded_away(browser, world, app, lena):
    """CONS-01, CONS-02."""
    allow(world, app, lena, "spark:people_read")
    browser.sign_in(lena)
    page = ask(browser, app)

    assert "It asks for 2 more permissions" in page.text
    assert "1 permission you allowed on" in page.text
    assert page.all("details")[0].get("open") is None
    assert page.text.count("New") == 2


def test_a_resource_is_shown_like_a_permission(world, app, lena, database_url):
    """RFC 8707."""
    deployment = assemble(settings_for(resources=[RESOURCE]), database_url)
    with TestClient(create_app(deployment), base_url=deployment.settings.base_url) as client:
        browser = Browser(client).sign_in(lena)
        page = ask(browser, app, resource=RESOURCE)

    assert f"Do this at {RESOURCE}" in page.text


def test_whoever_allowed_it_before_is_not_asked_again(browser, world, app, lena, organization):
    allow(world, app, lena)
    page = ask(browser, app)
    out = way_out_of(sign_in_here(browser, lena))

    assert page.heading == "Sign in"
    assert "code" in out.answer
    assert len(world.events(organization, "consent.given")) == 1


def test_declining_tells_the_app_and_changes_nothing(browser, world, app, lena, organization):
    allow(world, app, lena, "spark:people_read")
    browser.sign_in(lena)
    ask(browser, app)
    out = way_out_of(decide(browser, "decline"))

    assert out.address == CALLBACK
    assert out.answer["error"] == "access_denied"
    assert out.answer["state"] == STATE
    assert out.answer["iss"] == ISSUER
    assert "code" not in out.answer
    assert len(world.events(organization, "consent.declined")) == 1
    assert len(world.events(organization, "consent.given")) == 1


def test_whatever_is_not_allow_is_a_no(browser, app, lena):
    browser.sign_in(lena)
    ask(browser, app)

    assert way_out_of(decide(browser, "ALLOW ")).answer["error"] == "access_denied"


@pytest.mark.parametrize("decision", ["allow", "decline"])
def test_an_answer_leaves_by_a_page_and_never_by_a_redirect(browser, app, lena, decision):
    """AUTHZ-09, decision 0011: a redirect that answers a form would be checked against form-action in Chromium."""
    browser.sign_in(lena)
    ask(browser, app)
    page = decide(browser, decision)

    assert page.status == 200
    assert page.heading == "Continue to desk.fabrikam.example"
    assert page.response.history == []
    check_headers(page)


def test_an_answer_by_form_post_is_a_page_with_that_one_form(browser, app, lena):
    """OAuth 2.0 Form Post Response Mode."""
    browser.sign_in(lena)
    ask(browser, app, response_mode="form_post")
    page = decide(browser, "allow")
    out = way_out_of(page)

    assert len(page.forms()) == 1
    assert out.address == CALLBACK
    assert out.answer.keys() == {"code", "state", "iss"}
    assert "csrf" not in page.values(page.forms(CALLBACK)[0])
    assert "form-action" not in page.response.headers["content-security-policy"]
    assert "refresh" not in page.response.headers


def test_another_account_signs_in_and_goes_on(browser, world, app, lena, organization):
    ann = world.person(organization, name="Ann Other", password=PASSWORD)
    browser.sign_in(lena)
    page = ask(browser, app)
    browser.get(next(link for link in page.links() if link.startswith("/login?")))
    page = sign_in_here(browser, ann)

    assert "Ann Other" in page.text
    assert "Lena Vogt" not in page.text


def test_an_account_is_chosen_when_the_app_asks_for_it(browser, app, lena):
    """OpenID Connect Core §3.1.2.1."""
    browser.sign_in(lena)
    page = ask(browser, app, prompt="select_account")

    assert page.heading == "Choose an account"
    check_headers(page)

    page = browser.submit("/oauth/authorize/")

    assert page.heading == "Desk Booking wants to use your account"


def test_a_fresh_sign_in_is_asked_of_who_is_signed_in(browser, app, lena):
    browser.sign_in(lena)
    page = ask(browser, app, prompt="login", login_hint=lena.email)

    assert page.heading == "Sign in"
    assert page.values(page.forms("/login")[0])["email"] == [lena.email]
    assert sign_in_here(browser, lena).heading == "Desk Booking wants to use your account"


def test_a_sign_in_that_is_too_old_is_asked_for_again(browser, app, lena, clock):
    browser.sign_in(lena)
    clock.advance(minutes=5)

    assert ask(browser, app, max_age="600").heading == "Desk Booking wants to use your account"
    assert ask(browser, app, max_age="60").heading == "Sign in"


def test_a_session_that_ended_in_between_leads_over_the_sign_in_page(browser, new_browser, app, lena):
    browser.sign_in(lena)
    ask(browser, app)
    elsewhere = new_browser().sign_in(lena)
    elsewhere.get("/account")
    elsewhere.submit("/account/sessions/end")
    page = decide(browser, "allow")

    assert page.heading == "Sign in"
    assert "to continue to Desk Booking" in page.text
    assert sign_in_here(browser, lena).heading == "Desk Booking wants to use your account"


def test_a_hint_fills_in_the_address_and_nothing_else(browser, app):
    page = ask(browser, app, login_hint='"><script>')

    assert page.all("script") == []
    assert page.values(page.forms("/login")[0])["email"] == ['"><script>']


class TestSomebodyElse:
    """AUTHZ-12: what is kept across a sign-in belongs to one browser, one flow, one while."""

    def test_another_browser_finds_nothing(self, browser, new_browser, app, lena):
        browser.sign_in(lena)
        path = ask(browser, app).response.url.path
        other = new_browser().sign_in(lena)

        page = other.get(path, status=404)

        assert "was begun in another browser" in page.text
        assert "Desk Booking" not in page.text

    def test_another_browser_decides_nothing(self, browser, new_browser, world, app, lena, organization):
        browser.sign_in(lena)
        path = ask(browser, app).response.url.path
        other = new_browser().sign_in(lena)
        csrf = other.page.values(other.page.forms("/logout")[0])["csrf"]

        other.post(f"{path}/decision", {"csrf": csrf, "decision": "allow"}, status=404)
        other.post(f"{path}/account", {"csrf": csrf}, status=404)

        assert world.events(organization, "consent.given") == []
        assert "code" in way_out_of(decide(browser, "allow")).answer

    def test_the_sign_in_page_says_nothing_of_another_browser_s_request(self, browser, new_browser, app):
        path = ask(browser, app).response.url.params["next"]

        assert "Desk Booking" not in new_browser().get(f"/login?next={path}").text

    def test_a_request_expires(self, browser, app, lena, clock):
        path = ask(browser, app).response.url.params["next"]
        clock.advance(minutes=31)
        browser.sign_in(lena)

        assert "has expired" in browser.get(path, status=404).text

    def test_an_answered_request_is_over(self, browser, app, lena, clock):
        browser.sign_in(lena)
        page = ask(browser, app)
        path, sent = page.response.url.path, page.values(page.forms("/oauth/authorize/")[0])
        decide(browser, "allow")
        clock.advance(seconds=10)

        browser.get(path, status=404)
        browser.post(f"{path}/decision", sent | {"decision": "allow"}, status=404)

    @pytest.mark.parametrize("name", ["not-an-id", "0", str(uuid.UUID(int=0)), "%2e%2e"])
    def test_an_unknown_request_leads_nowhere(self, browser, lena, name):
        browser.sign_in(lena)

        browser.get(f"/oauth/authorize/{name}", status=404)

    def test_signing_out_forgets_what_was_asked(self, browser, app, lena):
        browser.sign_in(lena)
        path = ask(browser, app).response.url.path
        browser.get("/account")
        browser.submit("/logout")
        browser.sign_in(lena)

        browser.get(path, status=404)

    def test_a_changed_password_keeps_the_way(self, browser, app, lena):
        browser.sign_in(lena)
        path = ask(browser, app).response.url.path
        browser.get("/account/password")
        browser.submit(
            "/account/password", {"current": PASSWORD, "password": "violet harbour under seven clouds"}
        )

        assert browser.get(path).heading == "Desk Booking wants to use your account"


class TestForms:
    """CONS-09."""

    def test_a_decision_without_the_token_of_the_form_changes_nothing(
        self, browser, world, app, lena, organization
    ):
        browser.sign_in(lena)
        ask(browser, app)
        browser.submit("/oauth/authorize/", {"decision": "allow"}, without=["csrf"], status=403)

        assert world.events(organization, "consent.given") == []

    def test_a_form_of_another_site_changes_nothing(self, browser, world, app, lena, organization):
        browser.sign_in(lena)
        page = ask(browser, app)
        sent = page.values(page.forms("/oauth/authorize/")[0]) | {"decision": "allow"}
        answer = browser.client.post(
            f"{page.response.url.path}/decision", data=sent, headers={"sec-fetch-site": "cross-site"}
        )

        assert answer.status_code == 403
        assert world.events(organization, "consent.given") == []

    def test_of_many_answers_at_once_one_wins_and_all_leave_a_trace(
        self, browser, world, app, lena, organization
    ):
        browser.sign_in(lena)
        page = ask(browser, app)
        sent = page.values(page.forms("/oauth/authorize/")[0])
        path = f"{page.response.url.path}/decision"
        answers = ["allow", "decline"] * 5

        with ThreadPoolExecutor(len(answers)) as pool:
            statuses = list(
                pool.map(
                    lambda one: browser.client.post(path, data=sent | {"decision": one}).status_code, answers
                )
            )

        won = world.events(organization, "consent.given") + world.events(organization, "consent.declined")
        assert len(won) == 1
        assert set(statuses) <= {200, 404, 409}
        assert statuses.count(200) == 1 or won[0].type == "consent.given"  # to allow twice is to allow once
        assert len(world.events(organization, "consent.refused")) == statuses.count(409)

    def test_a_double_click_allows_once_and_still_arrives(
        self, browser, world, app, lena, organization, clock
    ):
        """The browser only looks at the answer to the second click."""
        browser.sign_in(lena)
        page = ask(browser, app)
        sent = page.values(page.forms("/oauth/authorize/")[0]) | {"decision": "allow"}
        path = f"{page.response.url.path}/decision"

        answers = [browser.client.post(path, data=sent) for _ in range(2)]
        declined = browser.client.post(path, data=sent | {"decision": "decline"})
        clock.advance(seconds=11)
        late = browser.client.post(path, data=sent)

        assert [answer.status_code for answer in answers] == [200, 200]
        assert all("code=" in answer.headers["refresh"] for answer in answers)
        assert (declined.status_code, late.status_code) == (404, 404)
        assert len(world.events(organization, "consent.given")) == 1


class TestBlocked:
    def test_an_app_that_the_administrators_block_is_refused_and_recorded(
        self, browser, world, app, lena, organization
    ):
        block(world, app, organization)
        browser.sign_in(lena)
        page = ask(browser, app, status=403)
        out = offered_way_out(page)

        assert page.heading == "Desk Booking is blocked by your organization"
        assert "was recorded in their audit log" in page.text
        assert page.forms("/oauth/authorize/") == []
        check_headers(page)
        assert out.answer["error"] == "access_denied"
        assert out.answer["state"] == STATE
        (event,) = world.events(organization, "consent.refused")
        assert event.outcome == "refused"
        assert event.data["reason"] == "blocked_by_policy"

    def test_a_block_that_is_newer_than_the_page_counts(self, browser, world, app, lena, organization):
        browser.sign_in(lena)
        ask(browser, app)
        block(world, app, organization)
        page = decide(browser, "allow", status=403)

        assert page.heading == "Desk Booking is blocked by your organization"
        assert world.events(organization, "consent.given") == []
        assert len(world.events(organization, "consent.refused")) == 1

    def test_a_scope_beyond_ones_roles_is_refused_by_name(self, browser, world, lena, organization):
        browser.sign_in(lena)
        page = ask(browser, integration(world, scopes=["spark-admin:people_write"]), status=403)

        assert page.heading == "You cannot allow what Desk Booking asks for"
        assert "spark-admin:people_write" in page.text
        assert "Full Administrator" in page.text
        assert len(world.events(organization, "consent.refused")) == 1

    def test_the_way_back_works_by_form_post_too(self, browser, world, app, lena, organization):
        block(world, app, organization)
        browser.sign_in(lena)
        page = ask(browser, app, status=403, response_mode="form_post")
        form = page.forms(CALLBACK)[0]

        assert page.values(form)["error"] == ["access_denied"]
        assert form.get("data-hand-off") is None
        assert page.all("script") == []


class TestWhereTheBrowserGoes:
    @pytest.mark.parametrize(
        "callback", ["http://127.0.0.1:8400/cb", "http://localhost:53682/", "http://[::1]:9/"]
    )
    def test_a_program_on_this_device_is_pointed_out(self, browser, world, lena, callback):
        app = integration(world, redirect_urls=[callback], client_proof=ClientProof.NONE)
        browser.sign_in(lena)
        page = ask(browser, app)

        assert "A program on this device takes over" in page.text
        assert way_out_of(decide(browser, "allow")).address == callback

    def test_a_scheme_of_the_app_s_own_is_pointed_out(self, browser, world, lena):
        callback = "com.example.desk:/callback"
        app = integration(world, redirect_urls=[callback], client_proof=ClientProof.NONE)
        browser.sign_in(lena)
        page = ask(browser, app)

        assert "Any program here can claim the address com.example.desk:" in page.text

        page = decide(browser, "allow")

        assert page.heading == "Continue in the app"
        assert page.response.headers["refresh"].startswith(f"0; url={callback}?code=")

    def test_a_public_client_on_a_device_asks_every_time(self, browser, world, lena):
        """RFC 8252 §8.6."""
        app = integration(world, redirect_urls=["http://127.0.0.1/cb"], client_proof=ClientProof.NONE)
        allow(world, app, lena)
        browser.sign_in(lena)
        page = ask(browser, app)

        assert "It asks for nothing new" in page.text
        assert page.all("details")[0].get("open") is not None


def test_an_app_that_was_suspended_on_the_way_gets_nothing(browser, world, app, lena):
    browser.sign_in(lena)
    path = ask(browser, app).response.url.path
    with world.deployment.transaction(world.origin) as tx:
        tx.merge(app).suspended_at = tx.now

    decide(browser, "allow", status=404)
    browser.get(path, status=404)


def test_the_logo_is_shown_to_whom_the_page_was_shown(browser, world, app, lena):
    with world.deployment.transaction(world.origin) as tx:
        found = tx.merge(app)
        apps.set_logo(tx, found, picture(), by=found.creator)
    browser.sign_in(lena)
    (image,) = ask(browser, app).all("img")
    address = image.get("src", "")

    assert browser.client.get(address).headers["content-type"].startswith("image/")
    assert browser.client.get(address.partition("?")[0]).status_code == 404
    assert browser.client.get(address[:-1]).status_code == 404
