"""The catalogue: every listed app, to be searched and looked through."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.routing import Route

from appanage.apphub.model import Listing
from appanage.apphub.search import Facets, ListingFilter, facets, list_featured, search
from appanage.apphub.vocabulary import CATEGORIES, LANGUAGES
from appanage.apps.model import AppKind
from appanage.web.apphub.visitors import address, count_visit, logo_of
from appanage.web.controlhub.lists import Turns
from appanage.web.pages import Page, Pages
from appanage.web.portal.kinds import LABELS
from appanage.web.visit import Visit

ROWS = 24  # full rows of two, three and four tiles
_FEATURED = 6
_NOT_TO_BE_INDEXED = {"X-Robots-Tag": "noindex, follow"}
"""Of lists there is one for every search; search engines take the apps' own pages."""


def routes(pages: Pages) -> list[Route]:
    return [pages.route("/apps", show)]


@dataclass(frozen=True, slots=True)
class Tile:
    """An app among others."""

    listing: Listing

    @property
    def href(self) -> str:
        return address(self.listing)

    @property
    def logo(self) -> str | None:
        return logo_of(self.listing)

    @property
    def badges(self) -> list[tuple[str, str]]:
        categories = [(CATEGORIES[one], "") for one in self.listing.categories if one in CATEGORIES]
        return [(LABELS[AppKind(self.listing.kind)], ""), *categories]


def show(visit: Visit) -> Page:
    """Without filters the featured apps come first."""
    count_visit(visit)
    wanted = _filter(visit)
    is_beginning = wanted == ListingFilter() and not visit.query.get("cursor")
    page = search(visit.tx, wanted, visit.page_request(ROWS))
    found = facets(visit.tx, wanted)
    return Page(
        "apphub/catalogue.html",
        area="apphub",
        headers={} if is_beginning else _NOT_TO_BE_INDEXED,
        wanted=wanted,
        is_beginning=is_beginning,
        featured=_tiles(list_featured(visit.tx, _FEATURED)) if is_beginning else [],
        tiles=_tiles(page.items),
        found=found,
        categories=_categories(visit, found),
        tags=[(tag, visit.with_query(tag=tag, cursor=None)) for tag in found.tags],
        without_tag=visit.with_query(tag=None, cursor=None),
        kinds=[("", "Every type"), *((kind.value, label) for kind, label in LABELS.items())],
        languages=[("", "Every language"), *LANGUAGES.items()],
        every_category=CATEGORIES,
        turns=Turns.of(visit, page),
    )


def _filter(visit: Visit) -> ListingFilter:
    return ListingFilter(
        search=visit.text("search"),
        category=visit.text("category") or None,
        tag=visit.text("tag") or None,
        language=visit.text("language") or None,
        featured=True if visit.text("featured") == "true" else None,
        kind=visit.text("kind") or None,
    )


def _tiles(listings: Sequence[Listing]) -> list[Tile]:
    return [Tile(listing) for listing in listings]


def _categories(visit: Visit, found: Facets) -> list[tuple[str, str, str, int]]:
    """Key, name, address and how many of what was found: all of them without a search, else those that have any."""
    return [
        (key, name, visit.with_query(category=key, cursor=None), found.categories.get(key, 0))
        for key, name in CATEGORIES.items()
        if not found.categories or key in found.categories
    ]
