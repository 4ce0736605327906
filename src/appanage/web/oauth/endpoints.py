"""Token, introspection, revocation, key set and metadata endpoints."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from appanage.apps.model import App
from appanage.apps.scopes import catalogue
from appanage.authorizations import clients, tokens
from appanage.deployment import Deployment
from appanage.kit.errors import TooMany
from appanage.kit.origin import internal_origin
from appanage.oauth import introspection, metadata
from appanage.oauth.bearer import basic_challenge
from appanage.oauth.clients import ClientCredentials, read_credentials
from appanage.oauth.errors import (
    InvalidClient,
    InvalidRequest,
    InvalidToken,
    MethodNotAllowed,
    OAuthError,
    TooManyRequests,
    UnsupportedGrantType,
)
from appanage.oauth.parameters import read_form, require
from appanage.storage import Transaction

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ClientRequest:
    """A request of an authenticated client."""

    deployment: Deployment
    tx: Transaction
    client: App
    parameters: Mapping[str, str]


def refresh(request: ClientRequest) -> Body:
    """RFC 6749 §6."""
    refresh_token = require(request.parameters, "refresh_token")
    pair = request.deployment.issuer.refresh(
        request.tx, request.client, refresh_token=refresh_token, scope=request.parameters.get("scope")
    )
    return pair.as_response()


GRANT_TYPES: Mapping[str, Callable[[ClientRequest], Body]] = {"refresh_token": refresh}


def token(request: ClientRequest) -> Body:
    """The token endpoint: the frame authenticates the client, a grant type says only what is its own."""
    grant_type = require(request.parameters, "grant_type")
    if grant_type not in GRANT_TYPES:
        raise UnsupportedGrantType(f"Supported are: {', '.join(sorted(GRANT_TYPES))}.")
    return GRANT_TYPES[grant_type](request)


def introspect(request: ClientRequest) -> Body:
    """RFC 7662: what a token of this client is worth now; a token of anybody else's is merely not active."""
    value = require(request.parameters, "token")
    deployment, client = request.deployment, request.client
    row = tokens.find_refresh(request.tx, value)
    if row is not None:
        issuer = deployment.settings.issuer
        return tokens.introspect_refresh(row, client_id=client.client_id, issuer=issuer, now=request.tx.now)
    try:
        caller = deployment.verifier.caller_of(request.tx, value)
    except InvalidToken:
        return introspection.INACTIVE
    if caller.claims is None or caller.claims.client_id != client.client_id:
        return introspection.INACTIVE
    return introspection.of_access_token(caller.claims, scopes=caller.scopes, username=caller.account.email)


def revoke(request: ClientRequest) -> Body:
    """RFC 7009: 200 for every token, whether or not there was anything to revoke."""
    value = require(request.parameters, "token")
    longest_life = request.deployment.settings.lifetimes.access_token
    row = tokens.find_refresh(request.tx, value)
    if row is not None:
        if row.authorization.app_id == request.client.id:
            tokens.revoke_refresh(request.tx, row, request.client, longest_life=longest_life)
        return {}
    try:
        claims = request.deployment.verifier.claims_of(request.tx, value)
    except InvalidToken:
        return {}
    if claims.client_id == request.client.client_id:
        tokens.revoke_access(request.tx, claims, request.client, longest_life=longest_life)
    return {}


def routes(deployment: Deployment) -> list[Route]:
    """The protocol's routes; the token endpoint also under its older address."""
    for_clients = {
        "/v1/access_token": token,
        "/idb/oauth2/v1/access_token": token,
        "/v1/introspect": introspect,
        "/v1/revoke": revoke,
    }
    documents = {
        "/v1/verification": key_set,
        "/v1/.well-known/openid-configuration": server_metadata,
        "/v1/.well-known/oauth-authorization-server": server_metadata,
        "/.well-known/oauth-authorization-server/v1": server_metadata,
        "/.well-known/openid-configuration/v1": server_metadata,
        "/.well-known/oauth-protected-resource/v1": resource_metadata,
    }
    return [
        *(Route(path, _for_client(deployment, act), methods=METHODS) for path, act in for_clients.items()),
        *(Route(path, _document(deployment, make)) for path, make in documents.items()),
    ]


