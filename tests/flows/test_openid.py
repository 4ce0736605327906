"""OpenID Connect: who signed in, told by an ID token and at userinfo (Core, Discovery)."""

import base64
import hashlib

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from appanage.authorizations.keys import rotate
from appanage.directory import queries as directory
from appanage.events.service import SYSTEM
from support.consenting import parameters_for
from support.integration import (
    USERINFO,
    connect,
    go,
    leave,
    register,
    sign_in_quickly,
    walk,
)
from support.refusals import counted_statements
from support.world import PASSWORD

EVERYTHING = "openid profile email phone address"
API = "spark:people_read"


def algorithm_of(world):
    return world.deployment.settings.rules.signs_id_tokens_with


def opened(client, id_token):
    """Verified as any client does it: by the published key set, with the one algorithm of the profile."""
    keys = KeySet.import_key_set(client.http.get("/v1/verification").json())
    return jwt.decode(id_token, keys, algorithms=[algorithm_of(client.world)])


def claims_of(client, browser, **changes):
    return opened(client, client.tokens(browser, **changes)["id_token"]).claims


class TestIdTokens:
    """STD-04."""

    def test_it_says_who_signed_in_when_and_for_whom(self, world, desk, at_desk, lena, home, clock):
        signed_in_at = int(clock().timestamp())
        clock.advance(minutes=3)
        body = desk.tokens(at_desk, scope=EVERYTHING, nonce="n-0S6_WzA2Mj")
        token = opened(desk, body["id_token"])
        half = hashlib.sha256(body["access_token"].encode()).digest()[:16]

        assert token.header["alg"] == algorithm_of(world)
        assert token.header["kid"]
        assert token.claims["iss"] == world.deployment.settings.issuer
        assert token.claims["sub"] == str(lena.id)
        assert token.claims["aud"] == desk.client_id
        assert token.claims["nonce"] == "n-0S6_WzA2Mj"
        assert abs(token.claims["auth_time"] - signed_in_at) <= 1
        assert token.claims["exp"] - token.claims["iat"] == 7200
        assert token.claims["org"] == str(home.id)
        assert token.claims["at_hash"] == base64.urlsafe_b64encode(half).decode().rstrip("=")

    def test_it_brings_no_claims_that_userinfo_is_for(self, desk, at_desk):
        """OpenID Connect Core §5.4: there is an access token, so they are fetched with it."""
        found = claims_of(desk, at_desk, scope=EVERYTHING)

        assert found.keys().isdisjoint({"name", "email", "phone_number", "address"})

    def test_without_openid_there_is_none(self, desk, at_desk):
        assert "id_token" not in desk.tokens(at_desk, scope=f"{API} email")

    def test_without_nonce_there_is_none_in_it(self, desk, at_desk):
        assert "nonce" not in claims_of(desk, at_desk, scope="openid")

    def test_a_refresh_brings_none(self, desk, at_desk):
        """OpenID Connect Core §12.2: it might not; nobody has signed in anew."""
        body = desk.tokens(at_desk, scope="openid")

        assert "id_token" not in desk.refresh(body["refresh_token"]).json()

    def test_auth_time_is_that_of_the_sign_in_that_was_asked_for(self, world, desk, browser, home, clock):
        """OpenID Connect Core §3.1.2.1: max_age."""
        person = world.person(home, password=PASSWORD)
        browser.sign_in(person)
        clock.advance(minutes=10)
        again = int(clock().timestamp())
        asked = parameters_for(desk.made.app, scope="openid", max_age="60")
        out = walk(browser, person, asked)
        found = opened(desk, desk.redeem(out.answer["code"]).json()["id_token"]).claims

        assert found["auth_time"] >= again

    def test_two_people_at_one_browser_are_two_subjects(self, world, desk, at_desk, new_browser, home, lena):
        other = world.person(home)
        connect(world, desk.made, other)
        at_other = sign_in_quickly(world, new_browser(), other)

        assert claims_of(desk, at_desk, scope="openid")["sub"] == str(lena.id)
        assert claims_of(desk, at_other, scope="openid")["sub"] == str(other.id)

    def test_a_new_key_is_published_before_it_signs(self, world, desk, at_desk, clock, lena):
        """TOK-14: a client that keeps the key set for a while never meets a token that it cannot verify."""
        old = desk.http.get("/v1/verification").json()
        with world.deployment.transaction(world.origin) as tx:
            rotate(tx, world.deployment.keys, world.deployment.settings.lifetimes, by=SYSTEM, on_demand=True)
        kid = opened(desk, desk.tokens(at_desk, scope="openid")["id_token"]).header["kid"]
        clock.advance(days=1, minutes=2)
        sign_in_quickly(world, at_desk, lena)
        newer = opened(desk, desk.tokens(at_desk, scope="openid")["id_token"]).header["kid"]

        assert kid in {key["kid"] for key in old["keys"]}
        assert newer not in {key["kid"] for key in old["keys"]}

    def test_an_id_token_opens_nothing(self, desk, at_desk):
        """STD-04, TOK-03."""
        id_token = desk.tokens(at_desk, scope="openid")["id_token"]

        assert desk.call("/v1/people/me", id_token).status_code == 401
        assert desk.call(USERINFO, id_token).status_code == 401
        assert desk.introspect(id_token) == {"active": False}
        assert desk.refresh(id_token).json()["error"] == "invalid_grant"


