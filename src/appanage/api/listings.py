"""What a developer says about an app for the app store, until it is handed in and after.

Nobody else sees it. It is kept although something is missing; `missing` and `findings` say what a submission still needs.
"""

import binascii
import uuid
from base64 import b64decode
from typing import Annotated, Any

from fastapi import Response
from pydantic import Field

from appanage.api.call import Call
from appanage.api.owned_apps import Developer, Owner, owned_app
from appanage.api.schemas import Body, Line, Text, Time, new_router
from appanage.apphub import drafts, pictures, queries, submissions
from appanage.apphub.checks import Finding
from appanage.apphub.content import Content, ListingFacts, PictureFacts
from appanage.apphub.drafts import ListingText
from appanage.apphub.model import ListingPicture
from appanage.apps.model import App
from appanage.kit.errors import Invalid, NotFound
from appanage.kit.ids import Kind

router = new_router("Listings")

_LONGEST_CODE = 1_000_000  # characters of a picture in base64; with the rest less than the largest body


class ListingInput(Body):
    """All of a listing's texts: what is left out is emptied. `version` is that of the values that were read before."""

    tagline: Line = ""
    description: Text = ""
    categories: list[Line] = Field(default_factory=list)
    tags: list[Line] = Field(default_factory=list)
    industry: Line = ""
    languages: list[Line] = Field(default_factory=list)
    video_url: Line | None = None
    landing_url: Line | None = None
    test_instructions: Text = ""
    test_organization_id: Line | None = None
    version: Annotated[int | None, Field(ge=0)] = None


class ScreenshotInput(Body):
    """A PNG or JPEG in base64, and what it shows in words."""

    content: Annotated[str, Field(max_length=_LONGEST_CODE)]
    alternative: Line


class ScreenshotBody(Body):
    """A screenshot, drawn anew; its pixels are at `url`."""

    id: str
    alternative: str
    width: int
    height: int
    url: str


class FindingBody(Body):
    """Something that was found. `severity` is `stops` or `for_reviewers`; it waits while it is not known yet."""

    check: str
    severity: str
    sentence: str
    waits: bool


class ListingTextBody(Body):
    """The texts of a listing."""

    tagline: str
    description: str
    categories: list[str]
    tags: list[str]
    industry: str
    languages: list[str]
    video_url: str | None
    landing_url: str | None
    support_url: str | None
    privacy_url: str | None
    contact_email: str
    test_instructions: str
    test_organization_id: str | None


class ListingBody(ListingTextBody):
    """A listing as its developers have it, and how far it is from being handed in."""

    version: int
    modified: Time | None
    screenshots: list[ScreenshotBody]
    is_ready: bool
    missing: list[str]
    findings: list[FindingBody]


@router.get("/applications/{application_id}/listing")
def get_listing(call: Developer, application_id: str) -> ListingBody:
    """What was said so far, which may be nothing."""
    return _body(call, owned_app(call, application_id))


@router.put("/applications/{application_id}/listing")
def put_listing(call: Owner, application_id: str, wanted: ListingInput) -> ListingBody:
    """Replaces the texts. With `version` 409 when somebody else saved since."""
    app = owned_app(call, application_id, for_update=True)
    drafts.save(call.tx, app, _text(call, wanted), by=call.account, version=wanted.version)
    call.tx.flush()
    return _body(call, app)


@router.post("/applications/{application_id}/listing/screenshots")
def add_screenshot(call: Owner, application_id: str, wanted: ScreenshotInput) -> ScreenshotBody:
    """Adds a screenshot, of which a listing has at most five: a PNG or JPEG of at most 700 KiB, drawn anew."""
    app = owned_app(call, application_id, for_update=True)
    picture = pictures.add(call.tx, app, _decoded(wanted.content), wanted.alternative, by=call.account)
    return screenshot_body(call, PictureFacts.of(picture), _screenshots(call, app))


@router.get("/applications/{application_id}/listing/screenshots/{screenshot_id}", response_class=Response)
def get_screenshot(call: Developer, application_id: str, screenshot_id: str) -> Response:
    """The picture as a PNG; also one that only a version shows by now."""
    app = owned_app(call, application_id)
    return picture_response(pictures.get_picture(call.tx, app, decode_screenshot(call, screenshot_id)))


