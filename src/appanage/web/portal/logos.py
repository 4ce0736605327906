"""The picture of an app, for everybody who may see the app."""

from starlette.responses import Response
from starlette.routing import Route

from appanage.apphub.model import ListingPicture
from appanage.apps import queries as apps
from appanage.apps.model import App, AppLogo, ProposedLogo
from appanage.authorizations.decisions import get_visible_app
from appanage.kit.errors import NotFound
from appanage.web.pages import Pages
from appanage.web.visit import Visit


def routes(pages: Pages) -> list[Route]:
    return [pages.route("/portal/apps/{id}/logo", show)]


def show(visit: Visit) -> Response:
    """For its owners and the administrators who may decide on it; kept for ever when the address names the content."""
    app = _get_seen(visit)
    logo = apps.find_logo(visit.tx, app.id)
    if logo is None:
        raise NotFound(f"{app.name} has no logo.")
    return picture(logo, digest=app.logo_digest, is_named=visit.text("v") == app.logo_digest)


def _get_seen(visit: Visit) -> App:
    try:
        return apps.get_owned(visit.tx, visit.viewer, visit.id())
    except NotFound:
        return get_visible_app(visit.tx, visit.viewer, visit.id())


def picture(logo: AppLogo | ProposedLogo | ListingPicture, *, digest: str | None, is_named: bool) -> Response:
    """`digest` names the content; an address that does so too is kept for ever."""
    headers = {
        "ETag": f'"{digest}"',
        "Cache-Control": "private, max-age=31536000, immutable" if is_named else "private, no-cache",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    return Response(logo.content, media_type=logo.media_type, headers=headers)
