"""Pushed authorization requests (RFC 9126): sent ahead by the client, used once by one browser."""

from typing import Any
from urllib.parse import urlencode

import pytest

from appanage.authorizations.model import PushedRequest
from appanage.kit.secrets import digest
from support.browser import Shown
from support.consenting import CHALLENGE, STATE, parameters_for, read_answer, way_out_of
from support.integration import AUTHORIZE, PAR, TOKEN, register, walk
from support.refusals import leaves_only, state
from support.world import CALLBACK, PASSWORD


def visit(browser, client_id, request_uri, **more):
    """The browser brings nothing but the reference."""
    query = urlencode({"client_id": client_id, "request_uri": request_uri, **more})
    return browser.client.get(f"{AUTHORIZE}?{query}", follow_redirects=False)


def pushed(client, **changes):
    answer = client.push(**changes)
    assert answer.status_code == 201, answer.text
    uri: str = answer.json()["request_uri"]
    return uri


def answered(response):
    assert response.status_code == 302, response.text
    return read_answer(response.headers["location"])


def page_of(response):
    assert (response.status_code, "location" in response.headers) == (400, False)
    return Shown(response)


@pytest.mark.parametrize("kind", ["desk", "vault", "panel"])
def test_a_request_goes_ahead_and_the_browser_brings_its_name(request, at_desk, kind):
    """RFC 9126 §2.2, §4."""
    client = request.getfixturevalue(kind)
    answer = client.push()
    body = answer.json()
    out = answered(visit(at_desk, client.client_id, body["request_uri"]))

    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    assert body.keys() == {"request_uri", "expires_in"}
    assert body["request_uri"].startswith("urn:ietf:params:oauth:request_uri:")
    assert 5 <= body["expires_in"] <= 90
    assert (out.address, out.answer["state"]) == (CALLBACK, STATE)
    assert client.redeem(out.answer["code"]).status_code == 200


class TestOnce:
    """AUTHZ-07: single use, bound to its client, ninety seconds."""

    def test_a_second_visit_finds_nothing(self, world, at_desk, desk):
        uri = pushed(desk)
        visit(at_desk, desk.client_id, uri)
        with leaves_only(world, desk.owner, "authorization_request.refused") as recorded:
            again = visit(at_desk, desk.client_id, uri)

        assert "unknown, expired or used" in page_of(again).text
        assert recorded[0].data["error"] == "invalid_request_uri"

    def test_it_is_not_another_clients(self, world, at_desk, desk, new_client):
        other, uri = new_client(), pushed(desk)
        with leaves_only(world, other.owner, "authorization_request.refused"):
            page_of(visit(at_desk, other.client_id, uri))

        assert "code" in answered(visit(at_desk, desk.client_id, uri)).answer

    def test_it_expires(self, world, at_desk, desk, clock):
        uri = pushed(desk)
        clock.advance(seconds=91)
        with leaves_only(world, desk.owner, "authorization_request.refused"):
            page_of(visit(at_desk, desk.client_id, uri))

    def test_a_made_up_one_leads_nowhere(self, world, at_desk, desk):
        urn = "urn:ietf:params:oauth:request_uri:"
        made_up = [urn, urn + "x", urn + "x" * 43, urn + "x" * 5000, pushed(desk) + "x"]
        with leaves_only(world, desk.owner, *["authorization_request.refused"] * len(made_up)):
            answers = [visit(at_desk, desk.client_id, one) for one in made_up]

        assert {answer.status_code for answer in answers} == {400}

    def test_without_a_client_id_it_is_nobodys(self, client, desk):
        query = urlencode({"request_uri": pushed(desk)})

        page_of(client.get(f"{AUTHORIZE}?{query}", follow_redirects=False))

    def test_it_is_kept_as_a_digest(self, world, desk):
        uri = pushed(desk)
        with world.deployment.transaction(world.origin) as tx:
            row = tx.get_one(PushedRequest, digest(uri))

        assert row.by_client
        assert uri not in str(row.parameters)
        assert desk.made.secret not in str(row.parameters)


