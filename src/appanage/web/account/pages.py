"""A person's own pages."""

from starlette.responses import Response
from starlette.routing import Route

from appanage.web.pages import Page, Pages
from appanage.web.visit import Visit, local_path, see_other

THEMES = {"", "light", "dark"}


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route("/account", show),
        pages.route("/account/theme", set_theme, methods=["POST"]),
    ]


def show(visit: Visit) -> Page:
    return Page("account/show.html", area="account", account=visit.viewer)


def set_theme(visit: Visit) -> Response:
    """Remembers light, dark, or what the browser prefers."""
    theme = visit.form.get("theme")
    visit.browser.theme = theme if theme in THEMES else ""
    return see_other(local_path(visit.form.get("next")))
