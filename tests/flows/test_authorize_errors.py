"""What the authorization endpoint refuses, and where it says so (RFC 6749 §4.1.2.1, RFC 9700 §2.1, §4.11)."""

from itertools import product
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import pytest

from appanage.apps.model import ClientProof, new_client_id
from appanage.events import PLATFORM
from appanage.kit.ids import parse_uuid
from appanage.web.oauth.endpoints import FOR_CLIENTS
from support.browser import Shown
from support.consenting import CHALLENGE, STATE, parameters_for, read_answer, way_out_of
from support.integration import (
    AUTHORIZE,
    NO_PKCE,
    TOKEN,
    OAuthClient,
    go,
    leave,
    register,
    sign_in_quickly,
    suspend,
)
from support.refusals import leaves_only
from support.world import CALLBACK, DESK_SCOPES

REGISTERED = "https://desk.fabrikam.example/a/callback"

# Near misses of it, of which each was somebody's security hole.
NEAR_MISSES = (
    f"{REGISTERED}?x=1",
    f"{REGISTERED}?",
    f"{REGISTERED};x=1",
    f"{REGISTERED}/",
    f"{REGISTERED}//",
    f"{REGISTERED}/../callback",
    f"{REGISTERED}/.",
    f"{REGISTERED}#",
    f"{REGISTERED}#x",
    f"{REGISTERED}%20",
    f"{REGISTERED} ",
    f" {REGISTERED}",
    f"{REGISTERED}\t",
    f"{REGISTERED}\r\nLocation: https://evil.example",
    f"{REGISTERED}%0d%0aSet-Cookie:x=y",
    f"{REGISTERED},{REGISTERED}",
    f"{REGISTERED} {REGISTERED}",
    f"{REGISTERED}2",
    REGISTERED[:-1],
    REGISTERED.replace("callback", "Callback"),
    REGISTERED.replace("callback", "callb%61ck"),
    REGISTERED.replace("/a/", "/%61/"),
    REGISTERED.replace("/a/", "/a//"),
    REGISTERED.replace("/a/", "/a/./"),
    REGISTERED.replace("/a/", "\\a\\"),
    REGISTERED.replace("https", "http"),
    REGISTERED.replace("https", "HTTPS"),
    REGISTERED.replace("desk.", "DESK."),
    REGISTERED.replace("desk.", "desk.evil."),
    REGISTERED.replace("desk.", "x.desk."),
    REGISTERED.replace("desk.", "xdesk."),
    REGISTERED.replace(".example/", ".example.evil.example/"),
    REGISTERED.replace(".example/", ".example./"),
    REGISTERED.replace(".example/", ".example:443/"),
    REGISTERED.replace(".example/", ".example:8443/"),
    REGISTERED.replace("https://", "https://user@"),
    REGISTERED.replace("https://", "https://evil.example@"),
    REGISTERED.replace("https://", "https://evil.example\\@"),
    REGISTERED.replace("https://", "//"),
    REGISTERED.replace("https://", "https:/"),
    REGISTERED.replace("https://", "https:///"),
    REGISTERED.replace("fabrikam", "fabr\u0456kam"),
    "javascript:alert(1)",
    "data:text/html,x",
    "https://evil.example/",
    "/a/callback",
    "localhost",
    "http://localhost/a/callback",
)

