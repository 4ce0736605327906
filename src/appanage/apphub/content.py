"""What a submission holds: all that is reviewed and then shown, as it was when it was handed in.

As JSON: `{"app": …, "listing": …, "pictures": […]}`. `app` are the reviewed facts of the app (`apps.versions`), the other
two are written and read here alone.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appanage.apphub.model import ListingPicture


@dataclass(frozen=True, slots=True)
class ListingFacts:
    """What a developer says about an app for the App Hub, and of the app itself what is no reviewed fact of a version.

    `description` is Markdown for `apphub.text.render_markdown`; `categories`, `industry` and `languages` are keys of
    `apphub.vocabulary`. `test_*` are for reviewers.
    """

    kind: str
    tagline: str
    description: str
    categories: Sequence[str]
    tags: Sequence[str]
    industry: str
    languages: Sequence[str]
    video_url: str | None
    landing_url: str | None
    support_url: str | None
    privacy_url: str | None
    contact_email: str
    test_instructions: str
    test_organization_id: uuid.UUID | None

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "tagline": self.tagline,
            "description": self.description,
            "categories": list(self.categories),
            "tags": list(self.tags),
            "industry": self.industry,
            "languages": list(self.languages),
            "videoUrl": self.video_url,
            "landingUrl": self.landing_url,
            "supportUrl": self.support_url,
            "privacyUrl": self.privacy_url,
            "contactEmail": self.contact_email,
            "testInstructions": self.test_instructions,
            "testOrganizationId": str(self.test_organization_id) if self.test_organization_id else None,
        }

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> "ListingFacts":
        organization = said["testOrganizationId"]
        return cls(
            kind=said["kind"],
            tagline=said["tagline"],
            description=said["description"],
            categories=said["categories"],
            tags=said["tags"],
            industry=said["industry"],
            languages=said["languages"],
            video_url=said["videoUrl"],
            landing_url=said["landingUrl"],
            support_url=said["supportUrl"],
            privacy_url=said["privacyUrl"],
            contact_email=said["contactEmail"],
            test_instructions=said["testInstructions"],
            test_organization_id=uuid.UUID(organization) if organization else None,
        )


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """A screenshot of a version: its pixels are the `ListingPicture` with this id, which stays as long as the version."""

    id: uuid.UUID
    alternative: str
    width: int
    height: int
    digest: str

    @classmethod
    def of(cls, picture: ListingPicture) -> "PictureFacts":
        return cls(picture.id, picture.alternative, picture.width, picture.height, picture.digest)

    def as_json(self) -> dict[str, Any]:
        return {
            "id": str(self.id),
            "alternative": self.alternative,
            "width": self.width,
            "height": self.height,
            "digest": self.digest,
        }

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> "PictureFacts":
        return cls(uuid.UUID(said["id"]), said["alternative"], said["width"], said["height"], said["digest"])


@dataclass(frozen=True, slots=True)
class Content:
    """All of it. `app` has the keys of `apps.versions.reviewed_facts`: `name`, `companyName`, `scopes` and so on."""

    app: Mapping[str, Any]
    listing: ListingFacts
    pictures: Sequence[PictureFacts]

    def as_json(self) -> dict[str, Any]:
        return {
            "app": dict(self.app),
            "listing": self.listing.as_json(),
            "pictures": [picture.as_json() for picture in self.pictures],
        }

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> "Content":
        """Of `Submission.content`."""
        return cls(
            app=content["app"],
            listing=ListingFacts.read(content["listing"]),
            pictures=[PictureFacts.read(picture) for picture in content["pictures"]],
        )
