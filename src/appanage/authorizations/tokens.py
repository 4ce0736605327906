"""Tokens of apps: retrieved for an organization, refreshed, looked into, revoked."""

import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update

from appanage import events
from appanage.apps import queries as apps
from appanage.apps.model import App
from appanage.authorizations import queries
from appanage.authorizations.keys import KeyRing
from appanage.authorizations.model import Authorization, RefreshToken, RevocationKind
from appanage.authorizations.revocation import issue_time, revoke
from appanage.directory.model import Account
from appanage.kit.errors import Invalid, NotPermitted, Refused
from appanage.kit.secrets import Prefix, Secret, digest, is_well_formed, new_secret
from appanage.oauth import introspection
from appanage.oauth.access_tokens import AccessClaims, sign
from appanage.oauth.refreshing import RefreshGrant, redeem
from appanage.oauth.scopes import format_scope
from appanage.settings import Settings
from appanage.storage import Transaction
from appanage.storage.batches import delete_batch


@dataclass(frozen=True, slots=True)
class TokenPair:
    """An access token and the refresh token that renews it."""

    access_token: Secret
    access_expires_at: datetime
    refresh_token: Secret
    refresh_expires_at: datetime
    scopes: frozenset[str]
    now: datetime

    def as_response(self) -> dict[str, Any]:
        """The body of a token response (RFC 6749 §5.1) with the platform's `refresh_token_expires_in`."""
        return {
            "access_token": self.access_token.reveal(),
            "expires_in": int((self.access_expires_at - self.now).total_seconds()),
            "refresh_token": self.refresh_token.reveal(),
            "refresh_token_expires_in": int((self.refresh_expires_at - self.now).total_seconds()),
            "token_type": "Bearer",
            "scope": format_scope(self.scopes),
        }


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """What issuing needs beside the database: the settings and the keys."""

    settings: Settings
    keys: KeyRing

    @property
    def audience(self) -> str:
        return self.settings.issuer

    def retrieve(
        self, tx: Transaction, app: App, *, by: Account, organization_id: uuid.UUID, client_secret: str
    ) -> TokenPair | Refused:
        """A new pair for one organization, for an owner of the app who also knows its secret (checklist TOK-17)."""
        refused = self._secret_refusal(tx, app, client_secret)
        if refused:
            _record(tx, "tokens.refused", app, organization_id, by=by, outcome=events.Outcome.REFUSED)
            return refused
        authorization = queries.find_active_for_update(tx, app, organization_id)
        if authorization is None or not authorization.is_usable:
            _record(tx, "tokens.refused", app, organization_id, by=by, outcome=events.Outcome.REFUSED)
            return Refused(_not_authorized(app))
        authorization.tokens_retrieved_at = tx.now
        pair = self.issue(tx, authorization)
        _record(tx, "tokens.retrieved", app, organization_id, by=by, name=authorization.organization.name)
        return pair

    def issue(self, tx: Transaction, authorization: Authorization) -> TokenPair:
        secret = new_secret(Prefix.REFRESH_TOKEN)
        row = RefreshToken(
            id=uuid.uuid4(),
            digest=secret.digest,
            authorization_id=authorization.id,
            authorization=authorization,
            issued_at=tx.now,
            expires_at=tx.now + self.settings.lifetimes.refresh_token,
        )
        tx.add(row)
        tx.flush()
        return self._pair(tx, row, secret, authorization.usable_scopes)

    def refresh(self, tx: Transaction, app: App, *, refresh_token: str, scope: str | None) -> TokenPair:
        """A new access token; the refresh token keeps its value and its clock starts again (design decision 9).

        Raises InvalidGrant and InvalidScope.
        """
        # Locked and read anew, so that a revocation that is being written at this moment is seen (checklist REV-05).
        row = find_refresh(tx, refresh_token, for_update=True)
        scopes = redeem(_as_grant(row), client_id=app.client_id, scope=scope, now=tx.now)
        assert row is not None
        row.expires_at = tx.now + self.settings.lifetimes.refresh_token
        row.last_used_at = tx.now
        return self._pair(tx, row, Secret(refresh_token), scopes)

    def _pair(self, tx: Transaction, row: RefreshToken, secret: Secret, scopes: frozenset[str]) -> TokenPair:
        claims = self._claims(row.authorization, scopes, tx.now, family=row.family)
        access = Secret(sign(claims, self.keys.signing_key(tx)))
        return TokenPair(access, claims.expires_at, secret, row.expires_at, scopes, tx.now)

    def _claims(
        self, authorization: Authorization, scopes: frozenset[str], now: datetime, *, family: str
    ) -> AccessClaims:
        return AccessClaims(
            issuer=self.settings.issuer,
            audience=self.audience,
            subject=authorization.account_id,
            client_id=authorization.app.client_id,
            organization=authorization.organization_id,
            authorization=authorization.id,
            scopes=scopes,
            issued_at=issue_time(now, authorization.valid_from),
            expires_at=now.replace(microsecond=0) + self.settings.lifetimes.access_token,
            token_id=secrets.token_urlsafe(16),
            family=family,
        )

    def _secret_refusal(self, tx: Transaction, app: App, client_secret: str) -> Refused | None:
        problem = secret_problem(tx, app, client_secret)
        return (
            Refused(Invalid(problem, code="wrong_secret", fields={"clientSecret": problem}))
            if problem
            else None
        )


