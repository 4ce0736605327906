"""Applications (platform reference §1.10, §3): what developers register, Service Apps and Integrations so far.

Everything here is about the caller's own apps and needs a person's token with `spark:applications_token`, the scope of
the platform's catalogue for the developer's own Service Apps, or with `spark:all`. Personal access tokens have both.
Anybody else's app does not exist.
"""

import re
import uuid
from dataclasses import replace
from typing import Annotated

from fastapi import Depends, HTTPException, Query, Request, Response

from appanage.api.app_bodies import TYPES, AppBody, AppInput, NewAppInput, app_bodies, app_body, drafted
from appanage.api.call import Call, needs
from appanage.api.schemas import Items, Line, PageQuery, link_next, new_router
from appanage.apps import queries, service
from appanage.apps.drafts import AppDraft, draft_of
from appanage.apps.model import App, AppKind, ClientProof
from appanage.apps.queries import AppFilter, no_such_app
from appanage.authorizations.service import delete_app
from appanage.kit.errors import Invalid, NotFound
from appanage.kit.ids import Kind, parse_uuid

router = new_router("Applications")

Developer = Annotated[Call, needs("spark:applications_token", "spark:all", person=True)]
Owner = Annotated[Call, needs("spark:applications_token", "spark:all", person=True, own_act=True)]
"""Who changes apps: no app that a person allowed to act for them can reach their other apps with that."""

CLIENT_ID = re.compile("C[0-9a-f]{64}")
NOBODYS = uuid.UUID(int=0)


class AppsQuery(PageQuery):
    """Which of the own apps; `appName` and `name` look for a part of the name."""

    type: Line | None = None
    name: Line | None = None
    app_name: Line | None = None
    created_by: Line | None = None


@router.post("/applications")
def create_application(call: Owner, wanted: NewAppInput) -> AppBody:
    """Registers a private Service App or Integration. The client secret is in this answer and in no other.

    An Integration that proves itself by a key, or by nothing, has none. A description that is left out, as some clients of the platform do, is the name.
    """
    draft = drafted(call, wanted, AppDraft(name="", description=wanted.name))
    lifetime = call.deployment.settings.lifetimes.client_secret
    draft = replace(draft, kind=wanted.kind)
    app, secret = service.create(call.tx, draft, by=call.account, secret_lifetime=lifetime)
    _set_rules(call, app, wanted)
    return app_body(call, app, client_secret=secret.reveal() if secret else None)


@router.get("/applications")
def list_applications(
    call: Developer, response: Response, query: Annotated[AppsQuery, Query()]
) -> Items[AppBody]:
    """The caller's own apps, the newest first."""
    _require_own(call, query.created_by)
    wanted = AppFilter(search=query.app_name or query.name or "", kind=_kind(query.type))
    page = queries.list_owned(call.tx, call.account, wanted, query.page)
    link_next(call, response, page)
    return Items(items=app_bodies(call, page.items))


@router.get("/applications/{application_id}")
def get_application(call: Developer, application_id: str) -> AppBody:
    """One of the caller's own apps."""
    return app_body(call, owned_app(call, application_id))


@router.put("/applications/{application_id}")
def replace_application(call: Owner, application_id: str, wanted: AppInput) -> AppBody:
    """Replaces what is said about an app; what is left out is empty. How the client proves itself stays."""
    app = owned_app(call, application_id, for_update=True)
    base = AppDraft(name="", client_proof=ClientProof(app.client_proof))
    service.update(call.tx, app, drafted(call, wanted, base, app), by=call.account)
    _set_rules(call, app, wanted)
    return app_body(call, app)


@router.patch("/applications/{application_id}")
def change_application(call: Owner, application_id: str, wanted: AppInput) -> AppBody:
    """Changes what is given and leaves the rest."""
    app = owned_app(call, application_id, for_update=True)
    service.update(call.tx, app, drafted(call, wanted, draft_of(app), app), by=call.account)
    _set_rules(call, app, wanted)
    return app_body(call, app)


@router.delete("/applications/{application_id}", status_code=204)
def delete_application(call: Owner, application_id: str) -> None:
    """Deletes an app and ends every authorization of it, with all tokens."""
    app = owned_app(call, application_id, for_update=True)
    delete_app(
        call.tx, app, by=call.account, longest_token=call.deployment.settings.lifetimes.longest_access_token
    )


async def _picture(request: Request) -> bytes:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in {"image/png", "image/jpeg"}:
        raise HTTPException(415, f"Content type '{media_type}' not supported")
    return await request.body()


@router.get("/applications/{application_id}/logo", response_class=Response)
def get_logo(call: Developer, application_id: str) -> Response:
    """The logo that was uploaded, as a PNG."""
    logo = queries.find_logo(call.tx, owned_app(call, application_id).id)
    if logo is None:
        raise NotFound("This app has no logo of its own.")
    return Response(logo.content, media_type=logo.media_type)


@router.put("/applications/{application_id}/logo")
def put_logo(call: Owner, application_id: str, content: Annotated[bytes, Depends(_picture)]) -> AppBody:
    """Gives the app a logo: the body is a PNG or JPEG picture of at most 256 KiB."""
    app = owned_app(call, application_id, for_update=True)
    service.set_logo(call.tx, app, content, by=call.account)
    return app_body(call, app)


@router.delete("/applications/{application_id}/logo", status_code=204)
def delete_logo(call: Owner, application_id: str) -> None:
    """Takes the uploaded logo away."""
    app = owned_app(call, application_id, for_update=True)
    service.set_logo(call.tx, app, None, by=call.account)


def owned_app(call: Call, public_id: str, *, for_update: bool = False) -> App:
    """An app of the caller; raises NotFound for anybody else's."""
    return queries.get_owned(call.tx, call.account, decode_app_id(call, public_id), for_update=for_update)


def _set_rules(call: Call, app: App, wanted: AppInput) -> None:
    """Leaves alone what is not said."""
    service.set_rules(
        call.tx,
        app,
        is_strict=app.is_strict if wanted.is_strict is None else wanted.is_strict,
        pushes_requests=app.pushes_requests if wanted.pushes_requests is None else wanted.pushes_requests,
        by=call.account,
    )


def decode_app_id(call: Call, public_id: str) -> uuid.UUID:
    """The app that an id, a bare client id or a bare UUID names.

    One that there is not costs the same look-ups as one that the caller may not see (checklist CONS-12).
    """
    key = _key(call, public_id)
    bare = parse_uuid(key)
    found = None if bare else queries.find_by_client_id(call.tx, key)
    return bare or (found.id if found else NOBODYS)


def _key(call: Call, public_id: str) -> str:
    if parse_uuid(public_id) or CLIENT_ID.fullmatch(public_id):
        return public_id
    try:
        key = call.ids.decode_key(Kind.APPLICATION, public_id)
    except NotFound as cause:
        raise no_such_app() from cause
    if not parse_uuid(key) and not CLIENT_ID.fullmatch(key):
        raise no_such_app()
    return key


def _kind(type_: str | None) -> AppKind | None:
    if type_ and type_ not in TYPES:
        raise Invalid("There is no such type.", fields={"type": f"Known are {', '.join(TYPES)}."})
    return TYPES[type_] if type_ else None


def _require_own(call: Call, created_by: str | None) -> None:
    """Only the own apps can be listed."""
    own = {"me", str(call.account.id), call.ids.encode(Kind.PEOPLE, call.account.id)}
    if created_by and created_by not in own:
        sentence = "Only your own apps can be listed. Leave it out, or say me."
        raise Invalid(sentence, fields={"createdBy": sentence})
