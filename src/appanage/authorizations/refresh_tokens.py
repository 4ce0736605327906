"""Refresh tokens: used, rotated, looked into, ended."""

import hmac
import uuid
from datetime import datetime, timedelta
from typing import Any, Protocol

from msgspec import Struct
from sqlalchemy import update

from appanage import events
from appanage.apps.model import App
from appanage.authorizations import queries
from appanage.authorizations.model import (
    Authorization,
    RefreshToken,
    RevocationKind,
    SupersededRefreshToken,
)
from appanage.authorizations.revocation import revoke, revoke_issued, revoke_token
from appanage.authorizations.standing import Standing
from appanage.authorizations.tokens import TokenGrant, TokenIssuer, TokenPair
from appanage.kit.secrets import Prefix, Secret, digest, is_well_formed
from appanage.oauth import introspection
from appanage.oauth.access_tokens import AccessClaims
from appanage.oauth.errors import Refused, ReusedToken
from appanage.oauth.refreshing import RefreshGrant, RefreshRequest, Renewal, Superseded, redeem
from appanage.storage import Transaction
from appanage.storage.expiry import Expiry

EXPIRY = Expiry(RefreshToken, RefreshToken.expires_at)
MOST_SINGLE = 5_000
"""Of an authorization, access tokens that are remembered one by one as revoked: one every four minutes."""


class Kept(Protocol):
    """The columns of a refresh token that a refresh looks at."""

    @property
    def id(self) -> uuid.UUID: ...
    @property
    def scopes(self) -> list[str] | None: ...
    @property
    def resource(self) -> str | None: ...
    @property
    def key_thumbprint(self) -> str | None: ...
    @property
    def is_proven(self) -> bool: ...
    @property
    def issued_at(self) -> datetime: ...
    @property
    def expires_at(self) -> datetime: ...
    @property
    def ends_at(self) -> datetime | None: ...
    @property
    def revoked_at(self) -> datetime | None: ...


class Renewed(Struct, frozen=True):
    """What a refresh makes: what the answer will say, and what is to be written.

    `refresh_token` is for the client, which is told that it is good `until`; `successor` the one to be written, None when
    the token stays the same.
    """

    claims: AccessClaims
    refresh_token: Secret
    expires_at: datetime
    until: datetime
    ends_at: datetime | None
    successor: Secret | None

    def signed(self, issuer: TokenIssuer, now: datetime) -> TokenPair:
        """The answer. It costs more than all the rest, so it is made when nothing can come between."""
        return TokenPair(issuer.signed(self.claims, now), now, self.refresh_token, self.until)


def renew(
    issuer: TokenIssuer,
    kept: Kept | None,
    standing: Standing | None,
    *,
    client_id: str,
    presented: str,
    request: RefreshRequest,
    now: datetime,
    superseded: Superseded | None = None,
) -> Renewed:
    """The rules of a refresh, for every way to it; of values alone, with known keys.

    Raises InvalidGrant, InvalidScope, InvalidTarget; ReusedToken when the family must end.
    """
    grant = _as_grant(kept, standing, superseded, now) if kept and standing else None
    rotates = standing is not None and issuer.rotates(standing)
    refreshed = redeem(grant, request, client_id=client_id, rotates=rotates, now=now)
    assert kept is not None
    assert standing is not None
    ends_at = kept.ends_at or issuer.ends_at(standing, now)
    expires_at = issuer.renewed_until(ends_at, now)
    successor = None if refreshed.renewal is Renewal.KEEP else issuer.successor_of(presented)
    token_grant = TokenGrant(
        standing, refreshed.scopes, resource=refreshed.resource, key_thumbprint=request.key_thumbprint
    )
    return Renewed(
        issuer.claims(token_grant, now, family=str(kept.id)),
        successor or Secret(presented),
        expires_at,
        standing.until(expires_at),
        ends_at,
        successor if refreshed.renewal is Renewal.ROTATE else None,
    )


def refresh(
    tx: Transaction, issuer: TokenIssuer, app: App, *, refresh_token: str, request: RefreshRequest
) -> TokenPair | Refused:
    """A new access token, and the refresh token as design decision 9 has it: the same, or its successor.

    Reuse ends the whole family and is returned, so that this is kept. Raises InvalidGrant, InvalidScope, InvalidTarget.
    """
    issuer.keys.keep_current(tx)
    # Locked and read anew, so that a revocation that is being written at this moment is seen (checklist REV-05).
    row, former = _find(tx, refresh_token)
    try:
        renewed = renew(
            issuer,
            row,
            row.authorization.standing if row else None,
            client_id=app.client_id,
            presented=refresh_token,
            request=request,
            now=tx.now,
            superseded=_superseded(issuer, row, former, refresh_token),
        )
    except ReusedToken as error:
        assert row is not None
        ended = end_family(tx, row, longest_life=issuer.longest_life)
        return Refused(ReusedToken(error.description, has_ended_some=ended))
    assert row is not None
    row.last_used_at, row.expires_at, row.ends_at = tx.now, renewed.expires_at, renewed.ends_at
    if renewed.successor is not None:
        tx.add(SupersededRefreshToken(digest=row.digest, refresh_token_id=row.id, superseded_at=tx.now))
        row.digest, row.rotated_at = renewed.successor.digest, tx.now
    return renewed.signed(issuer, tx.now)


def find(tx: Transaction, value: str, *, for_update: bool = False) -> RefreshToken | None:
    """The refresh token with this value; a typo is found out without asking the database."""
    if not is_well_formed(value, Prefix.REFRESH_TOKEN):
        return None
    return queries.find_refresh_token(tx, digest(value), for_update=for_update)