# Every error that a request can make, as (changes, its code).
ERRORS: dict[str, tuple[dict[str, Any], str]] = {
    "no response_type": ({"response_type": None}, "invalid_request"),
    "implicit": ({"response_type": "token"}, "unsupported_response_type"),
    "implicit of OpenID": ({"response_type": "id_token"}, "unsupported_response_type"),
    "hybrid": ({"response_type": "code id_token"}, "unsupported_response_type"),
    "none": ({"response_type": "none"}, "unsupported_response_type"),
    "fragment": ({"response_mode": "fragment"}, "invalid_request"),
    "web_message": ({"response_mode": "web_message"}, "invalid_request"),
    "no scope": ({"scope": None}, "invalid_scope"),
    "unregistered scope": ({"scope": "spark:people_write"}, "invalid_scope"),
    "scope in other case": ({"scope": "SPARK:people_read"}, "invalid_scope"),
    "malformed scope": ({"scope": 'spark:"'}, "invalid_scope"),
    "plain": ({"code_challenge": "a" * 43, "code_challenge_method": "plain"}, "invalid_request"),
    "plain by default": ({"code_challenge": "a" * 43, "code_challenge_method": None}, "invalid_request"),
    "short challenge": ({"code_challenge": CHALLENGE[:-1]}, "invalid_request"),
    "method without challenge": ({"code_challenge": None}, "invalid_request"),
    "unknown method": ({"code_challenge_method": "S512"}, "invalid_request"),
    "unknown prompt": ({"prompt": "create"}, "invalid_request"),
    "none and more": ({"prompt": "none login"}, "invalid_request"),
    "max_age": ({"max_age": "soon"}, "invalid_request"),
    "resource": ({"resource": "https://rooms.example/api"}, "invalid_target"),
    "request object": ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
    "request by reference": ({"request_uri": "https://evil.example/r"}, "request_uri_not_supported"),
    "long state": ({"state": "s" * 2001}, "invalid_request"),
    "long nonce": ({"nonce": "n" * 600}, "invalid_request"),
    "long hint": ({"login_hint": "a" * 300}, "invalid_request"),
    "dpop_jkt": ({"dpop_jkt": "key"}, "invalid_request"),
    "nobody may be asked": ({"prompt": "none"}, "login_required"),
}


def page_of(answer):
    """A refusal that only the person is told: a page without any way out."""
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "refresh" not in answer.headers
    shown = Shown(answer)
    assert "evil.example" not in " ".join([*shown.links(), *(one.get("action", "") for one in shown.forms())])
    return shown


class TestRedirectUrls:
    def test_no_near_miss_is_redirected_to(self, world, new_client, browser):
        """REG-01."""
        desk = new_client(redirect_urls=[REGISTERED])
        with leaves_only(
            world, desk.owner, *["authorization_request.refused"] * len(NEAR_MISSES)
        ) as recorded:
            answers = {url: go(browser, desk.made, redirect_uri=url) for url in NEAR_MISSES}

        for url, answer in answers.items():
            assert page_of(answer).heading, url
        assert {one.data["error"] for one in recorded} == {"invalid_request"}
        assert leave(browser, desk.made, prompt="none").address == REGISTERED

    def test_one_that_is_percent_encoded_twice_is_another_one(self, client, new_client):
        """REG-01."""
        desk = new_client(redirect_urls=[REGISTERED])
        query = urlencode(parameters_for(desk.made.app, redirect_uri=None, prompt="none"))
        twice = quote(quote(REGISTERED, safe=""), safe="")

        page_of(client.get(f"{AUTHORIZE}?{query}&redirect_uri={twice}", follow_redirects=False))

    def test_only_the_port_of_a_program_on_the_persons_own_device_may_differ(self, browser, new_client):
        """REG-01, RFC 8252 §7.3."""
        good = {
            "http://127.0.0.1/cb": ["http://127.0.0.1:51004/cb"],
            "http://127.0.0.1:1/cb": ["http://127.0.0.1:51004/cb"],
            "http://[::1]/cb": ["http://[::1]:51004/cb"],
            "http://localhost/cb": ["http://localhost:51004/cb"],
        }
        bad = {
            "http://127.0.0.1/cb": [
                "http://127.0.0.1:51004/cb2",
                "http://127.0.0.1:51004@evil.example/cb",
                "http://127.0.0.1.evil.example/cb",
                "http://127.0.0.1:99999/cb",
                "https://127.0.0.1:51004/cb",
            ],
            "http://localhost/cb": ["http://127.0.0.1/cb"],
            "https://desk.fabrikam.example/cb": ["https://desk.fabrikam.example:8443/cb"],
        }
        for registered in {**good, **bad}:
            one = new_client(redirect_urls=[registered], client_proof=ClientProof.NONE)
            for asked in good.get(registered, []):
                answer = go(browser, one.made, redirect_uri=asked, prompt="none")
                assert read_answer(answer.headers["location"]).address == asked
            for asked in bad.get(registered, []):
                page_of(go(browser, one.made, redirect_uri=asked, prompt="none"))

        confidential = new_client(redirect_urls=["http://127.0.0.1/cb"])
        page_of(go(browser, confidential.made, redirect_uri="http://127.0.0.1:51004/cb", prompt="none"))

    def test_of_several_one_must_be_named(self, browser, new_client):
        """RFC 6749 §3.1.2.3."""
        one = new_client(redirect_urls=[CALLBACK, CALLBACK + "2"])

        page_of(go(browser, one.made, redirect_uri=None))
        assert leave(browser, one.made, redirect_uri=CALLBACK + "2", prompt="none").address == CALLBACK + "2"


