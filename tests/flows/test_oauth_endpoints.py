"""The protocol's endpoints: token (RFC 6749), introspection (RFC 7662), revocation (RFC 7009), metadata (RFC 8414)."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import event, select
from starlette.testclient import TestClient

from appanage.directory.model import Organization
from appanage.kit.secrets import Prefix, new_secret
from appanage.storage import Record
from support.clock import MovableClock
from support.world import MadeApp, World

TOKEN, INTROSPECT, REVOKE = "/v1/access_token", "/v1/introspect", "/v1/revoke"
FOR_CLIENTS = [TOKEN, "/idb/oauth2/v1/access_token", INTROSPECT, REVOKE]


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


def test_a_refresh_answers_what_clients_expect(client: TestClient, made: MadeApp, pair: dict[str, Any]):
    """Wire facts, OAuth; TOK-13."""
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
    assert body["refresh_token_expires_in"] in {7775999, 7776000}


def test_the_older_address_and_basic_work_alike(client: TestClient, made: MadeApp, pair: dict[str, Any]):
    headers = basic(made.client_id, made.secret)

    assert (
        client.post("/idb/oauth2/v1/access_token", data=refreshing(pair), headers=headers).status_code == 200
    )


def test_parameters_that_sdks_add_are_tolerated(client: TestClient, made: MadeApp, pair: dict[str, Any]):
    """Wire facts, Tolerate."""
    extra = {"state": "x", "self_contained_token": "true", "redirect_uri": "https://a.example/cb"}

    assert client.post(TOKEN, data=refreshing(pair) | credentials(made) | extra).status_code == 200


def test_every_refresh_restarts_the_ninety_days(
    client: TestClient, made: MadeApp, pair: dict[str, Any], clock: MovableClock
):
    for _ in range(3):
        clock.advance(days=89)
        assert client.post(TOKEN, data=refreshing(pair) | credentials(made)).status_code == 200

    clock.advance(days=90, minutes=1)
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


@pytest.mark.parametrize("path", FOR_CLIENTS)
def test_unknown_client_wrong_secret_and_no_secret_read_the_same(
    client: TestClient, world: World, organization: Organization, made: MadeApp, path: str
):
    """CRED-11, CRED-12: nothing tells whether the client exists; the failure is recorded."""
    wrong = new_secret(Prefix.CLIENT_SECRET).reveal()
    answers = [
        client.post(path, data={"client_id": made.client_id, "client_secret": wrong}),
        client.post(path, data={"client_id": "C" + "0" * 64, "client_secret": wrong}),
        client.post(path, data={"client_id": made.client_id, "client_secret": "nonsense"}),
    ]
    bodies = [answer.json() for answer in answers]

    assert {answer.status_code for answer in answers} == {401}
    assert len({(body["error"], body["error_description"]) for body in bodies}) == 1
    assert bodies[0]["error"] == "invalid_client"
    assert client.post(path, data={"token": "x"}).status_code == 401
    assert len(world.events(organization, "client.refused")) == 2


@pytest.mark.parametrize("path", FOR_CLIENTS)
def test_basic_is_answered_by_a_basic_challenge(client: TestClient, path: str):
    answer = client.post(path, headers=basic("C1", "wrong"), data={"token": "x"})

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith('Basic realm="')


def test_a_client_that_fails_too_often_has_to_wait(client: TestClient, made: MadeApp):
    """CRED-12, TEN-02: counted for client and source, so that a stranger cannot lock a client out."""
    wrong = {"client_id": made.client_id, "client_secret": "wrong", "grant_type": "refresh_token"}
    answers = [client.post(TOKEN, data=wrong) for _ in range(31)]

    assert [answer.status_code for answer in answers] == [401] * 30 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
    elsewhere = {"X-Forwarded-For": "203.0.113.7"}
    assert client.post(TOKEN, data=wrong | {"client_id": "C2"}, headers=elsewhere).status_code == 401


@pytest.mark.parametrize("path", FOR_CLIENTS)
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
    client: TestClient, path: str, body: bytes, media_type: str, status: int
):
    """REG-04, AUTHZ-15."""
    answer = client.post(path, content=body, headers={"Content-Type": media_type})

    assert answer.status_code == status
    assert answer.json()["error"] == "invalid_request"
    assert answer.json()["error_description"].endswith(".")


@pytest.mark.parametrize("path", FOR_CLIENTS)
def test_parameters_in_the_url_are_refused(client: TestClient, made: MadeApp, path: str):
    """TOK-13: what is in a URL ends up in logs."""
    answer = client.post(f"{path}?client_id={made.client_id}&client_secret=x", data={"token": "x"})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("path", FOR_CLIENTS)
def test_only_post_is_taken(client: TestClient, path: str):
    answer = client.get(path)

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["error"] == "invalid_request"


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
    "path",
    [
        "/v1/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/v1",
        "/.well-known/openid-configuration/v1",
    ],
)
def test_the_metadata_names_the_issuer_it_is_found_under(client: TestClient, world: World, path: str):
    body = client.get(path).json()

    assert body["issuer"] == world.deployment.settings.issuer
    assert body["grant_types_supported"] == ["refresh_token"]


def test_what_the_metadata_advertises_works_and_nothing_else(client: TestClient, world: World):
    """STD-01."""
    body = client.get("/v1/.well-known/openid-configuration").json()
    base = world.deployment.settings.base_url

    for name, url in body.items():
        if name.endswith("_endpoint"):
            assert client.post(url.removeprefix(base), data={"token": "x"}).status_code == 401
    assert client.get(body["jwks_uri"].removeprefix(base)).json()["keys"]
    assert "authorization_endpoint" not in body
    assert client.get("/v1/authorize").status_code == 404


def test_the_resource_metadata_that_a_401_names_is_there(client: TestClient):
    """STD-02, RFC 9728."""
    challenge = client.get("/v1/people/me").headers["www-authenticate"]
    address = challenge.split('resource_metadata="')[1].split('"')[0]
    body = client.get(address).json()

    assert body["authorization_servers"] == [body["resource"]]
    assert body["bearer_methods_supported"] == ["header"]


def test_unknown_well_known_paths_are_404(client: TestClient):
    assert client.get("/.well-known/nothing").status_code == 404
    assert client.get("/v1/.well-known/nothing").status_code == 404


def test_an_unchanged_document_is_not_sent_again(client: TestClient):
    first = client.get("/v1/verification")

    assert client.get("/v1/verification", headers={"If-None-Match": first.headers["etag"]}).status_code == 304


@pytest.mark.parametrize(
    ("path", "form", "most"),
    [(TOKEN, refreshing, 6), (INTROSPECT, lambda pair: {"token": pair["access_token"]}, 8)],
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
    statements: list[str] = []
    engine = world.deployment.database.engine
    client.post(path, data=form(pair) | credentials(made))
    event.listen(engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    for _ in range(3):
        statements.clear()
        assert client.post(path, data=form(pair) | credentials(made)).status_code == 200
        counted.append(len(statements))
        for _ in range(5):
            world.retrieve(made, made.app.organization)

    assert len(set(counted)) == 1
    assert counted[0] <= most


def whole_database(world: World) -> str:
    """Every row of every table, as text."""
    with world.deployment.database.engine.connect() as connection:
        tables = Record.metadata.sorted_tables
        return "".join(str(connection.execute(select(table)).all()) for table in tables)


def test_a_secret_never_reaches_a_log_an_event_or_an_error(
    client: TestClient, world: World, made: MadeApp, pair: dict[str, Any], capfd: pytest.CaptureFixture[str]
):
    """CRED-02, TOK-13: the canary search."""
    canaries = [made.secret, pair["refresh_token"], pair["access_token"]]
    client.post(TOKEN, data=refreshing(pair) | credentials(made))
    wrong = refreshing(pair) | credentials(made) | {"client_secret": made.secret + "x"}
    refused = client.post(TOKEN, data=wrong).text
    client.get(f"/v1/people?token={pair['access_token']}")
    client.post(f"{TOKEN}?client_secret={made.secret}", data={})
    stored = whole_database(world)
    written = "".join(capfd.readouterr())

    for canary in canaries:
        assert canary not in refused + stored + written
