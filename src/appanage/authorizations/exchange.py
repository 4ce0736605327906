"""Token exchange: a client makes less of an access token that it holds (RFC 8693)."""

from appanage.apps.model import App
from appanage.authorizations import queries
from appanage.authorizations.model import Authorization
from appanage.authorizations.tokens import IssuedTokens, TokenIssuer
from appanage.authorizations.verification import Caller, Verifier
from appanage.oauth.errors import InvalidGrant, InvalidToken
from appanage.oauth.exchange import ExchangeRequest, narrowed
from appanage.storage import Transaction


def exchange(
    tx: Transaction,
    issuer: TokenIssuer,
    verifier: Verifier,
    app: App,
    *,
    request: ExchangeRequest,
    key_thumbprint: str | None,
) -> IssuedTokens:
    """A short access token with no more power than the one presented. Raises InvalidGrant, InvalidScope, InvalidTarget."""
    try:
        caller = verifier.caller_of(tx, request.subject_token)
    except InvalidToken as cause:
        raise InvalidGrant(_UNKNOWN) from cause
    if caller.claims is None:
        raise InvalidGrant(_UNKNOWN)
    authorization = queries.find_authorization(tx, caller.claims.authorization)
    assert authorization is not None
    allowed = narrowed(
        caller.claims,
        request,
        client_id=app.client_id,
        usable=_usable(caller, authorization, request.resource),
        resources=authorization.resources if authorization.is_personal else issuer.settings.resources,
        key_thumbprint=key_thumbprint,
    )
    access = issuer.narrowed(
        tx,
        caller.claims,
        scopes=allowed.scopes,
        audience=allowed.audience,
        by=app,
        key_thumbprint=key_thumbprint,
    )
    return IssuedTokens(access, tx.now)


def _usable(caller: Caller, authorization: Authorization, resource: str | None) -> frozenset[str]:
    """A person consented to each resource by itself; an organization to what the app may do wherever that is."""
    if resource is None or caller.claims is None or resource == caller.claims.audience:
        return caller.scopes
    return (
        caller.scopes & authorization.consented_at(resource) if authorization.is_personal else caller.scopes
    )


_UNKNOWN = "The subject_token is not a valid access token of this client."
