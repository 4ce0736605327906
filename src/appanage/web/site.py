"""The site: every page and protocol endpoint, by address, and what is said where there is none."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Scope

from appanage.deployment import Deployment
from appanage.kit.errors import NotFound, Refusal
from appanage.web import brand, health, metrics
from appanage.web.account import connected_apps, personal_tokens
from appanage.web.account import pages as account
from appanage.web.apphub import pages as apphub
from appanage.web.controlhub import pages as controlhub
from appanage.web.oauth import authorize, device, endpoints, interaction, logos, sign_out
from appanage.web.operations import apps as operations
from appanage.web.operations import mail as outbox
from appanage.web.operations import review
from appanage.web.pages import Pages
from appanage.web.portal import pages as portal
from appanage.web.rendering import environment
from appanage.web.signin import pages as signin
from appanage.web.static_files import PackagedFiles


class Site:
    """What people and protocol clients see; the API is mounted beside it."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._pages = Pages(deployment, environment())

    def routes(self) -> list[BaseRoute]:
        return [
            *endpoints.routes(self._deployment),
            *health.routes(self._deployment),
            metrics.route(self._deployment),
            *brand.routes(self._deployment),
            *signin.routes(self._pages),
            *account.routes(self._pages),
            *connected_apps.routes(self._pages),
            *personal_tokens.routes(self._pages),
            *authorize.routes(self._pages),
            *interaction.routes(self._pages),
            *device.routes(self._pages),
            *sign_out.routes(self._pages),
            *logos.routes(self._pages),
            *portal.routes(self._pages),
            *controlhub.routes(self._pages),
            *apphub.routes(self._pages),
            *operations.routes(self._pages),
            *outbox.routes(self._pages),
            *review.routes(self._pages),
            Mount("/static", PackagedFiles(), name="static"),
        ]

    async def not_routed(self, request: Request, error: Exception) -> Response:
        """404 and 405, in the form that the address suggests."""
        status = getattr(error, "status_code", 404)
        sentence = "This page does not exist." if status == 404 else "This address does not take that method."
        if is_for_programs(request.url.path):
            return _json(sentence, status, request.state.origin.tracking_id)
        response = await run_in_threadpool(self._pages.refusal, request, NotFound(sentence))
        response.status_code = status
        response.headers.update(getattr(error, "headers", None) or {})
        return response

    def last_resort(self, scope: Scope, status: int, tracking_id: str) -> ASGIApp:
        """An answer that needs nothing that could fail again."""
        sentence = _LAST_SENTENCES[status]
        if is_for_programs(scope["path"]):
            return _json(sentence, status, tracking_id)
        return self._pages.plain_refusal(Refusal(sentence), status, tracking_id)


_LAST_SENTENCES = {
    413: "The request is larger than anything here needs.",
    503: "The platform cannot reach its database, or lost a race for it. Nothing was changed; try again in a moment.",
    500: "Something went wrong on our side and was recorded. Tell the incident number when you ask for help.",
}


def is_for_programs(path: str) -> bool:
    return path.startswith(("/v1/", "/idb/", "/.well-known/"))


def _json(sentence: str, status: int, tracking_id: str) -> Response:
    """The platform's error body and, since some of these are OAuth endpoints, the one of RFC 6749 §5.2."""
    body = {
        "error": "server_error" if status >= 500 else "invalid_request",
        "error_description": sentence,
        "message": sentence,
        "errors": [{"description": sentence}],
        "trackingId": tracking_id,
    }
    return JSONResponse(body, status)
