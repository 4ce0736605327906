"""The client credentials grant (RFC 6749 §4.4): a Service App fetches a short token for one organization."""

from dataclasses import replace

import pytest

from appanage.apps import queries as apps
from appanage.kit.ids import Kind
from support.integration import TOKEN, OAuthClient, suspend
from support.keys import KEYS
from support.refusals import counted_statements, leaves_only, state

SCOPES = {"spark-admin:people_read", "spark-admin:people_write"}


@pytest.fixture
def admin(world, home):
    return world.full_admin(home)


@pytest.fixture
def service(world, client, home, admin):
    """A Service App that the organization authorized."""
    made = world.service_app(world.developer(home))
    world.authorize(made, admin)
    return OAuthClient(world, client, made)


def fetch(service, organization, **changes):
    form = {"grant_type": "client_credentials", "organization": organization}
    return service.post(TOKEN, form | changes)


def told(answer):
    return answer.status_code, answer.json()["error"]


@pytest.mark.parametrize("spell", ["public", "bare"])
def test_the_app_proves_itself_and_gets_a_short_token_and_nothing_that_renews_it(world, home, service, spell):
    organization = world.organization_id(home) if spell == "public" else str(home.id)
    answer = fetch(service, organization)
    body = answer.json()
    me = service.call("/v1/people/me", body["access_token"]).json()

    assert answer.headers["cache-control"] == "no-store"
    assert body.keys() == {"access_token", "expires_in", "token_type", "scope"}
    assert set(body["scope"].split()) == SCOPES
    assert 3598 <= body["expires_in"] <= 3600
    assert me["accountType"] == "machine"
    assert me["orgId"] == world.organization_id(home)


def test_nothing_is_stored_for_it_but_that_it_was_used(world, home, service):
    before = state(world, "authorizations")
    fetch(service, str(home.id))

    assert state(world, "authorizations") == before


def test_scopes_can_only_get_fewer(world, home, service):
    """TOK-07."""
    with leaves_only(world, service.owner, "token.refused") as recorded:
        wider = fetch(service, str(home.id), scope="spark-admin:people_read spark-admin:roles_read")

    assert fetch(service, str(home.id), scope="spark-admin:people_read").json()["scope"] == (
        "spark-admin:people_read"
    )
    assert told(wider) == (400, "invalid_scope")
    assert recorded[0].data["error"] == "invalid_scope"


class TestOrganizations:
    """MACH-04, CONS-11, TOK-16: one organization never speaks for another."""

    def test_one_that_did_not_authorize_it(self, world, service):
        other = world.organization()
        world.full_admin(other)
        with leaves_only(world, service.owner, "token.refused"):
            answer = fetch(service, str(other.id))

        assert told(answer) == (400, "invalid_grant")

    def test_one_whose_person_only_connected_an_integration(self, world, desk, home):
        """A person's consent is no organization's authorization."""
        with leaves_only(world, desk.owner, "token.refused"):
            answer = fetch(desk, str(home.id))

        assert told(answer) == (400, "unauthorized_client")

    def test_one_that_deauthorized_it(self, world, home, admin, service):
        value = fetch(service, str(home.id)).json()["access_token"]
        world.deauthorize(service.made, admin)

        assert told(fetch(service, str(home.id))) == (400, "invalid_grant")
        assert service.call("/v1/people/me", value).status_code == 401
        assert service.introspect(value) == {"active": False}

    def test_one_that_is_suspended(self, world, home, service):
        """MACH-06: here the app's own, which ends the app as well."""
        suspend(world, home)

        assert told(fetch(service, str(home.id))) == (401, "invalid_client")

    def test_what_is_no_organization(self, world, service):
        named = {
            None: "invalid_request",
            "": "invalid_request",
            "x": "invalid_request",
            "Y2lzY29zcGFyazovL3VzL1BFT1BMRS94": "invalid_request",
            "00000000-0000-0000-0000-000000000000": "invalid_grant",
        }
        with leaves_only(world, service.owner, *["token.refused"] * len(named)):
            answers = [fetch(service, organization) for organization in named]

        assert [told(answer) for answer in answers] == [(400, error) for error in named.values()]

    def test_the_id_of_something_else_is_none(self, world, home, service):
        person = world.public_id(Kind.PEOPLE, world.person(home).id)

        assert told(fetch(service, person)) == (400, "invalid_request")


def test_an_unknown_resource_is_refused(world, home, service):
    """TOK-06."""
    with leaves_only(world, service.owner, "token.refused"):
        answer = fetch(service, str(home.id), resource="https://rooms.example")

    assert told(answer) == (400, "invalid_target")
    assert fetch(service, str(home.id), resource=service.issuer).status_code == 200


def test_the_token_can_be_bound_to_a_key(home, service):
    """TOK-10."""
    bound = replace(service, dpop=KEYS["ES256"])
    body = fetch(bound, str(home.id)).json()

    assert body["token_type"] == "DPoP"
    assert bound.call("/v1/people/me", body["access_token"]).status_code == 200
    assert service.call("/v1/people/me", body["access_token"]).status_code == 401


def test_a_suspended_app_fetches_nothing(world, home, service):
    """MACH-06."""
    value = fetch(service, str(home.id)).json()["access_token"]
    suspend(world, service.made.app)

    assert told(fetch(service, str(home.id))) == (401, "invalid_client")
    assert service.call("/v1/people/me", value).status_code == 401


def test_a_scope_that_was_removed_is_gone_at_once(world, home, service):
    """CONS-04, MACH-03."""
    value = fetch(service, str(home.id)).json()["access_token"]
    with world.deployment.transaction(world.origin) as tx:
        apps.get_app(tx, service.made.id).scopes = ["spark-admin:people_read"]

    assert service.introspect(value)["scope"] == "spark-admin:people_read"
    assert fetch(service, str(home.id)).json()["scope"] == "spark-admin:people_read"


def test_the_number_of_statements_does_not_grow(world, home, service):
    """TEN-05."""
    fetch(service, str(home.id))
    counts = []
    for _ in range(2):
        with counted_statements(world) as statements:
            fetch(service, str(home.id))
        counts.append(len(statements))
        for _ in range(5):
            world.retrieve(service.made, home)

    assert counts[0] == counts[1] <= 7
