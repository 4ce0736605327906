"""Stories about apps that ask a person for access: an Integration, its request, the way out to it, a device."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from appanage.apps import queries as app_queries
from appanage.apps.model import App
from appanage.authorizations import consents, device_codes
from appanage.authorizations.model import Authorization, IntegrationRule, PolicyMode
from appanage.directory import queries as directory
from appanage.directory.model import Account, Organization
from appanage.kit.errors import Refused
from support.browser import Browser, Shown
from support.world import World

STATE = "state-6c1f"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # RFC 7636 appendix B


@dataclass(frozen=True)
class WayOut:
    """Where a hand-off page sends the browser, with the answer that it takes along."""

    address: str
    answer: dict[str, str]


def integration(
    world: World, organization: Organization | None = None, *, name: str = "Desk Booking", **draft: Any
) -> App:
    """An Integration, by default of an organization of its own."""
    developer = world.developer(organization) if organization else None
    return world.integration(developer, name=name, **draft).app


def parameters_for(app: App, **changes: str | None) -> dict[str, str]:
    """An authorization request of the app; a parameter that is None is left out."""
    usual = {
        "response_type": "code",
        "client_id": app.client_id,
        "redirect_uri": app.redirect_urls[0],
        "scope": " ".join(app.scopes),
        "state": STATE,
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in (usual | changes).items() if value is not None}


def ask(browser: Browser, app: App, *, status: int = 200, **changes: str | None) -> Shown:
    """The browser comes from the app; the page that it ends on."""
    return browser.get(f"/v1/authorize?{urlencode(parameters_for(app, **changes))}", status)


def allow(world: World, app: App, person: Account, *scopes: str) -> Authorization:
    """What the person allowed earlier."""
    with world.deployment.transaction(world.origin) as tx:
        found = app_queries.get_app(tx, app.id)
        by = directory.get_account(tx, person.organization_id, person.id)
        allowed = consents.allow(tx, found, by, scopes=scopes or app.scopes)
        assert not isinstance(allowed, Refused)
        return allowed


def block(world: World, app: App, organization: Organization) -> None:
    """The administrators of the organization do not let their people connect the app."""
    with world.deployment.transaction(world.origin) as tx:
        rule = IntegrationRule(
            organization_id=organization.id,
            app_id=app.id,
            mode=PolicyMode.BLOCK.value,
            decided_at=tx.now,
            decided_by_name="An administrator",
        )
        tx.add(rule)


def way_out_of(page: Shown) -> WayOut:
    """What a hand-off page does by itself; its link, or the form that it posts, leads to the same place."""
    forms = [form for form in page.forms() if form.get("data-hand-off") is not None]
    if forms:
        fields = {name: values[0] for name, values in page.values(forms[0]).items()}
        return WayOut(forms[0].get("action", ""), fields)
    url = page.response.headers["refresh"].removeprefix("0; url=")
    assert url in page.links()
    return read_answer(url)


def read_answer(url: str) -> WayOut:
    parts = urlsplit(url)
    return WayOut(parts._replace(query="").geturl(), dict(parse_qsl(parts.query)))


def offered_way_out(page: Shown) -> WayOut:
    """Where the one button of a page leads from which nobody is sent away."""
    assert "refresh" not in page.response.headers
    return read_answer(next(link for link in page.links() if not link.startswith("/")))


def show_code(
    world: World, app: App, *, address: str = "198.51.100.7", minutes: float = 5, **options: Any
) -> str:
    """A device begins; this is the code that it shows."""
    origin = replace(world.origin, address=address, user_agent="DeskPanel/2.1")
    with world.deployment.transaction(origin) as tx:
        begun = device_codes.begin(
            tx,
            app_queries.get_app(tx, app.id),
            scopes=app.scopes,
            resource=options.get("resource"),
            lifetime=timedelta(minutes=minutes),
        )
        return begun.user_code


def check_headers(page: Shown) -> None:
    """No script runs on the page, nobody frames it, and it tells nobody where it was (checklist AUTHZ-10)."""
    headers = page.response.headers
    assert page.all("script") == []
    assert "script-src" not in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"
