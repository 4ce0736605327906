"""Holds answers against the vendor's own schemas, and refusals against the platform's error body."""

import json
import re
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from httpx2 import Response
from jsonschema import Draft202012Validator

FOLDER = Path(__file__).parent / "openapi"

TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"}
CORRECTIONS: Mapping[str, Mapping[str, Any]] = {
    "invitePending": {"type": "boolean"},  # the documents say a string of "true" and "false"
    "loginEnabled": {"type": "boolean"},
    "timeZone": {"type": "string"},  # `timezone` in the documents, not so in the live service
    "adminRoles": {
        "type": "array",
        "items": {"type": "string"},
    },  # there are more roles than the listed three
    "created": TIME,  # clients insist on the fraction and the Z, which the documents only show
    "lastModified": TIME,
}
EXTENSIONS: Mapping[str, Mapping[str, Any]] = {
    "accountType": {"enum": ["person", "machine", "bot"]},
    "applicationId": {"type": "string"},
    "actorType": {"type": "string"},
    "details": {"type": "object"},
    "scope": {"type": "string"},
}
TRACKING_ID = re.compile(r"APN_[0-9A-F-]{36}")


def check_answer(operation: str, body: Any) -> None:
    """Raises unless the body is what the vendor's schema says, corrected, and has no field that nobody knows."""
    Draft202012Validator(_schemas()[operation]).validate(body)


def check_refusal(response: Response) -> None:
    """The form of every refusal (platform reference §4.2)."""
    body = response.json()
    assert set(body) == {"message", "errors", "trackingId"}
    assert body["message"]
    assert body["errors"]
    assert all(set(one) == {"description"} and one["description"] for one in body["errors"])
    assert TRACKING_ID.fullmatch(body["trackingId"])
    assert response.headers["trackingid"] == body["trackingId"]
    assert response.headers["content-type"].startswith("application/json")
    assert ("www-authenticate" in response.headers) >= (response.status_code == 401)
    assert ("retry-after" in response.headers) >= (response.status_code == 429)


@cache
def _schemas() -> dict[str, Any]:
    files = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))]
    return {operation: _strict(schema) for file in files for operation, schema in file.items()}


def _strict(schema: Any) -> Any:
    """The schema with the corrections and extensions in it, closed against every other field."""
    if not isinstance(schema, dict):
        return schema
    made = {name: _strict(part) for name, part in deepcopy(schema).items()}
    if "properties" in made:
        known = {name: _strict(CORRECTIONS.get(name, part)) for name, part in schema["properties"].items()}
        if "timezone" in known:
            known["timeZone"] = CORRECTIONS["timeZone"]
            del known["timezone"]
        made["properties"] = known | dict(EXTENSIONS)
        made["additionalProperties"] = False
    return made
