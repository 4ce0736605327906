"""Every route of the API's own table, asked by those who may not: nothing opens, nothing breaks."""

import json
import re
import uuid
from typing import Any

import pytest
from joserfc.jwk import ECKey
from starlette.testclient import TestClient

from appanage.api.app import create_api
from appanage.authorizations import personal_tokens
from appanage.deployment import assemble
from appanage.directory import service as directory
from appanage.directory.model import Account
from appanage.directory.roles import OF_EVERY_ORGANIZATION
from appanage.kit.ids import Kind
from appanage.profiles import ProfileName
from support.clock import MovableClock
from support.live import settings_for
from support.world import World


def route_table(profile: ProfileName) -> list[tuple[str, str]]:
    """Method and path of every operation, as the API describes itself in deployments of this kind."""
    api = create_api(assemble(settings_for(profile=profile), "postgresql://localhost/nowhere"))
    paths = api.openapi()["paths"]
    return [(method.upper(), path) for path, operations in paths.items() for method in operations]


TABLES = {profile: route_table(profile) for profile in ProfileName}
ROUTES = TABLES[ProfileName.COMMERCIAL]
WITH_IDS = [route for route in ROUTES if "{" in route[1]]
APP_POLICY = "/organizations/{organization_id}/appPolicy"
LOOKING = {("POST", f"{APP_POLICY}/preview")}
"""What is asked with a body and changes nothing."""
MUTATING = [route for route in ROUTES if route[0] != "GET" and route not in LOOKING]

KEY = ECKey.generate_key("P-256").as_dict(private=False)
FORMS: dict[str, Any] = {
    "/authorizationProposals/{proposal_id}/decision": {"decision": "confirm"},
    "/people": {"emails": ["ada@people.example"], "displayName": "Ada"},
    "/people/{person_id}": {"displayName": "Ada"},
    "/applications": {"type": "serviceApp"},
    "/applications/{application_id}/clientKeys": {"key": json.dumps(KEY)},
    "/applications/{application_id}/token": {
        "clientId": "C",
        "clientSecret": "s",
        "targetOrgId": str(uuid.uuid4()),
    },
    "/applications/{application_id}/shares": {"orgId": str(uuid.uuid4())},
    "/authorizationRequests/{request_id}/decision": {"decision": "decline", "reason": "No."},
    "/appHub/listings/{listing_id}/featured": {"featured": True},
    "/applications/{application_id}/listing/screenshots": {"content": "AA==", "alternative": "Nothing"},
    "/applications/{application_id}/submissions/{submission_id}/messages": {"text": "Hello"},
    "/submissions/{submission_id}/checklist": {"checked": ["tested"]},
    "/submissions/{submission_id}/decision": {"decision": "reject", "reason": "No."},
    "/submissions/{submission_id}/messages": {"text": "Hello"},
    "/sandboxes": {"name": "Playground"},
    APP_POLICY: {
        "requesters": "nobody",
        "authorizesLowRisk": False,
        "secondAdministrator": "never",
        "onlyAllowed": True,
        "allowed": [],
        "blocked": [],
        "version": 0,
    },
    f"{APP_POLICY}/preview": {"applicationId": "C" + "0" * 64},
    "/policies": {"type": "default", "action": "deny"},
    "/policies/{policy_id}": {"type": "default", "action": "deny"},
}


def asks_for_no_scope(route: tuple[str, str]) -> bool:
    """Any valid token may ask when it ends."""
    return route == ("GET", "/authorizations/tokenExpiry")


def is_public(route: tuple[str, str]) -> bool:
    """What is listed in the App Hub everybody may see, and no token is looked at."""
    return route[0] == "GET" and route[1].startswith("/appHub/")


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


@pytest.mark.parametrize("route", [one for one in ROUTES if not is_public(one)], ids=" ".join)
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


@pytest.mark.parametrize(
    "route", [one for one in ROUTES if not (asks_for_no_scope(one) or is_public(one))], ids=" ".join
)
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
    stranger = world.token(world.person(world.organization(), *OF_EVERY_ORGANIZATION))
    before = world.events(theirs)

    response = ask(client, route, filled(route[1], **ids), stranger)

    assert response.status_code == 404
    assert [event.id for event in world.events(theirs)] == [event.id for event in before]


@pytest.mark.parametrize("route", WITH_IDS, ids=" ".join)
def test_nonsense_ids_never_break_anything(client: TestClient, world: World, route: tuple[str, str]):
    token = world.token(world.person(world.organization(), *OF_EVERY_ORGANIZATION))

    for nonsense in ("%00", "nonsense", "Y2lzY29zcGFyazovLw", "%F0%9F%98%80", "C" + "0" * 64):
        path = re.sub(r"{\w+}", nonsense, route[1])
        assert ask(client, route, path, token).status_code == 404