class TestUserinfo:
    """OpenID Connect Core §5.3."""

    @pytest.fixture
    def known(self, world, lena):
        """What the directory knows of the person."""
        with world.deployment.transaction(world.origin) as tx:
            found = directory.get_account(tx, lena.organization_id, lena.id)
            found.nick_name, found.time_zone = "Leni", "Europe/Vienna"
            found.phone_numbers = [{"type": "work", "value": "+43 1 0000"}]
            found.addresses = [{"type": "work", "locality": "Wien", "country": "AT"}]

    @pytest.mark.usefixtures("known")
    def test_every_scope_opens_its_own_claims(self, desk, at_desk, lena):
        opens = {
            "openid": {"sub"},
            "openid profile": {
                "sub",
                "name",
                "given_name",
                "family_name",
                "nickname",
                "zoneinfo",
                "updated_at",
            },
            "openid email": {"sub", "email", "email_verified"},
            "openid phone": {"sub", "phone_number"},
            "openid address": {"sub", "address"},
            f"openid {API}": {"sub"},
        }
        for scope, names in opens.items():
            token = desk.tokens(at_desk, scope=scope)["access_token"]
            found = desk.call(USERINFO, token)
            assert found.json().keys() == names, scope
            assert found.json()["sub"] == str(lena.id)
            assert found.headers["cache-control"] == "no-store"

    def test_the_subject_is_the_one_of_the_id_token(self, desk, at_desk):
        """OpenID Connect Core §5.3.2."""
        body = desk.tokens(at_desk, scope="openid")

        assert (
            desk.call(USERINFO, body["access_token"]).json()["sub"]
            == opened(desk, body["id_token"]).claims["sub"]
        )

    def test_post_is_as_good_as_get(self, desk, at_desk):
        token = desk.tokens(at_desk, scope="openid")["access_token"]

        assert desk.call(USERINFO, token, method="POST").json() == desk.call(USERINFO, token).json()
        assert desk.call(USERINFO, token, method="PUT").status_code == 405

    def test_email_verified_is_a_boolean_and_tells_what_the_platform_vouches_for(
        self, desk, at_desk, on_another_node
    ):
        """Wire facts."""
        token = desk.tokens(at_desk, scope="openid email")["access_token"]
        vouching = on_another_node(desk, verified_email_domains=["people.example"])

        assert desk.call(USERINFO, token).json()["email_verified"] is False
        assert vouching.call(USERINFO, token).json()["email_verified"] is True

    def test_without_a_token_it_asks_for_one(self, client):
        """STD-02, RFC 6750 §3."""
        for given in (None, "Bearer x", "Bearer", "Basic eDp4", "bearer  x"):
            answer = client.get(USERINFO, headers={"Authorization": given} if given else {})
            asked = answer.headers["www-authenticate"]
            assert answer.status_code == 401
            assert asked.startswith('Bearer realm="')
            assert "/.well-known/oauth-protected-resource/v1" in asked
            assert ("error=" in asked) == bool(given)

    def test_a_token_elsewhere_than_in_the_header_is_none(self, client, desk, at_desk):
        """TOK-08."""
        token = desk.tokens(at_desk, scope="openid")["access_token"]
        answers = [
            client.get(f"{USERINFO}?access_token={token}"),
            client.post(USERINFO, data={"access_token": token}),
            client.get(USERINFO, headers={"Cookie": f"access_token={token}"}),
        ]

        assert [one.status_code for one in answers] == [401] * 3

    def test_a_token_without_openid_is_not_enough(self, world, desk, at_desk, lena):
        """STD-02, RFC 6750 §3.1: 403 names the scope."""
        answers = [
            desk.call(USERINFO, desk.tokens(at_desk, scope=API)["access_token"]),
            desk.call(USERINFO, world.token(lena)),
        ]

        for answer in answers:
            assert answer.status_code == 403
            assert answer.json()["error"] == "insufficient_scope"
            assert 'scope="openid"' in answer.headers["www-authenticate"]

    def test_a_machine_account_is_nobody_who_signed_in(self, world, client, home):
        token = world.machine_token(home)

        assert client.get(USERINFO, headers={"Authorization": f"Bearer {token}"}).status_code == 403