class TestNothingIsRedirectedBefore:
    """REG-03, RFC 9700 §4.11: client and redirect URL are known good before anything is redirected."""

    def test_no_error_goes_to_an_unregistered_redirect_url(self, world, browser, desk):
        with leaves_only(world, desk.owner, *["authorization_request.refused"] * len(ERRORS)) as recorded:
            for changes, _ in ERRORS.values():
                page_of(go(browser, desk.made, **{**changes, "redirect_uri": "https://evil.example/cb"}))

        assert {one.data["error"] for one in recorded} == {"invalid_request"}

    def test_nor_does_a_person_who_allowed_the_app_long_ago_change_that(self, world, at_desk, desk):
        with leaves_only(world, desk.owner, "authorization_request.refused"):
            page_of(go(at_desk, desk.made, redirect_uri="https://evil.example/cb"))

    def test_no_error_goes_anywhere_for_an_app_that_is_not_good(self, world, browser, new_client):
        """CONS-12: unknown, suspended and deleted read the same."""
        unknown, suspended, deleted = new_client(), new_client(), new_client()
        suspend(world, suspended.made.app)
        with world.deployment.transaction(world.origin) as tx:
            tx.merge(deleted.made.app).deleted_at = tx.now
        unknown.made.app.client_id = new_client_id()
        texts = {
            page_of(go(browser, one.made, **changes)).text
            for one in (unknown, suspended, deleted)
            for changes, _ in ERRORS.values()
        }

        assert len({text.partition("Incident")[0] for text in texts}) == 1

    def test_and_of_a_good_one_every_error_goes_to_its_own_address(self, world, browser, desk):
        """RFC 6749 §4.1.2.1; AUTHZ-06: with the issuer."""
        known = [error for _, error in ERRORS.values() if error != "login_required"]
        with leaves_only(world, desk.owner, *["authorization_request.refused"] * len(known)) as recorded:
            outs = {name: leave(browser, desk.made, **changes) for name, (changes, _) in ERRORS.items()}

        assert {name: out.answer["error"] for name, out in outs.items()} == {
            name: error for name, (_, error) in ERRORS.items()
        }
        for name, out in outs.items():
            assert out.address == CALLBACK
            assert out.answer["iss"] == desk.issuer
            assert out.answer.get("state") == (None if name == "long state" else STATE)
            assert "code" not in out.answer
        assert [one.data["error"] for one in recorded] == known

    def test_a_person_who_is_signed_in_and_allowed_everything_gets_the_same_errors(
        self, world, at_desk, desk
    ):
        """No error is forgotten on the short way."""
        table = {name: row for name, row in ERRORS.items() if row[1] != "login_required"}
        with leaves_only(world, desk.owner, *["authorization_request.refused"] * len(table)):
            outs = {name: leave(at_desk, desk.made, **changes) for name, (changes, _) in table.items()}

        assert {name: out.answer["error"] for name, out in outs.items()} == {
            name: error for name, (_, error) in table.items()
        }

    def test_an_error_by_form_post_is_posted_to_the_same_place(self, browser, desk):
        answer = go(browser, desk.made, response_mode="form_post", scope="nonsense")
        out = way_out_of(Shown(answer))

        assert (out.address, out.answer["error"]) == (CALLBACK, "invalid_scope")
        assert out.answer["iss"] == desk.issuer

    def test_the_error_names_the_scopes_that_are_not_registered(self, browser, desk):
        out = leave(browser, desk.made, scope="spark:people_read spark:rooms_manage")

        assert "spark:rooms_manage" in out.answer["error_description"]
        assert "spark:people_read" not in out.answer["error_description"]