@router.delete("/applications/{application_id}/listing/screenshots/{screenshot_id}", status_code=204)
def remove_screenshot(call: Owner, application_id: str, screenshot_id: str) -> None:
    """Takes a screenshot out of the listing; versions that were handed in with it keep it."""
    app = owned_app(call, application_id, for_update=True)
    pictures.remove(call.tx, app, decode_screenshot(call, screenshot_id), by=call.account)


def decode_screenshot(call: Call, public_id: str) -> uuid.UUID:
    return call.ids.decode(Kind.SCREENSHOT, public_id)


def picture_response(picture: ListingPicture) -> Response:
    return Response(picture.content, media_type=picture.media_type)


def screenshot_body(call: Call, picture: PictureFacts, under: str) -> ScreenshotBody:
    """`under` is the address under which the pictures are for whoever asks."""
    public_id = call.ids.encode(Kind.SCREENSHOT, picture.id)
    return ScreenshotBody(
        id=public_id,
        alternative=picture.alternative,
        width=picture.width,
        height=picture.height,
        url=f"{under}/{public_id}",
    )


def listing_facts(call: Call, said: ListingFacts) -> dict[str, Any]:
    """The fields of a `ListingTextBody`."""
    organization_id = said.test_organization_id
    return {
        "tagline": said.tagline,
        "description": said.description,
        "categories": list(said.categories),
        "tags": list(said.tags),
        "industry": said.industry,
        "languages": list(said.languages),
        "video_url": said.video_url,
        "landing_url": said.landing_url,
        "support_url": said.support_url,
        "privacy_url": said.privacy_url,
        "contact_email": said.contact_email,
        "test_instructions": said.test_instructions,
        "test_organization_id": call.ids.encode(Kind.ORGANIZATION, organization_id)
        if organization_id
        else None,
    }


def finding_body(finding: Finding) -> FindingBody:
    return FindingBody(**finding.as_json())


def screenshot_bodies(call: Call, content: Content, under: str) -> list[ScreenshotBody]:
    return [screenshot_body(call, picture, under) for picture in content.pictures]


def _body(call: Call, app: App) -> ListingBody:
    draft = queries.find_draft(call.tx, app)
    seen = submissions.outlook(call.tx, app, reserved=call.deployment.settings.reserved_words)
    return ListingBody(
        **listing_facts(call, seen.content.listing),
        version=draft.version if draft else 0,
        modified=draft.modified_at if draft else None,
        screenshots=screenshot_bodies(call, seen.content, _screenshots(call, app)),
        is_ready=seen.is_ready,
        missing=[item.field for item in seen.missing],
        findings=[finding_body(finding) for finding in seen.findings],
    )


def _screenshots(call: Call, app: App) -> str:
    public_id = call.ids.encode(Kind.APPLICATION, app.client_id)
    return f"{call.base_url}/applications/{public_id}/listing/screenshots"


def _text(call: Call, wanted: ListingInput) -> ListingText:
    return ListingText(
        tagline=wanted.tagline,
        description=wanted.description,
        categories=wanted.categories,
        tags=wanted.tags,
        industry=wanted.industry,
        languages=wanted.languages,
        video_url=wanted.video_url,
        landing_url=wanted.landing_url,
        test_instructions=wanted.test_instructions,
        test_organization_id=_organization(call, wanted.test_organization_id),
    )


def _organization(call: Call, public_id: str | None) -> uuid.UUID | None:
    if not public_id:
        return None
    try:
        return call.ids.decode(Kind.ORGANIZATION, public_id)
    except NotFound as cause:
        sentence = "There is no organization with this id."
        raise Invalid(sentence, fields={"testOrganizationId": sentence}) from cause


def _decoded(code: str) -> bytes:
    try:
        return b64decode(code, validate=True)
    except (binascii.Error, ValueError) as cause:
        sentence = "The content is not base64."
        raise Invalid(sentence, fields={"content": sentence}) from cause
