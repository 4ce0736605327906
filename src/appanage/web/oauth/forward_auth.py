"""The forward-auth endpoint: a proxy asks about every request before it lets it pass."""

from collections.abc import Mapping
from dataclasses import replace

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from appanage.authorizations import proofs
from appanage.authorizations.token_uses import note
from appanage.authorizations.verification import Verified
from appanage.deployment import Deployment
from appanage.oauth.bearer import Presented, Scheme, headers_named, read_token, require_bound
from appanage.oauth.errors import InvalidDpopProof, InvalidToken, OAuthError, Refused
from appanage.oauth.forward_auth import (
    Demand,
    Holder,
    decide,
    original_request,
    read_demand,
    require_audience,
)
from appanage.oauth.refusals import Resource
from appanage.settings import Settings
from appanage.storage import Transaction
from appanage.web.oauth.back_channel import NOT_STORED
from appanage.web.oauth.protected import own_api, refused

PATH = "/v1/authz"

Identity = Mapping[str, str]


def routes(deployment: Deployment) -> list[Route]:
    """The address, and everything below it: there the path of the request that waits follows."""
    endpoint = ForwardAuth(deployment)
    return [Route(PATH, endpoint), Route(f"{PATH}/{{original:path}}", endpoint)]


class ForwardAuth:
    """Answers every method alike, since it may be the one of the request that waits."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        deployment, settings = self._deployment, self._deployment.settings
        try:
            demand = demand_of(request, settings)
        except OAuthError as error:
            return refused(request, deployment, error)
        try:
            outcome = await run_in_threadpool(_decide, deployment, request, demand)
        except (InvalidToken, OAuthError) as error:
            return refused(request, deployment, error, resource=resource_of(demand, settings))
        if isinstance(outcome, Refused):
            return refused(request, deployment, outcome.error, resource=resource_of(demand, settings))
        return Response(headers=NOT_STORED | dict(outcome))


def demand_of(request: Request, settings: Settings) -> Demand:
    """Below our address the query belongs to the request that waits, so its client wrote it: nothing is read there."""
    query = b"" if original_path(request) is not None else request.scope["query_string"]
    headers = request.scope["headers"]
    return read_demand(query, headers, issuer=settings.issuer, resources=settings.resources)


def original_path(request: Request) -> bytes | None:
    """What follows our address, as it was sent; None where nothing does."""
    if request.scope["path"] == PATH:
        return None
    raw: bytes = request.scope["raw_path"]
    return raw.removeprefix(PATH.encode())


def resource_of(demand: Demand, settings: Settings) -> Resource:
    """What a refusal describes; of another resource we publish no metadata."""
    own = own_api(settings)
    return own if demand.audience == settings.issuer else replace(own, metadata=None)


def _decide(deployment: Deployment, request: Request, demand: Demand) -> Identity | Refused:
    """In one transaction, in which a proof stays spent although its token lacks a scope."""
    presented = read_token(headers_named(b"authorization", request.scope["headers"]))
    if presented is None:
        raise InvalidToken("no token")
    origin = request.state.origin
    with deployment.transaction(origin) as tx:
        caller = deployment.verifier.caller_of(tx, presented.token)
        holder = holder_of(Verified.by_caller(caller, tx.now), deployment.settings)
        require_audience(holder, demand)
        require_bound(presented, holder.bound_to, _thumbprint(tx, deployment, presented, request))
        outcome = decide(holder, demand)
    if caller.use is not None:
        note(deployment.database, origin, caller.use)
    return outcome


def holder_of(verified: Verified, settings: Settings) -> Holder:
    """Personal and bot tokens are for the platform itself, bound to no key and given to no client."""
    claims = verified.claims
    return Holder(
        account=verified.account_id,
        organization=verified.organization_id,
        kind=verified.account_kind,
        client_id=verified.client_id,
        audience=claims.audience if claims else settings.issuer,
        scopes=verified.scopes,
        bound_to=claims.key_thumbprint if claims else None,
    )


def _thumbprint(
    tx: Transaction, deployment: Deployment, presented: Presented, request: Request
) -> str | None:
    """The key that the proof for the waiting request is made with. Only whoever holds a good token makes us write."""
    if presented.scheme is not Scheme.DPOP:
        return None
    _require_trusted(request, deployment.settings)
    headers = request.scope["headers"]
    waiting = original_request(headers, method=request.method, path=original_path(request))
    proof = proofs.accept(
        tx,
        deployment.nonces,
        headers_named(b"dpop", headers),
        method=waiting.method,
        url=waiting.url,
        algorithms=deployment.settings.client_algorithms,
        access_token=presented.token,
    )
    return proof.thumbprint if proof else None


def _require_trusted(request: Request, settings: Settings) -> None:
    """Whoever asks us directly can only deceive themselves, but an untrusted proxy would deceive those behind it."""
    peer = request.client.host if request.client else ""
    if peer not in settings.trusted_proxies:
        raise InvalidDpopProof("The request that the DPoP proof is for is believed to a trusted proxy only.")
