"""The address to which an Integration sends people, ready to be copied."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from appanage.apps.model import App
from appanage.settings import Settings

STATE = "set_state_here"


@dataclass(frozen=True, slots=True)
class AuthorizationUrl:
    """An authorization request for all scopes of an app (RFC 6749 §4.1.1), but for what must be fresh every time.

    That is the state, for which a placeholder stands, and with `needs_pkce` the code challenge.
    """

    url: str
    redirect_url: str
    needs_pkce: bool
    must_be_pushed: bool

    @classmethod
    def of(cls, settings: Settings, app: App, wanted: str | None = None) -> "AuthorizationUrl":
        """For the redirect URL that is wanted if it is one of the app's, else for the first."""
        redirect_url = next((url for url in app.redirect_urls if url == wanted), app.redirect_urls[0])
        parameters = {
            "client_id": app.client_id,
            "response_type": "code",
            "redirect_uri": redirect_url,
            "scope": " ".join(app.scopes),
            "state": STATE,
        }
        url = with_parameters(f"{settings.issuer}/authorize", parameters)
        return cls(url, redirect_url, needs_pkce(settings, app), app.pushes_requests)


def needs_pkce(settings: Settings, app: App) -> bool:
    """Of whom PKCE is required: public clients, and everybody in strict mode (RFC 9700 §2.1.1)."""
    return app.is_public or app.is_strict or settings.strict


def with_parameters(url: str, parameters: Mapping[str, str]) -> str:
    """Percent-encoded all through, a blank as %20: some servers and people take + for a plus."""
    return f"{url}?{urlencode(parameters, quote_via=quote, safe='')}"
