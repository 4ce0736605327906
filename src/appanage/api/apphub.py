"""The App Hub (an extension): listed apps, for everybody, with or without a token; what is featured is for reviewers.

Looking needs no token, and one that is sent is not looked at: what is listed is the same for everybody. Who looks too often
from one place is told to wait. Featuring is a personal act of an App Reviewer of the operator.
"""

import uuid
from typing import Annotated

from fastapi import Query, Response

from appanage.api.app_bodies import NAMES, TYPES, AppType, public_id
from appanage.api.call import Call, anybody, needs
from appanage.api.owned_apps import decode_app_id
from appanage.api.schemas import Body, Items, Line, PageQuery, Text, Time, link_next, new_router
from appanage.apphub import catalogue
from appanage.apphub.model import Listing
from appanage.apphub.published import Published, published
from appanage.apphub.search import ListingFilter, get_listing, no_such_listing, search
from appanage.apps.model import AppKind
from appanage.apps.queries import is_owner
from appanage.kit.errors import NotFound
from appanage.kit.ids import Kind

router = new_router("App Hub")

Anybody = Annotated[Call, anybody()]
Reviewer = Annotated[Call, needs("spark:all", person=True, own_act=True)]


class ListingsQuery(PageQuery):
    """Which apps: with all words of `search`, of which the last may be a beginning, and with every other mark."""

    search: Line = ""
    category: Line | None = None
    tag: Line | None = None
    language: Line | None = None
    featured: bool | None = None
    type: AppType | None = None

    @property
    def wanted(self) -> ListingFilter:
        kind = TYPES[self.type].value if self.type else None
        return ListingFilter(self.search, self.category, self.tag, self.language, self.featured, kind)


class ListingBody(Body):
    """A listed app among others. `friendlyId` is its place in the addresses of the App Hub and never changes."""

    id: str
    friendly_id: str
    type: str
    name: str
    company_name: str
    tagline: str
    categories: list[str]
    tags: list[str]
    industry: str
    languages: list[str]
    is_featured: bool
    logo: str | None
    url: str
    listed: Time
    last_updated: Time


class ListedScopeBody(Body):
    """What the app may do, in plain words, with what it could do in wrong hands and why its developer asks for it."""

    name: str
    title: str
    consequence: str
    risk: str
    reason: str | None


class ScreenshotBody(Body):
    url: str
    alternative_text: str
    width: int
    height: int


class WholeListingBody(ListingBody):
    """All that is said of a listed app. `description` is Markdown; `verifiedDomains` are the publisher's."""

    org_id: str
    org_name: str
    verified_domains: list[str]
    description: Text
    screenshots: list[ScreenshotBody]
    landing_url: str | None
    video_url: str | None
    support_url: str | None
    privacy_url: str | None
    contact_email: str | None
    scopes: list[ListedScopeBody]
    reviewed: Time


class FeaturedInput(Body):
    """Whether the app is among the first that people see."""

    featured: bool


@router.get("/appHub/listings")
def list_listings(
    call: Anybody, response: Response, query: Annotated[ListingsQuery, Query()]
) -> Items[ListingBody]:
    """Listed apps: with words the best match first, else by name."""
    page = search(call.tx, query.wanted, query.page)
    link_next(call, response, page)
    return Items(items=[ListingBody(**_facts(call, one)) for one in page.items])


@router.get("/appHub/listings/{listing_id}")
def get_one_listing(call: Anybody, listing_id: str) -> WholeListingBody:
    """One of them, by the id of the app or by its `friendlyId`."""
    return _whole(call, published(call.tx, _listing(call, listing_id)))


@router.put("/appHub/listings/{listing_id}/featured")
def set_featured(call: Reviewer, listing_id: str, wanted: FeaturedInput) -> ListingBody:
    """Puts the app among the featured ones, or takes it from them. A repeat is harmless."""
    listing = _listing(call, listing_id)
    _require_reviewer(call)
    catalogue.feature(call.tx, listing, wanted.featured, by=call.account)
    return ListingBody(**_facts(call, listing))


@router.delete("/appHub/listings/{listing_id}", status_code=204)
def remove_listing(call: Reviewer, listing_id: str, reason: Annotated[Line, Query()] = "") -> None:
    """Takes an app out of the App Hub, for its owners and for reviewers. What was authorized stays authorized."""
    listing = get_listing(call.tx, _app_id(call, listing_id) or listing_id, hidden_too=True)
    if not is_owner(call.tx, listing.app_id, call.account):
        _require_reviewer(call)
    catalogue.unlist(call.tx, listing.app, by=call.account, reason=reason)


def _require_reviewer(call: Call) -> None:
    """To everybody else there is nothing here that could be changed."""
    if not catalogue.is_reviewer(call.account):
        raise no_such_listing()


def _listing(call: Call, key: str) -> Listing:
    """By an app's id in any of its forms, else by address. What is not shown is the same 404 (checklist CONS-12)."""
    return get_listing(call.tx, _app_id(call, key) or key)


def _app_id(call: Call, key: str) -> uuid.UUID | None:
    """None for a key that is no app's id, whether there is such an app or not."""
    try:
        return decode_app_id(call, key)
    except NotFound:
        return None


def _facts(call: Call, listing: Listing) -> dict[str, object]:
    base = call.deployment.settings.base_url
    app = listing.app
    return {
        "id": public_id(call, app),
        "friendly_id": listing.slug,
        "type": NAMES[AppKind(listing.kind)],
        "name": listing.name,
        "company_name": listing.company_name,
        "tagline": listing.tagline,
        "categories": listing.categories,
        "tags": listing.tags,
        "industry": listing.industry,
        "languages": listing.languages,
        "is_featured": listing.is_featured,
        "logo": f"{base}/oauth/apps/{app.id}/logo?v={app.logo_digest}" if app.logo_digest else None,
        "url": f"{base}/apps/{listing.slug}",
        "listed": listing.listed_at,
        "last_updated": listing.updated_at,
    }


def _whole(call: Call, shown: Published) -> WholeListingBody:
    facts, listing = shown.facts, shown.listing
    pictures = f"{call.deployment.settings.base_url}/apps/{listing.slug}/pictures"
    return WholeListingBody.model_validate(
        _facts(call, listing)
        | {
            "org_id": call.ids.encode(Kind.ORGANIZATION, shown.app.organization_id),
            "org_name": shown.app.organization.name,
            "verified_domains": list(shown.domains),
            "description": listing.description,
            "screenshots": [
                ScreenshotBody(
                    url=f"{pictures}/{one.id}?v={one.digest}",
                    alternative_text=one.alternative,
                    width=one.width,
                    height=one.height,
                )
                for one in shown.pictures
            ],
            "landing_url": facts.landing_url,
            "video_url": facts.video_url,
            "support_url": facts.support_url,
            "privacy_url": facts.privacy_url,
            "contact_email": facts.contact_email or None,
            "scopes": _scopes(shown),
            "reviewed": shown.reviewed_at,
        }
    )


def _scopes(shown: Published) -> list[ListedScopeBody]:
    reasons = shown.app.scope_reasons
    return [
        ListedScopeBody(
            name=scope.name,
            title=scope.title,
            consequence=scope.consequence,
            risk=scope.risk.value,
            reason=reasons.get(scope.name),
        )
        for scope in shown.scopes
    ]
