"""Applications (platform reference §1.10, §3): the Service Apps, Integrations and bots that developers register.

Everything here is about the caller's own apps and needs a person's token with `spark:applications_token`, the scope of
the platform's catalogue for the developer's own Service Apps, or with `spark:all`. Personal access tokens have both.
Anybody else's app does not exist. In a deployment for governments only Full Administrators make and change apps.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

from fastapi import Query, Response

from appanage.api.app_bodies import (
    NAMES,
    TYPES,
    AppBody,
    AppInput,
    NewAppInput,
    app_bodies,
    app_body,
    drafted,
)
from appanage.api.app_filters import AppsQuery, filter_of
from appanage.api.app_uploads import Submission, described, submitted
from appanage.api.call import Call
from appanage.api.owned_apps import Developer, Owner, owned_app
from appanage.api.schemas import Items, link_next, new_router
from appanage.apps import queries, service, versions
from appanage.apps.drafts import AppDraft
from appanage.apps.model import App, AppKind, ClientProof
from appanage.authorizations import bots
from appanage.authorizations.service import delete_app
from appanage.kit.errors import Invalid
from appanage.kit.secrets import Secret

router = new_router("Applications")

NewApp = Annotated[Submission[NewAppInput], submitted(NewAppInput)]
AppChange = Annotated[Submission[AppInput], submitted(AppInput)]


@router.post("/applications", openapi_extra=described(NewAppInput))
def create_application(call: Owner, sent: NewApp) -> AppBody:
    """Registers a private app. Its client secret or bot token is in this answer and in no other.

    An Integration that proves itself by a key, or by nothing, has no secret. The body is JSON, or multipart/form-data
    with the logo as a file. A description that is left out, as some clients of the platform do for Service Apps, is
    the name.
    """
    kind = sent.said.kind
    description = sent.said.name if kind == AppKind.SERVICE_APP else ""
    draft = replace(drafted(call, sent.said, AppDraft(name="", description=description)), kind=kind)
    app, secret = _create(call, draft)
    _require_bots_logo(app, sent)
    _set_logo(call, app, sent)
    _set_rules(call, app, sent.said)
    return app_body(call, app, secret=secret)


@router.get("/applications")
def list_applications(
    call: Developer, response: Response, query: Annotated[AppsQuery, Query()]
) -> Items[AppBody]:
    """The caller's own apps, the newest first or by name."""
    wanted = filter_of(call, query)
    if query.finds_nothing:
        return Items(items=[])
    page = queries.list_owned(call.tx, call.account, wanted, query.page)
    link_next(call, response, page)
    return Items(items=app_bodies(call, page.items))


@router.get("/applications/{application_id}")
def get_application(call: Developer, application_id: str) -> AppBody:
    """One of the caller's own apps."""
    return app_body(call, owned_app(call, application_id))


@router.put("/applications/{application_id}", openapi_extra=described(AppInput))
def replace_application(call: Owner, application_id: str, sent: AppChange) -> AppBody:
    """Replaces what is said about an app; what is left out is empty.

    What is no description stays: how the client proves itself, the rules it holds itself to, an uploaded logo. Of a
    listed app this replaces what was proposed; what takes away takes effect at once, and the rest waits for a review.
    """
    app = owned_app(call, application_id, for_update=True)
    return _change(call, app, AppDraft(name="", client_proof=ClientProof(app.client_proof)), sent)


@router.patch("/applications/{application_id}", openapi_extra=described(AppInput))
def change_application(call: Owner, application_id: str, sent: AppChange) -> AppBody:
    """Changes what is given and leaves the rest: reasons too, of each scope that is not named.

    Of a listed app this adds to what is proposed; what takes away takes effect at once, and the rest waits for a review.
    """
    app = owned_app(call, application_id, for_update=True)
    wanted = versions.wanted(app)
    reasons = {**wanted.scope_reasons, **sent.said.scope_reasons}
    return _change(call, app, wanted, sent, reasons=reasons)


@router.delete("/applications/{application_id}/proposed", status_code=204)
def discard_proposed(call: Owner, application_id: str) -> None:
    """Drops all that is proposed of a listed app. A version that was handed in stays in review until it is withdrawn."""
    app = owned_app(call, application_id, for_update=True)
    versions.discard(call.tx, app, by=call.account)


@router.delete("/applications/{application_id}", status_code=204)
def delete_application(call: Owner, application_id: str) -> None:
    """Deletes an app and ends every authorization of it, with all tokens."""
    app = owned_app(call, application_id, for_update=True)
    delete_app(
        call.tx, app, by=call.account, longest_token=call.deployment.settings.lifetimes.longest_access_token
    )


def _create(call: Call, draft: AppDraft) -> tuple[App, Secret | None]:
    """The app, and the one secret that is shown with it."""
    rules = call.deployment.app_rules
    if draft.is_bot:
        return bots.create(call.tx, draft, by=call.account, rules=rules)
    return service.create_client(call.tx, draft, by=call.account, rules=rules)


def _change(
    call: Call,
    app: App,
    base: AppDraft,
    sent: Submission[AppInput],
    *,
    reasons: Mapping[str, str] | None = None,
) -> AppBody:
    """Writes what was sent over `base`, which is what holds of the rest; `reasons` take the place of those sent."""
    _require_same_type(app, sent.said)
    draft = drafted(call, sent.said, base, app)
    if reasons is not None:
        draft = replace(draft, scope_reasons=reasons)
    service.update(call.tx, app, draft, by=call.account)
    _set_logo(call, app, sent)
    _set_rules(call, app, sent.said)
    return app_body(call, app)


def _require_bots_logo(app: App, sent: Submission[NewAppInput]) -> None:
    """The platform's own rule (reference §3.2), for apps that are made by API. Here, so that all else is refused first."""
    if app.is_bot and not (sent.logo or sent.said.logo_url):
        sentence = "A bot needs a logo: a PNG or JPEG file, or the https URL of one."
        raise Invalid(sentence, fields={"logo": sentence})


def _require_same_type(app: App, said: AppInput) -> None:
    if said.type and TYPES[said.type] != app.kind:
        sentence = f"The type of an app never changes; this one is {NAMES[AppKind(app.kind)]}."
        raise Invalid(sentence, fields={"type": sentence})


def _set_logo(call: Call, app: App, sent: Submission[AppInput]) -> None:
    """The picture that came along, or was found; or none any more. Otherwise it stays what it is."""
    has_logo = app.logo_digest or versions.wanted_logo(app)
    if sent.logo is not None or (has_logo and sent.said.takes_logo_away):
        service.set_logo(call.tx, app, sent.logo, by=call.account, source=sent.said.logo_url)


def _set_rules(call: Call, app: App, said: AppInput) -> None:
    """Leaves alone what is not said."""
    service.set_rules(
        call.tx,
        app,
        is_strict=app.is_strict if said.is_strict is None else said.is_strict,
        pushes_requests=app.pushes_requests if said.pushes_requests is None else said.pushes_requests,
        by=call.account,
    )
