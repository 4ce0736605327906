"""Every route of the API's own table, asked by those who may not: nothing opens, nothing breaks."""

import json
import re
import uuid
from typing import Any

import pytest
from joserfc.jwk import ECKey
from starlette.testclient import TestClient

from api.conftest import Calling
from appanage.api.app import create_api
from appanage.authorizations import personal_tokens
from appanage.deployment import assemble
from appanage.directory import service as directory
from appanage.directory.model import Account
from appanage.directory.roles import Role
from appanage.events import Event
from appanage.kit.ids import Kind
from support import connecting, consenting
from support.clock import MovableClock
from support.live import settings_for
from support.uploads import picture
from support.world import World


def route_table() -> list[tuple[str, str]]:
    """Method and path of every operation, as the API describes itself."""
    api = create_api(assemble(settings_for(), "postgresql://localhost/nowhere"))
    paths = api.openapi()["paths"]
    return [(method.upper(), path) for path, operations in paths.items() for method in operations]


ROUTES = route_table()
WITH_IDS = [route for route in ROUTES if "{" in route[1]]
MUTATING = [route for route in ROUTES if route[0] != "GET"]

KEY = ECKey.generate_key("P-256").as_dict(private=False)
FORMS: dict[str, Any] = {
    "/people": {"emails": ["ada@people.example"], "displayName": "Ada"},
    "/people/{person_id}": {"displayName": "Ada"},
    "/applications": {"type": "serviceApp"},
    "/applications/{application_id}/clientKeys": {"key": json.dumps(KEY)},
    "/applications/{application_id}/token": {
        "clientId": "C",
        "clientSecret": "s",
        "targetOrgId": str(uuid.uuid4()),
    },
    "/policies": {"type": "default", "action": "deny"},
    "/policies/{policy_id}": {"type": "default", "action": "deny"},
}


def asks_for_no_scope(route: tuple[str, str]) -> bool:
    """Any valid token may ask when it ends."""
    return route == ("GET", "/authorizations/tokenExpiry")


def ask(client: TestClient, route: tuple[str, str], path: str, token: str = "") -> Any:
    method, template = route
    options: dict[str, Any] = {"headers": {"Authorization": f"Bearer {token}"} if token else {}}
    if template.endswith("/logo"):
        options["headers"]["Content-Type"] = "image/png"
        options["content"] = b"x"
    elif method in {"POST", "PUT", "PATCH"}:
        options["json"] = FORMS.get(template, {})
    return client.request(method, f"/v1{path}", **options)


def filled(path: str, **ids: str) -> str:
    return re.sub(r"{(\w+)}", lambda part: ids.get(part[1], str(uuid.uuid4())), path)


def personal_token_of(world: World, person: Account) -> uuid.UUID:
    world.token(person)
    with world.deployment.transaction(world.origin) as tx:
        return personal_tokens.list_live(tx, person)[0].id


def test_the_table_is_what_we_think_it_is():
    assert len(ROUTES) >= 30
    assert ("POST", "/applications/{application_id}/token") in ROUTES


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
def test_without_a_valid_token_every_route_is_401(
    client: TestClient, world: World, clock: MovableClock, route: tuple[str, str]
):
    """CRED-11, TOK-08: none, nonsense, a typo, an expired one."""
    admin = world.full_admin(world.organization())
    good, expired = world.token(admin), world.token(admin, hours=1)
    typo = good[:-1] + ("A" if good[-1] != "A" else "B")
    path = filled(route[1])
    clock.advance(hours=2)

    for token in ("", "nonsense", typo, expired, "a.b.c", "x" * 9000):
        assert ask(client, route, path, token).status_code == 401


@pytest.mark.parametrize("route", [one for one in ROUTES if not asks_for_no_scope(one)], ids=" ".join)
def test_without_the_scope_every_route_is_403(client: TestClient, world: World, route: tuple[str, str]):
    """TEN-01, CONS-11: a token that may do something may not do everything."""
    unrelated = world.token(world.full_admin(world.organization()), "spark:rooms_read")

    response = ask(client, route, filled(route[1]), unrelated)

    assert response.status_code == 403
    assert response.json()["errors"][0]["description"].startswith("Missing scope: ")


@pytest.mark.parametrize("route", WITH_IDS, ids=" ".join)
def test_another_organizations_ids_are_404_and_nothing_changes(
    client: TestClient, world: World, route: tuple[str, str]
):
    """TEN-01, CONS-11, CONS-12: the most powerful person of one organization against the ids of another."""
    theirs = world.organization()
    developer = world.developer(theirs)
    made = world.service_app(developer)
    world.authorize(made, world.full_admin(theirs))
    with world.deployment.transaction(world.origin) as tx:
        license_ = directory.create_license(tx, theirs, code="MS", name="Advanced Messaging", units=5)
    ids = {
        "person_id": world.public_id(Kind.PEOPLE, developer.id),
        "organization_id": world.organization_id(theirs),
        "license_id": world.public_id(Kind.LICENSE, license_.public_key),
        "application_id": world.app_id(made),
        "policy_id": world.public_id(Kind.POLICY, theirs.id),
        "role_id": "id_emperor",
        "token_id": str(personal_token_of(world, developer)),
    }
    stranger = world.token(world.person(world.organization(), *Role))
    before = world.events(theirs)

    response = ask(client, route, filled(route[1], **ids), stranger)

    assert response.status_code == 404
    assert [event.id for event in world.events(theirs)] == [event.id for event in before]


