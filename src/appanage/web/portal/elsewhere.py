"""Where apps are made by administrators through the API: the wizards' addresses lead nowhere, and say where to go."""

from starlette.routing import Route

from appanage.kit.errors import NotFound
from appanage.web.pages import Page, Pages
from appanage.web.visit import Visit


def routes(pages: Pages) -> list[Route]:
    return [pages.route("/portal/apps/new{step:path}", nowhere)]


def nowhere(visit: Visit) -> Page:
    """Always the refusal."""
    hub = visit.deployment.settings.brand.hub
    raise NotFound(
        "Apps are not created on a page here. A Full Administrator of your organization creates them through the API, "
        f"with a token from {hub} › Administrator token."
    )
