"""The authorization code grant (RFC 6749 §4.1, RFC 7636, RFC 9700 §2.1.1, §4.5, §4.8)."""

from datetime import timedelta
from typing import Any, ClassVar

import pytest

from appanage.apps.model import ClientProof
from appanage.authorizations.model import AuthorizationCode
from appanage.kit.secrets import Prefix, digest, new_secret
from appanage.oauth import pkce
from support.consenting import STATE
from support.integration import (
    AUTHORIZE,
    NO_PKCE,
    PAR,
    TOKEN,
    USERINFO,
    VERIFIER,
    connect,
    families,
    is_dead,
    leave,
    register,
    sign_in_quickly,
    suspend,
    walk,
    withdraw,
)
from support.refusals import counted_statements, leaves_only, state
from support.world import CALLBACK, DESK_SCOPES, PASSWORD

ROOMS = "https://rooms.example/api"


def code_row(world, code):
    with world.deployment.transaction(world.origin) as tx:
        return tx.get_one(AuthorizationCode, digest(code))


def test_a_person_allows_and_the_app_acts_for_them(world, browser, home, new_client):
    """The whole way through the front door."""
    person = world.person(home, name="Ada Byron", password=PASSWORD)
    desk = new_client(connected=False)
    query = {
        "response_type": "code",
        "client_id": desk.client_id,
        "scope": " ".join(DESK_SCOPES),
        "state": STATE,
    }
    out = walk(browser, person, query)
    body = desk.redeem(out.answer["code"], redirect_uri=None, code_verifier=None).json()
    me = desk.call("/v1/people/me", body["access_token"]).json()

    assert out.address == CALLBACK
    assert out.answer["state"] == STATE
    assert me["displayName"] == "Ada Byron"


def test_the_answer_is_what_clients_expect(desk, at_desk):
    """Wire facts, OAuth; TOK-13."""
    answer = desk.redeem(desk.code(at_desk))
    body = answer.json()

    assert answer.status_code == 200
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    assert set(body) == {
        "access_token",
        "expires_in",
        "refresh_token",
        "refresh_token_expires_in",
        "token_type",
        "scope",
    }
    assert body["token_type"] == "Bearer"
    assert set(body["scope"].split()) == set(DESK_SCOPES)
    assert type(body["expires_in"]) is type(body["refresh_token_expires_in"]) is int


def test_a_token_is_for_what_was_asked_and_not_for_all_that_was_ever_allowed(desk, at_desk):
    """TOK-07: scope in a token ≤ scope asked ≤ scope allowed."""
    body = desk.tokens(at_desk, scope="spark:people_read")
    again = desk.refresh(body["refresh_token"]).json()
    wider = desk.refresh(body["refresh_token"], scope="spark:rooms_read")

    assert body["scope"] == again["scope"] == "spark:people_read"
    assert desk.introspect(body["access_token"])["scope"] == "spark:people_read"
    assert (wider.status_code, wider.json()["error"]) == (400, "invalid_scope")


def test_the_redirect_url_may_be_left_out_in_both_requests(desk, at_desk):
    """RFC 6749 §3.1.2.3, §4.1.3."""
    left_out = desk.code(at_desk, redirect_uri=None)
    given = desk.code(at_desk)

    assert desk.redeem(left_out, redirect_uri=None).status_code == 200
    assert desk.redeem(given, redirect_uri=None).json()["error"] == "invalid_grant"


class TestWithoutPkce:
    """AUTHZ-01, AUTHZ-03: the platform's own behaviour, for confidential clients only."""

    def test_a_confidential_client_may_do_without(self, desk, at_desk):
        code = desk.code(at_desk, **NO_PKCE)

        assert desk.redeem(code, code_verifier=None).status_code == 200

    def test_a_verifier_is_refused_where_there_was_no_challenge(self, world, desk, at_desk):
        """AUTHZ-03, RFC 9700 §4.8.2."""
        code = desk.code(at_desk, **NO_PKCE)
        with leaves_only(world, desk.owner, "token.refused", but="authorization_codes"):
            answer = desk.redeem(code)

        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
        assert families(world, desk.made) == []

    def test_a_challenge_cannot_be_taken_out_of_a_code(self, world, desk, at_desk):
        """AUTHZ-03: a row without its challenge is worth nothing to who has the verifier."""
        code = desk.code(at_desk)
        with world.deployment.transaction(world.origin) as tx:
            row = tx.get_one(AuthorizationCode, digest(code))
            row.code_challenge = row.code_challenge_method = None

        assert desk.redeem(code).json()["error"] == "invalid_grant"


