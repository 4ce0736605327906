"""Proof of possession (RFC 9449) for every client, and bound tokens wherever a token is accepted."""

import json
from dataclasses import replace
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey

from appanage.apps.model import ClientProof
from appanage.oauth.dpop import token_hash
from appanage.oauth.jose import CLIENT_ALGORITHMS, public_key_of
from support.integration import PAR, TOKEN, USERINFO, families, is_dead
from support.keys import KEYS, public, segment, signed
from support.refusals import leaves_only, state

KEY = KEYS["ES256"]
THIEF = ECKey.generate_key("P-256")
PROTECTED = ("/v1/people/me", USERINFO)
JWK = public(KEY)
BASE = "http://localhost:8080"


def jkt(key):
    return public_key_of(public(key), algorithms=CLIENT_ALGORITHMS).thumbprint


@pytest.fixture
def bound(new_client):
    """A public client whose tokens are bound to its key."""
    return new_client(client_proof=ClientProof.NONE, dpop=KEY)


@pytest.fixture
def bound_desk(new_client):
    """A confidential one."""
    return new_client(dpop=KEY)


def redeeming(client, code):
    """The parameters of a token request that is good but for its proof."""
    return client.credentials() | {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": client.made.app.redirect_urls[0],
        "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    }


def told(answer):
    return answer.status_code, answer.json().get("error")


# One thing that is wrong with a proof: claims of it, and its header.
WRONG: dict[str, dict[str, Any]] = {
    "no jti": {"jti": None},
    "empty jti": {"jti": ""},
    "jti as number": {"jti": 7},
    "jti too long": {"jti": "j" * 300},
    "no htm": {"htm": None},
    "another method": {"htm": "PUT"},
    "method in small letters": {"htm": "post"},
    "no htu": {"htu": None},
    "another path": {"htu": f"{BASE}/v1/other"},
    "another host": {"htu": "https://other.example/v1/access_token"},
    "another port": {"htu": "http://localhost:8081/v1/access_token"},
    "another scheme": {"htu": "https://localhost:8080/v1/access_token"},
    "a path only": {"htu": "/v1/access_token"},
    "userinfo in htu": {"htu": "http://a@localhost:8080/v1/access_token"},
    "no iat": {"iat": None},
    "iat as text": {"iat": "now"},
    "nonce as number": {"nonce": 1},
    "empty nonce": {"nonce": ""},
    "typ JWT": {"header": {"typ": "JWT"}},
    "typ of an access token": {"header": {"typ": "at+jwt"}},
    "no algorithm": {"header": {"alg": "none"}},
    "HMAC": {"header": {"alg": "HS256"}},
    "RS256": {"header": {"alg": "RS256"}},
    "no key": {"header": {"jwk": None}},
    "another key": {"header": {"jwk": public(THIEF)}},
    "a private key": {"header": {"jwk": KEY.as_dict(private=True)}},
    "a symmetric key": {"header": {"jwk": OctKey.generate_key(256).as_dict(private=True)}},
    "a key by reference": {"header": {"jku": "https://evil.example/keys"}},
    "crit": {"header": {"crit": ["b64"], "b64": False}},
}


def wrong_proofs(client, method, path, **claims):
    """The table above for one request, with what no claim can say."""
    proofs = {name: client.proof(method, path, **(claims | changes)) for name, changes in WRONG.items()}
    now = int(client.now)
    good = client.proof(method, path, **claims)
    head, body, signature = good.split(".")
    return proofs | {
        "too old": client.proof(method, path, iat=now - 62, **claims),
        "of the future": client.proof(method, path, iat=now + 62, **claims),
        "no signature": f"{head}.{body}.",
        "another signature": f"{head}.{body}.{segment(b'x' * 64)}",
        "other claims": f"{head}.{segment({'htm': method})}.{signature}",
        "two segments": f"{head}.{body}",
        "no JSON": f"{segment('x')}.{body}.{signature}",
        "empty": "",
        "a word": "proof",
        "too long": good + "A" * 5000,
    }


class TestTokenEndpoint:
    """TOK-10, RFC 9449 §4.3, §5."""

    def test_the_tokens_are_bound_to_the_key(self, world, bound, at_desk):
        body = bound.tokens(at_desk)
        (row,) = families(world, bound.made)

        assert body["token_type"] == "DPoP"
        assert row.key_thumbprint == jkt(KEY)
        assert bound.call("/v1/people/me", body["access_token"]).status_code == 200

    def test_introspection_names_the_key(self, bound_desk, at_desk):
        """RFC 9449 §6.2."""
        found = bound_desk.introspect(bound_desk.tokens(at_desk)["access_token"])

        assert (found["token_type"], found["cnf"]) == ("DPoP", {"jkt": jkt(KEY)})

    def test_what_is_wrong_with_a_proof_is_refused_and_burns_no_code(self, world, bound, at_desk):
        """TOK-10: the negative table."""
        code = bound.code(at_desk)
        plain = replace(bound, dpop=None)
        proofs = wrong_proofs(bound, "POST", TOKEN)
        with leaves_only(world, bound.owner, *["token.refused"] * len(proofs)) as recorded:
            answers = {
                name: plain.http.post(TOKEN, data=redeeming(plain, code), headers={"DPoP": proof})
                for name, proof in proofs.items()
            }

        assert {name: told(one) for name, one in answers.items()} == dict.fromkeys(
            proofs, (400, "invalid_dpop_proof")
        )
        assert {one.data["error"] for one in recorded} == {"invalid_dpop_proof"}
        assert all(one.headers["dpop-nonce"] for one in answers.values())
        assert bound.redeem(code).status_code == 200

    def test_two_proofs_are_one_too_many(self, bound, at_desk):
        code, proof = bound.code(at_desk), bound.proof("POST", TOKEN)
        answer = bound.http.post(
            TOKEN, data=redeeming(bound, code), headers=[("DPoP", proof), ("DPoP", proof)]
        )

        assert told(answer) == (400, "invalid_dpop_proof")

    @pytest.mark.parametrize("nonce", [None, "made-up", "x" * 200])
    def test_without_our_nonce_the_client_is_told_to_try_again(self, world, bound, at_desk, nonce):
        """RFC 9449 §8: told once, which is no event."""
        code = bound.code(at_desk)
        proof = bound.proof("POST", TOKEN, nonce=nonce)
        with leaves_only(world, bound.owner):
            answer = bound.http.post(TOKEN, data=redeeming(bound, code), headers={"DPoP": proof})
        again = bound.proof("POST", TOKEN, nonce=answer.headers["dpop-nonce"])

        assert told(answer) == (400, "use_dpop_nonce")
        assert bound.http.post(TOKEN, data=redeeming(bound, code), headers={"DPoP": again}).status_code == 200

    def test_a_nonce_lives_for_some_minutes(self, bound, clock):
        """RFC 9449 §8."""
        nonce = bound.nonce
        clock.advance(minutes=5, seconds=1)
        answer = bound.http.post(
            TOKEN, data=redeeming(bound, "x"), headers={"DPoP": bound.proof("POST", TOKEN, nonce=nonce)}
        )

        assert told(answer) == (400, "use_dpop_nonce")

    def test_a_nonce_of_another_node_is_as_good(self, bound, at_desk, on_another_node):
        other = on_another_node(bound)
        proof = other.proof("POST", TOKEN, nonce=bound.nonce)

        code = bound.code(at_desk)
        assert other.http.post(TOKEN, data=redeeming(bound, code), headers={"DPoP": proof}).status_code == 200

    def test_a_proof_counts_once_on_all_nodes(self, world, bound, at_desk, on_another_node):
        """TOK-10, RFC 9449 §11.1: replay."""
        value = bound.tokens(at_desk)["refresh_token"]
        form = bound.credentials() | {"grant_type": "refresh_token", "refresh_token": value}
        proof = {"DPoP": bound.proof("POST", TOKEN)}
        first = bound.http.post(TOKEN, data=form, headers=proof)
        with leaves_only(world, bound.owner, "token.refused", "token.refused"):
            again = [
                bound.http.post(TOKEN, data=form, headers=proof),
                on_another_node(bound).http.post(TOKEN, data=form, headers=proof),
            ]

        assert first.status_code == 200
        assert [told(one) for one in again] == [(400, "invalid_dpop_proof")] * 2

    def test_a_proof_of_a_refused_request_is_spent_too(self, bound, at_desk):
        proof = {"DPoP": bound.proof("POST", TOKEN)}
        bound.http.post(TOKEN, data=redeeming(bound, "x"), headers=proof)

        code = bound.code(at_desk)
        assert told(bound.http.post(TOKEN, data=redeeming(bound, code), headers=proof)) == (
            400,
            "invalid_dpop_proof",
        )

    def test_a_query_and_another_spelling_of_the_same_address_are_fine(self, bound, at_desk):
        """RFC 9449 §4.3: compared without query and fragment, in normal form."""
        for htu in ("HTTP://LOCALHOST:8080/v1/access_token?x=1", f"{BASE}/v1/%61ccess_token#x"):
            proof = bound.proof("POST", TOKEN, htu=htu)
            answer = bound.http.post(
                TOKEN, data=redeeming(bound, bound.code(at_desk)), headers={"DPoP": proof}
            )

            assert answer.status_code == 200, htu

    def test_a_confidential_client_chooses_a_key_for_every_token(self, bound_desk, at_desk):
        """RFC 9449 §5: its refresh token is bound to its credentials."""
        value = bound_desk.tokens(at_desk)["refresh_token"]
        other = replace(bound_desk, dpop=THIEF).refresh(value).json()
        unbound = replace(bound_desk, dpop=None).refresh(value).json()

        assert bound_desk.introspect(other["access_token"])["cnf"] == {"jkt": jkt(THIEF)}
        assert unbound["token_type"] == "Bearer"


class TestBoundCodes:
    """RFC 9449 §10, AUTHZ-05."""

    @pytest.mark.parametrize("thief", [None, THIEF], ids=["no proof", "another key"])
    def test_a_code_that_names_a_key_is_redeemed_by_it(self, world, bound_desk, at_desk, thief):
        code = bound_desk.code(at_desk, dpop_jkt=jkt(KEY))
        with leaves_only(world, bound_desk.owner, "token.refused", but="authorization_codes"):
            answer = replace(bound_desk, dpop=thief).redeem(code)

        assert told(answer) == (400, "invalid_grant")
        assert bound_desk.tokens(at_desk, dpop_jkt=jkt(KEY))["token_type"] == "DPoP"

    def test_a_pushed_request_with_a_proof_binds_the_code(self, bound_desk, at_desk):
        """RFC 9449 §10.1."""
        code = bound_desk.code(at_desk, **pushed(bound_desk.push()))

        assert told(replace(bound_desk, dpop=THIEF).redeem(code)) == (400, "invalid_grant")
        assert bound_desk.redeem(bound_desk.code(at_desk, **pushed(bound_desk.push()))).status_code == 200

    def test_a_proof_and_another_thumbprint_do_not_go_together(self, world, bound_desk):
        """RFC 9449 §10.1."""
        with leaves_only(world, bound_desk.owner, "token.refused"):
            answer = bound_desk.push(dpop_jkt=jkt(THIEF))

        assert told(answer) == (400, "invalid_dpop_proof")

    def test_a_wrong_proof_pushes_nothing(self, world, bound_desk):
        plain = replace(bound_desk, dpop=None)
        form = plain.credentials() | {"response_type": "code", "scope": "spark:people_read"}
        with leaves_only(world, bound_desk.owner, "token.refused"):
            proof = bound_desk.proof("POST", TOKEN)
            answer = plain.http.post(PAR, data=form, headers={"DPoP": proof})

        assert told(answer) == (400, "invalid_dpop_proof")


def pushed(answer):
    """What the browser brings after a push: nothing but the reference."""
    names = ("response_type", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method")
    return dict.fromkeys(names) | {"request_uri": answer.json()["request_uri"]}


@pytest.mark.parametrize("path", PROTECTED)
class TestProtectedResources:
    """TOK-10, TOK-11, RFC 9449 §7, at the API and at userinfo."""

    @pytest.fixture
    def ask(self, client, path):
        """One request with a token and, perhaps, a proof."""

        def send(token, *, scheme="DPoP", proof=None, method="GET"):
            headers = {"Authorization": f"{scheme} {token}"} | ({"DPoP": proof} if proof is not None else {})
            return client.request(method, path, headers=headers)

        return send

    def test_with_its_proof_a_bound_token_is_good(self, bound, at_desk, ask, path):
        token = bound.tokens(at_desk, scope="openid spark:people_read")["access_token"]

        assert ask(token, proof=bound.proof("GET", path, access_token=token)).status_code == 200

    def test_what_is_wrong_with_a_proof_is_refused(self, world, bound, at_desk, ask, path):
        """TOK-10: the negative table, and the hash of the token."""
        token = bound.tokens(at_desk, scope="openid spark:people_read")["access_token"]
        other = bound.tokens(at_desk, scope="openid spark:people_read")["access_token"]
        proofs = wrong_proofs(bound, "GET", path, ath=token_hash(token)) | {
            "no ath": bound.proof("GET", path),
            "ath of another token": bound.proof("GET", path, access_token=other),
            "of another method": bound.proof("POST", path, access_token=token),
            "of another endpoint": bound.proof("GET", "/v1/rooms", access_token=token),
        }
        before = state(world)
        answers = {name: ask(token, proof=proof) for name, proof in proofs.items()}

        assert {name: one.status_code for name, one in answers.items()} == dict.fromkeys(proofs, 401)
        for one in answers.values():
            assert 'error="invalid_dpop_proof"' in one.headers["www-authenticate"]
            assert one.headers["www-authenticate"].startswith("DPoP realm=")
            assert 'algs="ES256' in one.headers["www-authenticate"]
        assert state(world) == before

    def test_without_our_nonce_the_client_is_told_to_try_again(self, bound, at_desk, ask, path):
        """RFC 9449 §9."""
        token = bound.tokens(at_desk, scope="openid spark:people_read")["access_token"]
        answer = ask(token, proof=bound.proof("GET", path, access_token=token, nonce=None))
        again = bound.proof("GET", path, access_token=token, nonce=answer.headers["dpop-nonce"])

        assert answer.status_code == 401
        assert 'error="use_dpop_nonce"' in answer.headers["www-authenticate"]
        assert ask(token, proof=again).status_code == 200

    def test_a_proof_counts_once_on_all_nodes(self, bound, at_desk, ask, path, on_another_node):
        token = bound.tokens(at_desk, scope="openid spark:people_read")["access_token"]
        proof = bound.proof("GET", path, access_token=token)
        headers = {"Authorization": f"DPoP {token}", "DPoP": proof}
        first, again = ask(token, proof=proof), ask(token, proof=proof)
        elsewhere = on_another_node(bound).http.get(path, headers=headers)

        assert [one.status_code for one in (first, again, elsewhere)] == [200, 401, 401]

    def test_a_bound_token_is_no_bearer_token(self, bound, at_desk, ask, path):
        """TOK-11: with or without a proof beside it."""
        token = bound.tokens(at_desk, scope="openid spark:people_read")["access_token"]
        answers = [
            ask(token, scheme="Bearer"),
            ask(token, scheme="bearer"),
            ask(token, scheme="Bearer", proof=bound.proof("GET", path, access_token=token)),
            ask(token),
            ask(token, proof=replace(bound, dpop=THIEF).proof("GET", path, access_token=token)),
        ]

        assert [one.status_code for one in answers] == [401] * 5
        assert all('error="invalid_token"' in one.headers["www-authenticate"] for one in answers)

    def test_a_token_that_is_not_bound_proves_nothing(self, desk, bound, at_desk, ask, path):
        """TOK-11: nor may a thief bind it afterwards."""
        token = desk.tokens(at_desk, scope="openid spark:people_read")["access_token"]
        proof = replace(bound, dpop=THIEF).proof("GET", path, access_token=token)

        assert ask(token, scheme="Bearer").status_code == 200
        assert ask(token, proof=proof).status_code == 401
        assert ask(token).status_code == 401

    def test_two_ways_at_once_are_refused(self, client, bound, at_desk, path):
        """TOK-08, TOK-09."""
        token = bound.tokens(at_desk, scope="openid spark:people_read")["access_token"]
        proof = ("DPoP", bound.proof("GET", path, access_token=token))
        twice = [("Authorization", f"DPoP {token}"), ("Authorization", f"Bearer {token}"), proof]
        proven_twice = [("Authorization", f"DPoP {token}"), proof, proof]

        assert client.get(path, headers=twice).status_code == 401
        assert client.get(path, headers=proven_twice).status_code == 401


def test_a_personal_token_is_bound_to_nothing(world, client, home, bound):
    """TOK-11."""
    token = world.token(world.person(home))
    proof = bound.proof("GET", "/v1/people/me", access_token=token)
    headers = {"Authorization": f"DPoP {token}", "DPoP": proof}

    assert client.get("/v1/people/me", headers=headers).status_code == 401
    assert client.get("/v1/people/me", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_a_key_that_was_stolen_from_nobody_helps_nobody(world, bound, at_desk):
    """Revoked is revoked, whatever is proven."""
    body = bound.tokens(at_desk)
    bound.revoke(body["refresh_token"])

    assert is_dead(bound, body)


def test_all_the_algorithms_that_are_offered_work(client, new_client, at_desk):
    """STD-01."""
    offered = client.get("/v1/.well-known/openid-configuration").json()["dpop_signing_alg_values_supported"]
    one = new_client(client_proof=ClientProof.NONE)
    for alg in offered:
        key = KEYS[alg]
        head = {"typ": "dpop+jwt", "alg": alg, "jwk": public(key)}
        claims = {
            "jti": f"{alg} {one.client_id}",
            "htm": "POST",
            "htu": f"{BASE}{TOKEN}",
            "iat": int(one.now),
            "nonce": one.nonce,
        }
        answer = client.post(
            TOKEN,
            data=redeeming(one, one.code(at_desk)),
            headers={"DPoP": signed(head, claims, key, alg)},
        )
        assert (answer.status_code, answer.json().get("token_type")) == (200, "DPoP"), alg


def test_nothing_of_a_proof_is_recorded(world, bound, at_desk):
    """TOK-13."""
    proof = bound.proof("POST", TOKEN, jti="canary")
    bound.http.post(TOKEN, data=redeeming(bound, "x"), headers={"DPoP": proof})

    recorded = json.dumps([one.data for one in world.events(bound.owner)])
    assert proof not in recorded
    assert "canary" not in recorded
