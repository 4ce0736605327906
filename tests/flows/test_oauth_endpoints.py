"""The protocol's endpoints: token (RFC 6749), introspection (RFC 7662), revocation (RFC 7009)."""

import base64
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from starlette.testclient import TestClient

from appanage.directory.model import Organization
from appanage.kit.logs import configure_logs
from appanage.kit.secrets import Prefix, new_secret
from appanage.profiles import ProfileName
from appanage.web.oauth.endpoints import FOR_CLIENTS
from support.browser import Browser
from support.clock import MovableClock
from support.integration import INTROSPECT, REVOKE, TOKEN, OAuthClient
from support.keys import KEYS
from support.refusals import counted_statements, whole_database
from support.world import MadeApp, World


@pytest.fixture
def organization(world: World) -> Organization:
    return world.organization()


@pytest.fixture
def made(world: World, organization: Organization) -> MadeApp:
    made = world.service_app(world.developer(organization))
    world.authorize(made, world.full_admin(organization))
    return made


@pytest.fixture
def pair(world: World, made: MadeApp, organization: Organization) -> dict[str, Any]:
    return world.retrieve(made, organization).as_response()


def credentials(made: MadeApp) -> dict[str, str]:
    return {"client_id": made.client_id, "client_secret": made.secret}


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{client_id}:{secret}'.encode()).decode()}"}


def refreshing(pair: dict[str, Any]) -> dict[str, str]:
    return {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}


def test_a_refresh_answers_what_clients_expect(
    world: World, client: TestClient, made: MadeApp, pair: dict[str, Any]
):
    """Wire facts, OAuth; TOK-13."""
    refresh_token = world.deployment.settings.lifetimes.refresh_token.total_seconds()
    answer = client.post(TOKEN, data=refreshing(pair) | credentials(made))
    body = answer.json()

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["trackingid"].startswith("APN_")
    assert set(body) == {
        "access_token",
        "expires_in",
        "refresh_token",
        "refresh_token_expires_in",
        "token_type",
        "scope",
    }
    assert body["token_type"] == "Bearer"
    assert body["access_token"] != pair["access_token"]
    assert set(body["scope"].split()) == set(made.app.scopes)
    assert body["expires_in"] in {1209599, 1209600}
    assert body["refresh_token_expires_in"] in {refresh_token - 1, refresh_token}


def test_the_older_address_and_basic_work_alike(client: TestClient, made: MadeApp, pair: dict[str, Any]):
    headers = basic(made.client_id, made.secret)

    assert (
        client.post("/idb/oauth2/v1/access_token", data=refreshing(pair), headers=headers).status_code == 200
    )


def test_parameters_that_sdks_add_are_tolerated(client: TestClient, made: MadeApp, pair: dict[str, Any]):
    """Wire facts, Tolerate."""
    extra = {"state": "x", "self_contained_token": "true", "redirect_uri": "https://a.example/cb"}

    assert client.post(TOKEN, data=refreshing(pair) | credentials(made) | extra).status_code == 200


def test_every_refresh_restarts_the_ninety_or_sixty_days(
    client: TestClient, made: MadeApp, pair: dict[str, Any], clock: MovableClock, profile: ProfileName
):
    days = {ProfileName.COMMERCIAL: 90, ProfileName.FEDRAMP: 60}[profile]
    for _ in range(3):
        clock.advance(days=days - 1)
        assert client.post(TOKEN, data=refreshing(pair) | credentials(made)).status_code == 200

    clock.advance(days=days, minutes=1)
    answer = client.post(TOKEN, data=refreshing(pair) | credentials(made))

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_an_access_token_ends_after_fourteen_days(
    client: TestClient, pair: dict[str, Any], clock: MovableClock
):
    headers = {"Authorization": f"Bearer {pair['access_token']}"}
    clock.advance(days=13, hours=23)

    assert client.get("/v1/people/me", headers=headers).status_code == 200

    clock.advance(hours=1, seconds=1)

    assert client.get("/v1/people/me", headers=headers).status_code == 401