def test_a_wrong_verifier_burns_the_code(world, panel, at_desk):
    """AUTHZ-02, RFC 7636 §4.6."""
    wrong = {
        "left out": None,
        "empty": "",
        "another": "x" * 43,
        "shorter": VERIFIER[:-1],
        "longer": VERIFIER + "A",
        "in other case": VERIFIER.lower(),
        "the challenge": pkce.challenge_of(VERIFIER),
    }
    for name, verifier in wrong.items():
        code = panel.code(at_desk)
        with leaves_only(
            world, panel.owner, "token.refused", "token.refused", but="authorization_codes"
        ) as recorded:
            answers = [panel.redeem(code, code_verifier=verifier), panel.redeem(code)]
        assert [(one.status_code, one.json()["error"]) for one in answers] == [(400, "invalid_grant")] * 2, (
            name
        )
        assert {one.data["error"] for one in recorded} == {"invalid_grant"}
        assert code_row(world, code).spent_at is not None
    assert families(world, panel.made) == []


class TestTwice:
    """AUTHZ-04, RFC 6749 §4.1.2, RFC 9700 §4.2.4."""

    @pytest.mark.parametrize("client_proof", [ClientProof.SECRET, ClientProof.NONE])
    def test_a_code_that_is_used_again_ends_what_came_of_it(
        self, world, home, at_desk, new_client, client_proof
    ):
        client = new_client(client_proof=client_proof)
        code = client.code(at_desk)
        body = client.redeem(code).json()
        newer = client.refresh(body["refresh_token"]).json()
        again = client.redeem(code)

        assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
        assert is_dead(client, body)
        assert is_dead(client, newer)
        (reuse,) = world.events(home, "token.reused")
        assert reuse.outcome == "refused"

    def test_a_third_time_is_refused_and_recorded_once_as_reuse(self, world, home, desk, at_desk):
        code = desk.code(at_desk)
        desk.redeem(code)
        answers = [desk.redeem(code) for _ in range(3)]

        assert {one.json()["error"] for one in answers} == {"invalid_grant"}
        assert len(world.events(home, "token.reused")) == 1

    def test_what_another_code_brought_stays(self, desk, at_desk):
        code = desk.code(at_desk)
        desk.redeem(code)
        other = desk.tokens(at_desk)
        desk.redeem(code)

        assert desk.introspect(other["access_token"])["active"] is True
        assert desk.refresh(other["refresh_token"]).status_code == 200

    def test_somebody_elses_replay_changes_nothing(self, world, desk, at_desk, new_client):
        """A thief without the client's secret cannot end its tokens."""
        other = new_client()
        code = desk.code(at_desk)
        body = desk.redeem(code).json()
        with leaves_only(world, other.owner, "token.refused"):
            answer = other.redeem(code)

        assert answer.json()["error"] == "invalid_grant"
        assert desk.introspect(body["access_token"])["active"] is True


class TestBindings:
    """AUTHZ-05: what a code is bound to, one thing after the other."""

    def test_another_client_cannot_use_it_and_does_not_spend_it(
        self, world, desk, panel, at_desk, new_client
    ):
        strangers = [panel, new_client(), new_client(connected=False)]
        code = desk.code(at_desk)
        for stranger in strangers:
            with leaves_only(world, stranger.owner, "token.refused"):
                answer = stranger.redeem(code)
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")

        assert desk.redeem(code).status_code == 200

    def test_another_redirect_url_or_resource(self, world, new_client, at_desk):
        desk = new_client(redirect_urls=[CALLBACK, CALLBACK + "2"])
        wrong: list[tuple[dict[str, Any], str]] = [
            ({"redirect_uri": None}, "invalid_grant"),
            ({"redirect_uri": CALLBACK + "/"}, "invalid_grant"),
            ({"redirect_uri": CALLBACK + "2"}, "invalid_grant"),
            ({"redirect_uri": CALLBACK.upper()}, "invalid_grant"),
            ({"resource": ROOMS}, "invalid_target"),
            ({"resource": "http://localhost:8080/v1/"}, "invalid_target"),
        ]
        for changes, error in wrong:
            code = desk.code(at_desk)
            with leaves_only(world, desk.owner, "token.refused", but="authorization_codes"):
                answer = desk.redeem(code, **changes)
            assert (answer.status_code, answer.json()["error"]) == (400, error), changes
            assert desk.redeem(code).json()["error"] == "invalid_grant"

    def test_a_code_lives_sixty_seconds(self, world, desk, at_desk, clock):
        code = desk.code(at_desk)
        row = code_row(world, code)
        clock.advance(seconds=61)
        with leaves_only(world, desk.owner, "token.refused", but="authorization_codes"):
            answer = desk.redeem(code)

        assert row.expires_at - row.issued_at == timedelta(seconds=60)
        assert answer.json()["error"] == "invalid_grant"

    @pytest.mark.parametrize("path", ["/logout", "/account/sessions/end"])
    def test_the_end_of_the_browsers_session_takes_the_code_along(
        self, world, desk, at_desk, new_browser, lena, path
    ):
        """SES-08."""
        code = desk.code(at_desk)
        ending = at_desk if path == "/logout" else sign_in_quickly(world, new_browser(), lena)
        ending.get("/account")
        ending.submit(path)
        with leaves_only(world, desk.owner, "token.refused", but="authorization_codes"):
            answer = desk.redeem(code)

        assert answer.json()["error"] == "invalid_grant"

    def test_what_was_redeemed_before_the_sign_out_lives_on(self, desk, at_desk):
        """An app that acts while the person is away is what an Integration is for."""
        body = desk.tokens(at_desk)
        at_desk.get("/account")
        at_desk.submit("/logout")

        assert desk.refresh(body["refresh_token"]).status_code == 200

    def test_the_code_is_kept_as_a_digest(self, world, desk, at_desk):
        """TOK-01."""
        code = desk.code(at_desk)
        with world.deployment.transaction(world.origin) as tx:
            kept = str(tx.connection().exec_driver_sql("SELECT t::text FROM authorization_codes t").all())

        assert code not in kept
        assert code.startswith(Prefix.AUTHORIZATION_CODE)