def introspect(row: RefreshToken, *, client_id: str, issuer: str, now: datetime) -> dict[str, Any]:
    """RFC 7662 §2.2; `active: false` for another client's token (checklist TOK-15)."""
    authorization = row.authorization
    alive = row.revoked_at is None and row.expires_at > now and authorization.is_usable_at(now)
    if not alive or not authorization.app.honours(row.issued_at) or authorization.app.client_id != client_id:
        return introspection.INACTIVE
    return introspection.of_refresh_token(
        issuer=issuer,
        client_id=client_id,
        subject=str(authorization.account_id),
        scopes=row.usable_scopes,
        issued_at=row.issued_at,
        expires_at=authorization.standing.until(row.expires_at),
    )


def revoke_refresh(
    tx: Transaction,
    row: RefreshToken,
    app: App,
    *,
    longest_life: timedelta,
    actor: events.Actor | None = None,
) -> None:
    """Ends a refresh token and every access token issued with it (RFC 7009 §2.1); `actor` if it is not the app itself."""
    if _end(tx, row, longest_life=longest_life):
        _record(tx, "token.revoked", row.authorization, by=app, actor=actor)


def revoke_superseded(tx: Transaction, value: str, app: App, *, longest_life: timedelta) -> None:
    """Ends the family of a refresh token that was rotated away: whoever revokes it does not know its successor."""
    row, former = _find(tx, value)
    if row is not None and former is not None and row.authorization.app_id == app.id:
        revoke_refresh(tx, row, app, longest_life=longest_life)


def revoke_access(tx: Transaction, claims: AccessClaims, app: App, *, longest_life: timedelta) -> None:
    """Ends one access token; if it is one too many of its authorization, all that were issued under it until now.

    Every process bears in mind what was revoked for as long as it would have lived, so there must be a bound to what
    one client makes it remember (checklist TEN-04). RFC 7009 §2.1 lets the server end more than it was asked to.
    """
    authorization = queries.find_authorization(tx, claims.authorization)
    if authorization is None:
        return
    if queries.revokes_at_least(tx, authorization, MOST_SINGLE):
        queries.lock_authorization(tx, authorization.id)
        revoke_issued(tx, authorization, claims, longest_life=longest_life)
    else:
        revoke_token(tx, claims)
    _record(tx, "token.revoked", authorization, by=app)


def end_family(tx: Transaction, row: RefreshToken, *, longest_life: timedelta) -> bool:
    """Somebody used again what was spent: nothing of it works any more (RFC 9700 §4.14.2, checklist REV-02).

    False when it had ended before.
    """
    ended = _end(tx, row, longest_life=longest_life)
    if ended:
        app = row.authorization.app
        _record(tx, "token.reused", row.authorization, by=app, outcome=events.Outcome.REFUSED)
    return ended


def superseded_expiry(kept: timedelta) -> Expiry:
    """Nobody can be found out any more by what was rotated away so long ago: presented, it is merely invalid.

    So a family that lives for ever keeps a bounded past (checklist TEN-04).
    """
    return Expiry(SupersededRefreshToken, SupersededRefreshToken.superseded_at, kept)


def _find(tx: Transaction, value: str) -> tuple[RefreshToken | None, SupersededRefreshToken | None]:
    """The family of a refresh token, locked; with the record of it if the token was rotated away."""
    row = find(tx, value, for_update=True)
    if row is not None or not is_well_formed(value, Prefix.REFRESH_TOKEN):
        return row, None
    former = tx.get(SupersededRefreshToken, digest(value))
    row = queries.lock_refresh_token(tx, former.refresh_token_id) if former else None
    return row, former


def _superseded(
    issuer: TokenIssuer, row: RefreshToken | None, former: SupersededRefreshToken | None, value: str
) -> Superseded | None:
    if row is None or former is None:
        return None
    is_predecessor = hmac.compare_digest(row.digest, issuer.successor_of(value).digest)
    return Superseded(former.superseded_at, is_predecessor)


def _as_grant(kept: Kept, standing: Standing, superseded: Superseded | None, now: datetime) -> RefreshGrant:
    return RefreshGrant(
        client_id=standing.client_id,
        approved=standing.usable_of(kept.scopes),
        expires_at=kept.expires_at,
        revoked_at=kept.revoked_at,
        authorization_ended_at=standing.ended_at,
        is_suspended=not _is_usable(kept, standing, now),
        key_thumbprint=kept.key_thumbprint,
        resource=kept.resource,
        superseded=superseded,
    )


def _is_usable(kept: Kept, standing: Standing, now: datetime) -> bool:
    """Not while anything is suspended, not what is from before that, nor in hands that need to prove nothing."""
    was_weakened = kept.is_proven and standing.is_public
    return standing.is_usable_at(now) and standing.honours(kept.issued_at) and not was_weakened


def _end(tx: Transaction, row: RefreshToken, *, longest_life: timedelta) -> bool:
    """One row is the family, so this costs the same however often it was renewed (checklist REV-06)."""
    ended = tx.execute(
        update(RefreshToken)
        .where(RefreshToken.id == row.id, RefreshToken.revoked_at.is_(None))
        .values(revoked_at=tx.now)
        .returning(RefreshToken.id)
    ).one_or_none()
    if ended:
        revoke(tx, RevocationKind.FAMILY, row.family, longest_life=longest_life)
    return ended is not None


def _record(
    tx: Transaction,
    type_: str,
    authorization: Authorization,
    *,
    by: App,
    actor: events.Actor | None = None,
    outcome: events.Outcome = events.Outcome.SUCCESS,
) -> None:
    organization = authorization.organization
    events.record(
        tx,
        type_,
        organization_id=organization.id,
        actor=actor or by.as_actor(),
        target=events.Target("app", str(by.id), by.name, organization.id, organization.name),
        app_id=by.id,
        outcome=outcome,
    )