def key_set(deployment: Deployment) -> Body:
    """RFC 7517 §5."""
    with deployment.transaction(internal_origin()) as tx:
        deployment.keys.keep_current(tx)
    return {"keys": deployment.keys.public_keys()}


def server_metadata(deployment: Deployment) -> Body:
    return metadata.authorization_server(
        issuer=deployment.settings.issuer, grant_types=GRANT_TYPES, scopes=_registrable_scopes()
    )


def resource_metadata(deployment: Deployment) -> Body:
    issuer = deployment.settings.issuer
    return metadata.protected_resource(
        issuer=issuer, resource=issuer, scopes=_registrable_scopes(), name=deployment.settings.brand.product
    )


def _registrable_scopes() -> list[str]:
    return [name for name, scope in catalogue().items() if scope.family != "oidc"]


def _for_client(
    deployment: Deployment, act: Callable[[ClientRequest], Body]
) -> Callable[[Request], Awaitable[Response]]:
    """The frame that the endpoints for clients share: parse, authenticate, act, answer."""

    async def endpoint(request: Request) -> Response:
        try:
            require_post(request)
            body = await request.body()
            return JSONResponse(
                await run_in_threadpool(_act, deployment, act, request, body), headers=NOT_STORED
            )
        except OAuthError as error:
            return oauth_error(request, error, deployment)

    return endpoint


def require_post(request: Request) -> None:
    if request.method != "POST":
        raise MethodNotAllowed("Send this request with POST.")


def _act(deployment: Deployment, act: Callable[[ClientRequest], Body], request: Request, body: bytes) -> Body:
    if request.url.query:
        raise InvalidRequest("Send the parameters in the body, not in the URL.")
    parameters = read_form(body, request.headers.get("content-type", ""))
    credentials = read_credentials(_one_authorization(request), parameters)
    origin = request.state.origin
    _require_allowed(deployment, credentials, origin.address)
    with deployment.transaction(origin) as tx:
        client = clients.authenticate(tx, credentials)
        if client is not None:
            return act(ClientRequest(deployment, tx, client, parameters))
    deployment.throttle.client_failed(credentials.client_id, origin.address)
    raise InvalidClient("Client authentication failed.", used_basic=credentials.used_basic)


def _one_authorization(request: Request) -> str | None:
    given = request.headers.getlist("authorization")
    if len(given) > 1:
        raise InvalidRequest("There is more than one Authorization header.")
    return given[0] if given else None


def _require_allowed(deployment: Deployment, credentials: ClientCredentials, source: str) -> None:
    try:
        deployment.throttle.require_client_allowed(credentials.client_id, source)
    except TooMany as refused:
        wait = ceil(refused.retry_after.total_seconds())
        raise TooManyRequests(refused.message, retry_after=wait) from refused


METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
"""The endpoints for clients answer every method themselves, since another one must not reach the API below."""

NOT_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def oauth_error(request: Request, error: OAuthError, deployment: Deployment) -> Response:
    """Both families of error bodies at once (wire facts): RFC 6749 §5.2 and the platform's."""
    tracking_id = request.state.origin.tracking_id
    body = {
        "error": error.code,
        "error_description": error.description,
        "message": error.description,
        "errors": [{"description": error.description}],
        "trackingId": tracking_id,
    }
    headers = dict(NOT_STORED)
    if isinstance(error, InvalidClient) and error.used_basic:
        headers["WWW-Authenticate"] = basic_challenge(deployment.settings.brand.product)
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = "POST"
    if isinstance(error, TooManyRequests):
        headers["Retry-After"] = str(error.retry_after)
    return JSONResponse(body, error.status, headers)


def _document(
    deployment: Deployment, make: Callable[[Deployment], Body]
) -> Callable[[Request], Awaitable[Response]]:
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
