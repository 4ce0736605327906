"""Token exchange (RFC 8693), of which there is one kind: a client makes less of an access token that it holds."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from appanage.oauth.access_tokens import AccessClaims
from appanage.oauth.errors import InvalidGrant, InvalidRequest, InvalidTarget
from appanage.oauth.parameters import require
from appanage.oauth.scopes import narrow

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


@dataclass(frozen=True, slots=True)
class ExchangeRequest:
    subject_token: str = field(repr=False)
    scope: str | None
    resource: str | None


@dataclass(frozen=True, slots=True)
class Narrowed:
    scopes: frozenset[str]
    audience: str


def read(parameters: Mapping[str, str]) -> ExchangeRequest:
    """RFC 8693 §2.1. Raises InvalidRequest for other types of tokens, and for acting in somebody else's name."""
    if require(parameters, "subject_token_type") != ACCESS_TOKEN:
        raise InvalidRequest(f"subject_token_type is {ACCESS_TOKEN}.")
    if parameters.get("requested_token_type", ACCESS_TOKEN) != ACCESS_TOKEN:
        raise InvalidRequest(f"requested_token_type is {ACCESS_TOKEN}.")
    if "actor_token" in parameters or "actor_token_type" in parameters:
        raise InvalidRequest("A token can only be narrowed here: leave out the actor_token.")
    if "audience" in parameters:
        raise InvalidRequest("Name the target by resource, not by audience.")
    token = require(parameters, "subject_token")
    return ExchangeRequest(token, parameters.get("scope"), parameters.get("resource"))


def narrowed(
    claims: AccessClaims,
    request: ExchangeRequest,
    *,
    client_id: str,
    usable: Collection[str],
    resources: Collection[str],
    key_thumbprint: str | None,
) -> Narrowed:
    """What the new token may do: no more than the old one, for its own client only (checklist TOK-16).

    `usable` are the scopes of the old token that hold now, `resources` those that its authorization extends to.
    Raises InvalidGrant, InvalidScope, InvalidTarget.
    """
    if claims.client_id != client_id:
        raise InvalidGrant("The subject_token is not one of this client's.")
    if claims.source is not None:
        raise InvalidGrant("The subject_token was narrowed already. Use the token that it was made of.")
    if claims.key_thumbprint is not None and claims.key_thumbprint != key_thumbprint:
        raise InvalidGrant("The subject_token is bound to a key, and there is no DPoP proof by that key.")
    audience = request.resource or claims.audience
    if audience not in {claims.audience, *resources}:
        raise InvalidTarget("What was allowed does not extend to this resource.")
    return Narrowed(narrow(usable, request.scope), audience)