def other(digit):
    return "1" if digit == "0" else "0"


class TestMutations:
    """TOK-01."""

    def test_no_changed_code_is_worth_anything(self, world, desk, at_desk):
        code = desk.code(at_desk)
        changed = [code[:-1], code + "A", code.swapcase(), code[1:], f" {code}", f"{code}\n", code.upper()]
        changed += [code[:place] + other(code[place]) + code[place + 1 :] for place in range(0, len(code), 6)]
        with leaves_only(world, desk.owner, *["token.refused"] * len(changed)):
            errors = {one: desk.redeem(one).json()["error"] for one in changed}

        assert errors == dict.fromkeys(changed, "invalid_grant")
        assert desk.redeem(code).status_code == 200

    def test_a_typo_is_found_without_asking_for_it(self, world, desk):
        """TOK-01: length and checksum before the lookup."""
        made_up = new_secret(Prefix.AUTHORIZATION_CODE).reveal()
        with counted_statements(world) as statements:
            desk.redeem(made_up[:-1] + other(made_up[-1]))

        assert not any(one.lstrip().startswith("UPDATE authorization_codes") for one in statements)

    def test_one_kind_of_secret_is_never_taken_for_another(self, world, desk, at_desk):
        """AUTHZ-12: the purpose of what is kept cannot be crossed."""
        code, body = desk.code(at_desk), desk.tokens(at_desk)
        request_uri = desk.push().json()["request_uri"]
        begun = desk.post("/v1/device/authorize", {"scope": "spark:people_read"}).json()
        secrets = [
            code,
            body["access_token"],
            body["refresh_token"],
            request_uri,
            begun["device_code"],
            begun["user_code"],
            desk.made.secret,
        ]
        before = state(world)
        answers = [
            *(desk.redeem(one) for one in secrets if one != code),
            *(desk.refresh(one) for one in secrets if one != body["refresh_token"]),
            *(desk.poll(one) for one in secrets if one != begun["device_code"]),
        ]

        assert {(one.status_code, one.json()["error"]) for one in answers} == {(400, "invalid_grant")}
        assert state(world) == before


class TestWhatEndedMeanwhile:
    """MACH-04, MACH-06 for Integrations: between code and tokens."""

    @pytest.mark.parametrize("end", ["disconnected", "app", "developers", "organization", "person"])
    def test_nothing_is_issued_and_nothing_issued_works(self, world, desk, at_desk, lena, home, end):
        """MACH-06: one flag, all endpoints."""
        code, body = desk.code(at_desk), desk.tokens(at_desk)
        {
            "disconnected": lambda: withdraw(world, desk.made, lena),
            "app": lambda: suspend(world, desk.made.app),
            "developers": lambda: suspend(world, desk.owner),
            "organization": lambda: suspend(world, home),
            "person": lambda: disable(world, lena),
        }[end]()
        answers = [desk.redeem(code), desk.refresh(body["refresh_token"])]
        introspected = desk.introspect(body["access_token"])
        calls = [desk.call(path, body["access_token"]) for path in ("/v1/people/me", USERINFO)]

        refused = (401, "invalid_client") if end in {"app", "developers"} else (400, "invalid_grant")
        assert {(one.status_code, one.json()["error"]) for one in answers} == {refused}
        assert not introspected.get("active", False)
        assert [one.status_code for one in calls] == [401, 401]
        assert len(families(world, desk.made)) == 1


