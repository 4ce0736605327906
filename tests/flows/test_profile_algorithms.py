"""What is signed, by us and by clients, is signed as the profile permits (checklist GOV-02): on one database, whose
profile may have changed, and for clients that registered before it did."""

import json
import uuid
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from starlette.testclient import TestClient

from appanage.app import create_app
from appanage.apps.model import ClientProof
from appanage.deployment import Deployment
from appanage.oauth.assertions import ASSERTION_TYPE
from appanage.oauth.dpop import TYPE as DPOP_TYPE
from appanage.oauth.dpop import token_hash
from appanage.profiles import FEDRAMP, PROFILES, ProfileName
from appanage.web.oauth.endpoints import FOR_CLIENTS
from flows.conftest import PATIENT
from support.browser import Browser
from support.integration import TOKEN, USERINFO, VERIFIER, OAuthClient, connect, sign_in_quickly
from support.keys import KEYS, public, signed
from support.refusals import leaves_only
from support.world import PASSWORD, World

METADATA = ("/v1/.well-known/openid-configuration", "/v1/.well-known/oauth-authorization-server")
RESOURCE = "/.well-known/oauth-protected-resource/v1"


@pytest.fixture
def profile() -> ProfileName:
    """In which every story begins."""
    return ProfileName.COMMERCIAL


@pytest.fixture
def http_of(new_deployment: Callable[..., Deployment]) -> Iterator[Callable[..., TestClient]]:
    """The same database, served by a node of a profile."""
    opened: list[TestClient] = []

    def serve(**settings: object) -> TestClient:
        node = new_deployment(**PATIENT | settings)
        http = TestClient(create_app(node), base_url=node.settings.base_url)
        opened.append(http)
        http.__enter__()
        return http

    yield serve
    for http in opened:
        http.__exit__()


def asserted(client, alg):
    return {
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": client.assertion(alg=alg, key=KEYS[alg]),
    }


def proven(client, path, alg, *, method="POST", **claims):
    """The header with a proof that is sound but for its algorithm."""
    header = {"typ": DPOP_TYPE, "alg": alg, "jwk": public(KEYS[alg])}
    usual = {
        "jti": str(uuid.uuid4()),
        "htm": method,
        "htu": f"http://localhost:8080{path}",
        "iat": int(client.now),
        "nonce": client.nonce,
    }
    return {"DPoP": signed(header, usual | claims, KEYS[alg], alg)}


def redemption(code, made):
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": made.app.redirect_urls[0],
        "code_verifier": VERIFIER,
    }


def told(answer):
    return answer.status_code, answer.json()["error"]


class TestAssertions:
    """CRED-06, GOV-02."""

    @pytest.mark.parametrize("alg", ["EdDSA", "Ed25519"])
    def test_a_key_that_was_registered_before_the_profile_changed_signs_nothing(
        self, world, new_client, on_another_node, alg
    ):
        vault = new_client(key=KEYS["EdDSA"])
        there = on_another_node(vault, profile="fedramp", **PATIENT)
        here = vault.http.post(TOKEN, data={"grant_type": "x"} | asserted(vault, alg))
        refused = []
        for path in FOR_CLIENTS:
            with leaves_only(world, vault.owner, "client.refused"):
                refused.append(there.http.post(path, data={"grant_type": "x"} | asserted(vault, alg)))

        assert told(here) == (400, "unsupported_grant_type")
        assert {told(answer) for answer in refused} == {(401, "invalid_client")}

    @pytest.mark.parametrize("alg", FEDRAMP.client_algorithms)
    def test_an_approved_key_goes_on_signing(self, new_client, on_another_node, alg):
        vault = new_client(key=KEYS[alg])
        there = on_another_node(vault, profile="fedramp")

        assert told(there.http.post(TOKEN, data={"grant_type": "x"} | asserted(vault, alg))) == (
            400,
            "unsupported_grant_type",
        )

    def test_what_the_operator_narrows_is_narrow_in_every_profile(self, new_client, on_another_node):
        vault = new_client(key=KEYS["ES256"])
        there = on_another_node(vault, client_algorithms=["PS256"])

        assert told(there.http.post(TOKEN, data={"grant_type": "x"} | asserted(vault, "ES256"))) == (
            401,
            "invalid_client",
        )


