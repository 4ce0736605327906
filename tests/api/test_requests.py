"""The form of requests and answers: what every endpoint tolerates, and how it refuses the rest."""

import json
import uuid
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.conftest import Caller, Calling
from appanage.directory.model import Organization
from support.world import World

JSON = {"Content-Type": "application/json"}


class TestBodies:
    @pytest.mark.parametrize(
        "content",
        [
            b"{",
            b"",
            b"[]",
            b'"text"',
            b"null",
            b"7",
            b"name=Ada&emails=ada",
            b'{"displayName": "\xff\xfe"}',
            b"\xff\xfe\xfd",
            b'{"displayName": "' + b"\\ud800" + b'"}',
            b'{"emails": ["a@b.example"], "addresses": ' + b"[" * 5000 + b"]" * 5000 + b"}",
            b"[" * 100_000,
            b'{"emails": {"\\ud800": 1}}',
            b'{"loginEnabled": ' + b"9" * 5000 + b"}",
            b'{"phoneNumbers": NaN}',
            b'{"displayName": 1e999}',
        ],
    )
    def test_a_broken_body_is_400(self, admin: Caller, content: bytes):
        """AUTHZ-15 in spirit: never a 500."""
        for method, path in (("POST", "/people"), ("PUT", "/people/me"), ("POST", "/applications")):
            admin.send(method, path, 400, content=content, headers=JSON)

    def test_keys_that_no_answer_can_carry_are_refused(self, admin: Caller):
        content = b'{"type": "serviceApp", "name": "A", "reasons": {"\\ud800": "b", "c\\u0000": "d"}}'

        refused = admin.send("POST", "/applications", 400, content=content, headers=JSON)

        assert refused["errors"][0]["description"].startswith("reasons.")

    @pytest.mark.parametrize(
        "media_type",
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""],
    )
    def test_a_body_of_another_type_is_415(self, admin: Caller, media_type: str):
        body = json.dumps({"emails": ["ada@people.example"], "displayName": "Ada"}).encode()

        refused = admin.send("POST", "/people", 415, content=body, headers={"Content-Type": media_type})

        assert refused["message"] == f"Content type '{media_type.partition(';')[0]}' not supported"

    @pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "application/vnd.api+json"])
    def test_every_kind_of_json_is_taken(self, admin: Caller, media_type: str):
        body = json.dumps({"emails": [f"{uuid.uuid4()}@people.example"], "displayName": "Ada"}).encode()

        admin.send("POST", "/people", 200, content=body, headers={"Content-Type": media_type})

    def test_a_body_of_ten_megabytes_is_413(
        self, world: World, client: TestClient, organization: Organization
    ):
        token = world.token(world.full_admin(organization))
        headers = JSON | {"Authorization": f"Bearer {token}"}

        response = client.post("/v1/people", content=b" " * 10_000_000, headers=headers)

        assert response.status_code == 413
        assert response.json()["message"]

    def test_json_may_be_promised_and_not_sent(self, admin: Caller, world: World, organization: Organization):
        leaver = world.person(organization)

        admin.send("GET", "/people/me", 200, headers=JSON)
        admin.send("DELETE", f"/people/{leaver.id}", 204, headers=JSON)

    def test_unknown_fields_are_ignored(self, admin: Caller):
        body = {"emails": [f"{uuid.uuid4()}@people.example"], "displayName": "Ada", "shoeSize": {"eu": 38}}

        assert "shoeSize" not in admin.post("/people", body)


