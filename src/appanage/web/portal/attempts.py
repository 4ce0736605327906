"""One run of an Integration's authorization request against our own page: what the client has to remember of it."""

import secrets
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from hmac import compare_digest
from typing import Any

from appanage.apps.model import App
from appanage.kit.ids import parse_uuid
from appanage.oauth import pkce
from appanage.oauth.scopes import format_scope
from appanage.web.visit import Visit

PATH = "/portal/try"
KIND = "attempt"
SHOWN = 14  # characters of a code: its prefix and enough to tell it from another


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request that was begun in this browser, and the code that came back for it."""

    app_id: str
    state: str
    verifier: str
    nonce: str
    code: str = ""
    issuer: str = ""  # as the answer names it (RFC 9207)

    @property
    def challenge(self) -> str:
        return pkce.challenge_of(self.verifier)

    @property
    def shown_code(self) -> str:
        return f"{self.code[:SHOWN]}…"


def test_url(visit: Visit) -> str:
    """The redirect URL that stands in for the app's own."""
    return visit.deployment.settings.base_url + PATH


def begin(app: App) -> Attempt:
    state, nonce = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    return Attempt(str(app.id), state, secrets.token_urlsafe(48), nonce)


def keep(visit: Visit, attempt: Attempt) -> str:
    """Keeps it for the next page of this browser; returns the name under which that page finds it."""
    return str(visit.keep_secret({KIND: asdict(attempt)}))


def take(visit: Visit, name: str) -> Attempt | None:
    """What was kept, once. None in another browser, after ten minutes, and after the person signed in again."""
    kept: Mapping[str, Any] = visit.take_secret(name) or {}
    return Attempt(**kept[KIND]) if KIND in kept else None


def state_of(name: str, attempt: Attempt) -> str:
    """The `state` of the request: where to look, and what to compare (RFC 9700 §4.7)."""
    return f"{name}.{attempt.state}"


def answered(visit: Visit, state: str) -> Attempt | None:
    """The attempt that an answer with this `state` belongs to; None for what was not begun here."""
    name, _, proof = state.partition(".")
    attempt = take(visit, name) if parse_uuid(name) else None
    if attempt is None or not compare_digest(attempt.state.encode(), proof.encode()):
        return None
    return replace(attempt, code=visit.query.get("code", ""), issuer=visit.query.get("iss", ""))


def parameters_for(
    app: App, attempt: Attempt, name: str, *, redirect_url: str, scopes: Collection[str], asks_again: bool
) -> dict[str, str]:
    """The authorization request (RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID Connect Core §3.1.2.1)."""
    parameters = {
        "client_id": app.client_id,
        "response_type": "code",
        "redirect_uri": redirect_url,
        "scope": format_scope(scopes),
        "state": state_of(name, attempt),
        "code_challenge": attempt.challenge,
        "code_challenge_method": pkce.S256,
    }
    if "openid" in scopes:
        parameters["nonce"] = attempt.nonce
    return parameters | ({"prompt": "consent"} if asks_again else {})