def test_a_refresh_may_narrow_the_scope_but_not_widen_it(
    client: TestClient, made: MadeApp, pair: dict[str, Any]
):
    """TOK-07."""
    narrow = refreshing(pair) | credentials(made) | {"scope": "spark-admin:people_read"}
    wide = refreshing(pair) | credentials(made) | {"scope": "spark-admin:people_read spark-admin:roles_read"}

    assert client.post(TOKEN, data=narrow).json()["scope"] == "spark-admin:people_read"
    refused = client.post(TOKEN, data=wide)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope")
    assert "spark-admin:roles_read" in refused.json()["error_description"]


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": "refresh_token"}, 400, "invalid_request"),
        ({"grant_type": "password", "username": "a", "password": "b"}, 400, "unsupported_grant_type"),
        ({"grant_type": "implicit"}, 400, "unsupported_grant_type"),
        ({"grant_type": "refresh_token", "refresh_token": "nonsense"}, 400, "invalid_grant"),
        (
            {"grant_type": "refresh_token", "refresh_token": new_secret(Prefix.REFRESH_TOKEN).reveal()},
            400,
            "invalid_grant",
        ),
    ],
)
def test_what_the_token_endpoint_refuses(
    client: TestClient, made: MadeApp, form: dict[str, str], status: int, error: str
):
    """REG-06: neither implicit nor password exist."""
    answer = client.post(TOKEN, data=form | credentials(made))

    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["message"] == answer.json()["error_description"]
    assert answer.json()["errors"] == [{"description": answer.json()["message"]}]
    assert answer.json()["trackingId"] == answer.headers["trackingid"]


def test_another_clients_refresh_token_is_worth_nothing(
    client: TestClient, world: World, organization: Organization, made: MadeApp, pair: dict[str, Any]
):
    """REV-01."""
    other = world.service_app(world.developer(organization))

    answer = client.post(TOKEN, data=refreshing(pair) | credentials(other))

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert client.post(TOKEN, data=refreshing(pair) | credentials(made)).status_code == 200


def test_unknown_client_wrong_secret_and_no_secret_read_the_same_everywhere(
    client: TestClient, world: World, organization: Organization, made: MadeApp
):
    """CRED-11, CRED-12: nothing tells whether the client exists; the failure is recorded."""
    wrong = new_secret(Prefix.CLIENT_SECRET).reveal()
    answers = [
        client.post(path, data={"client_id": client_id, "client_secret": secret})
        for path in FOR_CLIENTS
        for client_id, secret in (
            (made.client_id, wrong),
            ("C" + "0" * 64, wrong),
            (made.client_id, "nonsense"),
        )
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert len({(one.json()["error"], one.json()["error_description"]) for one in answers}) == 1
    assert answers[0].json()["error"] == "invalid_client"
    assert len(world.events(organization, "client.refused")) == 2 * len(FOR_CLIENTS)


def test_basic_is_answered_by_a_basic_challenge(client: TestClient):
    answers = [client.post(path, headers=basic("C1", "wrong"), data={"token": "x"}) for path in FOR_CLIENTS]

    assert {answer.status_code for answer in answers} == {401}
    assert all(answer.headers["www-authenticate"].startswith('Basic realm="') for answer in answers)


def test_a_client_that_fails_too_often_has_to_wait(client: TestClient, made: MadeApp):
    """CRED-12, TEN-02: counted for client and source, so that a stranger cannot lock a client out."""
    wrong = {"client_id": made.client_id, "client_secret": "wrong", "grant_type": "refresh_token"}
    answers = [client.post(TOKEN, data=wrong) for _ in range(31)]

    assert [answer.status_code for answer in answers] == [401] * 30 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert client.post(TOKEN, data=wrong | {"client_id": "C2"}).status_code == 401


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (b'{"grant_type": "refresh_token"}', "application/json", 415),
        (b"grant_type=refresh_token", "text/plain", 415),
        (b"grant_type=a&grant_type=b", "application/x-www-form-urlencoded", 400),
        (b"client_id=a&client_id=a", "application/x-www-form-urlencoded", 400),
        (b"token=%ff", "application/x-www-form-urlencoded", 400),
        (b"token=%00", "application/x-www-form-urlencoded", 400),
        (b"a=" + b"x" * 10_000_000, "application/x-www-form-urlencoded", 413),
    ],
)
def test_malformed_requests_get_their_status_and_never_a_500(
    client: TestClient, body: bytes, media_type: str, status: int
):
    """REG-04, AUTHZ-15."""
    answers = [client.post(path, content=body, headers={"Content-Type": media_type}) for path in FOR_CLIENTS]

    assert {(one.status_code, one.json()["error"]) for one in answers} == {(status, "invalid_request")}
    assert all(one.json()["error_description"].endswith(".") for one in answers)


