"""The hand-off: how a browser leaves our pages for an address of the client (decision 0011)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from appanage.oauth import redirects
from appanage.oauth.responses import AuthorizationResponse, ResponseMode, location
from appanage.web.csp import KEEPS_OPENER, form_post_policy
from appanage.web.pages import Page
from appanage.web.visit import Visit


@dataclass(frozen=True, slots=True)
class Exit:
    """The way out to `url`: a link, or a form that posts `fields` (OAuth 2.0 Form Post Response Mode)."""

    url: str
    fields: Mapping[str, str] | None = None

    @property
    def host(self) -> str:
        return redirects.shown_host(self.url)

    @property
    def is_web(self) -> bool:
        return self.url.startswith(("https:", "http:"))


def exit_of(response: AuthorizationResponse) -> Exit:
    if response.mode is ResponseMode.FORM_POST:
        return Exit(response.redirect_uri, response.parameters)
    return Exit(location(response))


def hand_off(visit: Visit, way_out: Exit) -> Page:
    """Sends the browser on at once. The page is seen only where the browser does not go by itself."""
    headers = _form_post(visit.nonce) if way_out.fields else {"Refresh": f"0; url={way_out.url}"}
    return Page("oauth/handoff.html", kind="signin", headers=KEEPS_OPENER | headers, way_out=way_out)


def offer(template: str, way_out: Exit, *, status: int, **context: Any) -> Page:
    """A page from which the person may go to the client, when they have read it."""
    headers = KEEPS_OPENER | (_form_post() if way_out.fields else {})
    return Page(template, kind="signin", status=status, headers=headers, way_out=way_out, **context)


def _form_post(nonce: str = "") -> dict[str, str]:
    return {"Content-Security-Policy": form_post_policy(nonce)}