class TestProofs:
    """TOK-10, GOV-02."""

    @pytest.mark.parametrize("alg", ["EdDSA", "Ed25519"])
    def test_one_by_another_algorithm_is_refused_where_tokens_are_given(self, desk, on_another_node, alg):
        there = on_another_node(desk, profile="fedramp")
        form = there.credentials() | {"grant_type": "x"}
        here = desk.http.post(TOKEN, data=form, headers=proven(desk, TOKEN, alg))
        refused = there.http.post(TOKEN, data=form, headers=proven(there, TOKEN, alg))

        assert told(here) == (400, "unsupported_grant_type")
        assert told(refused) == (400, "invalid_dpop_proof")
        assert "ES256, ES384, PS256" in refused.json()["error_description"]

    def test_and_where_they_are_presented(self, desk, on_another_node, at_desk):
        """A token that was bound before the profile changed is of no use either."""
        form = redemption(desk.code(at_desk), desk.made)
        given = desk.post(TOKEN, form, headers=proven(desk, TOKEN, "EdDSA")).json()
        token = given["access_token"]
        there = on_another_node(desk, profile="fedramp")
        for path in ("/v1/people/me", USERINFO):
            headers = {"Authorization": f"DPoP {token}"} | proven(
                desk, path, "EdDSA", method="GET", ath=token_hash(token)
            )
            refused = there.http.get(path, headers=headers)
            challenge = refused.headers["www-authenticate"]

            assert given["token_type"] == "DPoP"
            assert refused.status_code == 401
            assert 'error="invalid_dpop_proof"' in challenge
            assert 'algs="ES256 ES384 PS256"' in challenge


class TestDocuments:
    """STD-01, STD-02: nothing is offered that is refused."""

    @pytest.mark.parametrize("name", list(ProfileName))
    def test_the_metadata_names_the_algorithms_of_the_profile(self, http_of, name):
        http, rules = http_of(profile=name), PROFILES[name]
        documents = [http.get(path).json() for path in METADATA]
        offered = [
            {key: value for key, value in document.items() if "_alg_values_" in key} for document in documents
        ]
        resource = http.get(RESOURCE).json()

        for values in offered:
            assert values.pop("id_token_signing_alg_values_supported") == [rules.signs_id_tokens_with]
            assert len(values) == 4
            assert all(value == list(rules.client_algorithms) for value in values.values())
        assert resource["dpop_signing_alg_values_supported"] == list(rules.client_algorithms)
        assert resource["resource_signing_alg_values_supported"] == ["ES256"]

    @pytest.mark.parametrize("name", list(ProfileName))
    @pytest.mark.parametrize("path", ["/v1/people/me", USERINFO])
    def test_a_challenge_names_them_too(self, http_of, name, path):
        asked = http_of(profile=name).get(path, headers={"Authorization": "DPoP x.y.z"})

        assert asked.status_code == 401
        assert f'algs="{" ".join(PROFILES[name].client_algorithms)}"' in asked.headers["www-authenticate"]

    @pytest.mark.parametrize("name", list(ProfileName))
    def test_the_key_set_shows_the_keys_of_the_profile(self, http_of, name):
        keys = http_of(profile=name).get("/v1/verification").json()["keys"]

        assert {key["alg"] for key in keys} == {"ES256", PROFILES[name].signs_id_tokens_with}


def id_token_of(served, lena):
    """What an app is given that a person signs in to, on one node; and the access token that comes with it."""
    http, node = served
    world = World(node)
    made = world.integration(world.full_admin(world.organization()))
    connect(world, made, lena)
    app = OAuthClient(world, http, made)
    body = app.tokens(sign_in_quickly(world, Browser(http), lena), scope="openid")
    return body["id_token"], body["access_token"]


