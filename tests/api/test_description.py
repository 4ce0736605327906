"""The API's description of itself, from which client libraries are made."""

import json
import re
from typing import Any

import pytest
from starlette.testclient import TestClient


@pytest.fixture
def description(client: TestClient) -> dict[str, Any]:
    response = client.get("/v1/openapi.json")
    assert response.status_code == 200
    body: dict[str, Any] = response.json()
    return body


def operations(description: dict[str, Any]) -> dict[str, Any]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    }


def test_every_operation_says_what_it_does_in_which_family(description: dict[str, Any]):
    for name, operation in operations(description).items():
        assert operation["summary"], name
        assert operation["description"].endswith("."), name
        assert len(operation["tags"]) == 1, name


def test_operations_have_names_of_their_own(description: dict[str, Any]):
    names = [operation["operationId"] for operation in operations(description).values()]

    assert len(set(names)) == len(names)


def test_every_operation_names_its_scopes_and_its_refusals(description: dict[str, Any]):
    for name, operation in operations(description).items():
        is_public = name.startswith("GET /appHub/listings")  # what is listed, everybody may see
        assert bool(operation["security"]) != is_public, name
        # Any valid token may ask when it ends.
        needs_scope = name != "GET /authorizations/tokenExpiry"
        assert all(bool(one["bearer"]) == needs_scope for one in operation["security"]), name
        assert {"400", "401", "403", "404", "429", "default"} <= set(operation["responses"]), name
        assert "422" not in operation["responses"], name
    assert description["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


def test_the_token_operation_is_described_as_the_platform_has_it(description: dict[str, Any]):
    operation = operations(description)["POST /applications/{application_id}/token"]

    assert operation["security"] == [{"bearer": ["spark:applications_token"]}]
    assert description["servers"] == [{"url": "http://localhost:8080/v1"}]


@pytest.mark.parametrize(
    "name",
    ["POST /applications", "PUT /applications/{application_id}", "PATCH /applications/{application_id}"],
)
def test_an_app_is_described_as_json_and_as_a_form_with_its_logo(description: dict[str, Any], name: str):
    content = operations(description)[name]["requestBody"]["content"]
    form = content["multipart/form-data"]["schema"]

    assert set(content) == {"application/json", "multipart/form-data"}
    assert {"format": "binary", "type": "string"}.items() <= form["properties"]["logo"]["anyOf"][0].items()
    assert {"redirectUrls", "scopes", "botEmail"} < set(form["properties"])
    assert ("type" in form.get("required", [])) == (name == "POST /applications")


def test_every_reference_leads_somewhere(description: dict[str, Any]):
    known = description["components"]["schemas"]
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(description)))

    assert named <= set(known)
    assert "$defs" not in json.dumps(description)
