"""Every address of the protocol that programs call."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from appanage.deployment import Deployment
from appanage.oauth.errors import MethodNotAllowed
from appanage.web.oauth import forward_auth, inspection, requests, token, userinfo
from appanage.web.oauth.back_channel import METHODS, Endpoint, for_client, oauth_error
from appanage.web.oauth.documents import document, key_set, resource_metadata, server_metadata

FOR_CLIENTS = {
    "/v1/access_token": Endpoint(token.token, with_proof=True, for_browsers=True),
    "/idb/oauth2/v1/access_token": Endpoint(token.token, with_proof=True, for_browsers=True),
    "/v1/par": Endpoint(requests.push, status=201, with_proof=True, for_browsers=True),
    "/v1/device/authorize": Endpoint(requests.begin_device, for_named=True),
    "/v1/device/token": Endpoint(token.device_token, with_proof=True),
    "/v1/introspect": Endpoint(inspection.introspect),
    "/v1/revoke": Endpoint(inspection.revoke, for_browsers=True),
}
"""The endpoints for clients; the token endpoint also under its older address."""

PAGES = ("/v1/authorize", "/v1/logout")
OTHER_METHODS = ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"]
"""Of the pages among the addresses of the protocol; what they do not take must not reach the API below either."""

DOCUMENTS = {
    "/v1/verification": key_set,
    "/v1/.well-known/openid-configuration": server_metadata,
    "/v1/.well-known/oauth-authorization-server": server_metadata,
    "/.well-known/oauth-authorization-server/v1": server_metadata,
    "/.well-known/openid-configuration/v1": server_metadata,
    "/.well-known/oauth-protected-resource/v1": resource_metadata,
}


def routes(deployment: Deployment) -> list[Route]:
    clients = [
        Route(path, for_client(deployment, endpoint), methods=METHODS)
        for path, endpoint in FOR_CLIENTS.items()
    ]
    for_pages = [Route(path, _other_method(deployment), methods=OTHER_METHODS) for path in PAGES]
    documents = [Route(path, document(deployment, make)) for path, make in DOCUMENTS.items()]
    return [*clients, *for_pages, *documents, userinfo.route(deployment), *forward_auth.routes(deployment)]


def _other_method(deployment: Deployment) -> Callable[[Request], Awaitable[Response]]:
    async def refuse(request: Request) -> Response:
        response = oauth_error(request, MethodNotAllowed("Send this request with GET or POST."), deployment)
        response.headers["Allow"] = "GET, POST"
        return response

    return refuse
