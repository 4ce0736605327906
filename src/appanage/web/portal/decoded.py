"""What tokens say, for people: each claim with its value and its meaning. Never the tokens themselves (checklist TOK-17)."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from appanage.kit.secrets import Secret
from appanage.web.rendering import date_and_time

MEANINGS = {
    "iss": "Who issued it",
    "aud": "For whom it is meant",
    "sub": "The account that it speaks for",
    "client_id": "The app that it was issued to",
    "org": "The organization of the account",
    "realm": "The organization again, where some client libraries look for it",
    "azn": "The authorization that it hangs on: it dies with that",
    "fam": "The refresh token that it came with: it dies with that, too",
    "scope": "What it permits",
    "iat": "When it was issued",
    "exp": "When it ends",
    "jti": "Its own id",
    "cnf": "The key without which it is worthless (DPoP)",
    "auth_time": "When the person signed in",
    "nonce": "Repeats the nonce of the request",
    "at_hash": "Ties it to the access token beside it",
    "sid": "The browser session that the person signed in with",
}
TIMES = frozenset({"iat", "exp", "auth_time"})


@dataclass(frozen=True, slots=True)
class Claim:
    name: str
    value: str
    meaning: str


def claims_in(token: Secret) -> list[Claim]:
    """The claims of a token that was issued here a moment ago, which is why nothing of it is verified."""
    payload = token.reveal().split(".")[1]
    found: Mapping[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return [Claim(name, _shown(name, value), MEANINGS.get(name, "")) for name, value in found.items()]


def _shown(name: str, value: object) -> str:
    if name in TIMES and isinstance(value, int):
        return f"{value} ({date_and_time(datetime.fromtimestamp(value, UTC))})"
    return value if isinstance(value, str) else json.dumps(value)
