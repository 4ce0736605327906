"""The picture of an app, for whoever was shown a page with it."""

import hmac

from starlette.responses import Response
from starlette.routing import Route

from appanage.apps import queries as apps
from appanage.web.pages import Pages
from appanage.web.portal.logos import picture
from appanage.web.visit import Visit


def routes(pages: Pages) -> list[Route]:
    return [pages.route("/oauth/apps/{id}/logo", show)]


def show(visit: Visit) -> Response:
    """The digest in the address is what only a page with the picture tells: nobody finds an app by its id (CONS-12)."""
    app = apps.get_app(visit.tx, visit.id())
    logo = apps.find_logo(visit.tx, app.id)
    if logo is None or not hmac.compare_digest(visit.text("v").encode(), (app.logo_digest or "").encode()):
        raise apps.no_such_app()
    return picture(logo, digest=app.logo_digest, is_named=True)
