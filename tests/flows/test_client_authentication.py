"""Client authentication (RFC 6749 §2.3, RFC 7521 §4.2, RFC 7523 §3, RFC 9700 §2.5) at every endpoint for clients."""

import base64
import hmac
import json
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote_plus

import pytest
from joserfc.jwk import ECKey, RSAKey
from sqlalchemy import func, select
from starlette.testclient import TestClient

from appanage.apps import credentials
from appanage.apps import queries as apps
from appanage.apps.model import ClientProof
from appanage.authorizations import proofs
from appanage.authorizations.model import SpentProof
from appanage.kit.secrets import Prefix, new_secret
from appanage.oauth.assertions import ASSERTION_TYPE
from appanage.storage.expiry import delete_expired
from appanage.web.oauth.endpoints import FOR_CLIENTS
from flows.conftest import PATIENT
from support.integration import TOKEN, register, suspend
from support.keys import KEYS, public, segment, signed
from support.refusals import counted_statements, leaves_only

# What gets past authentication at each endpoint, and is refused only afterwards or not at all.
FORMS = {path: {"grant_type": "refresh_token", "refresh_token": "x"} for path in FOR_CLIENTS} | {
    "/v1/introspect": {"token": "x"},
    "/v1/revoke": {"token": "x"},
    "/v1/par": {"response_type": "x"},
    "/v1/device/authorize": {"scope": "x"},
    "/v1/device/token": {"grant_type": "x"},
}
LIFE = 60


def basic(client_id, secret):
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def asserted(assertion, **changes):
    sent = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion} | changes
    return {name: value for name, value in sent.items() if value is not None}


def refusal(answer):
    return answer.status_code, answer.json()["error"]


class TestEveryEndpoint:
    """CRED-11: what one of them asks of a client, all of them ask."""

    def test_each_method_gets_in(self, client, desk, vault, panel):
        secret = {"client_id": desk.client_id, "client_secret": desk.made.secret}
        answers = []
        for path, form in FORMS.items():
            answers += [
                client.post(path, data=form | secret),
                client.post(path, data=form, headers=basic(desk.client_id, desk.made.secret)),
                client.post(path, data=form | asserted(vault.assertion())),
            ]
            if path != "/v1/introspect":
                answers.append(client.post(path, data=form | {"client_id": panel.client_id}))

        assert "invalid_client" not in [answer.json().get("error") for answer in answers]
        assert {answer.status_code for answer in answers} <= {200, 201, 400}

    def test_nobody_gets_in_without(self, world, client, desk, vault):
        """A confidential client that only names itself is nobody, but for a device that begins."""
        answers = []
        for path, form in FORMS.items():
            answers.append(client.post(path, data=form))
            for one in (desk, vault) if path != "/v1/device/authorize" else ():
                with leaves_only(world, one.owner, "client.refused"):
                    answers.append(client.post(path, data=form | {"client_id": one.client_id}))

        assert {refusal(answer) for answer in answers} == {(401, "invalid_client")}

    def test_a_client_uses_the_method_it_is_registered_for(self, world, client, desk, vault, panel):
        """CRED-10."""
        made_up = new_secret(Prefix.CLIENT_SECRET).reveal()
        key = ECKey.generate_key("P-256")
        answers = []
        for path, form in FORMS.items():
            wrong = [
                (desk, asserted(replace(desk, key=key).assertion()), {}),
                (vault, {"client_id": vault.client_id, "client_secret": made_up}, {}),
                (vault, {}, basic(vault.client_id, made_up)),
                (panel, {"client_id": panel.client_id, "client_secret": made_up}, {}),
                (panel, {}, basic(panel.client_id, "")),
                (panel, asserted(replace(panel, key=key).assertion()), {}),
            ]
            for one, presented, headers in wrong:
                with leaves_only(world, one.owner, "client.refused"):
                    answers.append(client.post(path, data=form | presented, headers=headers))

        assert {refusal(answer) for answer in answers} == {(401, "invalid_client")}

    def test_two_methods_at_once_are_an_error(self, world, client, desk, vault):
        """CRED-10, RFC 6749 §2.3."""
        header = basic(desk.client_id, desk.made.secret)
        secret = {"client_secret": desk.made.secret, "client_id": desk.client_id}
        answers = []
        with leaves_only(world, desk.owner):
            for path, form in FORMS.items():
                answers += [
                    client.post(path, data=form | secret, headers=header),
                    client.post(path, data=form | asserted(vault.assertion()), headers=header),
                    client.post(path, data=form | asserted(vault.assertion()) | secret),
                    client.post(path, data=form | {"client_id": vault.client_id}, headers=header),
                    client.post(path, data=form | asserted(vault.assertion(), client_id=desk.client_id)),
                    client.post(path, data=form, headers=[*header.items(), *header.items()]),
                ]

        assert {refusal(answer) for answer in answers} == {(400, "invalid_request")}


