"""The metadata (RFC 8414, RFC 9728, OpenID Connect Discovery 1.0): what it promises the server does, no more, no less.

One half walks the documents and tries what they name; the other half tries what they do not name.
"""

import base64
import json
from dataclasses import replace

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey

from appanage.apps.model import ClientProof
from appanage.apps.scopes import OPENID_SCOPES, catalogue
from appanage.oauth.assertions import ASSERTION_TYPE
from appanage.oauth.dpop import TYPE as DPOP_TYPE
from appanage.web.oauth.documents import ENDPOINTS
from appanage.web.oauth.endpoints import DOCUMENTS, FOR_CLIENTS
from appanage.web.oauth.token import GRANT_TYPES
from support.browser import Browser, Shown
from support.consenting import way_out_of
from support.integration import (
    AUTHORIZE,
    INTROSPECT,
    REVOKE,
    TOKEN,
    USERINFO,
    VERIFIER,
    connect,
    go,
    leave,
    sign_in_quickly,
)
from support.keys import KEYS, public, segment, signed
from support.refusals import leaves_only

DISCOVERY = "/v1/.well-known/openid-configuration"
RESOURCE = "/.well-known/oauth-protected-resource/v1"
OLDER_ADDRESSES = {
    "/idb/oauth2/v1/access_token",
    "/v1/device/token",
}  # of the token endpoint, as clients know it
PLAIN = {"code_challenge": VERIFIER, "code_challenge_method": "plain"}


@pytest.fixture
def metadata(client):
    return client.get(DISCOVERY).json()


@pytest.fixture
def path_of(world):
    base = world.deployment.settings.base_url
    return lambda address: address.removeprefix(base)


@pytest.fixture
def proven(new_client, at_desk):
    """Clients of every way to prove oneself, each with a refresh token to use it with."""

    def make(method):
        proof = {"private_key_jwt": ClientProof.KEY, "none": ClientProof.NONE}.get(method, ClientProof.SECRET)
        key = {"key": KEYS["ES256"]} if proof == ClientProof.KEY else {}
        return new_client(client_proof=proof, **key)

    return make


def sent(client, method, path, form):
    """A request that proves its client in the way of this name, as the standards spell it."""
    if method == "client_secret_basic":
        return client.http.post(path, data=form, auth=(client.client_id, client.made.secret))
    if method == "client_secret_post":
        named = {"client_id": client.client_id, "client_secret": client.made.secret}
        return client.http.post(path, data=form | named)
    if method == "none":
        return client.http.post(path, data=form | {"client_id": client.client_id})
    assert method == "private_key_jwt"
    return client.post(path, form)


