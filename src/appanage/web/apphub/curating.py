"""What reviewers put in front, and how an app is taken out of the App Hub again."""

from collections.abc import Mapping

from starlette.responses import Response
from starlette.routing import Route

from appanage.apphub import catalogue
from appanage.apphub.model import Listing
from appanage.apphub.search import no_such_listing
from appanage.apps.queries import is_owner
from appanage.kit.errors import Conflict, Invalid
from appanage.kit.text import one_line
from appanage.web.apphub.visitors import address, listing_of, logo_of
from appanage.web.pages import Page, Pages
from appanage.web.visit import Visit, see_other


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route("/apps/{slug}/featured", feature, methods=["POST"]),
        pages.route("/apps/{slug}/removal", confirm),
        pages.route("/apps/{slug}/removal", remove, methods=["POST"]),
    ]


def feature(visit: Visit) -> Response:
    """For App Reviewers; to others the page does not exist."""
    _require(catalogue.is_reviewer(visit.viewer))
    listing, is_featured = listing_of(visit), visit.form.get("featured") == "true"
    catalogue.feature(visit.tx, listing, is_featured, by=visit.viewer)
    visit.tell(f"{listing.name} is featured." if is_featured else f"{listing.name} is not featured any more.")
    return see_other(address(listing))


def confirm(visit: Visit) -> Page:
    return _page(_removable(visit))


def remove(visit: Visit) -> Response | Page:
    listing, reason = _removable(visit), one_line(visit.form.get("reason"))
    try:
        catalogue.unlist(visit.tx, listing.app, by=visit.viewer, reason=reason)
    except Invalid as invalid:
        return _page(listing, reason, invalid.fields, status=422)
    except Conflict as conflict:
        return _page(listing, reason, {"": conflict.message}, status=409)
    visit.tell(f"{listing.name} is not in the App Hub any more.")
    return see_other("/apps")


def _removable(visit: Visit) -> Listing:
    """For the owners of the app and for App Reviewers, also while it is suspended."""
    viewer, listing = visit.viewer, listing_of(visit, hidden_too=True)
    _require(catalogue.is_reviewer(viewer) or is_owner(visit.tx, listing.app_id, viewer))
    return listing


def _require(is_open: bool) -> None:
    if not is_open:
        raise no_such_listing()


def _page(
    listing: Listing,
    reason: str = "",
    errors: Mapping[str, str] | None = None,
    *,
    status: int = 200,
) -> Page:
    return Page(
        "apphub/removal.html",
        status=status,
        area="apphub",
        listing=listing,
        base=address(listing),
        logo=logo_of(listing),
        reason=reason,
        errors=errors or {},
    )