class TestReadsTheSame:
    """CRED-12."""

    def test_whatever_is_wrong(self, world, client, desk, new_client):
        suspended = new_client()
        suspend(world, suspended.made.app)
        wrong = new_secret(Prefix.CLIENT_SECRET).reveal()
        presented = {
            "unknown client": ("C" + "0" * 64, wrong),
            "wrong secret": (desk.client_id, wrong),
            "no secret at all": (desk.client_id, "x"),
            "another client's secret": (desk.client_id, suspended.made.secret),
            "suspended": (suspended.client_id, suspended.made.secret),
        }
        answers = {
            name: client.post(TOKEN, data=FORMS[TOKEN] | {"client_id": one, "client_secret": secret})
            for name, (one, secret) in presented.items()
        }
        bodies = {answer.json()["error_description"] for answer in answers.values()}

        assert {refusal(answer) for answer in answers.values()} == {(401, "invalid_client")}
        assert len(bodies) == 1
        assert len(world.events(desk.owner, "client.refused")) == 3
        assert len(world.events(suspended.owner, "client.refused")) == 1

    def test_and_costs_the_same(self, world, client, desk):
        """CRED-12: unknown client and wrong secret take the same way, but for whose record it is."""
        wrong = new_secret(Prefix.CLIENT_SECRET).reveal()
        costs = []
        for client_id in ("C" + "0" * 64, desk.client_id):
            sent = {"client_id": client_id, "client_secret": wrong}
            client.post(TOKEN, data=sent)
            with counted_statements(world) as statements:
                client.post(TOKEN, data=sent)
            costs.append(len(statements))

        assert costs[0] == costs[1]

    def test_a_dead_secret_is_a_wrong_one(self, world, desk, clock):
        """CRED-04."""
        with world.deployment.transaction(world.origin) as tx:
            app = apps.get_app(tx, desk.made.id)
            rules = replace(world.deployment.app_rules, secret_lifetime=timedelta(days=1))
            newer = credentials.add_secret(tx, app, by=app.creator, rules=rules, overlap=timedelta(hours=1))
        renewed = replace(desk, made=replace(desk.made, secret=newer.reveal()))
        both = [one.refresh("x") for one in (desk, renewed)]
        clock.advance(hours=2)
        later = [one.refresh("x") for one in (desk, renewed)]
        clock.advance(days=1)

        assert [refusal(one) for one in both] == [(400, "invalid_grant")] * 2
        assert [refusal(one) for one in later] == [(401, "invalid_client"), (400, "invalid_grant")]
        assert refusal(renewed.refresh("x")) == (401, "invalid_client")

    @pytest.mark.parametrize("kind", ["desk", "vault"])
    def test_whoever_fails_too_often_waits(self, request, client, kind):
        """CRED-12, TEN-02: for this client from here; others and elsewhere go on."""
        one = request.getfixturevalue(kind)
        wrong = {"client_id": one.client_id, "client_secret": "x", "grant_type": "refresh_token"}
        answers = [client.post(TOKEN, data=wrong) for _ in range(31)]
        elsewhere = TestClient(client.app, base_url=str(client.base_url), client=("203.0.113.7", 50000))

        assert [answer.status_code for answer in answers] == [401] * 30 + [429]
        assert int(answers[-1].headers["retry-after"]) > 0
        assert one.refresh("x").status_code == 429
        assert replace(one, http=elsewhere).refresh("x").status_code == 400