class TestScopes:
    def test_those_of_openid_need_no_registration(self, new_client, at_desk):
        one = new_client(scopes=["spark:people_read"])

        assert set(one.tokens(at_desk, scope=f"{EVERYTHING} {API}")["scope"].split()) == {
            *EVERYTHING.split(),
            API,
        }

    def test_and_survive_changes_of_it(self, world, desk, at_desk):
        body = desk.tokens(at_desk, scope=EVERYTHING)
        register(world, desk.made, scopes=["spark:people_read"])

        assert set(desk.introspect(body["access_token"])["scope"].split()) == set(EVERYTHING.split())

    def test_but_consent_is_asked_for_each(self, world, new_client, lena, at_desk):
        """CONS-02."""
        one = new_client(connected=False)
        connect(world, one.made, lena, "openid", API)

        assert "code" in leave(at_desk, one.made, scope=f"openid {API}").answer
        assert go(at_desk, one.made, scope=f"openid email {API}").headers["location"].startswith("/oauth/")


class TestDiscovery:
    """OpenID Connect Discovery §4.3: the issuer is exactly what the document was found under."""

    def test_the_document_is_where_clients_look_for_it(self, client, world):
        issuer = world.deployment.settings.issuer
        documents = [
            client.get(path).json()
            for path in (
                "/v1/.well-known/openid-configuration",
                "/.well-known/openid-configuration/v1",
                "/.well-known/oauth-authorization-server/v1",
                "/v1/.well-known/oauth-authorization-server",
            )
        ]

        assert {one["issuer"] for one in documents} == {issuer}
        assert all(one == documents[0] for one in documents)

    def test_it_has_all_that_is_required(self, world, client):
        """OpenID Connect Discovery §3."""
        found = client.get("/v1/.well-known/openid-configuration").json()

        assert found.keys() >= {
            "issuer",
            "authorization_endpoint",
            "token_endpoint",
            "userinfo_endpoint",
            "jwks_uri",
            "scopes_supported",
            "response_types_supported",
            "subject_types_supported",
            "id_token_signing_alg_values_supported",
            "claims_supported",
        }
        assert found["id_token_signing_alg_values_supported"] == [algorithm_of(world)]
        assert "none" not in found["id_token_signing_alg_values_supported"]


def test_the_number_of_statements_does_not_grow(world, desk, at_desk):
    """TEN-05."""
    token = desk.tokens(at_desk, scope="openid")["access_token"]
    desk.call(USERINFO, token)
    counts = []
    for _ in range(2):
        with counted_statements(world) as statements:
            assert desk.call(USERINFO, token).status_code == 200
        counts.append(len(statements))
        for _ in range(5):
            desk.tokens(at_desk, scope="openid")

    assert counts[0] == counts[1] <= 4
