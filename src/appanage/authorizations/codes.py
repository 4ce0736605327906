"""Authorization codes: made when a person allowed an app, spent once."""

import uuid
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import select, update

from appanage.apps.model import App
from appanage.authorizations import queries, refresh_tokens
from appanage.authorizations.model import Authorization, AuthorizationCode, RefreshToken
from appanage.authorizations.standing import Standing
from appanage.authorizations.tokens import TokenGrant, TokenIssuer, TokenPair
from appanage.kit.secrets import Prefix, Secret, digest, is_well_formed, new_secret
from appanage.oauth.authorization import AuthorizationRequest
from appanage.oauth.codes import CodeGrant, CodeRedemption
from appanage.oauth.codes import redeem as decide
from appanage.oauth.errors import InvalidGrant, OAuthError, Refused, ReusedToken
from appanage.signin.model import BrowserSession
from appanage.storage import Transaction
from appanage.storage.expiry import Expiry

EXPIRY = Expiry(AuthorizationCode, AuthorizationCode.expires_at, kept=timedelta(days=1))
"""For so long a spent code is remembered, so that its replay ends what was issued from it (RFC 6749 §4.1.2)."""


def issue(
    tx: Transaction,
    authorization: Authorization,
    request: AuthorizationRequest,
    *,
    session: BrowserSession,
    lifetime: timedelta,
) -> Secret:
    """A code for this request, bound to all that the request and the browser bring (checklist AUTHZ-05)."""
    secret = new_secret(Prefix.AUTHORIZATION_CODE)
    tx.add(
        AuthorizationCode(
            digest=secret.digest,
            authorization_id=authorization.id,
            session_id=session.id,
            redirect_uri=request.redirect_uri,
            redirect_uri_was_given=request.redirect_uri_was_given,
            scopes=sorted(request.scopes),
            resource=request.resource,
            code_challenge=request.code_challenge,
            code_challenge_method=request.code_challenge_method,
            key_thumbprint=request.dpop_thumbprint,
            nonce=request.nonce,
            authenticated_at=session.authenticated_at,
            issued_at=authorization.app.birth(tx.now),
            expires_at=tx.now + lifetime,
        )
    )
    tx.flush()
    return secret


def redeem(
    tx: Transaction, issuer: TokenIssuer, app: App, *, code: str, presented: CodeRedemption
) -> TokenPair | Refused:
    """Tokens for a code (RFC 6749 §4.1.3). The code is spent whether or not the rest is right (checklist AUTHZ-02).

    A code that was spent before ends what was issued from it (checklist AUTHZ-04). Raises InvalidGrant for a code that
    is not one of this client's, which changes nothing.
    """
    issuer.keys.keep_current(tx)
    spent = _spend(tx, app, code)
    if spent is None:
        return _refuse_unspent(tx, issuer, app, code)
    is_open = _is_open(tx, spent.session_id)
    try:
        issued, columns = issued_for(
            issuer, spent, spent.authorization.standing, is_open=is_open, presented=presented, now=tx.now
        )
    except OAuthError as error:
        return Refused(error)
    row = RefreshToken(**columns)
    tx.add(row)
    tx.flush()
    spent.refresh_token_id = row.id
    return issued


class Kept(Protocol):
    """The columns of a code that its redemption looks at."""

    @property
    def redirect_uri(self) -> str: ...
    @property
    def redirect_uri_was_given(self) -> bool: ...
    @property
    def scopes(self) -> list[str]: ...
    @property
    def resource(self) -> str | None: ...
    @property
    def code_challenge(self) -> str | None: ...
    @property
    def code_challenge_method(self) -> str | None: ...
    @property
    def key_thumbprint(self) -> str | None: ...
    @property
    def nonce(self) -> str | None: ...
    @property
    def authenticated_at(self) -> datetime: ...
    @property
    def session_id(self) -> uuid.UUID: ...
    @property
    def issued_at(self) -> datetime: ...
    @property
    def expires_at(self) -> datetime: ...


def issued_for(
    issuer: TokenIssuer,
    kept: Kept,
    standing: Standing,
    *,
    is_open: bool,
    presented: CodeRedemption,
    now: datetime,
) -> tuple[TokenPair, dict[str, Any]]:
    """The rules of a redemption, for every way to it; of values alone, with known keys: tokens and their row.

    `is_open`: the browser session is still there. Raises InvalidGrant and InvalidTarget.
    """
    resource = decide(_as_grant(issuer, kept, standing, is_open=is_open, now=now), presented, now=now)
    scopes = standing.usable_of(kept.scopes)
    if not scopes:
        raise InvalidGrant("Nothing is left of what was allowed: the app or the person lost every scope.")
    grant = TokenGrant(
        standing,
        scopes,
        kept_scopes=frozenset(kept.scopes),
        resource=resource,
        key_thumbprint=presented.key_thumbprint,
        authenticated_at=kept.authenticated_at,
        session_id=kept.session_id,
        nonce=kept.nonce,
    )
    return issuer.issued(grant, now)


def _spend(tx: Transaction, app: App, code: str) -> AuthorizationCode | None:
    """Takes the code out of circulation, once; another client's code stays as it is."""
    if not is_well_formed(code, Prefix.AUTHORIZATION_CODE):
        return None
    # One UPDATE … RETURNING: of two requests with the same code only one can win.
    owned = select(Authorization.id).where(Authorization.app_id == app.id)
    spent = update(AuthorizationCode).where(
        AuthorizationCode.digest == digest(code),
        AuthorizationCode.spent_at.is_(None),
        AuthorizationCode.authorization_id.in_(owned),
    )
    key = tx.scalar(spent.values(spent_at=tx.now).returning(AuthorizationCode.digest))
    found = tx.get(AuthorizationCode, key, populate_existing=True) if key else None
    if found is not None:
        queries.lock_authorization(tx, found.authorization_id)
    return found


def _refuse_unspent(tx: Transaction, issuer: TokenIssuer, app: App, code: str) -> Refused:
    former = tx.get(AuthorizationCode, digest(code))
    if former is None or former.authorization.app_id != app.id:
        raise InvalidGrant(_UNKNOWN)
    row = queries.lock_refresh_token(tx, former.refresh_token_id) if former.refresh_token_id else None
    ended = row is not None and refresh_tokens.end_family(tx, row, longest_life=issuer.longest_life)
    return Refused(ReusedToken(_UNKNOWN, has_ended_some=ended))


def _as_grant(
    issuer: TokenIssuer, kept: Kept, standing: Standing, *, is_open: bool, now: datetime
) -> CodeGrant:
    return CodeGrant(
        redirect_uri=kept.redirect_uri,
        redirect_uri_was_given=kept.redirect_uri_was_given,
        code_challenge=kept.code_challenge,
        code_challenge_method=kept.code_challenge_method,
        key_thumbprint=kept.key_thumbprint,
        resource=kept.resource,
        expires_at=kept.expires_at,
        is_usable=standing.is_usable_at(now) and standing.honours(kept.issued_at) and is_open,
        needs_challenge=standing.is_public or issuer.is_strict(standing),
    )


def _is_open(tx: Transaction, session_id: uuid.UUID) -> bool:
    """Whether the browser session is still there: who signs out takes codes that nobody redeemed yet with them."""
    session = tx.get(BrowserSession, session_id)
    return session is not None and session.ended_at is None


_UNKNOWN = "The authorization code is invalid, expired or spent. Start again."
