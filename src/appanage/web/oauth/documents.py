"""What anybody may read: the key set and the metadata."""

import hashlib
from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from appanage.apps.scopes import OPENID_SCOPES, catalogue
from appanage.deployment import Deployment
from appanage.kit.origin import internal_origin
from appanage.oauth import metadata
from appanage.web.oauth.back_channel import Body
from appanage.web.oauth.requests import server_of
from appanage.web.oauth.token import GRANT_TYPES

ENDPOINTS = {
    "authorization_endpoint": "authorize",
    "token_endpoint": "access_token",
    "pushed_authorization_request_endpoint": "par",
    "device_authorization_endpoint": "device/authorize",
    "introspection_endpoint": "introspect",
    "revocation_endpoint": "revoke",
    "userinfo_endpoint": "userinfo",
    "end_session_endpoint": "logout",
    "jwks_uri": "verification",
}
"""The names of the metadata and the addresses below the issuer."""


def key_set(deployment: Deployment) -> Body:
    """RFC 7517 §5."""
    with deployment.transaction(internal_origin()) as tx:
        deployment.keys.keep_current(tx)
    return {"keys": deployment.keys.public_keys()}


def server_metadata(deployment: Deployment) -> Body:
    settings = deployment.settings
    return metadata.authorization_server(
        server=server_of(deployment),
        endpoints={name: f"{settings.issuer}/{path}" for name, path in ENDPOINTS.items()},
        grant_types=GRANT_TYPES,
        scopes=_scopes_of_the_api(),
        client_algorithms=settings.client_algorithms,
        id_token_algorithm=settings.rules.signs_id_tokens_with,
    )


def resource_metadata(deployment: Deployment) -> Body:
    settings = deployment.settings
    return metadata.protected_resource(
        issuer=settings.issuer,
        resource=settings.issuer,
        scopes=_scopes_of_the_api(),
        client_algorithms=settings.client_algorithms,
        name=settings.brand.product,
    )


def document(
    deployment: Deployment, make: Callable[[Deployment], Body]
) -> Callable[[Request], Awaitable[Response]]:
    """A document that anybody may read, from pages of any site too, and keep for some minutes."""

    async def endpoint(request: Request) -> Response:
        content = await run_in_threadpool(make, deployment)
        response = JSONResponse(
            content, headers={"Cache-Control": "public, max-age=300", "Access-Control-Allow-Origin": "*"}
        )
        etag = f'"{hashlib.sha256(response.body).hexdigest()[:20]}"'
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"ETag": etag})
        response.headers["ETag"] = etag
        return response

    return endpoint


def _scopes_of_the_api() -> list[str]:
    return [name for name in catalogue() if name not in OPENID_SCOPES]
