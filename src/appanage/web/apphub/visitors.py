"""Who looks at the App Hub: anybody, but nobody so often that others have to wait."""

from appanage.apphub.model import Listing
from appanage.apphub.search import get_listing
from appanage.web.visit import Visit


def count_visit(visit: Visit) -> None:
    """Raises TooMany, by account where somebody is signed in, else by where the visit comes from."""
    throttle = visit.deployment.throttle
    if visit.session is None:
        throttle.count_visit(visit.origin.address)
    else:
        throttle.count_request(str(visit.session.account.id))


def listing_of(visit: Visit, *, hidden_too: bool = False) -> Listing:
    """The listing in the path. What is not shown does not exist (checklist CONS-12)."""
    count_visit(visit)
    return get_listing(visit.tx, visit.parameters["slug"], hidden_too=hidden_too)


def address(listing: Listing) -> str:
    return f"/apps/{listing.slug}"


def logo_of(listing: Listing) -> str | None:
    """Named by its content, so that a browser asks once; None means initials."""
    app = listing.app
    return f"/oauth/apps/{app.id}/logo?v={app.logo_digest}" if app.logo_digest else None