class TestWhatIsPromised:
    """STD-01: nothing is advertised that does not work."""

    def test_every_endpoint_is_there(self, client, metadata, path_of):
        by_get = {"authorization_endpoint", "end_session_endpoint", "jwks_uri"}
        statuses = {
            name: client.request("GET" if name in by_get else "POST", path_of(metadata[name])).status_code
            for name in ENDPOINTS
        }

        assert statuses == {
            "authorization_endpoint": 400,
            "token_endpoint": 415,
            "pushed_authorization_request_endpoint": 415,
            "device_authorization_endpoint": 415,
            "introspection_endpoint": 415,
            "revocation_endpoint": 415,
            "userinfo_endpoint": 401,
            "end_session_endpoint": 200,
            "jwks_uri": 200,
        }

    def test_every_grant_type_is_known(self, desk, metadata):
        for grant_type in metadata["grant_types_supported"]:
            answer = desk.post(TOKEN, {"grant_type": grant_type})

            assert answer.json()["error"] in {"invalid_request", "unauthorized_client"}

    @pytest.mark.parametrize(
        "method", ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]
    )
    def test_every_way_to_prove_a_client_works(self, metadata, proven, at_desk, method):
        client = proven(method)
        body = client.tokens(at_desk)
        form = {"grant_type": "refresh_token", "refresh_token": body["refresh_token"]}
        token = {"token": body["access_token"]}

        assert method in metadata["token_endpoint_auth_methods_supported"]
        assert sent(client, method, TOKEN, form).status_code == 200
        if method in metadata["introspection_endpoint_auth_methods_supported"]:
            assert sent(client, method, INTROSPECT, token).json()["active"] is True
        if method in metadata["revocation_endpoint_auth_methods_supported"]:
            assert sent(client, method, REVOKE, token).status_code == 200
        assert client.call("/v1/people/me", body["access_token"]).status_code == 401

    def test_all_ways_were_tried(self, metadata):
        named = [metadata[name] for name in metadata if name.endswith("_auth_methods_supported")]

        assert {method for methods in named for method in methods} == {
            "client_secret_basic",
            "client_secret_post",
            "private_key_jwt",
            "none",
        }

    def test_every_algorithm_of_clients_signs_proofs(self, metadata, desk, at_desk):
        """TOK-10."""
        refresh_token = desk.tokens(at_desk)["refresh_token"]
        for alg in metadata["dpop_signing_alg_values_supported"]:
            proof = dpop_proof(desk, KEYS[alg], alg)
            form = desk.credentials() | {"grant_type": "refresh_token", "refresh_token": refresh_token}
            answer = desk.http.post(TOKEN, data=form, headers={"DPoP": proof})

            assert answer.json().get("token_type") == "DPoP", (alg, answer.text)

    def test_every_response_mode_brings_the_answer(self, metadata, desk, at_desk):
        assert metadata["response_types_supported"] == ["code"]
        assert metadata["response_modes_supported"] == ["query", "form_post"]

        by_query = leave(at_desk, desk.made, response_mode="query")
        by_form = way_out_of(Shown(go(at_desk, desk.made, response_mode="form_post")))

        for out in (by_query, by_form):
            assert desk.redeem(out.answer["code"]).status_code == 200

    def test_every_prompt_is_understood(self, metadata, desk, at_desk):
        for prompt in metadata["prompt_values_supported"]:
            where = go(at_desk, desk.made, prompt=prompt).headers["location"]

            assert "error=" not in where

    def test_every_scope_can_be_asked_for(self, metadata, new_client, at_desk):
        """Literally as it is named, by an app that registered it."""
        scopes = metadata["scopes_supported"]
        for start in range(0, len(scopes), 40):
            some = scopes[start : start + 40]
            registered = [one for one in some if one not in OPENID_SCOPES]
            client = new_client(scopes=registered, connected=False)
            where = go(at_desk, client.made, scope=" ".join(some)).headers["location"]

            assert where.startswith("/oauth/authorize/"), where

    def test_the_proof_key_that_is_named_works(self, metadata, desk, at_desk):
        """AUTHZ-01."""
        assert metadata["code_challenge_methods_supported"] == ["S256"]
        assert desk.redeem(desk.code(at_desk)).status_code == 200

    def test_the_issuer_comes_with_every_answer(self, metadata, desk, at_desk):
        """AUTHZ-06, RFC 9207."""
        assert metadata["authorization_response_iss_parameter_supported"] is True
        assert leave(at_desk, desk.made).answer["iss"] == metadata["issuer"]
        assert leave(at_desk, desk.made, scope="spark:all").answer["iss"] == metadata["issuer"]

    def test_every_claim_can_be_had_and_no_others(self, world, desk, at_desk, lena, metadata):
        with world.deployment.transaction(world.origin) as tx:
            person = tx.merge(lena)
            person.nick_name, person.avatar, person.time_zone = (
                "Leni",
                "https://p.example/l.png",
                "Europe/Berlin",
            )
            person.phone_numbers = [{"type": "work", "value": "+49 30 0000"}]
            person.addresses = [{"locality": "Berlin", "country": "DE"}]
        connect(world, desk.made, lena, *OPENID_SCOPES)
        body = desk.tokens(at_desk, scope=" ".join(OPENID_SCOPES), nonce="n")
        keys = KeySet.import_key_set(desk.http.get("/v1/verification").json())
        algorithms = metadata["id_token_signing_alg_values_supported"]
        in_token = jwt.decode(body["id_token"], keys, algorithms=algorithms).claims
        told = desk.call(USERINFO, body["access_token"]).json()

        assert algorithms == [world.deployment.settings.rules.signs_id_tokens_with]
        assert {*in_token, *told} - {"iss", "aud", "iat", "exp"} == set(metadata["claims_supported"])

    def test_what_need_not_be_pushed_need_not_be(self, metadata, desk, at_desk):
        assert metadata["require_pushed_authorization_requests"] is False
        assert "code" in leave(at_desk, desk.made).answer

    def test_every_resource_has_its_own_document(self, client, metadata, path_of):
        """STD-02, RFC 9728 §3."""
        assert metadata["protected_resources"] == [metadata["issuer"]]

        for resource in metadata["protected_resources"]:
            path = path_of(resource)
            document = client.get(f"/.well-known/oauth-protected-resource{path}").json()

            assert document["resource"] == resource
            assert document["authorization_servers"] == [metadata["issuer"]]


