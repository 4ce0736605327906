"""Token exchange (RFC 8693): a client makes less of a token that it holds, for its own use only."""

from dataclasses import replace
from typing import Any

import pytest

from appanage.apps import queries as apps
from appanage.authorizations import consents
from appanage.directory import queries as directory
from appanage.oauth.exchange import ACCESS_TOKEN
from support.integration import (
    TOKEN,
    TOKEN_EXCHANGE,
    USERINFO,
    connect,
    leave,
    register,
    sign_in_quickly,
    suspend,
    withdraw,
)
from support.keys import KEYS
from support.refusals import counted_statements, leaves_only

ROOMS = "https://rooms.example/api"


def exchange(client, token, **changes):
    form = {"grant_type": TOKEN_EXCHANGE, "subject_token": token, "subject_token_type": ACCESS_TOKEN}
    return client.post(TOKEN, form | changes)


def narrowed(client, token, **changes):
    answer = exchange(client, token, **changes)
    assert answer.status_code == 200, answer.text
    return answer.json()


def told(answer):
    return answer.status_code, answer.json()["error"]


@pytest.fixture
def token(desk, at_desk):
    return desk.tokens(at_desk)["access_token"]


class TestLess:
    """TOK-16, TOK-07."""

    def test_a_short_token_with_fewer_scopes_and_nothing_that_renews_it(self, desk, token):
        answer = exchange(desk, token, scope="spark:people_read")
        body, found = answer.json(), desk.introspect(answer.json()["access_token"])

        assert answer.headers["cache-control"] == "no-store"
        assert body["issued_token_type"] == ACCESS_TOKEN
        assert (body["scope"], body["token_type"]) == ("spark:people_read", "Bearer")
        assert 3598 <= body["expires_in"] <= 3600
        assert "refresh_token" not in body
        assert found["scope"] == "spark:people_read"
        assert found["sub"] == desk.introspect(token)["sub"]
        assert desk.call("/v1/people/me", body["access_token"]).status_code == 200

    def test_who_did_it_is_written_into_it(self, world, desk, token):
        """RFC 8693 §4.1."""
        value = narrowed(desk, token)["access_token"]
        with world.deployment.transaction(world.origin) as tx:
            made = world.deployment.verifier.claims_of(tx, value)
            source = world.deployment.verifier.claims_of(tx, token)

        assert made.actor == desk.client_id
        assert made.source == source.token_id
        assert (made.organization, made.authorization) == (source.organization, source.authorization)

    def test_it_never_outlives_what_it_was_made_of(self, desk, at_desk, clock):
        first = desk.tokens(at_desk)["access_token"]
        clock.advance(days=13, hours=23, minutes=30)

        assert narrowed(desk, first)["expires_in"] <= 1800

    def test_an_organizations_token_can_be_narrowed_too(self, world, home, desk):
        made = world.service_app(world.developer(home))
        world.authorize(made, world.full_admin(home))
        service = replace(desk, made=made)
        token = world.retrieve(made, home).access_token.reveal()

        assert narrowed(service, token, scope="spark-admin:people_read")["scope"] == "spark-admin:people_read"


class TestNeverMore:
    def test_the_matrix(self, world, desk, token):
        """TOK-16."""
        of_refresh = "urn:ietf:params:oauth:token-type:refresh_token"
        wrong: list[tuple[dict[str, Any], str]] = [
            ({"scope": "spark:people_write"}, "invalid_scope"),
            ({"scope": "spark:people_read openid"}, "invalid_scope"),
            ({"resource": ROOMS}, "invalid_target"),
            ({"audience": "x"}, "invalid_request"),
            ({"subject_token": None}, "invalid_request"),
            ({"subject_token": "x"}, "invalid_grant"),
            ({"subject_token_type": None}, "invalid_request"),
            ({"subject_token_type": of_refresh}, "invalid_request"),
            ({"requested_token_type": of_refresh}, "invalid_request"),
            ({"requested_token_type": "urn:ietf:params:oauth:token-type:id_token"}, "invalid_request"),
            ({"actor_token": "x", "actor_token_type": ACCESS_TOKEN}, "invalid_request"),
        ]
        with leaves_only(world, desk.owner, *["token.refused"] * len(wrong)) as recorded:
            answers = [exchange(desk, token, **changes) for changes, _ in wrong]

        errors = [error for _, error in wrong]
        assert [told(answer) for answer in answers] == [(400, error) for error in errors]
        assert [one.data for one in recorded] == [
            {"error": error, "endpoint": TOKEN, "grantType": TOKEN_EXCHANGE} for error in errors
        ]

    def test_a_token_of_another_client_or_organization_or_person(
        self, world, desk, token, new_client, lena, home
    ):
        """TOK-16: never across clients or organizations."""
        other = new_client()
        made = world.service_app(world.developer(home))
        world.authorize(made, world.full_admin(home))
        strangers = [
            (other, token),
            (replace(desk, made=made), token),
            (desk, world.retrieve(made, home).access_token.reveal()),
            (desk, world.token(lena)),
        ]
        for one, presented in strangers:
            with leaves_only(world, one.owner, "token.refused"):
                answer = exchange(one, presented)
            assert told(answer) == (400, "invalid_grant")

    def test_what_was_narrowed_is_not_narrowed_again(self, world, desk, token):
        once = narrowed(desk, token)["access_token"]
        with leaves_only(world, desk.owner, "token.refused"):
            answer = exchange(desk, once)

        assert told(answer) == (400, "invalid_grant")

    def test_refresh_and_id_tokens_are_no_subject_tokens(self, world, desk, at_desk):
        body = desk.tokens(at_desk, scope="openid spark:people_read")
        with leaves_only(world, desk.owner, "token.refused", "token.refused"):
            answers = [exchange(desk, body[name]) for name in ("refresh_token", "id_token")]

        assert [told(one) for one in answers] == [(400, "invalid_grant")] * 2

    def test_a_public_client_cannot_do_it(self, world, panel, at_desk):
        token = panel.tokens(at_desk)["access_token"]
        with leaves_only(world, panel.owner, "token.refused"):
            answer = exchange(panel, token)

        assert told(answer) == (400, "unauthorized_client")

    def test_a_scope_that_was_removed_is_gone(self, world, desk, token):
        """CONS-04."""
        register(world, desk.made, scopes=["spark:people_read"])

        assert narrowed(desk, token)["scope"] == "spark:people_read"
        assert told(exchange(desk, token, scope="spark:rooms_read")) == (400, "invalid_scope")