@pytest.mark.parametrize("route", WITH_IDS, ids=" ".join)
def test_nonsense_ids_never_break_anything(client: TestClient, world: World, route: tuple[str, str]):
    token = world.token(world.person(world.organization(), *Role))

    for nonsense in ("%00", "nonsense", "Y2lzY29zcGFyazovLw", "%F0%9F%98%80", "C" + "0" * 64):
        path = re.sub(r"{\w+}", nonsense, route[1])
        assert ask(client, route, path, token).status_code == 404


def test_every_mutating_route_records_an_event(client: TestClient, world: World, calling: Calling):
    """AUD-02: the table of what changes something, and the event that tells of it."""
    organization = world.organization()
    admin = world.full_admin(organization)
    caller = calling(world.token(admin))
    recorded: dict[tuple[str, str], set[str]] = {}

    def watch(
        method: str, template: str, body: Any = None, status: int = 200, query: str = "", **ids: str
    ) -> Any:
        before = len(world.events(organization))
        path, options = filled(template, **ids) + query, {} if body is None else {"json": body}
        if template.endswith("/logo") and method == "PUT":
            options = {"content": picture(), "headers": {"Content-Type": "image/png"}}
        answer = caller.send(method, path, status, **options)
        new: list[Event] = world.events(organization)[before:]
        recorded[method, template] = {event.type for event in new}
        return answer

    app_path = "/applications/{application_id}"
    person = watch("POST", "/people", FORMS["/people"] | {"emails": [f"{uuid.uuid4()}@people.example"]})
    watch("PUT", "/people/{person_id}", {"displayName": "Ada Byron"}, person_id=person["id"])
    watch("DELETE", "/people/{person_id}", status=204, person_id=person["id"])
    draft = {
        "type": "serviceApp",
        "name": "Sync",
        "contactEmail": admin.email,
        "scopes": ["spark-admin:people_read"],
    }
    app = watch("POST", "/applications", draft)
    ids = {"application_id": app["id"]}
    watch("PUT", app_path, app | {"name": "Sync 2"}, **ids)
    watch("PATCH", app_path, {"name": "Sync 3"}, **ids)
    watch("PUT", f"{app_path}/logo", **ids)
    watch("DELETE", f"{app_path}/logo", status=204, **ids)
    secret = watch("DELETE", f"{app_path}/clientSecret", **ids)["clientSecret"]
    second = watch("POST", f"{app_path}/clientSecrets", {}, **ids)
    watch("DELETE", f"{app_path}/clientSecrets/{{secret_id}}", status=204, secret_id=second["id"], **ids)
    watch("POST", f"{app_path}/authorizationRequests", {}, **ids)
    watch("POST", f"{app_path}/authorize", {}, **ids)
    credentials = {
        "clientId": app["clientId"],
        "clientSecret": secret,
        "targetOrgId": str(organization.id),
    }
    watch("POST", f"{app_path}/token", credentials, **ids)
    watch("POST", f"{app_path}/deauthorize", {}, **ids)
    watch("DELETE", app_path, status=204, **ids)
    integration = watch(
        "POST",
        "/applications",
        draft
        | {
            "type": "integration",
            "description": "Writes notes.",
            "redirectUrls": ["https://notes.example/callback"],
            "clientProof": "private_key_jwt",
        },
    )
    ids = {"application_id": integration["id"]}
    key = watch("POST", f"{app_path}/clientKeys", {"key": json.dumps(KEY)}, **ids)
    watch("DELETE", f"{app_path}/clientKeys/{{key_id}}", status=204, key_id=key["id"], **ids)
    watch("DELETE", f"{app_path}/botToken", application_id=world.bot(admin).app.client_id)
    watch("DELETE", "/bots/{application_id}/token", status=204, application_id=world.bot(admin).app.client_id)
    desk = consenting.integration(world)
    grant = str(connecting.connect(world, desk, world.person(organization)).access.claims.family)
    watch("DELETE", "/authorizations/{authorization_id}", status=204, authorization_id=grant)
    watch("DELETE", "/authorizations", status=204, query=f"?clientId={desk.client_id}")
    rule = {"type": "custom", "action": "deny", "appId": desk.client_id}
    policy = watch("POST", "/policies", rule)["id"]
    watch("PUT", "/policies/{policy_id}", rule | {"action": "allow"}, policy_id=policy)
    watch("DELETE", "/policies/{policy_id}", status=204, policy_id=policy)
    watch("DELETE", "/personalTokens/{token_id}", status=204, token_id=str(personal_token_of(world, admin)))

    assert set(recorded) == set(MUTATING)
    assert [route for route, types in recorded.items() if not types] == []
