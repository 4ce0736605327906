"""The administrator's token, with which apps are made where they are made through the API only.

Elsewhere on the platform administrators dig such a token out of the storage of their browser (reference §3.1).
"""

from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from appanage.kit.errors import Conflict
from appanage.kit.spans import span
from appanage.web.account import personal_tokens
from appanage.web.account.personal_tokens import longest_life, make_token, taken_token
from appanage.web.controlhub.access import Ability, enter
from appanage.web.pages import Page, Pages
from appanage.web.visit import Visit, see_other

ADDRESS = "/hub/administrator-token"
LABEL = "Control Hub"


def routes(pages: Pages) -> list[Route]:
    """None where apps are made in the portal."""
    if not pages.settings.rules.by_administrators:
        return []
    return [
        pages.route(ADDRESS, show),
        pages.route(ADDRESS, make, methods=["POST"]),
        pages.route(f"{ADDRESS}/created", show_created),
    ]


def show(visit: Visit) -> Page:
    return _page(visit, "show")


def make(visit: Visit) -> Response | Page:
    """A token as strong as its administrator, for as long as there may be one (checklist SES-07)."""
    enter(visit, Ability.GET_TOKEN)
    try:
        address = make_token(visit, lifetime=longest_life(visit), label=LABEL, shown_at=ADDRESS)
    except Conflict as conflict:
        return _page(visit, "show", problem=conflict.message, status=409)
    return see_other(address)


def show_created(visit: Visit) -> Page:
    """The token, once; a reload says that it was shown."""
    return _page(visit, "created", kind="secret", token=taken_token(visit))


def _page(visit: Visit, name: str, *, problem: str = "", **context: Any) -> Page:
    viewer, settings = enter(visit, Ability.GET_TOKEN), visit.deployment.settings
    return Page(
        f"controlhub/administratortoken/{name}.html",
        area="hub",
        here="administrator-token",
        address=ADDRESS,
        account_tokens=personal_tokens.LIST,
        problem=problem,
        lifetime=span(longest_life(visit)),
        base_url=settings.base_url,
        bot_domain=settings.bot_domain,
        contact=viewer.email,
        organization=viewer.organization,
        **context,
    )