class TestTheEnd:
    """It ends with what it was made of, whichever way that ends."""

    @pytest.mark.parametrize("how", ["access token", "refresh token", "consent", "app"])
    def test_with_its_source(self, world, desk, at_desk, lena, how):
        body = desk.tokens(at_desk)
        value = narrowed(desk, body["access_token"])["access_token"]
        {
            "access token": lambda: desk.revoke(body["access_token"]),
            "refresh token": lambda: desk.revoke(body["refresh_token"]),
            "consent": lambda: withdraw(world, desk.made, lena),
            "app": lambda: suspend(world, desk.made.app),
        }[how]()

        assert desk.call("/v1/people/me", value).status_code == 401
        assert not desk.introspect(value).get("active", False)

    def test_alone(self, desk, token):
        value = narrowed(desk, token)["access_token"]
        desk.revoke(value)

        assert desk.introspect(value) == {"active": False}
        assert desk.introspect(token)["active"] is True

    def test_a_dead_token_is_no_subject_token(self, world, desk, token):
        desk.revoke(token)
        with leaves_only(world, desk.owner, "token.refused"):
            answer = exchange(desk, token)

        assert told(answer) == (400, "invalid_grant")


class TestKeys:
    """TOK-11."""

    def test_a_bound_token_is_narrowed_by_its_key_only(self, world, desk, at_desk):
        bound = replace(desk, dpop=KEYS["ES256"])
        token = bound.tokens(at_desk)["access_token"]
        with leaves_only(world, desk.owner, "token.refused"):
            answer = exchange(desk, token)
        body = narrowed(bound, token)

        assert told(answer) == (400, "invalid_grant")
        assert body["token_type"] == "DPoP"
        assert bound.call("/v1/people/me", body["access_token"]).status_code == 200
        assert desk.call("/v1/people/me", body["access_token"]).status_code == 401

    def test_a_proof_binds_what_was_not_bound(self, desk, token):
        bound = replace(desk, dpop=KEYS["ES256"])
        body = narrowed(bound, token)

        assert body["token_type"] == "DPoP"
        assert desk.call("/v1/people/me", body["access_token"], scheme="Bearer").status_code == 401


class TestResources:
    """TOK-06, RFC 8707: a token is for one server."""

    @pytest.fixture
    def node(self, desk, on_another_node):
        """A deployment with a resource server beside the platform's own API."""
        return on_another_node(desk, resources=[ROOMS])

    @pytest.fixture
    def at_node(self, node, new_browser, lena):
        browser = new_browser()
        browser.client = node.http
        return sign_in_quickly(node.world, browser, lena)

    def test_a_token_for_a_resource_is_worth_nothing_at_the_api(self, node, at_node, lena):
        allow_at(node, lena, ROOMS)
        body = node.tokens(at_node, resource=ROOMS)
        found = node.introspect(body["access_token"])

        assert found["aud"] == ROOMS
        assert [
            node.call(path, body["access_token"]).status_code for path in ("/v1/people/me", USERINFO)
        ] == [
            401,
            401,
        ]
        assert node.introspect(node.refresh(body["refresh_token"]).json()["access_token"])["aud"] == ROOMS

    def test_a_resource_that_was_consented_to_may_be_named(self, node, at_node, lena):
        """TOK-16: narrowing moves a token only to where the person let the app."""
        allow_at(node, lena, ROOMS)
        token = node.tokens(at_node)["access_token"]
        value = narrowed(node, token, resource=ROOMS)["access_token"]

        assert node.introspect(value)["aud"] == ROOMS
        assert node.call("/v1/people/me", value).status_code == 401
        assert told(exchange(node, token, resource="https://other.example/")) == (400, "invalid_target")

    def test_one_that_was_not_is_asked_for_again(self, node, at_node):
        """CONS-02: per resource."""
        token = node.tokens(at_node)["access_token"]

        assert told(exchange(node, token, resource=ROOMS)) == (400, "invalid_target")
        out = leave(at_node, node.made, resource=ROOMS, prompt="none")
        assert out.answer["error"] == "consent_required"


def allow_at(client, person, resource):
    """The person lets the app act at this resource too."""
    world = client.world
    connect(world, client.made, person)
    with world.deployment.transaction(world.origin) as tx:
        by = directory.get_account(tx, person.organization_id, person.id)
        app = apps.get_app(tx, client.made.id)
        consents.allow(tx, app, by, scopes=app.scopes, resource=resource)


def test_the_number_of_statements_does_not_grow(world, desk, token, at_desk):
    """TEN-05."""
    counts = []
    for _ in range(2):
        with counted_statements(world) as statements:
            narrowed(desk, token)
        counts.append(len(statements))
        for _ in range(5):
            desk.tokens(at_desk)

    assert counts[0] == counts[1] <= 9