class TestAssertions:
    """CRED-06, RFC 7523 §3."""

    def test_every_kind_of_key_signs(self, world, client, new_client):
        for alg in world.deployment.settings.client_algorithms:
            one = new_client(key=KEYS[alg])
            answer = client.post(TOKEN, data=FORMS[TOKEN] | asserted(one.assertion(key=KEYS[alg], alg=alg)))
            assert refusal(answer) == (400, "invalid_grant"), alg

    def test_it_may_name_the_token_endpoint(self, client, vault):
        """OpenID Connect Core §9."""
        for aud in (vault.issuer, [vault.issuer], f"{vault.issuer}/access_token"):
            answer = client.post("/v1/introspect", data={"token": "x"} | asserted(vault.assertion(aud=aud)))
            assert answer.status_code == 200, aud

    def test_one_claim_that_is_wrong_is_enough(self, world, vault, desk, panel, on_another_node):
        """CRED-06: the negative table."""
        http = on_another_node(vault, **PATIENT).http
        now = vault.now
        wrong = {
            "iss of another client": {"iss": desk.client_id},
            "sub of another client": {"sub": desk.client_id},
            "both of another client": {"iss": panel.client_id, "sub": panel.client_id},
            "no iss": {"iss": None},
            "no sub": {"sub": None},
            "no aud": {"aud": None},
            "aud of another server": {"aud": "https://other.example/v1"},
            "aud with a slash": {"aud": f"{vault.issuer}/"},
            "aud of another endpoint": {"aud": f"{vault.issuer}/introspect"},
            "two auds": {"aud": [vault.issuer, "https://other.example"]},
            "empty aud": {"aud": []},
            "no exp": {"exp": None},
            "expired": {"exp": int(now) - 1},
            "exp as text": {"exp": str(int(now) + LIFE)},
            "valid for too long": {"exp": int(now) + 600},
            "valid for two days": {"exp": int(now) + 48 * 3600},
            "exp beyond time": {"exp": 1e300},
            "nbf ahead": {"nbf": int(now) + 120},
            "iat ahead": {"iat": int(now) + 120},
            "no jti": {"jti": None},
            "empty jti": {"jti": ""},
            "jti as number": {"jti": 1},
            "jti too long": {"jti": "j" * 300},
            "jti with NUL": {"jti": "a\0b"},
        }
        before = proofs_kept(world)
        answers = {}
        for name, changes in wrong.items():
            answers[name] = refusal(
                http.post(TOKEN, data=FORMS[TOKEN] | asserted(vault.assertion(**changes)))
            )

        assert answers == dict.fromkeys(wrong, (401, "invalid_client"))
        assert proofs_kept(world) == before
        assert world.events(vault.owner, "client.refused")

    def test_only_a_registered_key_counts(self, world, client, vault):
        """CRED-08: whatever the header says of keys is not followed."""
        stranger = ECKey.generate_key("P-256")
        claims = claims_of(vault)
        headers = {
            "another key": {},
            "under our kid": {"kid": thumbprint_of(world, vault)},
            "embedded jwk": {"jwk": public(stranger)},
            "jku": {"jku": "https://evil.example/keys"},
            "x5u": {"x5u": "https://evil.example/cert"},
            "x5c": {"x5c": ["MIIB"]},
            "crit": {"crit": ["b64"], "b64": False},
            "path in kid": {"kid": "../../etc/passwd"},
            "SQL in kid": {"kid": "' OR 1=1 --"},
        }
        answers = {
            name: refusal(
                client.post(
                    TOKEN,
                    data=FORMS[TOKEN]
                    | asserted(signed({"alg": "ES256"} | header, claims, stranger, "ES256")),
                )
            )
            for name, header in headers.items()
        }

        assert answers == dict.fromkeys(headers, (401, "invalid_client"))

    @pytest.mark.parametrize(
        "header", [{"jku": "https://vault.example/keys"}, {"x5c": ["MIIB"]}, {"jwk": {}}]
    )
    def test_nor_may_a_good_signature_bring_a_key_along(self, client, vault, header):
        """CRED-08."""
        assertion = signed({"alg": "ES256"} | header, claims_of(vault), KEYS["ES256"], "ES256")

        assert refusal(client.post(TOKEN, data=FORMS[TOKEN] | asserted(assertion))) == (401, "invalid_client")

    def test_algorithms_that_are_not_offered(self, client, vault, new_client):
        """CRED-06, TOK-03: none, HMAC with the public key, RS256, another algorithm than the key's."""
        rsa = new_client(key=KEYS["PS256"])
        claims = claims_of(vault)
        hmac_key = json.dumps(public(KEYS["ES256"])).encode()
        forged = [
            f"{segment({'alg': 'none'})}.{segment(claims)}.",
            f"{segment({'alg': 'none'})}.{segment(claims)}.{segment(b'x')}",
            mac({"alg": "HS256"}, claims, hmac_key),
            mac({"alg": "HS256"}, claims, KEYS["ES256"].as_pem(private=False)),
            signed({"alg": "RS256"}, claims_of(rsa), KEYS["PS256"], "RS256"),
            signed({"alg": "ES256"}, claims_of(rsa), KEYS["PS256"], "PS256"),
            signed({"alg": "ES256K"}, claims, KEYS["ES256"], "ES256"),
            signed({"alg": "es256"}, claims, KEYS["ES256"], "ES256"),
            signed({}, claims, KEYS["ES256"], "ES256"),
            signed({"alg": "ES256", "typ": "dpop+jwt"}, claims, KEYS["ES256"], "ES256"),
            signed({"alg": "ES256", "typ": "at+jwt"}, claims, KEYS["ES256"], "ES256"),
        ]
        answers = [refusal(client.post(TOKEN, data=FORMS[TOKEN] | asserted(one))) for one in forged]

        assert answers == [(401, "invalid_client")] * len(forged)

    def test_the_same_one_twice_is_refused_everywhere(self, world, client, vault, on_another_node):
        """CRED-06: at another endpoint and at another node too."""
        assertion = asserted(vault.assertion())
        first = client.post(TOKEN, data=FORMS[TOKEN] | assertion)
        with leaves_only(world, vault.owner, *["client.refused"] * 3):
            again = [
                client.post(TOKEN, data=FORMS[TOKEN] | assertion),
                client.post("/v1/introspect", data={"token": "x"} | assertion),
                on_another_node(vault).http.post(TOKEN, data=FORMS[TOKEN] | assertion),
            ]

        assert refusal(first) == (400, "invalid_grant")
        assert [refusal(answer) for answer in again] == [(401, "invalid_client")] * 3

    def test_what_is_kept_of_it_is_forgotten_when_it_has_expired(self, world, client, vault, clock):
        """CRED-07: bounded, and long-lived ones were never stored."""
        far, before = clock() + timedelta(minutes=7), proofs_kept(world)
        client.post(TOKEN, data=FORMS[TOKEN] | asserted(vault.assertion()))
        client.post(TOKEN, data=FORMS[TOKEN] | asserted(vault.assertion(exp=int(vault.now) + 48 * 3600)))
        kept, kept_long = proofs_kept(world), proofs_kept(world, SpentProof.forget_at > far)
        clock.advance(seconds=LIFE + 61)
        with world.deployment.transaction(world.origin) as tx:
            delete_expired(tx, proofs.EXPIRY)

        assert kept == before + 1
        assert kept_long == proofs_kept(world, SpentProof.forget_at > far)
        assert proofs_kept(world) < kept

    def test_a_revoked_key_signs_nothing_more(self, world, client, vault):
        with world.deployment.transaction(world.origin) as tx:
            app = apps.get_app(tx, vault.made.id)
            (key,) = apps.list_keys(tx, app, live_only=True)
            credentials.revoke_key(tx, app, key, by=app.creator)

        assert refusal(client.post(TOKEN, data=FORMS[TOKEN] | asserted(vault.assertion()))) == (
            401,
            "invalid_client",
        )

    def test_two_keys_may_be_alive_and_kid_says_which(self, world, client, vault):
        second = RSAKey.generate_key(2048)
        with world.deployment.transaction(world.origin) as tx:
            app = apps.get_app(tx, vault.made.id)
            rules = world.deployment.app_rules
            credentials.add_key(
                tx, app, json.dumps(public(second, kid="second")), by=app.creator, rules=rules
            )
        named = signed({"alg": "PS256", "kid": "second"}, claims_of(vault), second, "PS256")
        misnamed = signed({"alg": "ES256", "kid": "second"}, claims_of(vault), KEYS["ES256"], "ES256")
        answers = [
            client.post(TOKEN, data=FORMS[TOKEN] | asserted(one))
            for one in (named, vault.assertion(key=second, alg="PS256"), vault.assertion(), misnamed)
        ]

        assert [one.status_code for one in answers] == [400, 400, 400, 401]

    def test_a_client_that_changes_its_method_leaves_the_old_one_behind(self, world, client, desk):
        """CRED-10."""
        secret = {"client_id": desk.client_id, "client_secret": desk.made.secret}
        register(world, desk.made, client_proof=ClientProof.NONE)
        with_secret = client.post(TOKEN, data=FORMS[TOKEN] | secret)
        without = client.post(TOKEN, data=FORMS[TOKEN] | {"client_id": desk.client_id})

        assert refusal(with_secret) == (401, "invalid_client")
        assert refusal(without) == (400, "invalid_grant")

    def test_not_even_a_proof_that_is_still_alive_counts_beside_the_registered_one(
        self, world, client, desk, vault
    ):
        """CRED-10: should one be left over, such as by a change at the same moment."""
        by_secret = {"client_id": desk.client_id, "client_secret": desk.made.secret}
        with world.deployment.transaction(world.origin) as tx:
            apps.get_app(tx, desk.made.id).client_proof = ClientProof.KEY.value
            apps.get_app(tx, vault.made.id).client_proof = ClientProof.SECRET.value
        answers = [
            client.post(TOKEN, data=FORMS[TOKEN] | by_secret),
            client.post(TOKEN, data=FORMS[TOKEN] | asserted(vault.assertion())),
        ]

        assert [refusal(answer) for answer in answers] == [(401, "invalid_client")] * 2

    def test_the_key_for_assertions_is_good_for_nothing_else(self, client, vault):
        """One kind of token is never taken for another (RFC 8725 §3.11)."""
        assertion = vault.assertion()
        answer = client.get("/v1/people/me", headers={"Authorization": f"Bearer {assertion}"})

        assert answer.status_code == 401
        assert vault.introspect(assertion) == {"active": False}


def claims_of(client):
    return {
        "iss": client.client_id,
        "sub": client.client_id,
        "aud": client.issuer,
        "exp": int(client.now) + LIFE,
        "jti": new_secret(Prefix.CLIENT_SECRET).reveal(),
    }


def mac(header, claims, secret):
    text = f"{segment(header)}.{segment(claims)}"
    return f"{text}.{segment(hmac.digest(secret, text.encode(), 'sha256'))}"


def thumbprint_of(world, client):
    with world.deployment.transaction(world.origin) as tx:
        (key,) = apps.list_keys(tx, apps.get_app(tx, client.made.id), live_only=True)
        return key.thumbprint


def proofs_kept(world, *conditions):
    with world.deployment.transaction(world.origin) as tx:
        return tx.scalar(select(func.count()).select_from(SpentProof).where(*conditions))
