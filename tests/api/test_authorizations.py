"""Authorizations through the API: asked for, decided on, looked at, used to get tokens."""

import uuid
from typing import Any

import pytest

from api.conftest import Caller, Calling
from api.contract import check_answer
from appanage.directory.model import Account, Organization, Plan
from appanage.directory.roles import Role
from support.clock import MovableClock
from support.world import MadeApp, World

INVISIBLE = "There is no app with this id, or it is not yours to see."


@pytest.fixture
def made(world: World, account: Account) -> MadeApp:
    return world.service_app(account)


def path_of(made: MadeApp, rest: str) -> str:
    return f"/applications/{made.client_id}/{rest}"


def credentials(made: MadeApp, organization: Organization, **more: Any) -> dict[str, Any]:
    given = {
        "clientId": made.client_id,
        "clientSecret": made.secret,
        "targetOrgId": str(organization.id),
    } | more
    return {name: value for name, value in given.items() if value is not None}


class TestDeciding:
    def test_authorizing_twice_answers_the_same_authorization(
        self, world: World, admin: Caller, made: MadeApp, organization: Organization
    ):
        """CONS-09: idempotent; MACH-01: one machine account."""
        body = {"orgId": world.organization_id(organization), "note": "Agreed on Tuesday."}

        first = admin.post(path_of(made, "authorize"), body)
        second = admin.post(path_of(made, "authorize"))

        assert first == second
        assert first["status"] == "authorized"
        assert first["applicationId"] == world.app_id(made)
        assert first["orgId"] == world.organization_id(organization)
        assert first["authorizedBy"] == admin.get("/people/me")["id"]
        assert first["scopes"] == sorted(made.app.scopes)
        assert len(world.events(organization, "authorization.created")) == 1

    def test_deauthorizing_answers_what_has_ended_and_a_second_time_is_a_conflict(
        self, world: World, calling: Calling, admin: Caller, made: MadeApp, organization: Organization
    ):
        """MACH-04."""
        authorization = admin.post(path_of(made, "authorize"), {})
        machine = calling(world.retrieve(made, organization).access_token.reveal())
        machine.get("/people?max=1")

        ended = admin.post(path_of(made, "deauthorize"), {"reason": "No longer needed."})

        assert (ended["id"], ended["status"]) == (authorization["id"], "deauthorized")
        assert (ended["reason"], ended["endedByName"]) == ("No longer needed.", ended["authorizedByName"])
        machine.get("/people?max=1", 401)
        admin.get(f"/people/{authorization['machineAccountId']}", 404)
        admin.post(path_of(made, "deauthorize"), {}, 409)

    @pytest.mark.parametrize("act", ["authorize", "deauthorize"])
    def test_a_missing_role_is_named_and_recorded(
        self, world: World, calling: Calling, made: MadeApp, organization: Organization, act: str
    ):
        """CONS-06: full administrators only."""
        for role in (Role.READONLY_ADMIN, Role.USER_ADMIN, Role.DEVICE_ADMIN, Role.SUPPORT_ADMIN):
            lesser = calling(world.token(world.person(organization, role)))
            refused = lesser.post(path_of(made, act), {}, 403)
            assert refused["errors"][0]["description"] == "Missing role: Full Administrator."

        assert len(world.events(organization, "authorization.refused")) == 4
        assert world.events(organization, "authorization.created") == []

    def test_a_machine_account_does_not_decide(
        self, world: World, calling: Calling, made: MadeApp, organization: Organization
    ):
        """MACH-02: it holds no role, so there is nothing for it to decide on."""
        machine = calling(world.machine_token(organization, "spark:all"))
        before = len(world.events(organization, "authorization.created"))

        machine.post(path_of(made, "authorize"), {}, 404)

        assert len(world.events(organization, "authorization.created")) == before

    def test_an_administrator_decides_for_the_own_organization_only(
        self, world: World, admin: Caller, made: MadeApp
    ):
        """CONS-11."""
        foreign = world.organization_id(world.organization())

        admin.post(path_of(made, "authorize"), {"orgId": foreign}, 404)
        admin.post(path_of(made, "deauthorize"), {"orgId": "nonsense"}, 404)

    def test_a_private_app_and_another_organizations_app_look_like_none_at_all(
        self, world: World, calling: Calling, admin: Caller, made: MadeApp, organization: Organization
    ):
        """CONS-12."""
        private = world.service_app(world.developer(organization), requested=False)
        stranger = calling(world.token(world.full_admin(world.organization())))

        messages = {
            admin.post(path_of(private, "authorize"), {}, 404)["message"],
            stranger.post(path_of(made, "authorize"), {}, 404)["message"],
            stranger.post(path_of(made, "deauthorize"), {}, 404)["message"],
            admin.post(f"/applications/{uuid.uuid4()}/authorize", {}, 404)["message"],
        }

        assert messages == {INVISIBLE}

    def test_a_developer_who_is_full_administrator_authorizes_a_private_app(
        self, world: World, calling: Calling, priya: Account
    ):
        own = world.service_app(priya, requested=False)

        answer = calling(world.token(priya)).post(path_of(own, "authorize"), {})

        assert answer["status"] == "authorized"

    def test_a_note_has_at_most_500_characters(self, admin: Caller, made: MadeApp):
        assert "note" in admin.post(path_of(made, "authorize"), {"note": "x" * 501}, 400)["message"]


