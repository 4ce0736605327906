"""Takes the answers of the operations that we implement out of the vendor's OpenAPI documents.

Run by hand when operations are added: `python extract.py FOLDER-OF-THE-DOCUMENTS`.
"""

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DOCUMENT = "webex-admin.json"
OPERATIONS = {
    "people": [
        "GET /people",
        "GET /people/me",
        "GET /people/{personId}",
        "POST /people",
        "PUT /people/{personId}",
    ],
    "organizations": ["GET /organizations", "GET /organizations/{orgId}"],
    "roles": ["GET /roles", "GET /roles/{roleId}"],
    "licenses": ["GET /licenses", "GET /licenses/{licenseId}"],
    "admin_audit": ["GET /adminAudit/events", "GET /adminAudit/eventCategories"],
    "authorizations": ["GET /authorizations", "GET /authorizations/tokenExpiry"],
    "applications": ["POST /applications/{applicationId}/token"],
}


def extract(folder: Path) -> None:
    document = json.loads((folder / DOCUMENT).read_text(encoding="utf-8"))
    for family, operations in OPERATIONS.items():
        answers = {operation: answer_of(document, operation) for operation in operations}
        text = json.dumps(answers, indent=1, sort_keys=True)
        (HERE / f"{family}.json").write_text(text + "\n", encoding="utf-8")


def answer_of(document: dict[str, Any], operation: str) -> Any:
    method, path = operation.split(" ")
    responses = document["paths"][path][method.lower()]["responses"]
    return resolved(document, responses["200"]["content"]["application/json"]["schema"])


def resolved(document: dict[str, Any], part: Any) -> Any:
    """The schema without references and examples."""
    if isinstance(part, list):
        return [resolved(document, one) for one in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return resolved(document, document["components"]["schemas"][part["$ref"].rpartition("/")[2]])
    return {name: resolved(document, one) for name, one in part.items() if name != "example"}


if __name__ == "__main__":
    extract(Path(sys.argv[1]))