def disable(world, person):
    """An administrator does not let the person sign in any more."""
    with world.deployment.transaction(world.origin) as tx:
        tx.merge(person).login_enabled = False


class TestScopesOfTheApp:
    """CONS-04: what the developer takes out of the registration is gone at once."""

    def test_a_removed_scope_leaves_every_token(self, world, desk, at_desk):
        body, code = desk.tokens(at_desk), desk.code(at_desk)
        register(world, desk.made, scopes=["spark:people_read"])
        introspected = desk.introspect(body["access_token"])
        redeemed, refreshed = desk.redeem(code).json(), desk.refresh(body["refresh_token"]).json()

        assert introspected["scope"] == redeemed["scope"] == refreshed["scope"] == "spark:people_read"

    def test_a_code_of_which_nothing_is_left_is_refused(self, world, desk, at_desk):
        code = desk.code(at_desk, scope="spark:rooms_read")
        register(world, desk.made, scopes=["spark:people_read"])
        with leaves_only(world, desk.owner, "token.refused", but="authorization_codes"):
            answer = desk.redeem(code)

        assert answer.json()["error"] == "invalid_grant"


def test_every_answer_names_the_issuer(world, desk, at_desk):
    """AUTHZ-06, RFC 9207."""
    for changes in ({}, {"prompt": "none"}, {"scope": "nonsense"}, {"response_type": "token"}):
        out = leave(at_desk, desk.made, **changes)
        assert out.answer["iss"] == world.deployment.settings.issuer
        assert out.answer["state"] == STATE


def test_no_redirect_repeats_a_form(desk, browser, world, home):
    """AUTHZ-09, RFC 9700 §4.12: 303 after a form, never 307."""
    person = world.person(home, password=PASSWORD)
    browser.get("/login")
    form = browser.page.values(browser.page.forms("/login")[0])
    sent = form | {"email": person.email, "password": PASSWORD}
    signed_in = browser.client.post("/login", data=sent, follow_redirects=False)
    posted = browser.client.post(AUTHORIZE, data={"client_id": desk.client_id}, follow_redirects=False)

    assert (signed_in.status_code, posted.status_code) == (303, 303)


class TestOtherSites:
    """AUTHZ-11: which answers pages of other sites may read."""

    ASKING: ClassVar = {"Origin": "https://spa.example", "Access-Control-Request-Method": "POST"}

    def test_programs_in_a_browser_may_call_without_cookies(self, client):
        for path in (TOKEN, "/idb/oauth2/v1/access_token", PAR, "/v1/revoke", USERINFO):
            preflight = client.options(path, headers=self.ASKING)
            answer = client.post(path, headers={"Origin": "https://spa.example"})
            assert preflight.status_code == 204
            for one in (preflight, answer):
                assert one.headers["access-control-allow-origin"] == "*"
                assert "access-control-allow-credentials" not in one.headers

    def test_nothing_else_answers_them(self, client):
        others = ("introspect", "device/authorize", "device/token", "logout", "people/me")
        for path in (AUTHORIZE, "/login", "/verify", *(f"/v1/{name}" for name in others)):
            for answer in (
                client.options(path, headers=self.ASKING),
                client.get(path, headers={"Origin": "https://spa.example"}),
                client.post(path, headers={"Origin": "https://spa.example"}),
            ):
                assert not [name for name in answer.headers if name.startswith("access-control-")]
                assert answer.status_code < 500

    def test_documents_are_for_everybody(self, client):
        for path in ("/v1/verification", "/v1/.well-known/openid-configuration"):
            assert client.get(path).headers["access-control-allow-origin"] == "*"


def test_the_number_of_statements_does_not_grow(world, desk, at_desk):
    """TEN-05: neither with the codes and tokens that there are nor with the people who consented."""
    desk.tokens(at_desk)
    counts = []
    for _ in range(2):
        code = desk.code(at_desk)
        with counted_statements(world) as statements:
            assert desk.redeem(code).status_code == 200
        with counted_statements(world) as asking:
            desk.code(at_desk)
        counts.append((len(statements), len(asking)))
        for _ in range(5):
            desk.tokens(at_desk)
            connect(world, desk.made, world.person(world.organization()))

    assert counts[0] == counts[1]
    assert counts[0][0] <= 13
    assert counts[0][1] <= 15
