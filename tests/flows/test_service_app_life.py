"""The whole life of a Service App, over HTTP, as its people live it."""

import uuid
from typing import Any

from starlette.testclient import TestClient

from appanage.directory.model import Plan
from appanage.directory.roles import Role
from appanage.kit.ids import Kind
from support.world import World


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_service_app_lives_from_registration_to_deauthorization(world: World, client: TestClient):
    organization = world.organization("Northwind Traders")
    developer = bearer(world.token(world.developer(organization)))
    administrator = bearer(world.token(world.full_admin(organization)))
    organization_id = world.organization_id(organization)

    app = client.post(
        "/v1/applications",
        headers=developer,
        json={
            "type": "serviceApp",
            "name": "Workforce Sync",
            "description": "Keeps people in step with the HR system.",
            "contactEmail": "dana@northwind.example",
            "scopes": ["spark-admin:people_read", "spark-admin:people_write"],
        },
    ).json()
    path = f"/v1/applications/{app['id']}"

    assert (
        client.post(f"{path}/authorize", headers=administrator, json={"orgId": organization_id}).status_code
        == 404
    )

    assert client.post(f"{path}/authorizationRequests", headers=developer, json={}).status_code == 200
    waiting = client.get("/v1/serviceApps", headers=administrator).json()["items"]

    assert [one["id"] for one in waiting] == [app["id"]]

    authorized = client.post(f"{path}/authorize", headers=administrator, json={"orgId": organization_id})

    assert authorized.status_code == 200

    credentials = {
        "clientId": app["clientId"],
        "clientSecret": app["clientSecret"],
        "targetOrgId": organization_id,
    }
    tokens = client.post(f"{path}/token", headers=developer, json=credentials).json()

    assert tokens["expires_in"] == 1209600 - 1 or tokens["expires_in"] == 1209600
    assert tokens["token_type"] == "Bearer"

    machine = bearer(tokens["access_token"])
    me = client.get("/v1/people/me", headers=machine).json()

    assert (me["type"], me["accountType"], me["orgId"]) == ("appuser", "machine", organization_id)

    created = client.post("/v1/people", headers=machine, json=person("new.hire")).json()

    assert client.get(f"/v1/people/{created['id']}", headers=machine).json()["firstName"] == "New"
    assert client.delete(f"/v1/people/{created['id']}", headers=machine).status_code == 204

    refreshed = refresh(client, app, tokens["refresh_token"])

    assert refreshed.status_code == 200
    assert refreshed.json()["access_token"] != tokens["access_token"]
    assert refreshed.json()["refresh_token"] == tokens["refresh_token"]
    assert introspect(client, app, refreshed.json()["access_token"])["active"] is True

    ended = client.post(f"{path}/deauthorize", headers=administrator, json={"orgId": organization_id})

    assert ended.is_success
    for token in (tokens["access_token"], refreshed.json()["access_token"]):
        assert client.get("/v1/people/me", headers=bearer(token)).status_code == 401
        assert introspect(client, app, token) == {"active": False}
    assert refresh(client, app, tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert client.post(f"{path}/token", headers=developer, json=credentials).status_code == 403
    assert [event.type for event in world.events(organization) if event.app_id] == [
        "app.created",
        "authorization.requested",
        "authorization.created",
        "tokens.retrieved",
        "authorization.revoked",
        "token.refused",
        "tokens.refused",
    ]


def test_authorizing_again_makes_a_new_machine_account_and_nothing_old_works(
    world: World, client: TestClient
):
    """MACH-05."""
    organization = world.organization()
    admin = world.full_admin(organization)
    made = world.service_app(world.developer(organization))
    first = world.authorize(made, admin)
    old = world.retrieve(made, organization)
    world.deauthorize(made, admin)

    second = world.authorize(made, admin)
    new = world.retrieve(made, organization)

    assert second.account_id != first.account_id
    assert client.get("/v1/people/me", headers=bearer(old.access_token.reveal())).status_code == 401
    assert client.get("/v1/people/me", headers=bearer(new.access_token.reveal())).status_code == 200


def test_an_app_that_asks_for_more_keeps_what_was_approved_until_somebody_approves_the_rest(
    world: World, client: TestClient
):
    """CONS-03, CONS-04, MACH-03: what is added waits, what is dropped is gone at once."""
    organization = world.organization()
    administrator = world.full_admin(organization)
    made = world.service_app(world.developer(organization))
    world.authorize(made, administrator)
    machine = bearer(world.retrieve(made, organization).access_token.reveal())
    developer = bearer(world.token(made.developer))
    path = f"/v1/applications/{world.app_id(made)}"

    wanted = ["spark-admin:people_read", "spark-admin:roles_read"]
    changed = client.patch(path, headers=developer, json={"scopes": wanted})

    assert changed.status_code == 200
    assert client.get("/v1/people?max=1", headers=machine).status_code == 200
    assert client.post("/v1/people", headers=machine, json=person("dropped")).status_code == 403
    assert client.get("/v1/roles", headers=bearer(_fresh(world, made, organization))).status_code == 403

    world.authorize(made, administrator)

    assert client.get("/v1/roles", headers=bearer(_fresh(world, made, organization))).status_code == 200


def test_a_compliance_scope_needs_an_administrator_who_is_also_compliance_officer(
    world: World, client: TestClient
):
    """CONS-06."""
    organization = world.organization()
    made = world.service_app(world.developer(organization), scopes=["spark-compliance:messages_read"])
    path, body = f"/v1/applications/{world.app_id(made)}/authorize", {"orgId": str(organization.id)}
    plain = world.token(world.full_admin(organization))
    both = world.token(world.person(organization, Role.FULL_ADMIN, Role.COMPLIANCE_OFFICER))

    refused = client.post(path, headers=bearer(plain), json=body)
    allowed = client.post(path, headers=bearer(both), json=body)

    assert refused.status_code == 403
    assert refused.json()["message"].startswith(
        "Your changes were not updated. The request was unauthorized."
    )
    assert "Compliance Officer" in refused.json()["message"]
    assert allowed.status_code == 200
    assert len(world.events(organization, "authorization.refused")) == 1


def _fresh(world: World, made: Any, organization: Any) -> str:
    return world.retrieve(made, organization).access_token.reveal()


def person(name: str) -> dict[str, Any]:
    return {
        "emails": [f"{name}.{uuid.uuid4().hex[:8]}@northwind.example"],
        "firstName": "New",
        "lastName": "Hire",
    }


def refresh(client: TestClient, app: dict[str, Any], refresh_token: str) -> Any:
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return client.post("/v1/access_token", data=form | _credentials(app))


def introspect(client: TestClient, app: dict[str, Any], token: str) -> Any:
    return client.post("/v1/introspect", data={"token": token} | _credentials(app)).json()


def _credentials(app: dict[str, Any]) -> dict[str, str]:
    return {"client_id": app["clientId"], "client_secret": app["clientSecret"]}


def test_a_member_without_an_administrators_role_does_not_see_the_request(world: World, client: TestClient):
    """CONS-12: the same 404 as for an app that there is not."""
    organization = world.organization()
    made = world.service_app(world.developer(organization))
    member = bearer(world.token(world.person(organization)))

    seen = client.post(f"/v1/applications/{world.app_id(made)}/authorize", headers=member)
    nothing = client.post(f"/v1/applications/{'C' + '0' * 64}/authorize", headers=member)

    assert (seen.status_code, nothing.status_code) == (404, 404)
    assert seen.json()["message"] == nothing.json()["message"]


def test_a_free_organization_authorizes_nothing_on_any_way(world: World, client: TestClient):
    organization = world.organization(plan=Plan.FREE)
    admin = world.full_admin(organization)
    made = world.service_app(admin, requested=False)

    answer = client.post(
        f"/v1/applications/{world.app_id(made)}/authorize", headers=bearer(world.token(admin))
    )

    assert answer.status_code == 409
    assert "free organization" in answer.json()["message"]
    assert world.events(organization, "authorization.created") == []


def test_nobody_approves_what_they_have_not_seen(world: World, client: TestClient):
    """CONS-03: the developer adds a scope between the look and the decision."""
    organization = world.organization()
    administrator = bearer(world.token(world.full_admin(organization)))
    made = world.service_app(world.developer(organization), scopes=["spark-admin:people_read"])
    path = world.app_id(made)
    seen = client.get(f"/v1/serviceApps/{path}", headers=administrator).json()["version"]
    more = {"scopes": ["spark-admin:people_read", "spark-admin:people_write"]}
    client.patch(f"/v1/applications/{path}", headers=bearer(world.token(made.developer)), json=more)

    refused = client.post(f"/v1/applications/{path}/authorize", headers=administrator, json={"version": seen})
    allowed = client.post(
        f"/v1/applications/{path}/authorize", headers=administrator, json={"version": seen + 1}
    )

    assert (refused.status_code, allowed.status_code) == (409, 200)


def test_a_service_app_cannot_rename_lock_out_or_delete_an_administrator(world: World, client: TestClient):
    """Decision 0008."""
    organization = world.organization()
    admin = world.full_admin(organization, name="Priya Raman")
    machine = bearer(world.machine_token(organization))
    path = f"/v1/people/{world.public_id(Kind.PEOPLE, admin.id)}"
    person = client.get(path, headers=machine).json()

    refused = [
        client.put(path, headers=machine, json=person | {"displayName": "Nobody"}),
        client.put(path, headers=machine, json=person | {"loginEnabled": False}),
        client.put(path, headers=machine, json=person | {"emails": ["other@people.example"]}),
        client.put(path, headers=machine, json=person | {"roles": []}),
        client.delete(path, headers=machine),
    ]
    allowed = client.put(path, headers=machine, json=person | {"title": "Head of Operations"})

    assert [answer.status_code for answer in refused] == [403] * 5
    assert (allowed.status_code, allowed.json()["title"]) == (200, "Head of Operations")
