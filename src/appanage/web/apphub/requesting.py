"""Somebody who found an app asks the administrators of their organization for it."""

from collections.abc import Mapping

from starlette.responses import Response
from starlette.routing import Route

from appanage.apphub.model import Listing
from appanage.apps import queries as apps
from appanage.authorizations import requests
from appanage.kit.errors import Conflict, Invalid, NotPermitted
from appanage.kit.text import one_line
from appanage.web.apphub.visitors import address, listing_of, logo_of
from appanage.web.pages import Page, Pages
from appanage.web.visit import Visit, see_other


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route("/apps/{slug}/request", ask),
        pages.route("/apps/{slug}/request", request, methods=["POST"]),
    ]


def ask(visit: Visit) -> Page:
    return _page(visit, _requestable(visit))


def request(visit: Visit) -> Response | Page:
    """Hands the request over, or does what the organization's policy says of it; either way the page says which rule."""
    listing = _requestable(visit)
    message = _lines(visit.form.get("message"))
    try:
        asked = requests.request_for_organization(
            visit.tx,
            listing.app,
            by=visit.viewer,
            message=message,
            machine_domain=visit.deployment.settings.machine_domain,
        )
    except Invalid as invalid:
        return _page(visit, listing, message, invalid.fields, status=422)
    except (Conflict, NotPermitted) as refused:
        status = 409 if isinstance(refused, Conflict) else 403
        return _page(visit, listing, message, {"": refused.message}, status=status)
    settled = f"{listing.name} is authorized for {visit.viewer.organization.name}."
    waiting = f"Your request for {listing.name} is handed to your administrators."
    visit.tell(f"{settled if asked.authorization else waiting} {asked.verdict.sentence}")
    return see_other(address(listing))


def _requestable(visit: Visit) -> Listing:
    """For people who are signed in. Other apps than Service Apps nobody authorizes for others."""
    _ = visit.viewer
    listing = listing_of(visit)
    if not listing.app.is_service_app:
        raise apps.no_such_app()
    return listing


def _page(
    visit: Visit,
    listing: Listing,
    message: str = "",
    errors: Mapping[str, str] | None = None,
    *,
    status: int = 200,
) -> Page:
    return Page(
        "apphub/request.html",
        status=status,
        area="apphub",
        listing=listing,
        base=address(listing),
        logo=logo_of(listing),
        organization=visit.viewer.organization,
        message=message,
        errors=errors or {},
    )


def _lines(text: str) -> str:
    """What was typed, line by line, without control characters."""
    return "\n".join(one_line(line) for line in text.splitlines()).strip()