class TestNobodyMayBeAsked:
    """OpenID Connect Core §3.1.2.6: `prompt=none`. To ask is no offence, so it leaves no event."""

    def test_somebody_must_sign_in(self, browser, desk):
        assert leave(browser, desk.made, prompt="none").answer["error"] == "login_required"

    def test_somebody_must_consent(self, world, at_desk, new_client):
        one = new_client(connected=False)
        with leaves_only(world, one.owner):
            out = leave(at_desk, one.made, prompt="none")

        assert out.answer["error"] == "consent_required"

    def test_an_app_that_anybody_can_pose_as_must_be_looked_at(self, at_desk, new_client):
        """RFC 8252 §8.6."""
        one = new_client(client_proof=ClientProof.NONE, redirect_urls=["http://127.0.0.1/cb"])

        assert leave(at_desk, one.made, prompt="none").answer["error"] == "interaction_required"

    def test_a_sign_in_that_is_too_old_does_not_count(self, at_desk, desk, clock):
        clock.advance(minutes=10)

        assert "code" in leave(at_desk, desk.made, prompt="none", max_age="3600").answer
        assert leave(at_desk, desk.made, prompt="none", max_age="60").answer["error"] == "login_required"

    def test_and_where_nothing_is_left_to_ask_the_code_comes(self, at_desk, desk):
        assert "code" in leave(at_desk, desk.made, prompt="none").answer


class TestPkce:
    """AUTHZ-01."""

    @pytest.mark.parametrize(
        "changes", [NO_PKCE, {"code_challenge_method": "plain", "code_challenge": "a" * 43}]
    )
    def test_a_public_client_cannot_do_without(self, world, at_desk, panel, changes):
        with leaves_only(world, panel.owner, "authorization_request.refused"):
            out = leave(at_desk, panel.made, **changes)

        assert out.answer["error"] == "invalid_request"
        assert "S256" in out.answer["error_description"]

    def test_plain_works_where_the_setting_allows_it_and_for_confidential_clients_only(
        self, desk, panel, lena, on_another_node, new_browser
    ):
        """RFC 7636 §4.2."""
        plain = {"code_challenge": "a" * 43, "code_challenge_method": "plain"}
        old = on_another_node(desk, plain_pkce=True)
        at_old = sign_in_quickly(old.world, new_browser(), lena)
        at_old.client = old.http
        sign_in_quickly(old.world, at_old, lena)

        assert old.redeem(old.code(at_old, **plain), code_verifier="a" * 43).status_code == 200
        assert old.redeem(old.code(at_old, **plain), code_verifier="b" * 43).status_code == 400
        assert leave(at_old, panel.made, **plain).answer["error"] == "invalid_request"


class TestRepeated:
    """REG-04, RFC 6749 §3.1: each parameter in turn, in the query and in the body."""

    @pytest.mark.parametrize("value", ["", "x", None], ids=["empty", "another", "the same"])
    def test_a_repeated_parameter_of_an_authorization_request(self, world, at_desk, desk, value):
        parameters = parameters_for(
            desk.made.app, prompt="consent", nonce="n", response_mode="query", max_age="5", x="1"
        )
        answers, platform = {}, SimpleNamespace(id=PLATFORM)
        known = len(world.events(platform, "authorization_request.refused"))
        for name, own in parameters.items():
            query = urlencode([*parameters.items(), (name, own if value is None else value)])
            answers[f"query {name}"] = at_desk.client.get(f"{AUTHORIZE}?{query}", follow_redirects=False)
            answers[f"body {name}"] = at_desk.client.post(
                AUTHORIZE,
                content=query,
                headers={"content-type": "application/x-www-form-urlencoded"},
                follow_redirects=False,
            )

        for answer in answers.values():
            assert "repeated" in page_of(answer).text
        recorded = world.events(platform, "authorization_request.refused")[known:]
        assert [one.data["error"] for one in recorded] == ["invalid_request"] * len(answers)

    def test_parameters_in_query_and_body_at_once(self, at_desk, desk):
        query = urlencode(parameters_for(desk.made.app))
        answer = at_desk.client.post(f"{AUTHORIZE}?{query}", data={"client_id": desk.client_id})

        assert "not in both" in page_of(answer).text

    def test_a_repeated_parameter_at_the_endpoints_for_clients(self, world, desk):
        """REG-04, also where the secret is right."""
        form = desk.credentials() | {
            "grant_type": "refresh_token",
            "refresh_token": "x",
            "token": "x",
            "scope": "spark:people_read",
            "unknown": "1",
        }
        answers = []
        with leaves_only(world, desk.owner):
            for path, name in product(FOR_CLIENTS, form):
                answers += [
                    desk.http.post(path, content=urlencode([*form.items(), (name, value)]), headers=FORM)
                    for value in (form[name], "")
                ]
                answers.append(desk.http.post(f"{path}?{name}=x", data=form))

        assert {(one.status_code, one.json()["error"]) for one in answers} == {(400, "invalid_request")}


