"""The shapes of an app on the wire (platform reference §1.10 and §3.3) and in our terms."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import AfterValidator, AliasChoices, Field

from appanage.api.call import Call
from appanage.api.schemas import Body, Line, Text, Time
from appanage.apps.drafts import AppDraft
from appanage.apps.model import App, AppKind, ClientProof
from appanage.authorizations import queries as authorizations
from appanage.kit.ids import Kind
from appanage.kit.text import slug

TYPES = {
    "serviceApp": AppKind.SERVICE_APP,
    "authorizedAppIssuer": AppKind.SERVICE_APP,  # the older name, which clients still send
    "integration": AppKind.INTEGRATION,
    "bot": AppKind.BOT,
}
NAMES = {
    AppKind.SERVICE_APP: "serviceApp",
    AppKind.INTEGRATION: "integration",
    AppKind.BOT: "bot",
}


def _supported(type_: str) -> str:
    if TYPES.get(type_) not in {AppKind.SERVICE_APP, AppKind.INTEGRATION}:
        message = "must be serviceApp or integration: bots cannot be registered yet"
        raise ValueError(message)
    return type_


AppType = Annotated[Line, AfterValidator(_supported)]
# The original's table spells it in one way, its examples in another.
RedirectUrls = Annotated[
    list[Line], Field(validation_alias=AliasChoices("redirectUrls", "redirectURLs", "redirect_urls"))
]


class AppInput(Body):
    """What a developer says about an app, all of it optional; the rules for each field are the registration's.

    `clientProof` tells how an Integration proves that it is this client, `isStrict` and `pushesRequests` hold it to
    more than the platform asks of everybody.
    """

    type: AppType | None = None
    name: Line = ""
    description: Text = ""
    contact_email: Line = ""
    scopes: list[Line] = Field(default_factory=list)
    scope_reasons: Annotated[dict[Line, Text], Field(alias="reasons")] = Field(default_factory=dict)
    company_name: Line | None = None
    support_url: Line | None = None
    privacy_url: Line | None = None
    logo_url: Annotated[Line | None, Field(alias="logo")] = None
    redirect_urls: RedirectUrls = Field(default_factory=list)
    sign_out_urls: list[Line] = Field(default_factory=list)
    client_proof: ClientProof = ClientProof.SECRET
    is_strict: bool | None = None
    pushes_requests: bool | None = None

    def said(self) -> dict[str, Any]:
        """The parts of a draft that were given, by their names there."""
        return self.model_dump(exclude={"type", "is_strict", "pushes_requests"}, exclude_unset=True)


class NewAppInput(AppInput):
    """As an `AppInput`; what to make must be said."""

    type: AppType

    @property
    def kind(self) -> AppKind:
        return TYPES[self.type]


class AppBody(Body):
    """An app as its owners see it.

    Extensions of ours: `reasons`, `visibility`, `signOutUrls`, `clientProof`, `isStrict`, `pushesRequests`.
    """

    is_native: bool = False
    id: str
    friendly_id: str
    type: str
    name: str
    description: str
    org_id: str
    contact_email: str
    company_name: str | None
    redirect_urls: list[str] | None
    sign_out_urls: list[str] | None
    scopes: list[str]
    reasons: dict[str, str]
    client_id: str
    client_secret: str | None = None
    client_proof: ClientProof
    is_strict: bool
    pushes_requests: bool
    logo: str | None
    support_url: str | None
    privacy_url: str | None
    is_featured: bool = False
    submission_status: str = "none"
    org_submission_status: str
    visibility: str
    created_by: str
    created: Time
    modified: Time


def drafted(call: Call, wanted: AppInput, base: AppDraft, app: App | None = None) -> AppDraft:
    """`base` with what was said in its place. The address at which we serve an uploaded logo is no news."""
    said = wanted.said()
    if app is not None and app.logo_digest and said.get("logo_url") == _uploaded_logo(call, app):
        said["logo_url"] = app.logo_url
    return replace(base, **said)


def public_id(call: Call, app: App) -> str:
    return call.ids.encode(Kind.APPLICATION, app.client_id)


def app_bodies(call: Call, apps: Collection[App]) -> list[AppBody]:
    """The apps of one developer, whose organization's decision on them is theirs to know."""
    stages = _stages(call, [app.id for app in apps])
    return [_body(call, app, stages.get(app.id, "none")) for app in apps]


def app_body(call: Call, app: App, *, client_secret: str | None = None) -> AppBody:
    body = app_bodies(call, [app])[0]
    body.client_secret = client_secret
    return body


def logo_of(call: Call, app: App) -> str | None:
    return _uploaded_logo(call, app) or app.logo_url


def _body(call: Call, app: App, stage: str) -> AppBody:
    return AppBody(
        id=public_id(call, app),
        friendly_id=f"{slug(app.name) or 'app'}-{app.id.hex[:8]}",
        type=NAMES[AppKind(app.kind)],
        name=app.name,
        description=app.description,
        org_id=call.ids.encode(Kind.ORGANIZATION, app.organization_id),
        contact_email=app.contact_email,
        company_name=app.company_name,
        redirect_urls=app.redirect_urls if app.is_integration else None,
        sign_out_urls=app.sign_out_urls if app.is_integration else None,
        scopes=app.scopes,
        reasons=app.scope_reasons,
        client_id=app.client_id,
        client_proof=ClientProof(app.client_proof),
        is_strict=app.is_strict,
        pushes_requests=app.pushes_requests,
        logo=logo_of(call, app),
        support_url=app.support_url,
        privacy_url=app.privacy_url,
        org_submission_status=stage,
        visibility=app.visibility,
        created_by=call.ids.encode(Kind.PEOPLE, app.created_by),
        created=app.created_at,
        modified=app.modified_at,
    )


def _stages(call: Call, app_ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, str]:
    """How far the apps have come in their own organization: `submitted` once asked for, `approved` once authorized."""
    submitted = dict.fromkeys(authorizations.requested_at_by_app(call.tx, app_ids), "submitted")
    approved = authorizations.list_authorized_in(call.tx, call.organization.id, app_ids)
    return submitted | dict.fromkeys(approved, "approved")


def _uploaded_logo(call: Call, app: App) -> str | None:
    address = f"{call.base_url}/applications/{public_id(call, app)}/logo"
    return f"{address}?v={app.logo_digest}" if app.logo_digest else None
