"""What a token is worth, and its end: introspection and revocation."""

from appanage.authorizations import refresh_tokens
from appanage.authorizations.verification import Verified
from appanage.directory.model import AccountKind
from appanage.oauth import introspection
from appanage.oauth.errors import InvalidClient, InvalidToken
from appanage.oauth.parameters import require
from appanage.web.oauth.back_channel import Body, ClientRequest


def introspect(request: ClientRequest) -> Body:
    """RFC 7662: what a token of this client is worth now; a token of anybody else's is merely not active."""
    if request.client.is_public:
        raise InvalidClient("A public client cannot look into tokens: anybody could pose as it.")
    value = require(request.parameters, "token")
    deployment, client = request.deployment, request.client
    row = refresh_tokens.find(request.tx, value)
    if row is not None:
        issuer = deployment.settings.issuer
        return refresh_tokens.introspect(row, client_id=client.client_id, issuer=issuer, now=request.tx.now)
    try:
        caller = deployment.verifier.caller_of(request.tx, value)
    except InvalidToken:
        return introspection.INACTIVE
    return describe(Verified.by_caller(caller, request.tx.now), client_id=client.client_id)


def describe(verified: Verified, *, client_id: str) -> Body:
    """What a client is told of a valid token: only of its own access tokens (checklist TOK-15)."""
    if verified.claims is None or verified.claims.client_id != client_id:
        return introspection.INACTIVE
    return introspection.of_access_token(
        verified.claims, scopes=verified.scopes, username=_username(verified)
    )


def revoke(request: ClientRequest) -> Body:
    """RFC 7009: 200 for every token, whether or not there was anything to revoke."""
    value = require(request.parameters, "token")
    longest_life = request.deployment.issuer.longest_life
    row = refresh_tokens.find(request.tx, value)
    if row is not None:
        if row.authorization.app_id == request.client.id:
            refresh_tokens.revoke_refresh(request.tx, row, request.client, longest_life=longest_life)
        return {}
    refresh_tokens.revoke_superseded(request.tx, value, request.client, longest_life=longest_life)
    try:
        claims = request.deployment.verifier.claims_of(request.tx, value)
    except InvalidToken:
        return {}
    if claims.client_id == request.client.client_id:
        refresh_tokens.revoke_access(request.tx, claims, request.client, longest_life=longest_life)
    return {}


def _username(verified: Verified) -> str | None:
    """The address of a machine account; a person's only to who may see it (OpenID Connect Core §5.4)."""
    may_see = verified.account_kind != AccountKind.PERSON or "email" in verified.scopes
    return verified.account_email if may_see else None
