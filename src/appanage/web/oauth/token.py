"""The token endpoint: a table of grant types, each of which says only what is its own."""

import uuid
from collections.abc import Mapping

from appanage.authorizations import codes, device_codes, exchange, organization_tokens, refresh_tokens
from appanage.authorizations.tokens import IssuedTokens
from appanage.kit.errors import NotFound
from appanage.kit.ids import Kind
from appanage.oauth import exchange as exchanging
from appanage.oauth.codes import CodeRedemption
from appanage.oauth.errors import (
    InvalidDpopProof,
    InvalidRequest,
    InvalidTarget,
    Refused,
    UnauthorizedClient,
    UnsupportedGrantType,
)
from appanage.oauth.parameters import require
from appanage.oauth.refreshing import RefreshRequest
from appanage.settings import Settings
from appanage.web.oauth.back_channel import Act, Body, ClientRequest

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


def authorization_code(request: ClientRequest) -> Body | Refused:
    """RFC 6749 §4.1.3."""
    settings = request.deployment.settings
    presented = redemption_of(request.parameters, settings, key_thumbprint=request.key_thumbprint)
    code = require(request.parameters, "code")
    issuer = request.deployment.issuer
    return _answer(codes.redeem(request.tx, issuer, request.client, code=code, presented=presented))


def refresh_token(request: ClientRequest) -> Body | Refused:
    """RFC 6749 §6."""
    settings = request.deployment.settings
    presented = refresh_request_of(request.parameters, settings, key_thumbprint=request.key_thumbprint)
    value = require(request.parameters, "refresh_token")
    issuer = request.deployment.issuer
    issued = refresh_tokens.refresh(
        request.tx, issuer, request.client, refresh_token=value, request=presented
    )
    return _answer(issued)


def redemption_of(
    parameters: Mapping[str, str], settings: Settings, *, key_thumbprint: str | None
) -> CodeRedemption:
    """What a request presents beside the code."""
    return CodeRedemption(
        redirect_uri=parameters.get("redirect_uri"),
        code_verifier=parameters.get("code_verifier"),
        resource=_resource(parameters, settings),
        key_thumbprint=key_thumbprint,
    )


def refresh_request_of(
    parameters: Mapping[str, str], settings: Settings, *, key_thumbprint: str | None
) -> RefreshRequest:
    """What a request presents beside the refresh token."""
    return RefreshRequest(
        scope=parameters.get("scope"),
        resource=_resource(parameters, settings),
        key_thumbprint=key_thumbprint,
    )


def client_credentials(request: ClientRequest) -> Body | Refused:
    """RFC 6749 §4.4, for a Service App: `organization` is the id of one that authorized it."""
    if not request.client.is_service_app:
        raise UnauthorizedClient("Only a Service App acts for an organization without anybody present.")
    issued = organization_tokens.fetch(
        request.tx,
        request.deployment.issuer,
        request.client,
        organization_id=_organization(request),
        scope=request.get("scope"),
        resource=_known_resource(request),
        key_thumbprint=request.key_thumbprint,
    )
    return _answer(issued)


def device_code(request: ClientRequest) -> Body | Refused:
    """RFC 8628 §3.4."""
    issued = device_codes.redeem(
        request.tx,
        request.deployment.issuer,
        request.client,
        device_code=require(request.parameters, "device_code"),
        key_thumbprint=request.key_thumbprint,
    )
    return _answer(issued)


def token_exchange(request: ClientRequest) -> Body | Refused:
    """RFC 8693, to make less of a token."""
    request.require_confidential()
    deployment = request.deployment
    issued = exchange.exchange(
        request.tx,
        deployment.issuer,
        deployment.verifier,
        request.client,
        request=exchanging.read(request.parameters),
        key_thumbprint=request.key_thumbprint,
    )
    return issued.as_response() | {"issued_token_type": exchanging.ACCESS_TOKEN}


GRANT_TYPES: Mapping[str, Act] = {
    "authorization_code": authorization_code,
    "refresh_token": refresh_token,
    "client_credentials": client_credentials,
    DEVICE_CODE: device_code,
    TOKEN_EXCHANGE: token_exchange,
}


def token(request: ClientRequest) -> Body | Refused:
    grant_type = require(request.parameters, "grant_type")
    if grant_type not in GRANT_TYPES:
        raise UnsupportedGrantType(f"Supported are: {', '.join(sorted(GRANT_TYPES))}.")
    if request.deployment.issuer.is_strict(request.client) and request.proof is None:
        raise InvalidDpopProof(
            "This app is in strict mode: its tokens are bound to a key. Send a DPoP proof."
        )
    return GRANT_TYPES[grant_type](request)


def device_token(request: ClientRequest) -> Body | Refused:
    """The address at which devices of the platform poll; it knows no other grant type."""
    if require(request.parameters, "grant_type") != DEVICE_CODE:
        raise UnsupportedGrantType(f"Supported is: {DEVICE_CODE}.")
    return token(request)


def _answer(issued: IssuedTokens | Refused) -> Body | Refused:
    return issued if isinstance(issued, Refused) else issued.as_response()


def _organization(request: ClientRequest) -> uuid.UUID:
    try:
        return request.deployment.ids.decode(Kind.ORGANIZATION, require(request.parameters, "organization"))
    except NotFound as cause:
        raise InvalidRequest("organization is the id of an organization.") from cause


def _resource(parameters: Mapping[str, str], settings: Settings) -> str | None:
    """The resource that is named, None for the platform's own API, which every token is for by default (RFC 8707)."""
    named = parameters.get("resource")
    return None if named == settings.issuer else named


def _known_resource(request: ClientRequest) -> str | None:
    named = _resource(request.parameters, request.deployment.settings)
    if named is not None and named not in request.deployment.settings.resources:
        raise InvalidTarget("Tokens are not issued for this resource.")
    return named