class TestTheDevelopersPart:
    def test_asking_makes_the_app_visible_and_asking_again_the_next_day_is_a_reminder(
        self, world: World, calling: Calling, organization: Organization, clock: MovableClock
    ):
        app = world.service_app(world.developer(organization), requested=False)
        developer = calling(world.token(app.developer))

        first = developer.post(path_of(app, "authorizationRequests"), {"message": "Before Monday, please."})
        refused = developer.post(path_of(app, "authorizationRequests"), {}, 409)
        clock.advance(days=1)
        developer = calling(world.token(app.developer))
        second = developer.post(path_of(app, "authorizationRequests"))
        shown = developer.get(f"/applications/{app.client_id}")

        assert first["orgId"] == world.organization_id(organization)
        assert first["message"] == "Before Monday, please."
        assert "You asked already" in refused["message"]
        assert (second["id"], second["state"]) == (first["id"], "waiting")
        assert second["created"] > first["created"]
        assert (shown["visibility"], shown["orgSubmissionStatus"]) == ("organization", "submitted")
        assert len(world.events(organization, "authorization.requested")) == 2

    def test_a_free_organization_has_nobody_to_ask(self, world: World, calling: Calling):
        app = world.service_app(world.developer(world.organization(plan=Plan.FREE)), requested=False)

        calling(world.token(app.developer)).post(path_of(app, "authorizationRequests"), {}, 409)

    def test_the_developer_sees_who_authorized_and_not_which_administrator(
        self, admin: Caller, developer: Caller, made: MadeApp
    ):
        """AUD-05."""
        admin.post(path_of(made, "authorize"), {})

        [seen] = developer.get(path_of(made, "authorizations"))["items"]

        assert (seen["orgName"], seen["status"]) == ("Northwind Traders", "authorized")
        assert not {"authorizedBy", "authorizedByName", "machineAccountId", "reason"} & set(seen)
        assert developer.get(f"/applications/{made.client_id}")["orgSubmissionStatus"] == "approved"

    def test_authorizations_are_found_by_organization_id_and_name(
        self, world: World, admin: Caller, developer: Caller, made: MadeApp, organization: Organization
    ):
        admin.post(path_of(made, "authorize"), {})
        own, path = world.organization_id(organization), path_of(made, "authorizations")

        for found in (f"orgId={own}", f"orgId={organization.id}", "orgName=wind", "status=authorized"):
            assert len(developer.get(f"{path}?{found}")["items"]) == 1
        for missing in (f"orgId={uuid.uuid4()}", "orgName=contoso", "orgName=%25", "status=deauthorized"):
            assert developer.get(f"{path}?{missing}")["items"] == []
        assert "orgId" in developer.get(f"{path}?orgId=nonsense", 400)["errors"][0]["description"]
        assert "status" in developer.get(f"{path}?status=maybe", 400)["message"]

    def test_somebody_elses_app_tells_nothing(self, admin: Caller, made: MadeApp):
        """CONS-12."""
        assert admin.get(path_of(made, "authorizations"), 404)["message"] == INVISIBLE
        assert admin.post(path_of(made, "authorizationRequests"), {}, 404)["message"] == INVISIBLE


