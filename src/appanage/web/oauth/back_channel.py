"""The frame of the endpoints for clients: parse, authenticate the client, act, answer; and record what was refused."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from appanage import events
from appanage.apps import queries as apps
from appanage.apps.model import App
from appanage.authorizations import clients, proofs
from appanage.deployment import Deployment
from appanage.kit.errors import TooMany
from appanage.oauth.bearer import basic_challenge
from appanage.oauth.clients import ClientAuthentication, ClientCredentials, read_credentials
from appanage.oauth.dpop import Proof
from appanage.oauth.errors import (
    AuthorizationPending,
    InvalidClient,
    InvalidRequest,
    MethodNotAllowed,
    OAuthError,
    Refused,
    ReusedToken,
    SlowDown,
    TooManyRequests,
    UnauthorizedClient,
    UseDpopNonce,
)
from appanage.oauth.parameters import read_form
from appanage.storage import Transaction

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ClientRequest:
    """A request of an authenticated client. `proof` is its DPoP proof, accepted and spent."""

    deployment: Deployment
    tx: Transaction
    client: App
    parameters: Mapping[str, str]
    proof: Proof | None = None

    @property
    def key_thumbprint(self) -> str | None:
        return self.proof.thumbprint if self.proof else None

    def get(self, name: str) -> str | None:
        return self.parameters.get(name)

    def require_confidential(self) -> None:
        """Raises UnauthorizedClient for a public client, which anybody can pose as."""
        if self.client.is_public:
            raise UnauthorizedClient("A public client cannot do this: it has nothing to prove itself with.")


Act = Callable[[ClientRequest], Body | Refused]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint for clients. `with_proof`: it binds what it gives to the key of a DPoP proof. `for_named`: it is enough to name the client, as devices do (platform reference §2.4).

    `for_browsers`: programs in a browser may call it from pages of any site, without cookies (checklist AUTHZ-11).
    """

    act: Act
    status: int = 200
    with_proof: bool = False
    for_named: bool = False
    for_browsers: bool = False


METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
"""The endpoints for clients answer every method themselves, since another one must not reach the API below."""

NOT_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
ANY_SITE = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "DPoP-Nonce, TrackingID, WWW-Authenticate",
}
PREFLIGHT = ANY_SITE | {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, DPoP",
    "Access-Control-Max-Age": "600",
}

# What a client does in the ordinary course of things, or was told a moment ago to do, is no event.
_NOT_RECORDED = (AuthorizationPending, SlowDown, TooManyRequests, UseDpopNonce)