FORM = {"content-type": "application/x-www-form-urlencoded"}


class TestStrangeBytes:
    """AUTHZ-15: other media types are 415, strange bytes 400, nothing is a 5xx."""

    QUERIES = (
        b"client_id=%00",
        b"client_id=%ff",
        b"client_id=\xff",
        b"state=%c3%28",
        b"client_id=%ed%a0%80",
        b"=" * 50,
        b"&" * 200,
        b"%",
        b"%zz",
        b"client_id",
        b"client_id=" + b"x" * 5000,
        b"request_uri=urn:ietf:params:oauth:request_uri:%00",
    )

    def test_in_the_query_and_in_the_body(self, client):
        for query in self.QUERIES:
            got = client.get(f"{AUTHORIZE}?{query.decode('latin-1')}", follow_redirects=False)
            posted = client.post(AUTHORIZE, content=query, headers=FORM, follow_redirects=False)
            for answer in (got, posted):
                page_of(answer)

    def test_of_a_good_app(self, browser, desk):
        base = urlencode(parameters_for(desk.made.app))
        for more in ("&nonce=%00", "&nonce=%ff", "&login_hint=%f0%28%8c%28"):
            page_of(browser.client.get(f"{AUTHORIZE}?{base}{more}", follow_redirects=False))

    @pytest.mark.parametrize(
        ("content_type", "status"),
        [("application/json", 415), ("text/plain", 415), ("", 415), ("multipart/form-data", 400)],
    )
    def test_other_media_types(self, client, content_type, status):
        headers = {"content-type": content_type} if content_type else {}
        answer = client.post(AUTHORIZE, content=b'{"client_id": "x"}', headers=headers)

        assert answer.status_code == status

    def test_at_the_endpoints_for_clients(self, client):
        for path, query in product(FOR_CLIENTS, self.QUERIES):
            answer = client.post(path, content=query, headers=FORM)
            assert (answer.status_code, answer.json()["error"]) in {
                (400, "invalid_request"),
                (401, "invalid_client"),
            }
        for content_type in ("application/json", "text/plain", "multipart/form-data; boundary=x", ""):
            headers = {"content-type": content_type} if content_type else {}
            answers = [client.post(path, content=b"{}", headers=headers) for path in FOR_CLIENTS]
            assert {(one.status_code, one.json()["error"]) for one in answers} == {(415, "invalid_request")}


class TestWhatDoesNotExist:
    """REG-06."""

    def test_other_grant_types(self, world, desk):
        others: dict[str, dict[str, str]] = {
            "password": {"username": "lena", "password": "x"},
            "implicit": {},
            "token": {},
            "urn:ietf:params:oauth:grant-type:jwt-bearer": {"assertion": "x"},
            "urn:ietf:params:oauth:grant-type:saml2-bearer": {"assertion": "x"},
            "urn:openid:params:grant-type:ciba": {"auth_req_id": "x"},
            "Refresh_Token": {},
            "refresh_token ": {},
        }
        with leaves_only(world, desk.owner, *["token.refused"] * len(others)) as recorded:
            answers = [desk.post(TOKEN, {"grant_type": name, **form}) for name, form in others.items()]

        assert {(one.status_code, one.json()["error"]) for one in answers} == {
            (400, "unsupported_grant_type")
        }
        assert [one.data["grantType"] for one in recorded] == list(others)

    def test_no_answer_ever_brings_a_token_to_the_browser(self, at_desk, desk):
        """RFC 9700 §2.1.2."""
        for response_type in ("token", "id_token", "id_token token", "code token", "code id_token token"):
            out = leave(at_desk, desk.made, response_type=response_type, nonce="n")
            assert out.answer.keys() == {"error", "error_description", "state", "iss"}


