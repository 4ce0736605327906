"""The page of one app, with all that helps to decide on it."""

import hmac
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from appanage.apphub.catalogue import is_reviewer
from appanage.apphub.model import Listing
from appanage.apphub.published import Published, get_picture, published
from appanage.apphub.search import no_such_listing
from appanage.apphub.text import render_markdown
from appanage.apphub.vocabulary import CATEGORIES, INDUSTRIES, LANGUAGES
from appanage.apps.model import AppKind
from appanage.apps.queries import is_owner
from appanage.authorizations import queries as authorizations
from appanage.authorizations import request_queries
from appanage.authorizations.model import AuthorizationRequest
from appanage.directory.model import Account
from appanage.directory.roles import Role
from appanage.kit.ids import parse_uuid
from appanage.storage import Transaction
from appanage.web.apphub.visitors import address, listing_of, logo_of
from appanage.web.pages import Page, Pages
from appanage.web.portal.kinds import LABELS
from appanage.web.visit import Visit

Link = tuple[str, str]

_FOR_EVER = "public, max-age=31536000, immutable"


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route("/apps/{slug}", show),
        pages.route("/apps/{slug}/pictures/{id}", show_picture),
    ]


@dataclass(frozen=True, slots=True)
class Ways:
    """What this visitor can do about the app. Nobody needs an account to look at it."""

    listing: Listing
    shown: Published
    viewer: Account | None
    is_authorized: bool = False
    asked: AuthorizationRequest | None = None

    @classmethod
    def of(cls, tx: Transaction, listing: Listing, shown: Published, viewer: Account | None) -> "Ways":
        """With what this visitor's organization decided, and what they asked of it themselves."""
        app = listing.app
        if viewer is None or not app.is_service_app:
            return cls(listing, shown, viewer)
        authorization = authorizations.find_of_organization(tx, app, viewer.organization_id)
        asked = request_queries.find_of_asker(tx, app, viewer.organization_id, viewer)
        return cls(listing, shown, viewer, authorization is not None, asked)

    @property
    def is_for_organizations(self) -> bool:
        return self.listing.app.is_service_app

    @property
    def can_decide(self) -> bool:
        """Administrators are led to the decision itself."""
        return self.is_for_organizations and self._has_control_hub and self._viewer_is(Role.FULL_ADMIN)

    @property
    def can_request(self) -> bool:
        """Everybody else asks them; who is not signed in signs in first. What is authorized nobody asks for."""
        is_open = self.is_for_organizations and not self.is_authorized
        return is_open and not self.can_decide and not self.needs_sandbox and not self.is_waiting

    @property
    def is_waiting(self) -> bool:
        """This visitor asked already, and nobody has decided."""
        return self.asked is not None and self.asked.is_open and not self.is_authorized

    @property
    def needs_sandbox(self) -> bool:
        """A free organization has no administrators who could decide."""
        return self.is_for_organizations and self.viewer is not None and not self._has_control_hub

    @property
    def landing_url(self) -> str | None:
        """Where an app that people connect for themselves begins."""
        return None if self.is_for_organizations else self.shown.facts.landing_url

    @property
    def _has_control_hub(self) -> bool:
        return self.viewer is not None and not self.viewer.organization.is_free

    def _viewer_is(self, role: Role) -> bool:
        return self.viewer is not None and role in self.viewer.roles


def show(visit: Visit) -> Page:
    listing = listing_of(visit)
    viewer = visit.session.account if visit.session else None
    shown = published(visit.tx, listing)
    return Page(
        "apphub/listing.html",
        area="apphub",
        listing=listing,
        shown=shown,
        ways=Ways.of(visit.tx, listing, shown, viewer),
        base=address(listing),
        logo=logo_of(listing),
        kind_of_app=LABELS[AppKind(listing.kind)],
        description=render_markdown(listing.description),
        scopes=_scopes(shown),
        pictures=[(one, f"{address(listing)}/pictures/{one.id}?v={one.digest}") for one in shown.pictures],
        categories=[(CATEGORIES[one], f"/apps?category={one}") for one in listing.categories],
        industry=INDUSTRIES[listing.industry],
        tags=[(tag, f"/apps?{urlencode({'tag': tag})}") for tag in listing.tags],
        languages=[LANGUAGES[one] for one in listing.languages],
        links=_links(shown),
        is_reviewer=viewer is not None and is_reviewer(viewer),
        may_remove=viewer is not None and (is_reviewer(viewer) or is_owner(visit.tx, listing.app_id, viewer)),
    )


def show_picture(visit: Visit) -> Response:
    """Kept for ever by everybody: the address names the content. Another digest than the picture's names nothing."""
    listing = listing_of(visit)
    picture_id = parse_uuid(visit.parameters["id"])
    if picture_id is None:
        raise no_such_listing()
    picture = get_picture(visit.tx, listing, picture_id)
    if not hmac.compare_digest(visit.text("v").encode(), picture.digest.encode()):
        raise no_such_listing()
    headers = {
        "ETag": f'"{picture.digest}"',
        "Cache-Control": _FOR_EVER,
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    return Response(picture.content, media_type=picture.media_type, headers=headers)


def _scopes(shown: Published) -> list[dict[str, str]]:
    """As the component for scopes takes them."""
    reasons = shown.app.scope_reasons
    return [
        {
            "id": scope.name,
            "text": scope.title,
            "risk": scope.risk.value,
            "can": scope.consequence,
            "why": reasons.get(scope.name, ""),
        }
        for scope in shown.scopes
    ]


def _links(shown: Published) -> list[Link]:
    facts = shown.facts
    all_links = [
        ("Website", facts.landing_url),
        ("Video", facts.video_url),
        ("Support", facts.support_url),
        ("Privacy", facts.privacy_url),
    ]
    return [(label, url) for label, url in all_links if url]
