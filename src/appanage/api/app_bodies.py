"""The shapes of an app on the wire (platform reference §1.10 and §3.3) and in our terms."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import AfterValidator, AliasChoices, Field

from appanage.api.call import Call
from appanage.api.schemas import Body, Line, Text, Time
from appanage.apphub import queries as apphub
from appanage.apphub.queries import NOWHERE, Standing
from appanage.apps import versions
from appanage.apps.drafts import AppDraft
from appanage.apps.model import App, AppKind, ClientProof, Visibility
from appanage.authorizations import queries as authorizations
from appanage.kit.ids import Kind
from appanage.kit.secrets import Secret
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


def _known(type_: str) -> str:
    if type_ not in TYPES:
        message = "must be serviceApp, integration or bot"
        raise ValueError(message)
    return type_


AppType = Annotated[Line, AfterValidator(_known)]
# The original's table spells it in one way, its examples in another.
RedirectUrls = Annotated[
    list[Line], Field(validation_alias=AliasChoices("redirectUrls", "redirectURLs", "redirect_urls"))
]


class AppInput(Body):
    """What a developer says about an app, all of it optional; the rules for each field are the registration's.

    `redirectUrls` and `scopes` are an Integration's, `botEmail` is a bot's. `optionalScopes` are those of a Service App's
    scopes that administrators may leave out. `clientProof` tells how a client proves
    that it is this one, `isStrict` and `pushesRequests` hold it to more than the platform asks of everybody.
    """

    type: AppType | None = None
    name: Line = ""
    description: Text = ""
    contact_email: Line = ""
    scopes: list[Line] = Field(default_factory=list)
    scope_reasons: Annotated[dict[Line, Text], Field(alias="reasons")] = Field(default_factory=dict)
    optional_scopes: list[Line] = Field(default_factory=list)
    company_name: Line | None = None
    support_url: Line | None = None
    privacy_url: Line | None = None
    logo_url: Annotated[Line | None, Field(alias="logo")] = None
    redirect_urls: RedirectUrls = Field(default_factory=list)
    sign_out_urls: list[Line] = Field(default_factory=list)
    client_proof: ClientProof = ClientProof.SECRET
    is_strict: bool | None = None
    pushes_requests: bool | None = None
    bot_email: Line = ""

    @property
    def takes_logo_away(self) -> bool:
        """Whether it says that there is no logo, which is more than to say nothing about it."""
        return "logo_url" in self.model_fields_set and not self.logo_url

    def said(self) -> dict[str, Any]:
        """The parts of a draft that were given, by their names there."""
        return self.model_dump(exclude={"type", "is_strict", "pushes_requests"}, exclude_unset=True)


class NewAppInput(AppInput):
    """As an `AppInput`; what to make must be said."""

    type: AppType

    @property
    def kind(self) -> AppKind:
        return TYPES[self.type]


class SuspendedBody(Body):
    """Since when the operator keeps an app from acting, and why."""

    since: Time
    reason: str | None


class ProposedBody(Body):
    """What waits for a review of a listed app: only the fields that differ from the live one, as they are going to be.

    An empty text stands for none. `owners` are ids of people.
    """

    name: str | None = None
    company_name: str | None = None
    logo: str | None = None
    redirect_urls: list[str] | None = None
    sign_out_urls: list[str] | None = None
    scopes: list[str] | None = None
    optional_scopes: list[str] | None = None
    reasons: dict[str, str] | None = None
    client_proof: ClientProof | None = None
    owners: list[str] | None = None


class AppBody(Body):
    """An app as its owners see it: the fields of the platform, then extensions of ours.

    Service Apps, which the platform does not document, always have the extensions. Integrations and bots have exactly
    the documented fields, and an extension only where it says more than that all is as usual: where there is something
    in `reasons`, `signOutUrls`, `supportUrl` or `privacyUrl`, where `visibility` is not `private`, `clientProof` not
    `client_secret` and `orgSubmissionStatus` not `none`, where `isStrict` or `pushesRequests` is true, and where
    `modified` is not `created`. `lastSubmissionDate` is there once the app was handed in to the app store, `category` and
    `tags` while it is listed there. `suspended` is there for an app that is, `proposed` where
    something waits for a review. Bots are no clients, so they have nothing of OAuth.
    """

    is_native: bool = False
    id: str
    friendly_id: str
    type: str
    name: str
    description: str
    org_id: str
    contact_email: str | None
    company_name: str | None
    logo: str | None
    redirect_urls: list[str] | None
    scopes: list[str] | None
    client_id: str | None
    client_secret: str | None = None
    bot_email: str | None
    bot_person_id: str | None
    bot_token: str | None = None
    is_featured: bool = False
    submission_status: str = "none"
    last_submission_date: Time | None = None
    category: list[str] | None = None
    tags: list[str] | None = None
    created_by: str
    created: Time
    org_submission_status: str | None
    modified: Time | None
    reasons: dict[str, str] | None
    optional_scopes: list[str] | None
    visibility: str | None
    support_url: str | None
    privacy_url: str | None
    sign_out_urls: list[str] | None
    client_proof: ClientProof | None
    is_strict: bool | None
    pushes_requests: bool | None
    suspended: SuspendedBody | None = None
    proposed: ProposedBody | None = None


USUAL: Mapping[str, Any] = {
    "org_submission_status": "none",
    "reasons": {},
    "optional_scopes": [],
    "visibility": Visibility.PRIVATE,
    "sign_out_urls": [],
    "client_proof": ClientProof.SECRET,
    "is_strict": False,
    "pushes_requests": False,
}
"""The values of extensions that say nothing."""


def drafted(call: Call, wanted: AppInput, base: AppDraft, app: App | None = None) -> AppDraft:
    """`base` with what was said in its place. The address at which we serve a logo is no news."""
    said = wanted.said()
    if app is not None and is_served_by_us(call, app, wanted.logo_url):
        said["logo_url"] = versions.wanted(app).logo_url
    return replace(base, **said)


def is_served_by_us(call: Call, app: App, url: str | None) -> bool:
    """Whether this is where we serve the app's logo, or served one that it had before."""
    return (url or "").partition("?")[0] == _logo_address(call, app)