def test_parameters_in_the_url_are_refused(client: TestClient, made: MadeApp):
    """TOK-13: what is in a URL ends up in logs."""
    answers = [
        client.post(f"{path}?client_id={made.client_id}&client_secret=x", data={"token": "x"})
        for path in FOR_CLIENTS
    ]

    assert {(one.status_code, one.json()["error"]) for one in answers} == {(400, "invalid_request")}


def test_only_post_is_taken(client: TestClient):
    answers = [client.request(method, path) for path in FOR_CLIENTS for method in ("GET", "PUT", "DELETE")]

    assert {(one.status_code, one.headers["allow"]) for one in answers} == {(405, "POST")}
    assert {one.json()["error"] for one in answers} == {"invalid_request"}


def test_introspection_tells_what_a_token_is_worth_now(
    client: TestClient, world: World, made: MadeApp, organization: Organization, pair: dict[str, Any]
):
    body = client.post(INTROSPECT, data={"token": pair["access_token"]} | credentials(made)).json()

    assert body["active"] is True
    assert body["client_id"] == made.client_id
    assert body["org"] == str(organization.id)
    assert body["iss"] == world.deployment.settings.issuer
    assert set(body["scope"].split()) == set(made.app.scopes)


def test_introspection_of_a_refresh_token_tells_its_kind(
    client: TestClient, made: MadeApp, pair: dict[str, Any]
):
    body = client.post(INTROSPECT, data={"token": pair["refresh_token"]} | credentials(made)).json()

    assert (body["active"], body["token_type"]) == (True, "refresh_token")


def test_anybody_elses_token_is_merely_not_active(
    client: TestClient, world: World, organization: Organization, pair: dict[str, Any]
):
    """TOK-15."""
    stranger = world.service_app(world.developer(organization))
    personal = world.token(world.developer(organization))

    for token in (pair["access_token"], pair["refresh_token"], personal, "nonsense", "a.b.c", "x" * 100_000):
        answer = client.post(INTROSPECT, data={"token": token} | credentials(stranger))
        assert (answer.status_code, answer.json()) == (200, {"active": False})


def test_revoking_an_access_token_ends_it_alone(client: TestClient, made: MadeApp, pair: dict[str, Any]):
    """REV-08."""
    answer = client.post(REVOKE, data={"token": pair["access_token"]} | credentials(made))
    introspected = client.post(INTROSPECT, data={"token": pair["access_token"]} | credentials(made)).json()

    assert answer.status_code == 200
    assert introspected == {"active": False}
    assert client.post(TOKEN, data=refreshing(pair) | credentials(made)).status_code == 200


def test_revoking_a_refresh_token_ends_every_access_token_that_came_of_it(
    client: TestClient, world: World, organization: Organization, made: MadeApp, pair: dict[str, Any]
):
    """REV-08."""
    second = client.post(TOKEN, data=refreshing(pair) | credentials(made)).json()
    for _ in range(2):
        revoked = client.post(REVOKE, data={"token": pair["refresh_token"]} | credentials(made))
        assert revoked.status_code == 200

    for token in (pair["access_token"], second["access_token"]):
        headers = {"Authorization": f"Bearer {token}"}
        assert client.get("/v1/people/me", headers=headers).status_code == 401
    assert client.post(TOKEN, data=refreshing(pair) | credentials(made)).json()["error"] == "invalid_grant"
    assert len(world.events(organization, "token.revoked")) == 1