class TestIdTokens:
    """STD-04, GOV-02."""

    @pytest.fixture
    def nodes(self, new_deployment) -> Iterator[dict[str, tuple[TestClient, Deployment]]]:
        made = {name.value: new_deployment(profile=name) for name in ProfileName}
        https = {
            name: TestClient(create_app(node), base_url=node.settings.base_url, follow_redirects=True)
            for name, node in made.items()
        }
        with https["commercial"], https["fedramp"]:
            yield {name: (https[name], made[name]) for name in made}

    @pytest.mark.parametrize(("name", "alg"), [("commercial", "RS256"), ("fedramp", "PS256")])
    def test_each_profile_signs_its_own_way(self, nodes, lena, name, alg):
        """Verified as any client does it: by the published key set and with one algorithm."""
        id_token, _ = id_token_of(nodes[name], lena)
        keys = KeySet.import_key_set(nodes[name][0].get("/v1/verification").json())
        found = jwt.decode(id_token, keys, algorithms=[alg])

        assert found.header["alg"] == alg
        assert found.claims["sub"] == str(lena.id)
        [key] = [one for one in keys.keys if one.as_dict()["kid"] == found.header["kid"]]
        assert key.as_dict()["alg"] == alg
        assert len(urlsafe_b64decode(f"{key.as_dict()['n']}==")) >= 256

    @pytest.mark.parametrize(("here", "there"), [("commercial", "fedramp"), ("fedramp", "commercial")])
    def test_a_hint_of_the_other_profile_is_not_believed(self, nodes, lena, here, there):
        id_token, _ = id_token_of(nodes[here], lena)
        own, other = nodes[here][0], nodes[there][0]
        hint = {"id_token_hint": id_token}

        accepted, refused = [http.get("/v1/logout", params=hint) for http in (own, other)]

        assert accepted.status_code == 200
        assert refused.status_code == 400
        assert "not an ID token of this server" in refused.text

    def test_access_tokens_outlive_the_change(self, nodes, lena):
        """They are signed with ES256 in both profiles."""
        _, access_token = id_token_of(nodes["commercial"], lena)
        headers = {"Authorization": f"Bearer {access_token}"}

        assert nodes["fedramp"][0].get(USERINFO, headers=headers).status_code == 200


class TestRegistration:
    """GOV-02: the sentence names what is possible."""

    SENTENCE = "This kind of key is not accepted. Use one of these: EC P-256, EC P-384, RSA."

    @pytest.fixture
    def fedramp(self, new_deployment):
        return World(new_deployment(profile="fedramp"))

    @pytest.fixture
    def http(self, fedramp):
        node = fedramp.deployment
        with TestClient(create_app(node), base_url=node.settings.base_url) as http:
            yield http

    def test_by_the_api(self, fedramp, http):
        admin = fedramp.full_admin(fedramp.organization())
        made = fedramp.integration(admin, client_proof=ClientProof.KEY)
        address = f"/v1/applications/{fedramp.app_id(made)}/clientKeys"
        headers = {"Authorization": f"Bearer {fedramp.token(admin)}"}
        given = [json.dumps(public(KEYS[alg])) for alg in ("EdDSA", "ES384")]
        refused, accepted = [http.post(address, json={"key": key}, headers=headers) for key in given]

        assert refused.status_code == 400
        assert self.SENTENCE in refused.text
        assert accepted.status_code == 200
        assert accepted.json()["algorithm"] == "ES384"
        assert len(http.get(address, headers=headers).json()["items"]) == 1
        assert len(fedramp.events(admin.organization, "key.created")) == 1

    def test_by_the_portal(self, new_deployment):
        """Where the operator narrows the algorithms of a deployment that has a portal for developers."""
        node = new_deployment(client_algorithms=list(FEDRAMP.client_algorithms))
        world = World(node)
        developer = world.developer(world.organization(), password=PASSWORD)
        made = world.integration(developer, client_proof=ClientProof.KEY)
        address = f"/portal/apps/{made.id}/credentials/keys/new"
        with TestClient(create_app(node), base_url=node.settings.base_url, follow_redirects=True) as http:
            dana = Browser(http).sign_in(developer)
            asked = dana.get(address)
            refused = dana.submit(address, {"key": json.dumps(public(KEYS["EdDSA"]))}, status=422)

        assert "of one of these kinds: EC P-256, EC P-384, RSA." in asked.text
        assert self.SENTENCE in refused.text
        assert world.events(developer.organization, "key.created") == []