def secret_problem(tx: Transaction, app: App, presented: str) -> str:
    """What is wrong with a pasted client secret; empty when it is one of the app's and alive. Marks its use."""
    cleaned = "".join(presented.split())
    if not cleaned:
        return "Enter the client secret."
    if not is_well_formed(cleaned, Prefix.CLIENT_SECRET):
        return _shape_problem(cleaned)
    row = apps.find_secret(tx, digest(cleaned))
    if row is None or row.app_id != app.id or not row.is_live(tx.now):
        return f"That is not a current secret of this app.{_hint(tx, app)} Copy it again or make a new one."
    row.mark_used(tx.now, tx.origin.address)
    return ""


def find_refresh(tx: Transaction, value: str, *, for_update: bool = False) -> RefreshToken | None:
    """The refresh token with this value; a typo is found out without asking the database."""
    if not is_well_formed(value, Prefix.REFRESH_TOKEN):
        return None
    return queries.find_refresh_token(tx, digest(value), for_update=for_update)


def introspect_refresh(row: RefreshToken, *, client_id: str, issuer: str, now: datetime) -> dict[str, Any]:
    """RFC 7662 §2.2; `active: false` for another client's token (checklist TOK-15)."""
    authorization = row.authorization
    alive = row.revoked_at is None and row.expires_at > now and authorization.is_usable
    if not alive or authorization.app.client_id != client_id:
        return introspection.INACTIVE
    return introspection.of_refresh_token(
        issuer=issuer,
        client_id=client_id,
        subject=str(authorization.account_id),
        scopes=authorization.usable_scopes,
        issued_at=row.issued_at,
        expires_at=row.expires_at,
    )


def revoke_refresh(tx: Transaction, row: RefreshToken, app: App, *, longest_life: timedelta) -> None:
    """Ends a refresh token and every access token issued with it (RFC 7009 §2.1)."""
    ended = tx.execute(
        update(RefreshToken)
        .where(RefreshToken.id == row.id, RefreshToken.revoked_at.is_(None))
        .values(revoked_at=tx.now)
        .returning(RefreshToken.id)
    ).one_or_none()
    if ended:
        revoke(tx, RevocationKind.FAMILY, row.family, longest_life=longest_life)
        _record_revocation(tx, app, row.authorization)


def revoke_access(tx: Transaction, claims: AccessClaims, app: App, *, longest_life: timedelta) -> None:
    """Ends one access token."""
    revoke(tx, RevocationKind.TOKEN, claims.token_id, longest_life=longest_life)
    authorization = queries.find_authorization(tx, claims.authorization)
    if authorization:
        _record_revocation(tx, app, authorization)


def prune(tx: Transaction, *, limit: int) -> int:
    """Removes at most `limit` refresh tokens that have expired, and tells how many."""
    return delete_batch(tx, RefreshToken, RefreshToken.expires_at < tx.now, limit=limit)


def _as_grant(row: RefreshToken | None) -> RefreshGrant | None:
    if row is None:
        return None
    authorization = row.authorization
    return RefreshGrant(
        client_id=authorization.app.client_id,
        approved=authorization.usable_scopes,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        authorization_ended_at=authorization.ended_at,
        is_suspended=not authorization.is_usable,
    )


def _shape_problem(presented: str) -> str:
    if presented.startswith(Prefix.CLIENT_SECRET):
        return "That secret is incomplete or mistyped. Select all of it and paste it again."
    return f"That is not a client secret: one begins with {Prefix.CLIENT_SECRET}."


def _hint(tx: Transaction, app: App) -> str:
    """Which secret was expected, by its last four characters."""
    endings = [one.last_four for one in apps.list_secrets(tx, app) if one.is_live(tx.now)]
    if not endings:
        return " It has none at present."
    return (
        f" The current one ends in {endings[0]}."
        if len(endings) == 1
        else f" The current ones end in {' and '.join(endings)}."
    )


def _not_authorized(app: App) -> NotPermitted:
    sentence = f"This organization has not authorized {app.name}. A Full Administrator there authorizes it in Control Hub."
    return NotPermitted(sentence, code="not_authorized_here")


def _record(
    tx: Transaction,
    type_: str,
    app: App,
    organization_id: uuid.UUID,
    *,
    by: Account,
    name: str = "",
    outcome: events.Outcome = events.Outcome.SUCCESS,
) -> None:
    events.record(
        tx,
        type_,
        organization_id=organization_id if outcome == events.Outcome.SUCCESS else app.organization_id,
        actor=by.as_actor(),
        target=events.Target("app", str(app.id), app.name, organization_id, name or str(organization_id)),
        app_id=app.id,
        outcome=outcome,
    )


def _record_revocation(tx: Transaction, app: App, authorization: Authorization) -> None:
    actor = events.Actor(
        name=app.name,
        kind="app",
        id=app.id,
        organization_id=app.organization_id,
        organization_name=app.organization.name,
    )
    events.record(
        tx,
        "token.revoked",
        organization_id=authorization.organization_id,
        actor=actor,
        target=events.Target(
            "app", str(app.id), app.name, authorization.organization_id, authorization.organization.name
        ),
        app_id=app.id,
    )
