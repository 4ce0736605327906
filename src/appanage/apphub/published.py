"""What everybody sees of a listed app: the version that was approved last, and who stands behind it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import undefer

from appanage.apphub.content import Content, ListingFacts, PictureFacts
from appanage.apphub.model import Listing, ListingPicture, Submission
from appanage.apphub.search import no_such_listing
from appanage.apps.model import App
from appanage.apps.scopes import Scope, by_risk
from appanage.directory.domains import list_domains
from appanage.storage import Transaction


@dataclass(frozen=True, slots=True)
class Published:
    """A listing with the texts of its version. `domains` are those that are verified to be the publisher's.

    `scopes` are those that the app has now, the riskiest first: what was taken away since the review is gone here too.
    """

    listing: Listing
    facts: ListingFacts
    pictures: Sequence[PictureFacts]
    domains: Sequence[str]
    reviewed_at: datetime

    @property
    def app(self) -> App:
        return self.listing.app

    @property
    def scopes(self) -> list[Scope]:
        return [scope for riskiest_first in by_risk(self.app.scopes).values() for scope in riskiest_first]


def published(tx: Transaction, listing: Listing) -> Published:
    """All of it. The listing is one that is shown."""
    submission = tx.get_one(Submission, listing.submission_id)
    content = Content.read(submission.content)
    domains = [row.domain for row, _ in list_domains(tx, listing.app.organization)]
    reviewed_at = submission.decided_at or submission.submitted_at
    return Published(listing, content.listing, content.pictures, domains, reviewed_at)


def get_picture(tx: Transaction, listing: Listing, picture_id: uuid.UUID) -> ListingPicture:
    """A screenshot of the version that is shown; those of drafts and of other versions do not exist (checklist CONS-12)."""
    submission = tx.get_one(Submission, listing.submission_id)
    shown = {picture.id for picture in Content.read(submission.content).pictures}
    found = tx.get(ListingPicture, picture_id, options=[undefer(ListingPicture.content)])
    if found is None or found.id not in shown or found.app_id != listing.app_id:
        raise no_such_listing()
    return found