class TestWhoMayUseWhat:
    """REG-05: grants, scopes and redirect URLs are looked at on every step, not only on the first."""

    def test_a_service_app_sends_nobody_here(self, world, client, home, at_desk):
        made = world.service_app(world.developer(home))
        made.app.redirect_urls = [CALLBACK]
        with world.deployment.transaction(world.origin) as tx:
            tx.merge(made.app)
        with leaves_only(world, home, "authorization_request.refused"):
            out = leave(at_desk, made, scope=" ".join(made.app.scopes))

        assert out.answer["error"] == "unauthorized_client"
        assert OAuthClient(world, client, made).redeem("x").json()["error"] == "invalid_grant"

    def test_an_integration_acts_for_no_organization(self, world, desk, home):
        with leaves_only(world, desk.owner, "token.refused"):
            answer = desk.post(
                TOKEN, {"grant_type": "client_credentials", "organization": world.organization_id(home)}
            )

        assert answer.json()["error"] == "unauthorized_client"

    @pytest.mark.parametrize(
        "changes",
        [{"redirect_urls": [CALLBACK + "/new"]}, {"scopes": ["spark:people_read"]}],
        ids=["redirect URL", "scope"],
    )
    def test_what_was_removed_while_the_person_thought_about_it_is_not_allowed(
        self, world, at_desk, new_client, changes
    ):
        """REG-05: between the consent page and its answer."""
        one = new_client(connected=False)
        page = at_desk.get(f"{AUTHORIZE}?{urlencode(parameters_for(one.made.app))}")
        register(world, one.made, **changes)
        path = page.response.url.path
        refused = at_desk.submit("/oauth/authorize/", {"decision": "allow"}, status=404)

        assert "refresh" not in refused.response.headers
        assert world.events(one.owner, "consent.given") == []
        at_desk.get(path, status=404)

    def test_nothing_that_the_browser_sends_on_the_way_changes_what_was_asked(
        self, world, home, at_desk, new_client
    ):
        """REG-05, AUTHZ-12: fields, query and cookies of its own making."""
        one, other = new_client(connected=False), new_client(connected=False)
        asked = parameters_for(one.made.app, scope="spark:people_read")
        at_desk.get(f"{AUTHORIZE}?{urlencode(asked)}")
        for name, value in {"scope": "spark:rooms_write", "redirect_uri": "https://evil.example"}.items():
            at_desk.client.cookies.set(name, value)
        tampered = {
            "decision": "allow",
            "client_id": other.client_id,
            "scope": " ".join(DESK_SCOPES),
            "redirect_uri": "https://evil.example/cb",
            "state": "tampered",
            "response_type": "token",
            "code_challenge": "a" * 43,
            "request": "{}",
        }
        out = way_out_of(at_desk.submit("/oauth/authorize/", tampered))
        (event,) = world.events(home, "consent.given")
        body = one.redeem(out.answer["code"]).json()

        assert (out.address, out.answer["state"]) == (CALLBACK, STATE)
        assert event.data["scopes"] == ["spark:people_read"]
        assert body["scope"] == "spark:people_read"

    def test_the_address_of_a_step_carries_nothing_but_its_name(self, at_desk, new_client):
        """REG-05, AUTHZ-12: what is asked stays with us."""
        page = at_desk.get(f"{AUTHORIZE}?{urlencode(parameters_for(new_client(connected=False).made.app))}")
        url = page.response.url

        assert parse_qsl(str(url.query.decode())) == []
        assert parse_uuid(url.path.rpartition("/")[2]) is not None


def test_client_ids_and_subjects_are_told_apart_by_their_shape(world, home):
    """REG-07."""
    ids = [new_client_id() for _ in range(50)]
    account = world.person(home)

    assert all(parse_uuid(one) is None for one in ids)
    assert len(set(ids)) == 50
    assert not str(account.id).startswith("C")
    assert len({len(one) for one in ids}) == 1


def test_a_flood_of_wrong_requests_is_stopped_and_does_not_fill_the_log(world, desk, on_another_node):
    """TEN-02, AUD-08 in spirit."""
    one = on_another_node(desk, beginnings_per_source=20, traces_per_source=5)
    query = urlencode(parameters_for(desk.made.app, scope="nonsense"))
    answers = [one.http.get(f"{AUTHORIZE}?{query}", follow_redirects=False) for _ in range(21)]

    assert [answer.status_code for answer in answers] == [302] * 20 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert len(world.events(desk.owner, "authorization_request.refused")) == 5