class TestWhatIsNotPromised:
    """STD-01, REG-05, REG-06: nothing works that is not advertised."""

    def test_the_code_has_no_other_endpoints_and_grant_types(self, metadata, path_of):
        endpoints = {path_of(metadata[name]) for name in ENDPOINTS}

        assert set(metadata["grant_types_supported"]) == set(GRANT_TYPES)
        assert set(FOR_CLIENTS) - OLDER_ADDRESSES <= endpoints
        assert endpoints == set(FOR_CLIENTS) - OLDER_ADDRESSES | {
            AUTHORIZE,
            USERINFO,
            "/v1/logout",
            "/v1/verification",
        }
        assert {name for name in metadata if name.endswith(("_endpoint", "_uri"))} == set(ENDPOINTS)

    def test_the_code_has_no_other_scopes(self, metadata):
        assert set(metadata["scopes_supported"]) == {*catalogue(), *OPENID_SCOPES}

    def test_no_other_grant_type(self, world, desk, metadata):
        others = [
            "password",
            "implicit",
            "AUTHORIZATION_CODE",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "urn:ietf:params:oauth:grant-type:saml2-bearer",
            "urn:openid:params:grant-type:ciba",
            "ciba",
            "urn:ietf:params:oauth:grant-type:refresh_token",
        ]
        with leaves_only(world, desk.owner, *["token.refused"] * len(others)):
            answers = [
                desk.post(TOKEN, {"grant_type": one, "username": "lena", "password": "x"}) for one in others
            ]

        assert not set(others) & set(metadata["grant_types_supported"])
        assert {(one.status_code, one.json()["error"]) for one in answers} == {
            (400, "unsupported_grant_type")
        }

    @pytest.mark.parametrize(
        ("name", "values", "error"),
        [
            (
                "response_type",
                ["token", "id_token", "code token", "none", "Code"],
                "unsupported_response_type",
            ),
            ("response_mode", ["fragment", "jwt", "query.jwt", "web_message", "QUERY"], "invalid_request"),
            ("code_challenge_method", ["plain", "S512", "s256"], "invalid_request"),
            ("prompt", ["create", "Login", "LOGIN", "login,consent"], "invalid_request"),
            ("request", ["e30.e30."], "request_not_supported"),
            ("request_uri", ["https://desk.fabrikam.example/r"], "request_uri_not_supported"),
            ("resource", ["https://rooms.example/api"], "invalid_target"),
            ("scope", ["offline_access"], "invalid_scope"),
        ],
    )
    def test_no_other_parameter(self, world, desk, at_desk, name, values, error):
        with leaves_only(world, desk.owner, *["authorization_request.refused"] * len(values)):
            outs = [leave(at_desk, desk.made, **{name: value}) for value in values]

        assert {out.answer["error"] for out in outs} == {error}

    def test_no_request_inside_a_token_or_behind_an_address(self, metadata):
        assert metadata["request_parameter_supported"] is False
        assert metadata["request_uri_parameter_supported"] is False

    def test_the_claims_parameter_counts_for_nothing(self, world, desk, at_desk, lena, metadata):
        connect(world, desk.made, lena, "openid")
        claims = '{"userinfo": {"email": null}, "id_token": {"email": null}}'
        narrow = desk.tokens(at_desk, scope="openid", claims=claims)
        wide = desk.tokens(at_desk, scope="openid email", claims=claims)

        assert metadata["claims_parameter_supported"] is False
        assert set(desk.call(USERINFO, narrow["access_token"]).json()) == {"sub"}
        assert "email" not in part(wide["id_token"], 1)

    @pytest.mark.parametrize("endpoint", ["token", "introspection", "revocation"])
    def test_no_other_way_to_prove_a_client(self, metadata, desk, vault, panel, endpoint):
        path = {"token": TOKEN, "introspection": INTROSPECT, "revocation": REVOKE}[endpoint]
        form = {"token": "x", "grant_type": "refresh_token", "refresh_token": "x"}
        answers = {
            "client_secret_basic": sent(desk, "client_secret_basic", path, form),
            "client_secret_post": sent(desk, "client_secret_post", path, form),
            "private_key_jwt": sent(vault, "private_key_jwt", path, form),
            "none": sent(panel, "none", path, form),
            "client_secret_jwt": desk.http.post(path, data=form | asserted(signed_by_secret(desk))),
            "tls_client_auth": desk.http.post(path, data=form | {"client_id": desk.client_id}),
        }
        works = {name for name, one in answers.items() if one.json().get("error") != "invalid_client"}

        assert works == set(metadata[f"{endpoint}_endpoint_auth_methods_supported"])

    def test_exactly_the_algorithms_that_work_are_named(self, world, metadata, new_client):
        """CRED-06; a key for which no algorithm is permitted cannot even be registered (GOV-02)."""
        works, permitted = set(), world.deployment.settings.client_algorithms
        keys = [(alg, key) for alg, key in KEYS.items() if alg in permitted]
        for alg, key in [*keys, ("RS256", KEYS["PS256"]), ("PS512", KEYS["PS256"])]:
            client = new_client(key=key, connected=False)
            form = {"token": "x"} | asserted(client.assertion(key=key, alg=alg))
            if client.http.post(REVOKE, data=form).status_code == 200:
                works.add(alg)

        for endpoint in ("token", "introspection", "revocation"):
            assert works == set(metadata[f"{endpoint}_endpoint_auth_signing_alg_values_supported"])
        assert works == set(metadata["dpop_signing_alg_values_supported"])

    def test_no_other_algorithm_proves_a_client(self, world, vault, metadata):
        """CRED-06, TOK-03."""
        others = ["none", "HS256", "RS256", "ES512"]
        with leaves_only(world, vault.owner, *["client.refused"] * len(others)):
            answers = [
                vault.post(REVOKE, {"token": "x", "client_assertion": relabelled(vault.assertion(), alg)})
                for alg in others
            ]

        assert not set(others) & set(metadata["token_endpoint_auth_signing_alg_values_supported"])
        assert {(one.status_code, one.json()["error"]) for one in answers} == {(401, "invalid_client")}

    def test_no_other_algorithm_proves_a_key(self, world, desk, metadata):
        """TOK-10."""
        others = ["none", "HS256", "RS256", "ES512"]
        with leaves_only(world, desk.owner, *["token.refused"] * len(others)) as recorded:
            for alg in others:
                proof = relabelled(dpop_proof(desk, KEYS["ES256"], "ES256"), alg)
                desk.http.post(
                    TOKEN, data=desk.credentials() | {"grant_type": "refresh_token"}, headers={"DPoP": proof}
                )

        assert not set(others) & set(metadata["dpop_signing_alg_values_supported"])
        assert {one.data["error"] for one in recorded} == {"invalid_dpop_proof"}

    def test_a_public_client_does_not_introspect(self, world, panel, at_desk, metadata):
        """TOK-15."""
        token = panel.tokens(at_desk)["access_token"]
        with leaves_only(world, panel.owner, "token.refused"):
            answer = panel.post(INTROSPECT, {"token": token})

        assert "none" not in metadata["introspection_endpoint_auth_methods_supported"]
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")

    def test_nothing_else_is_there(self, client):
        """Wire facts: an unknown well-known path is 404."""
        for path in (
            "/v1/register",
            "/v1/authorize/device",
            "/v1/token",
            "/v1/jwks",
            "/v1/bc-authorize",
            "/v1/tokeninfo",
            "/v1/check_session",
            "/.well-known/webfinger",
            "/.well-known/nothing",
            "/v1/.well-known/nothing",
            "/.well-known/oauth-authorization-server",
            "/.well-known/openid-configuration/v2",
        ):
            assert client.get(path).status_code == 404
            assert client.post(path, data={"x": "1"}).status_code == 404


