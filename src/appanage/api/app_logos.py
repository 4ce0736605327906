"""The logo of an app: uploaded, found at an address that the developer names, shown, taken away."""

from typing import Annotated

from fastapi import Depends, HTTPException, Request, Response
from starlette.concurrency import run_in_threadpool

from appanage.api.app_bodies import AppBody, app_body, is_served_by_us
from appanage.api.call import Call
from appanage.api.fetches import Fetches
from appanage.api.owned_apps import Developer, Owner, owned_app
from appanage.api.schemas import new_router
from appanage.apps import logos, queries, service, versions
from appanage.apps.model import App
from appanage.kit.errors import NotFound
from appanage.kit.http import media_type_of
from appanage.kit.outbound import NotFetched

router = new_router("Applications")


async def _picture(request: Request) -> bytes:
    media_type = media_type_of(request.headers.get("content-type", ""))
    if media_type not in {"image/png", "image/jpeg"}:
        raise HTTPException(415, f"Content type '{media_type}' not supported")
    return await request.body()


@router.get("/applications/{application_id}/logo", response_class=Response)
def get_logo(call: Developer, application_id: str, v: str = "") -> Response:
    """The logo that was uploaded, or found at the address that was given, as a PNG.

    `v` names one by its content, as the addresses of logos do: so a logo is seen that waits for a review.
    """
    app = owned_app(call, application_id)
    proposed = queries.find_proposed_logo(call.tx, app, v) if v not in {"", app.logo_digest} else None
    logo = proposed or queries.find_logo(call.tx, app.id)
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
    """Takes the logo away, and with it the address at which it was found."""
    app = owned_app(call, application_id, for_update=True)
    service.set_logo(call.tx, app, None, by=call.account)


def require_may_change(call: Call, app_id: str | None) -> App | None:
    """The app that is to be changed, or nothing if one is to be made, for a caller who may do that.

    In a transaction of its own, before anything is taken in or fetched for the caller; the act itself looks again. A
    DPoP proof cannot be spent twice by that: apps are changed with personal tokens only, and these are bound to no key.
    Raises whatever refuses the caller.
    """
    with call.acting():
        app = owned_app(call, app_id) if app_id else None
        call.deployment.app_rules.require_registrar(call.account)
    return app


async def fetched_logo(request: Request, app_id: str | None, url: str) -> bytes | None:
    """What is found at the address of a logo; nothing if it is fetched already, or if nothing is fetched here.

    Outside of every transaction, so that a slow host holds neither a connection nor a lock. Raises Invalid, and TooMany.
    """
    call: Call = request.state.call
    if not await run_in_threadpool(_is_news, call, app_id, url):
        return None
    fetches: Fetches = request.app.state.fetches
    try:
        return await fetches.get(url, largest=logos.LARGEST, account=call.actor_id)
    except NotFetched as cause:
        raise logos.refused(cause.sentence) from cause


def _is_news(call: Call, app_id: str | None, url: str) -> bool:
    """Whether the caller may have the address called, and it is not the one whose picture the app has."""
    app = require_may_change(call, app_id)
    if app is not None and (url == versions.wanted(app).logo_url or is_served_by_us(call, app, url)):
        return False
    fetcher = call.deployment.fetcher
    try:
        fetcher.check(url)  # also where nothing is fetched: nobody is sent there by us
    except NotFetched as cause:
        raise logos.refused(cause.sentence) from cause
    if fetcher.is_on:
        call.deployment.throttle.count_fetch(str(call.actor_id))
    return fetcher.is_on
