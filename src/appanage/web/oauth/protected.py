"""What the protocol's own protected resources answer when they refuse."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from appanage.deployment import Deployment
from appanage.oauth.bearer import Scheme, headers_named
from appanage.oauth.errors import InvalidToken, OAuthError
from appanage.oauth.refusals import Resource, refuse
from appanage.settings import Settings
from appanage.web.oauth.back_channel import NOT_STORED


def own_api(settings: Settings) -> Resource:
    """The platform's API, for which its tokens are unless another resource is named."""
    return Resource(
        realm=settings.brand.product,
        metadata=f"{settings.base_url}/.well-known/oauth-protected-resource/v1",
        algorithms=settings.client_algorithms,
    )


def refused(
    request: Request,
    deployment: Deployment,
    error: InvalidToken | OAuthError,
    *,
    resource: Resource | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The refusal as a response, with the nonce of the next proof for who proves possession of a key (RFC 9449 §9)."""
    refusal = refuse(
        error,
        authorization=headers_named(b"authorization", request.scope["headers"]),
        resource=resource or own_api(deployment.settings),
    )
    nonce = {"DPoP-Nonce": deployment.nonces.make(deployment.database.clock())}
    return JSONResponse(
        refusal.body(request.state.origin.tracking_id),
        refusal.status,
        {
            **NOT_STORED,
            "WWW-Authenticate": refusal.challenge,
            **(nonce if refusal.scheme is Scheme.DPOP else {}),
            **(headers or {}),
        },
    )