class TestQueries:
    def test_unknown_parameters_are_ignored(self, admin: Caller):
        admin.get("/people?callingData=True&excludeStatus=false&shoeSize=38")

    def test_a_trailing_slash_is_tolerated(self, admin: Caller):
        assert admin.get("/people/me/") == admin.get("/people/me")

    def test_a_parameter_given_twice_with_different_values_is_refused_by_name(self, admin: Caller):
        """CONS-11; the same value twice does no harm, and clients that follow pages do it."""
        refused = admin.get("/people?max=1&max=2", 400)

        assert refused["message"] == "max is given more than once, with different values."
        assert len(admin.get("/people?max=1&max=1")["items"]) == 1

    @pytest.mark.parametrize("size", ["0", "-1", "many", "null", "", "1.5", "%00"])
    def test_a_size_that_is_none_is_refused(self, admin: Caller, size: str):
        for path in ("/people", "/applications", "/serviceApps"):
            assert admin.get(f"{path}?max={size}", 400)["errors"][0]["description"].startswith("max: ")

    def test_a_size_above_the_cap_is_lowered_silently(self, admin: Caller):
        assert admin.get("/people?max=1000")["items"] == admin.get(f"/people?max={10**30}")["items"]

    @pytest.mark.parametrize("value", ["%00", "a%00b", "%0a", "%1b"])
    def test_control_characters_are_refused_by_name(self, admin: Caller, value: str):
        """AUD-08: nothing that could forge a line of a log gets in."""
        refused = admin.get(f"/people?displayName=x{value}x", 400)

        assert refused["errors"][0]["description"].startswith("displayName contains control characters")

    @pytest.mark.parametrize("value", ["%ff", "%f0%9f%98%80", "%ed%a0%80", "%", "%zz", "'\"--"])
    def test_odd_text_finds_nobody(self, admin: Caller, value: str):
        assert admin.get(f"/people?displayName={value}")["items"] == []

    @pytest.mark.parametrize("value", ["%00", "%ff", "a%2fb", "..%2f..", "%F0%9F%98%80", "x" * 5000])
    def test_odd_ids_name_nothing(self, admin: Caller, value: str):
        for family in ("people", "organizations", "roles", "licenses", "applications", "serviceApps"):
            admin.get(f"/{family}/{value}", 404)


class TestPages:
    @pytest.fixture
    def crowd(self, world: World, organization: Organization) -> list[str]:
        names = [f"Person {number:02}" for number in range(7)]
        for name in names:
            world.person(organization, name=name)
        return names

    @pytest.mark.parametrize("size", [1, 3, 7, 8, 9])
    def test_following_the_link_gathers_everybody_once(self, admin: Caller, crowd: list[str], size: int):
        everybody = admin.pages(f"/people?max={size}")

        assert [one["displayName"] for one in everybody] == [*crowd, "Priya Raman"]

    @pytest.mark.usefixtures("crowd")
    def test_the_link_is_absolute_and_alone_in_one_header(self, admin: Caller):
        admin.get("/people?max=2")

        [link] = admin.response.headers.get_list("link")
        assert link.startswith("<http://localhost:8080/v1/people?cursor=")
        assert link.endswith('>; rel="next"')
        assert "," not in link

    @pytest.mark.usefixtures("crowd")
    def test_the_last_page_has_no_link(self, admin: Caller):
        admin.get("/people?max=8")

        assert "link" not in admin.response.headers

    @pytest.mark.usefixtures("crowd")
    def test_the_cursor_wins_over_everything_beside_it(self, admin: Caller):
        """Clients re-add and overwrite parameters on the next address."""
        admin.get("/people?max=2&displayName=Person")
        following = admin.response.links["next"]["url"]

        right = admin.get(following)
        beside = admin.get(f"{following}&max=null&max=7&displayName=Zoe+%00")

        assert beside == right
        assert [one["displayName"] for one in right["items"]] == ["Person 02", "Person 03"]
        assert len(admin.pages("/people?max=2&displayName=Person")) == 7

    @pytest.mark.parametrize(
        "cursor",
        [
            "nonsense",
            "%00",
            "%ff",
            "=",
            "e30",
            "W10",
            "Y3Vyc29yPQ",  # cursor=
            "Y3Vyc29yPW5vbnNlbnNl",  # cursor=nonsense
            "Y3Vyc29yPSVlZCVhMCU4MA",  # cursor=%ed%a0%80
            "Y3Vyc29yPVd5SmNkV1E0TURBaUxDSXpZakE0TldJNE1TMWtOVEpsTFRRMk9HVXRZVFV6TXkwMk1USXhPVGcwTnpSaFl6QWlYUQ",
            "x" * 5000,
        ],
    )
    def test_a_made_up_cursor_is_refused(self, admin: Caller, cursor: str):
        # The second to last holds a key of half a surrogate pair and an id.
        for path in ("/people", "/applications", "/serviceApps"):
            assert "cursor" in admin.get(f"{path}?cursor={cursor}", 400)["errors"][0]["description"]