def public_id(call: Call, app: App) -> str:
    return call.ids.encode(Kind.APPLICATION, app.client_id)


def app_bodies(call: Call, apps: Collection[App]) -> list[AppBody]:
    """The apps of one developer, whose organization's decision on them is theirs to know."""
    stages = _stages(call, [app.id for app in apps])
    standings = apphub.standing_of_apps(call.tx, [app.id for app in apps])
    bodies = [_body(call, app, stages.get(app.id, "none"), standings.get(app.id, NOWHERE)) for app in apps]
    return [body if body.type == NAMES[AppKind.SERVICE_APP] else _as_documented(body) for body in bodies]


def app_body(call: Call, app: App, *, secret: Secret | None = None) -> AppBody:
    """`secret` is the client secret, or the bot token, that was made with the app."""
    body = app_bodies(call, [app])[0]
    shown = secret.reveal() if secret else None
    body.client_secret, body.bot_token = (None, shown) if app.is_bot else (shown, None)
    return body


def logo_of(call: Call, app: App) -> str | None:
    """Where the logo is to be had: with us, if we have the picture."""
    return f"{_logo_address(call, app)}?v={app.logo_digest}" if app.logo_digest else app.logo_url


def _body(call: Call, app: App, stage: str, standing: Standing) -> AppBody:
    return AppBody(
        id=public_id(call, app),
        friendly_id=f"{slug(app.name) or 'app'}-{app.id.hex[:8]}",
        type=NAMES[AppKind(app.kind)],
        name=app.name,
        description=app.description,
        org_id=call.ids.encode(Kind.ORGANIZATION, app.organization_id),
        contact_email=app.contact_email or None,
        company_name=app.company_name,
        logo=logo_of(call, app),
        redirect_urls=app.redirect_urls if app.is_integration else None,
        scopes=None if app.is_bot else app.scopes,
        client_id=None if app.is_bot else app.client_id,
        bot_email=app.bot_email,
        bot_person_id=call.ids.encode(Kind.PEOPLE, app.bot_account_id) if app.bot_account_id else None,
        created_by=call.ids.encode(Kind.PEOPLE, app.created_by),
        created=app.created_at,
        is_featured=standing.is_featured,
        submission_status=standing.status,
        last_submission_date=standing.last_submitted_at,
        category=list(standing.categories) or None,
        tags=list(standing.tags) or None,
        org_submission_status=stage,
        modified=app.modified_at,
        reasons=app.scope_reasons,
        optional_scopes=app.optional_scopes,
        visibility=app.visibility,
        support_url=app.support_url,
        privacy_url=app.privacy_url,
        sign_out_urls=app.sign_out_urls if app.is_integration else None,
        client_proof=ClientProof(app.client_proof),
        is_strict=app.is_strict,
        pushes_requests=app.pushes_requests,
        suspended=suspended_body(app),
        proposed=_proposed_body(call, app),
    )


def _proposed_body(call: Call, app: App) -> ProposedBody | None:
    """None when nothing is proposed."""
    if not app.proposed:
        return None
    proposed = dict(app.proposed)
    told: dict[str, Any] = {_SHOWN.get(name, name): proposed[name] for name in proposed}
    if "companyName" in told:
        told["companyName"] = told["companyName"] or ""
    if "logo" in told:
        told["logo"] = _proposed_logo(call, app) or ""
    if "owners" in told:
        told["owners"] = [call.ids.encode(Kind.PEOPLE, uuid.UUID(one)) for one in told["owners"]]
    return ProposedBody.model_validate(told)


def _proposed_logo(call: Call, app: App) -> str | None:
    logo = versions.wanted_logo(app)
    if logo is None or not logo["digest"]:
        return logo["url"] if logo else None
    return f"{_logo_address(call, app)}?v={logo['digest']}"


_SHOWN = {"scopeReasons": "reasons"}
"""What is proposed, by another name on the wire."""


def suspended_body(app: App) -> SuspendedBody | None:
    """None for an app that is not suspended."""
    if app.suspended_at is None:
        return None
    return SuspendedBody(since=app.suspended_at, reason=app.suspension_reason)


def _as_documented(body: AppBody) -> AppBody:
    """Without the extensions that say nothing."""
    usual = {**USUAL, "modified": body.created}
    return body.model_copy(
        update={name: None for name, value in usual.items() if getattr(body, name) == value}
    )


def _stages(call: Call, app_ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, str]:
    """How far the apps have come in their own organization: `submitted` once asked for, `approved` once authorized."""
    submitted = dict.fromkeys(authorizations.requested_at_by_app(call.tx, app_ids), "submitted")
    approved = authorizations.list_authorized_in(call.tx, call.organization.id, app_ids)
    return submitted | dict.fromkeys(approved, "approved")


def _logo_address(call: Call, app: App) -> str:
    return f"{call.base_url}/applications/{public_id(call, app)}/logo"