def test_revoking_says_nothing_about_tokens_of_others(
    client: TestClient, world: World, organization: Organization, made: MadeApp, pair: dict[str, Any]
):
    """REV-08."""
    stranger = world.service_app(world.developer(organization))

    for token in (pair["access_token"], pair["refresh_token"], "nonsense"):
        answer = client.post(REVOKE, data={"token": token} | credentials(stranger))
        assert (answer.status_code, answer.json()) == (200, {})
    assert client.post(INTROSPECT, data={"token": pair["access_token"]} | credentials(made)).json()["active"]


def test_the_key_set_verifies_access_tokens(client: TestClient, pair: dict[str, Any]):
    """TOK-02: any resource server can verify by itself."""
    answer = client.get("/v1/verification")
    token = jwt.decode(pair["access_token"], KeySet.import_key_set(answer.json()), algorithms=["ES256"])

    assert answer.headers["cache-control"].startswith("public")
    assert token.header["typ"] == "at+jwt"
    assert {"d", "p", "q"}.isdisjoint(key for entry in answer.json()["keys"] for key in entry)


@pytest.mark.parametrize(
    ("path", "form", "most"),
    [(TOKEN, refreshing, 7), (INTROSPECT, lambda pair: {"token": pair["access_token"]}, 8)],
)
def test_the_number_of_statements_is_constant(
    client: TestClient,
    world: World,
    made: MadeApp,
    pair: dict[str, Any],
    path: str,
    form: Callable[[dict[str, Any]], dict[str, str]],
    most: int,
):
    """TEN-05."""
    counted: list[int] = []
    client.post(path, data=form(pair) | credentials(made))
    for _ in range(3):
        with counted_statements(world) as statements:
            assert client.post(path, data=form(pair) | credentials(made)).status_code == 200
        counted.append(len(statements))
        for _ in range(5):
            world.retrieve(made, made.app.organization)

    assert len(set(counted)) == 1
    assert counted[0] <= most


@pytest.fixture
def written(capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """All that the platform logs at its most talkative, but not what the test's own HTTP client says."""
    library = logging.getLogger("httpx2")
    library.setLevel(logging.WARNING)
    configure_logs("json", "debug")
    yield lambda: "".join(capfd.readouterr())
    configure_logs("json", "warning")
    library.setLevel(logging.NOTSET)


def test_a_secret_never_reaches_a_log_an_event_or_an_error(
    client: TestClient, world: World, made: MadeApp, pair: dict[str, Any], written: Callable[[], str]
):
    """CRED-02, TOK-13: the canary search."""
    canaries = [made.secret, pair["refresh_token"], pair["access_token"]]
    client.post(TOKEN, data=refreshing(pair) | credentials(made))
    wrong = refreshing(pair) | credentials(made) | {"client_secret": made.secret + "x"}
    refused = client.post(TOKEN, data=wrong).text
    client.get(f"/v1/people?token={pair['access_token']}")
    client.post(f"{TOKEN}?client_secret={made.secret}", data={})
    stored, logged = whole_database(world), written()

    assert TOKEN in logged
    for canary in canaries:
        assert canary not in refused + stored + logged


def test_nor_does_anything_that_a_person_and_an_app_hand_to_each_other(
    world: World, vault: OAuthClient, at_desk: Browser, written: Callable[[], str]
):
    """TOK-13, CRED-02: codes, tokens, assertions and proofs of a whole conversation."""
    bound = replace(vault, dpop=KEYS["ES256"])
    code, assertion = bound.code(at_desk, scope="openid spark:people_read"), bound.assertion()
    proof = bound.proof("POST", TOKEN)
    body = bound.redeem(code).json()
    bound.call("/v1/people/me", body["access_token"])
    bound.redeem(code)
    bound.http.post(TOKEN, data={"client_assertion": assertion, "grant_type": "x"}, headers={"DPoP": proof})
    begun = bound.post("/v1/device/authorize", {"scope": "spark:people_read"}).json()
    bound.poll(begun["device_code"])
    request_uri = bound.push().json()["request_uri"]
    stored, logged = whole_database(world), written()
    secrets = [code, assertion, proof, request_uri, begun["device_code"]]
    secrets += [body[name] for name in ("access_token", "refresh_token", "id_token")]

    assert TOKEN in logged
    for canary in secrets:
        assert canary not in stored + logged