def for_client(deployment: Deployment, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint as a handler of Starlette."""

    async def handle(request: Request) -> Response:
        if endpoint.for_browsers and request.method == "OPTIONS":
            return Response(status_code=204, headers=PREFLIGHT)
        response = await _answered(deployment, endpoint, request)
        if endpoint.for_browsers:
            response.headers.update(ANY_SITE)
        return response

    return handle


async def _answered(deployment: Deployment, endpoint: Endpoint, request: Request) -> Response:
    try:
        require_post(request)
        body = await request.body()
        outcome = await run_in_threadpool(_act, deployment, endpoint, request, body)
    except OAuthError as error:
        return oauth_error(request, error, deployment)
    if isinstance(outcome, Refused):
        return oauth_error(request, outcome.error, deployment)
    return JSONResponse(outcome, endpoint.status, NOT_STORED | _nonce(request, deployment))


def require_post(request: Request) -> None:
    if request.method != "POST":
        raise MethodNotAllowed("Send this request with POST.")


def _act(deployment: Deployment, endpoint: Endpoint, request: Request, body: bytes) -> Body | Refused:
    if request.url.query:
        raise InvalidRequest("Send the parameters in the body, not in the URL.")
    parameters = read_form(body, request.headers.get("content-type", ""))
    credentials = read_credentials(_one_authorization(request), parameters)
    origin = request.state.origin
    _require_allowed(deployment, credentials, origin.address)
    with deployment.transaction(origin) as tx:
        client = _client(tx, deployment, endpoint, credentials, address=request.url.path)
        if client is not None:
            return _decide(deployment, tx, client, parameters, endpoint, request)
    deployment.throttle.client_failed(credentials.client_id, origin.address)
    raise InvalidClient("Client authentication failed.", used_basic=credentials.used_basic)


def _client(
    tx: Transaction,
    deployment: Deployment,
    endpoint: Endpoint,
    credentials: ClientCredentials,
    *,
    address: str,
) -> App | None:
    if endpoint.for_named and credentials.method == ClientAuthentication.NONE:
        named = apps.find_by_client_id(tx, credentials.client_id)
        if named is not None and named.is_active and not deployment.issuer.is_strict(named):
            return named
    settings = deployment.settings
    # Clients name the issuer (RFC 7523bis), the token endpoint (OpenID Connect Core §9), or the address that they call,
    # which RFC 9126 §2 demands for pushed requests and clients do everywhere.
    audiences = {settings.issuer, f"{settings.issuer}/access_token", settings.base_url + address}
    return clients.authenticate(
        tx,
        credentials,
        audiences=audiences,
        algorithms=settings.client_algorithms,
        known=deployment.known_clients,
    )


def _decide(
    deployment: Deployment,
    tx: Transaction,
    client: App,
    parameters: Mapping[str, str],
    endpoint: Endpoint,
    request: Request,
) -> Body | Refused:
    """What a refused request wrote is undone; that it came, its spent proofs and its record stay."""
    try:
        proof = _proof(deployment, tx, client, request) if endpoint.with_proof else None
        with tx.begin_nested():
            outcome = endpoint.act(ClientRequest(deployment, tx, client, parameters, proof))
    except OAuthError as error:
        outcome = Refused(error)
    if isinstance(outcome, Refused):
        _record(deployment, tx, client, request, parameters, outcome.error)
    return outcome


def _proof(deployment: Deployment, tx: Transaction, client: App, request: Request) -> Proof | None:
    sent = _dpop_headers(request)
    if sent and client.is_public:
        # Anybody can name a public client, and each proof is kept.
        count_beginning(deployment, tx.origin.address)
    return proofs.accept(
        tx,
        deployment.nonces,
        sent,
        method=request.method,
        url=deployment.settings.base_url + request.url.path,
        algorithms=deployment.settings.client_algorithms,
    )


def _record(
    deployment: Deployment,
    tx: Transaction,
    client: App,
    request: Request,
    parameters: Mapping[str, str],
    error: OAuthError,
) -> None:
    """Keeps a trace of what was refused, without the least part of what was presented."""
    if isinstance(error, _NOT_RECORDED) or _has_its_record(error):
        return
    if not deployment.throttle.allows_trace(tx.origin.address):
        return
    data = {
        "error": error.code,
        "endpoint": request.url.path,
        "grantType": parameters.get("grant_type", "")[:100],
    }
    events.record(
        tx,
        "token.refused",
        organization_id=client.organization_id,
        actor=client.as_actor(),
        target=client.as_target(),
        app_id=client.id,
        data=data,
        outcome=events.Outcome.REFUSED,
    )


def _has_its_record(error: OAuthError) -> bool:
    """What a token used again has ended is recorded where it was in force."""
    return isinstance(error, ReusedToken) and error.has_ended_some


def _one_authorization(request: Request) -> str | None:
    given = request.headers.getlist("authorization")
    if len(given) > 1:
        raise InvalidRequest("There is more than one Authorization header.")
    return given[0] if given else None


def _dpop_headers(request: Request) -> list[bytes]:
    return [value for name, value in request.scope["headers"] if name == b"dpop"]


def _require_allowed(deployment: Deployment, credentials: ClientCredentials, source: str) -> None:
    try:
        deployment.throttle.require_client_allowed(credentials.client_id, source)
    except TooMany as refused:
        raise too_many(refused) from refused


def count_beginning(deployment: Deployment, source: str) -> None:
    """Counts a request that makes us keep something though nobody proved anything. Raises TooManyRequests."""
    try:
        deployment.throttle.count_beginning(source)
    except TooMany as refused:
        raise too_many(refused) from refused


def too_many(refused: TooMany) -> TooManyRequests:
    return TooManyRequests(refused.message, retry_after=ceil(refused.retry_after.total_seconds()))


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
    headers = NOT_STORED | _nonce(request, deployment)
    if isinstance(error, InvalidClient) and error.used_basic:
        headers["WWW-Authenticate"] = basic_challenge(deployment.settings.brand.product)
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = "POST"
    if isinstance(error, TooManyRequests):
        headers["Retry-After"] = str(error.retry_after)
    return JSONResponse(body, error.status, headers)


def _nonce(request: Request, deployment: Deployment) -> dict[str, str]:
    """Whoever proves possession of a key learns the nonce of the next proof (RFC 9449 §8.2)."""
    if not _dpop_headers(request):
        return {}
    return {"DPoP-Nonce": deployment.nonces.make(deployment.database.clock())}