class TestWhatIsSwitchedOn:
    """The documents follow the settings of the deployment."""

    def test_plain_is_named_exactly_where_it_works(self, on_another_node, desk, lena):
        """AUTHZ-01."""
        for settings in ({}, {"plain_pkce": True}, {"plain_pkce": True, "strict": True}):
            node = on_another_node(desk, **settings)
            browser = sign_in_quickly(node.world, Browser(node.http), lena)
            named = node.http.get(DISCOVERY).json()["code_challenge_methods_supported"]
            code = leave(browser, node.made, **PLAIN).answer.get("code")

            assert ("plain" in named) == bool(code and node.redeem(code).status_code == 200)
            assert "S256" in named

    def test_the_issuer_is_where_the_deployment_is(self, on_another_node, desk):
        node = on_another_node(desk, base_url="https://apps.northwind.example")
        document = node.http.get(DISCOVERY).json()

        assert document["issuer"] == "https://apps.northwind.example/v1"
        for name in ENDPOINTS:
            assert document[name].startswith("https://apps.northwind.example/v1/")


class TestDocuments:
    def test_it_is_the_same_wherever_it_is_found(self, client, metadata):
        """RFC 8414 §3.1, OpenID Connect Discovery §4, wire facts."""
        places = [path for path in DOCUMENTS if "openid" in path or "authorization-server" in path]

        assert len(places) == 4
        for path in places:
            answer = client.get(path)

            assert answer.json() == metadata
            assert answer.headers["content-type"].startswith("application/json")
            assert answer.headers["access-control-allow-origin"] == "*"

    def test_a_strict_client_finds_the_issuer_in_front_of_the_path(self, world, metadata):
        """OpenID Connect Discovery §4.3: compared exactly."""
        address = world.deployment.settings.base_url + DISCOVERY

        assert address == metadata["issuer"] + "/.well-known/openid-configuration"

    def test_a_refused_call_says_where_to_learn_more(self, client, world, desk, at_desk):
        """STD-02, RFC 9728 §5.1, RFC 6750 §3.1."""
        token = desk.tokens(at_desk, scope="spark:rooms_read")["access_token"]
        nobody = client.get("/v1/people/me")
        wrong = desk.call("/v1/people/me", token[:-2])
        lacking = desk.call("/v1/people/me", token)
        base = world.deployment.settings.base_url

        assert [one.status_code for one in (nobody, wrong, lacking)] == [401, 401, 403]
        for one in (nobody, wrong, lacking):
            assert f'resource_metadata="{base}{RESOURCE}"' in one.headers["www-authenticate"]
        assert "error=" not in nobody.headers["www-authenticate"]
        assert 'error="invalid_token"' in wrong.headers["www-authenticate"]
        assert 'error="insufficient_scope"' in lacking.headers["www-authenticate"]
        assert 'scope="spark:people_read"' in lacking.headers["www-authenticate"]

    def test_what_the_resource_promises_is_how_it_works(self, client, desk, at_desk):
        """STD-02, TOK-08."""
        document = client.get(RESOURCE).json()
        token = desk.tokens(at_desk)["access_token"]
        keys = KeySet.import_key_set(client.get("/v1/verification").json())

        assert document["bearer_methods_supported"] == ["header"]
        assert client.get("/v1/people/me", params={"access_token": token}).status_code == 401
        assert client.request("GET", "/v1/people/me", data={"access_token": token}).status_code == 401
        assert jwt.decode(token, keys, algorithms=document["resource_signing_alg_values_supported"]).claims
        assert set(document["scopes_supported"]) == set(catalogue()) - OPENID_SCOPES
        assert document["dpop_bound_access_tokens_required"] is False
        assert desk.call("/v1/people/me", token).status_code == 200

    def test_an_unchanged_document_is_not_sent_again(self, client):
        for path in (DISCOVERY, "/v1/verification"):
            first = client.get(path)
            again = client.get(path, headers={"If-None-Match": first.headers["etag"]})

            assert (again.status_code, again.content) == (304, b"")


def dpop_proof(client, key, alg):
    """A proof for the token endpoint, signed by this algorithm."""
    claims = part(replace(client, dpop=KEYS["ES256"]).proof("POST", TOKEN), 1)
    return signed({"typ": DPOP_TYPE, "alg": alg, "jwk": public(key)}, claims, key, alg)


def asserted(assertion):
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}


def signed_by_secret(client):
    """An assertion that is good but for its key, which is the client's secret."""
    ends = int(client.now) + 60
    claims = {"iss": client.client_id, "sub": client.client_id, "aud": client.issuer, "exp": ends, "jti": "j"}
    key = OctKey.import_key(client.made.secret)
    return jwt.encode({"alg": "HS256", "typ": "JWT"}, claims, key, algorithms=["HS256"])


def relabelled(token, alg):
    """The same with another `alg` in its header."""
    _, claims, signature = token.split(".")
    return f"{segment(part(token, 0) | {'alg': alg})}.{claims}.{signature}"


def part(token, number):
    coded = token.split(".")[number]
    return json.loads(base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4)))