class TestGettingTokens:
    def test_a_pair_is_fetched_with_the_secret(
        self,
        world: World,
        calling: Calling,
        admin: Caller,
        developer: Caller,
        made: MadeApp,
        organization: Any,
    ):
        """TOK-17; the answer of the platform, with the scopes in it."""
        admin.post(path_of(made, "authorize"), {})
        body = credentials(made, organization, targetOrgId=world.organization_id(organization))

        pair = developer.post(path_of(made, "token"), body)

        check_answer("POST /applications/{applicationId}/token", pair)
        assert pair["token_type"] == "Bearer"
        lifetime = world.deployment.settings.lifetimes.refresh_token
        assert pair["refresh_token_expires_in"] == lifetime.total_seconds()
        assert set(pair["scope"].split()) == set(made.app.scopes)
        assert developer.response.headers["cache-control"] == "no-store"
        assert calling(pair["access_token"]).get("/people/me")["type"] == "appuser"
        assert len(world.events(organization, "tokens.retrieved")) == 1

    @pytest.mark.parametrize("field", ["clientId", "clientSecret", "targetOrgId"])
    def test_what_is_missing_is_named(
        self, developer: Caller, made: MadeApp, organization: Organization, field: str
    ):
        missing = developer.post(
            path_of(made, "token"), credentials(made, organization, **{field: None}), 400
        )
        empty = developer.post(path_of(made, "token"), credentials(made, organization, **{field: " "}), 400)
        number = developer.post(path_of(made, "token"), credentials(made, organization, **{field: 7}), 400)

        assert missing["errors"][0]["description"] == f"{field} is required."
        assert empty["errors"][0]["description"] == f"{field} cannot be empty."
        assert field in number["errors"][0]["description"]

    @pytest.mark.parametrize(
        "secret", ["0" * 64, "apn_cs_" + "A" * 49, "apn_cs_short", "geheim\u00e9", "x" * 999]
    )
    def test_a_wrong_secret_is_401_says_what_is_wrong_and_leaves_a_trace(
        self,
        world: World,
        admin: Caller,
        developer: Caller,
        made: MadeApp,
        organization: Organization,
        secret: str,
    ):
        admin.post(path_of(made, "authorize"), {})
        body = credentials(made, organization, clientSecret=secret)

        refused = developer.post(path_of(made, "token"), body, 401)

        assert refused["message"] == "Invalid client credentials"
        assert refused["errors"][0]["description"].startswith("clientSecret: ")
        assert secret not in developer.response.text
        assert world.events(organization, "tokens.retrieved") == []
        assert len(world.events(organization, "tokens.refused")) == 1

    def test_another_apps_secret_or_client_id_is_wrong(
        self, world: World, admin: Caller, developer: Caller, made: MadeApp, organization: Organization
    ):
        """CONS-11: identifiers in path and body must agree."""
        admin.post(path_of(made, "authorize"), {})
        other = world.service_app(made.developer)
        body = credentials(made, organization, clientSecret=other.secret)

        developer.post(path_of(made, "token"), body, 401)
        refused = developer.post(path_of(made, "token"), credentials(other, organization), 401)

        assert refused["errors"][0]["description"].startswith("clientId: ")

    def test_an_organization_that_has_not_authorized_or_does_not_exist_is_403(
        self, world: World, developer: Caller, made: MadeApp, organization: Organization
    ):
        for target in (str(organization.id), world.organization_id(world.organization()), str(uuid.uuid4())):
            body = credentials(made, organization, targetOrgId=target)
            assert "has not authorized" in developer.post(path_of(made, "token"), body, 403)["message"]
        wrong = developer.post(
            path_of(made, "token"), credentials(made, organization, targetOrgId="Northwind"), 400
        )

        assert wrong["errors"][0]["description"] == "targetOrgId: Expect base64 ID or UUID."
        assert len(world.events(organization, "tokens.refused")) == 3

    def test_only_the_owner_fetches_and_only_with_the_scope(
        self, world: World, calling: Calling, admin: Caller, made: MadeApp, organization: Organization
    ):
        admin.post(path_of(made, "authorize"), {})
        machine = calling(world.machine_token(organization, "spark:applications_token"))
        narrow = calling(world.token(made.developer, "spark:all"))

        admin.post(path_of(made, "token"), credentials(made, organization), 404)
        machine.post(path_of(made, "token"), credentials(made, organization), 403)
        refused = narrow.post(path_of(made, "token"), credentials(made, organization), 403)

        assert refused["errors"][0]["description"] == "Missing scope: spark:applications_token."

    def test_guessing_secrets_is_throttled(
        self, developer: Caller, made: MadeApp, organization: Organization
    ):
        """CRED-12; after too many wrong ones even the right one has to wait."""
        wrong = credentials(made, organization, clientSecret="0" * 64)
        for _ in range(30):
            developer.post(path_of(made, "token"), wrong, 401)

        developer.post(path_of(made, "token"), credentials(made, organization), 429)

        assert 1 <= int(developer.response.headers["retry-after"]) <= 60
