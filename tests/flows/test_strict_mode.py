"""Strict mode (design §6): of the whole deployment, or of one app that asks it of itself."""

from dataclasses import replace

import pytest
from joserfc.jwk import ECKey

from appanage.apps.model import ClientProof
from appanage.profiles import ProfileName
from support.integration import (
    DEVICE_AUTHORIZE,
    NO_PKCE,
    TOKEN,
    OAuthClient,
    families,
    is_dead,
    leave,
    sign_in_quickly,
)
from support.keys import KEYS
from support.refusals import leaves_only

KEY = KEYS["ES256"]
HOUR = range(3598, 3601)


@pytest.fixture
def strict(new_client):
    """A confidential client that is strict with itself."""
    return new_client(is_strict=True, dpop=KEY)


@pytest.fixture
def strict_node(desk, on_another_node, new_browser, lena):
    """An ordinary client of a strict deployment, and Lena's browser there."""
    node = on_another_node(replace(desk, dpop=KEY), strict=True)
    browser = new_browser()
    browser.client = node.http
    return node, sign_in_quickly(node.world, browser, lena)


@pytest.fixture(params=["app", "deployment"])
def story(request, strict, at_desk):
    """Whoever is strict, the same holds."""
    return (strict, at_desk) if request.param == "app" else request.getfixturevalue("strict_node")


def told(answer):
    return answer.status_code, answer.json()["error"]


class TestWhatIsDemanded:
    @pytest.mark.parametrize(
        "changes",
        [
            NO_PKCE,
            {"code_challenge": "a" * 43, "code_challenge_method": "plain"},
            {"code_challenge": "a" * 43, "code_challenge_method": None},
        ],
        ids=["no challenge", "plain", "plain by default"],
    )
    def test_pkce_of_every_client(self, story, changes):
        """AUTHZ-01."""
        client, browser = story
        with leaves_only(client.world, client.owner, "authorization_request.refused"):
            out = leave(browser, client.made, **changes)

        assert out.answer["error"] == "invalid_request"

    def test_a_proof_with_every_token_request(self, story):
        """TOK-12: tokens are bound to a key, or there are none."""
        client, browser = story
        code = client.code(browser)
        plain = replace(client, dpop=None)
        with leaves_only(client.world, client.owner, "token.refused", "token.refused"):
            answers = [plain.redeem(code), plain.refresh("x")]

        assert {told(one) for one in answers} == {(400, "invalid_dpop_proof")}
        assert client.redeem(code).json()["token_type"] == "DPoP"

    def test_a_device_proves_who_it_is(self, story):
        """Not even by name may a confidential client begin."""
        client, _ = story
        named = {"client_id": client.client_id, "scope": "spark:people_read"}
        with leaves_only(client.world, client.owner, "client.refused"):
            answer = client.http.post(DEVICE_AUTHORIZE, data=named)

        assert told(answer) == (401, "invalid_client")

    def test_plain_stays_forbidden_whatever_the_setting(self, desk, on_another_node, new_browser, lena):
        """AUTHZ-01."""
        node = on_another_node(replace(desk, dpop=KEY), strict=True, plain_pkce=True)
        browser = new_browser()
        browser.client = node.http
        sign_in_quickly(node.world, browser, lena)
        out = leave(browser, desk.made, code_challenge="a" * 43, code_challenge_method="plain")
        found = node.http.get("/v1/.well-known/openid-configuration").json()

        assert out.answer["error"] == "invalid_request"
        assert found["code_challenge_methods_supported"] == ["S256"]


class TestWhatIsGiven:
    def test_access_tokens_of_one_hour(self, story, clock):
        """TOK-05."""
        client, browser = story
        body = client.tokens(browser)
        renewed = client.refresh(body["refresh_token"]).json()

        assert body["expires_in"] in HOUR
        assert renewed["expires_in"] in HOUR

        clock.advance(hours=1, seconds=1)

        assert client.introspect(body["access_token"]) == {"active": False}

    def test_refresh_tokens_that_rotate(self, story, clock):
        """REV-02, for confidential clients too."""
        client, browser = story
        first = client.tokens(browser)
        second = client.refresh(first["refresh_token"]).json()
        retried = client.refresh(first["refresh_token"]).json()
        clock.advance(minutes=1)
        replayed = client.refresh(first["refresh_token"])

        assert second["refresh_token"] != first["refresh_token"]
        assert retried["refresh_token"] == second["refresh_token"]
        assert told(replayed) == (400, "invalid_grant")
        assert is_dead(client, second)

    def test_refresh_tokens_that_end_however_often_they_are_renewed(self, story, clock, profile):
        """TOK-05: an absolute end beside the idle one."""
        days = {ProfileName.COMMERCIAL: 90, ProfileName.FEDRAMP: 60}[profile]
        client, browser = story
        body = client.tokens(browser)
        for _ in range((days - 2) // 2):
            clock.advance(days=2)
            body = client.refresh(body["refresh_token"]).json()
        left = body["refresh_token_expires_in"]
        clock.advance(days=2, seconds=1)

        assert left <= 2 * 86400
        assert told(client.refresh(body["refresh_token"])) == (400, "invalid_grant")

    def test_a_confidential_client_may_still_take_another_key(self, story):
        """RFC 9449 §5: what it proves itself by is its secret."""
        client, browser = story
        body = client.tokens(browser)
        other = replace(client, dpop=ECKey.generate_key("P-256"))

        assert other.refresh(body["refresh_token"]).json()["token_type"] == "DPoP"


class TestOneAppOfMany:
    def test_the_others_are_as_before(self, desk, at_desk):
        """The platform's own behaviour is kept by default."""
        body = desk.redeem(desk.code(at_desk, **NO_PKCE), code_verifier=None).json()

        assert body["token_type"] == "Bearer"
        assert body["expires_in"] > 13 * 86400
        assert desk.refresh(body["refresh_token"]).json()["refresh_token"] == body["refresh_token"]

    def test_what_it_was_given_before_becomes_strict_with_the_next_use(self, world, desk, at_desk):
        body = desk.tokens(at_desk)
        with world.deployment.transaction(world.origin) as tx:
            tx.merge(desk.made.app).is_strict = True
        bound = replace(desk, dpop=KEY)
        renewed = bound.refresh(body["refresh_token"]).json()
        (row,) = families(world, desk.made)

        assert told(desk.refresh(body["refresh_token"])) == (400, "invalid_dpop_proof")
        assert renewed["refresh_token"] != body["refresh_token"]
        assert renewed["expires_in"] in HOUR
        assert row.ends_at is not None

    def test_a_strict_public_client_works_as_well(self, new_client, at_desk):
        one = new_client(is_strict=True, client_proof=ClientProof.NONE, dpop=KEY)
        body = one.tokens(at_desk)

        assert body["expires_in"] in HOUR
        assert one.refresh(body["refresh_token"]).status_code == 200
        assert one.call("/v1/people/me", body["access_token"]).status_code == 200

    def test_a_strict_service_app_fetches_bound_tokens_only(self, world, client, home):
        """TOK-12."""
        made = world.service_app(world.developer(home))
        world.authorize(made, world.full_admin(home))
        with world.deployment.transaction(world.origin) as tx:
            tx.merge(made.app).is_strict = True
        service = OAuthClient(world, client, made)
        form = {"grant_type": "client_credentials", "organization": str(home.id)}

        assert told(service.post(TOKEN, form)) == (400, "invalid_dpop_proof")
        assert replace(service, dpop=KEY).post(TOKEN, form).json()["token_type"] == "DPoP"