class TestRefusals:
    def test_without_a_token_the_challenge_says_where_to_get_one(self, calling: Calling):
        """STD-02."""
        nobody = calling("")

        refused = nobody.get("/people/me", 401)

        assert refused["message"].startswith("The request requires a valid access token")
        challenge = nobody.response.headers["www-authenticate"]
        assert challenge.startswith('Bearer realm="Appanage"')
        assert (
            'resource_metadata="http://localhost:8080/.well-known/oauth-protected-resource/v1"' in challenge
        )
        assert "error=" not in challenge

    def test_a_missing_scope_is_named_in_the_challenge(self, world: World, calling: Calling):
        """STD-02."""
        narrow = calling(world.token(world.person(world.organization()), "spark:people_read"))

        refused = narrow.get("/roles", 403)

        assert refused["errors"] == [{"description": "Missing scope: spark-admin:roles_read."}]
        challenge = narrow.response.headers["www-authenticate"]
        assert 'error="insufficient_scope"' in challenge
        assert 'scope="spark-admin:roles_read"' in challenge

    @pytest.mark.parametrize(
        ("path", "options"),
        [
            ("/people", {"content": b"{", "headers": JSON}),
            ("/people", {"content": b"x", "headers": {"Content-Type": "text/plain"}}),
            ("/people", {"content": b"[" * 100_000, "headers": JSON}),
            ("/people", {"json": {"displayName": 7}}),
            ("/people?max=1&max=2", {"json": {}}),
            ("/people?cursor=nonsense", {"json": {}}),
            ("/applications", {"json": {"type": "bot"}}),
        ],
    )
    def test_who_may_not_call_learns_that_before_anything_about_the_request(
        self, world: World, calling: Calling, path: str, options: dict[str, Any]
    ):
        narrow = calling(world.token(world.person(world.organization()), "spark:organizations_read"))

        calling("").send("POST", path, 401, **options)
        calling("apn_pat_nonsense").send("POST", path, 401, **options)
        narrow.send("POST", path, 403, **options)

    def test_a_route_that_is_not_there_is_404_and_a_method_405(self, admin: Caller):
        admin.get("/nothing/here", 404)
        admin.delete("/organizations", 405)
        admin.send("PATCH", "/people/me", 405)
        assert "GET" in admin.response.headers["allow"]

    def test_head_is_answered_with_a_status_alone(self, client: TestClient):
        assert client.head("/v1/people").status_code == 405

    @pytest.mark.parametrize(
        "header",
        ["Basic abc", "Bearer", "Bearer ", "Bearer a b", "bearer", "Token x", "Bearer \u00e9", "Bearer x,y"],
    )
    def test_a_malformed_authorization_header_is_401(self, client: TestClient, header: str):
        """TOK-08."""
        response = client.get("/v1/people/me", headers=[(b"authorization", header.encode())])

        assert response.status_code == 401
        assert 'error="invalid_token"' in response.headers["www-authenticate"]

    def test_a_token_counts_in_the_header_only(self, world: World, client: TestClient):
        """TOK-08: not in the query, not in a body."""
        token = world.token(world.full_admin(world.organization()))

        assert client.get(f"/v1/people/me?access_token={token}").status_code == 401
        assert client.post("/v1/people", json={"access_token": token}).status_code == 401

    def test_too_many_requests_are_told_when_to_come_back(self, world: World, calling: Calling):
        """TEN-02: the limit is the verified account's."""
        greedy, other = world.person(world.organization()), world.person(world.organization())
        throttle = world.deployment.throttle
        for _ in range(world.deployment.settings.requests_per_minute):
            throttle.count_request(str(greedy.id))
        caller = calling(world.token(greedy))

        caller.get("/people/me", 429)

        assert 1 <= int(caller.response.headers["retry-after"]) <= 60
        calling(world.token(other)).get("/people/me")