class TestWhatCounts:
    def test_what_the_browser_adds_is_ignored(self, at_desk, desk):
        """AUTHZ-07, RFC 9126 §4: only what was pushed."""
        uri = pushed(desk, scope="spark:people_read", prompt="none")
        added = {
            "scope": "spark:rooms_write",
            "redirect_uri": "https://evil.example/cb",
            "state": "tampered",
            "response_type": "token",
            "response_mode": "form_post",
            "code_challenge": "a" * 43,
            "prompt": "consent",
        }
        out = answered(visit(at_desk, desk.client_id, uri, **added))
        body = desk.redeem(out.answer["code"]).json()

        assert (out.address, out.answer["state"]) == (CALLBACK, STATE)
        assert body["scope"] == "spark:people_read"

    def test_a_pushed_request_keeps_every_rule(self, world, desk):
        """RFC 9126 §2.1, §2.3: the same errors, told to the client itself."""
        wrong: dict[str, tuple[dict[str, Any], str]] = {
            "no response_type": ({"response_type": None}, "invalid_request"),
            "implicit": ({"response_type": "token"}, "unsupported_response_type"),
            "redirect_uri": ({"redirect_uri": CALLBACK + "/"}, "invalid_request"),
            "scope": ({"scope": "spark:people_write"}, "invalid_scope"),
            "challenge": ({"code_challenge": "short"}, "invalid_request"),
            "resource": ({"resource": "https://rooms.example"}, "invalid_target"),
            "request object": ({"request": "e30.e30."}, "request_not_supported"),
            "request_uri": ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, "invalid_request"),
            "prompt": ({"prompt": "none login"}, "invalid_request"),
        }
        with leaves_only(world, desk.owner, *["token.refused"] * len(wrong)) as recorded:
            answers = {name: desk.push(**changes) for name, (changes, _) in wrong.items()}

        assert {name: (one.status_code, one.json()["error"]) for name, one in answers.items()} == {
            name: (400, error) for name, (_, error) in wrong.items()
        }
        assert {one.data["endpoint"] for one in recorded} == {PAR}

    def test_a_client_pushes_in_its_own_name_only(self, world, desk, new_client):
        other = new_client()
        with leaves_only(world, desk.owner), leaves_only(world, other.owner, "client.refused"):
            answer = desk.http.post(
                PAR, data=parameters_for(other.made.app) | {"client_secret": desk.made.secret}
            )

        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")

    def test_it_is_looked_at_again_when_it_is_used(self, world, at_desk, desk):
        """REG-05: what was registered then may be gone."""
        uri = pushed(desk)
        register(world, desk.made, scopes=["spark:people_read"])
        out = answered(visit(at_desk, desk.client_id, uri))

        assert out.answer["error"] == "invalid_scope"

    def test_whoever_must_push_must_push(self, world, at_desk, new_client):
        """AUTHZ-07: by its own setting, RFC 9126 §6; a browser's form is no push."""
        one = new_client(pushes_requests=True)
        with leaves_only(world, one.owner, "authorization_request.refused"):
            query = urlencode(parameters_for(one.made.app))
            plain = answered(at_desk.client.get(f"{AUTHORIZE}?{query}", follow_redirects=False))
        form = at_desk.client.post(AUTHORIZE, data=parameters_for(one.made.app), follow_redirects=False)
        by_form = answered(at_desk.client.get(form.headers["location"], follow_redirects=False))

        assert plain.answer["error"] == by_form.answer["error"] == "invalid_request"
        assert "code" in answered(visit(at_desk, one.client_id, pushed(one))).answer

    def test_a_public_client_without_pkce_cannot_push_either(self, world, panel):
        """AUTHZ-01."""
        with leaves_only(world, panel.owner, "token.refused"):
            answer = panel.push(code_challenge=None, code_challenge_method=None)

        assert answer.json()["error"] == "invalid_request"


def test_nothing_that_was_pushed_is_ever_seen_in_the_browser(world, home, browser, new_client):
    """AUTHZ-08: not in a URL, not in a cookie, not in the source of a page, until the answer itself."""
    person = world.person(home, password=PASSWORD)
    one = new_client(connected=False)
    secret_state, nonce = "state-canary-4711", "nonce-canary-4711"
    uri = pushed(one, state=secret_state, nonce=nonce)
    seen: list[Any] = []
    browser.client.event_hooks["response"].append(seen.append)
    out = walk(browser, person, {"client_id": one.client_id, "request_uri": uri})
    pages = [each for each in seen if "decision" not in str(each.url)]
    shown = "".join(f"{each.url} {each.headers} {each.text} {each.request.headers}" for each in pages)

    assert len(pages) >= 4
    assert out.answer["state"] == secret_state
    for canary in (secret_state, nonce, CHALLENGE):
        assert canary not in shown


def test_a_form_of_another_site_is_kept_in_the_same_way(at_desk, desk):
    """OpenID Connect Core §3.1.2.1: POST is as good as GET, and what it brought stands in no address."""
    posted = at_desk.client.post(AUTHORIZE, data=parameters_for(desk.made.app), follow_redirects=False)
    out = answered(at_desk.client.get(posted.headers["location"], follow_redirects=False))

    assert posted.status_code == 303
    assert STATE not in posted.headers["location"]
    assert desk.redeem(out.answer["code"]).status_code == 200


def test_a_pushed_request_is_no_grant(world, desk):
    """AUTHZ-12."""
    uri, before = pushed(desk), state(world)
    answer = desk.post(TOKEN, {"grant_type": "authorization_code", "code": uri})

    assert answer.json()["error"] == "invalid_grant"
    assert state(world) == before


def test_the_answer_by_form_post_works_for_pushed_requests_too(at_desk, desk):
    uri = pushed(desk, response_mode="form_post")
    out = way_out_of(Shown(visit(at_desk, desk.client_id, uri)))

    assert out.address == CALLBACK
    assert desk.redeem(out.answer["code"]).status_code == 200
