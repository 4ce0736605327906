"""Issuing tokens: what a token grant proved becomes an access token and what goes with it."""

import hmac
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Protocol

from msgspec import Struct, structs

from appanage.apps.model import App
from appanage.authorizations.keys import KeyRing
from appanage.authorizations.model import RefreshToken
from appanage.authorizations.revocation import issue_time
from appanage.authorizations.standing import Standing
from appanage.kit.secrets import Prefix, Secret, new_secret
from appanage.oauth import id_tokens
from appanage.oauth.access_tokens import AccessClaims, sign
from appanage.oauth.id_tokens import IdClaims
from appanage.oauth.scopes import format_granted
from appanage.settings import Settings
from appanage.storage import Transaction


class Client(Protocol):
    """An app, or what is known of it, as far as the lives of its tokens depend on it."""

    @property
    def is_public(self) -> bool: ...

    @property
    def is_strict(self) -> bool: ...


class TokenGrant(Struct, frozen=True):
    """What a grant type proved, for one request. `standing` is what holds of the authorization.

    `scopes` are those of the access token; `kept_scopes` those that every refresh may ask for, None for all that the
    authorization holds at that time. `key_thumbprint` is the key of the request's DPoP proof.
    """

    standing: Standing
    scopes: frozenset[str]
    kept_scopes: frozenset[str] | None = None
    resource: str | None = None
    key_thumbprint: str | None = None
    authenticated_at: datetime | None = None
    session_id: uuid.UUID | None = None
    nonce: str | None = None


class AccessToken(Struct, frozen=True):
    value: Secret
    claims: AccessClaims

    @property
    def token_type(self) -> str:
        return "DPoP" if self.claims.key_thumbprint else "Bearer"


class IssuedTokens(Struct, frozen=True):
    """An access token on its way to the client."""

    access: AccessToken
    now: datetime

    @property
    def access_token(self) -> Secret:
        return self.access.value

    @property
    def access_expires_at(self) -> datetime:
        return self.access.claims.expires_at

    @property
    def scopes(self) -> frozenset[str]:
        return self.access.claims.scopes

    def as_response(self) -> dict[str, Any]:
        """The body of a token response (RFC 6749 §5.1)."""
        return {
            "access_token": self.access_token.reveal(),
            "expires_in": self._left(self.access_expires_at),
            "token_type": self.access.token_type,
            "scope": format_granted(self.scopes),
        }

    def _left(self, until: datetime) -> int:
        return int((until - self.now).total_seconds())


class TokenPair(IssuedTokens, frozen=True):
    """An access token, the refresh token that renews it, and what tells about the person if that was asked for."""

    refresh_token: Secret
    refresh_expires_at: datetime
    id_token: Secret | None = None

    def as_response(self) -> dict[str, Any]:
        """With the platform's `refresh_token_expires_in`, and the `id_token` of OpenID Connect Core §3.1.3.3."""
        body = IssuedTokens.as_response(self)
        body["refresh_token"] = self.refresh_token.reveal()
        body["refresh_token_expires_in"] = self._left(self.refresh_expires_at)
        if self.id_token:
            body["id_token"] = self.id_token.reveal()
        return body


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """What issuing needs beside the database: the settings and the keys."""

    settings: Settings
    keys: KeyRing
    succession_key: bytes = field(repr=False)

    @property
    def longest_life(self) -> timedelta:
        """Of an access token: for so long a revocation must be remembered."""
        return self.settings.lifetimes.longest_access_token

    def is_strict(self, app: Client) -> bool:
        """Strict mode (design §6): a setting of the deployment or of one app."""
        return self.settings.strict or app.is_strict

    def rotates(self, app: Client) -> bool:
        """Whether refresh tokens of the app change with every use (design decision 9, RFC 9700 §2.2.2)."""
        return app.is_public or self.is_strict(app)

    def successor_of(self, refresh_token: str) -> Secret:
        """The token that takes this one's place: the same each time, so that a retry gets it again though no copy is kept.

        Only the deployment's key leads from one to the next (checklist REV-03).
        """
        following = hmac.new(self.succession_key, refresh_token.encode(), sha256).digest()
        return new_secret(Prefix.REFRESH_TOKEN, lambda length: following[:length])

    def issue(self, tx: Transaction, grant: TokenGrant) -> tuple[TokenPair, RefreshToken]:
        """An access token, a refresh token, and an ID token where the person signed in with `openid`."""
        self.keys.keep_current(tx)
        pair, columns = self.issued(grant, tx.now)
        row = RefreshToken(**columns)
        tx.add(row)
        tx.flush()
        return pair, row

    def issued(self, grant: TokenGrant, now: datetime) -> tuple[TokenPair, dict[str, Any]]:
        """As `issue`, with the columns of the refresh token's row, which is the caller's to write; with known keys."""
        secret = new_secret(Prefix.REFRESH_TOKEN)
        columns = self._new_refresh_token(grant, secret, now)
        access = self.access_token(grant, now, family=str(columns["id"]))
        until = grant.standing.until(columns["expires_at"])
        pair = TokenPair(access, now, secret, until, self._id_token(grant, access, now))
        return pair, columns

    def access_token(
        self, grant: TokenGrant, now: datetime, *, family: str | None = None, is_short: bool = False
    ) -> AccessToken:
        """An access token, signed with a known key; `family` is that of the refresh token that renews it, if one does."""
        return self.signed(self.claims(grant, now, family=family, is_short=is_short), now)

    def claims(
        self, grant: TokenGrant, now: datetime, *, family: str | None = None, is_short: bool = False
    ) -> AccessClaims:
        """What an `access_token` says: the first half of making one."""
        standing = grant.standing
        return AccessClaims(
            issuer=self.settings.issuer,
            audience=grant.resource or self.settings.issuer,
            subject=standing.account_id,
            client_id=standing.client_id,
            organization=standing.organization_id,
            authorization=standing.authorization_id,
            scopes=grant.scopes,
            issued_at=issue_time(now, standing.valid_from),
            expires_at=self._access_until(standing, now.replace(microsecond=0), is_short=is_short),
            token_id=secrets.token_urlsafe(16),
            family=family,
            key_thumbprint=grant.key_thumbprint,
        )

    def signed(self, claims: AccessClaims, now: datetime) -> AccessToken:
        """The access token that says this: the second half, which costs the most."""
        return AccessToken(Secret(sign(claims, self.keys.newest(now))), claims)

    def narrowed(
        self,
        tx: Transaction,
        claims: AccessClaims,
        *,
        scopes: frozenset[str],
        audience: str,
        by: App,
        key_thumbprint: str | None,
    ) -> AccessToken:
        """A short access token with no more than another one has, which ends with that one (RFC 8693 §1.1)."""
        self.keys.keep_current(tx)
        now = tx.now.replace(microsecond=0)
        lifetime = self.settings.lifetimes.short_access_token
        made = structs.replace(
            claims,
            audience=audience,
            scopes=scopes,
            expires_at=min(claims.expires_at, now + lifetime),
            token_id=secrets.token_urlsafe(16),
            key_thumbprint=key_thumbprint,
            actor=by.client_id,
            source=claims.token_id,
        )
        return self.signed(made, tx.now)

    def renewed_until(self, ends_at: datetime | None, now: datetime) -> datetime:
        """When a refresh token that is used now expires: its clock starts again, up to its absolute end.

        The end of the authorization, which an administrator may put off, is not written into it.
        """
        until = now + self.settings.lifetimes.refresh_token
        return min(until, ends_at) if ends_at else until

    def ends_at(self, app: Client, now: datetime) -> datetime | None:
        """The end that no refresh moves, of a refresh token that begins now: there is one in strict mode."""
        return now + self.settings.lifetimes.strict_refresh_token if self.is_strict(app) else None

    def _new_refresh_token(self, grant: TokenGrant, secret: Secret, now: datetime) -> dict[str, Any]:
        app = grant.standing
        ends_at = self.ends_at(app, now)
        return {
            "id": uuid.uuid4(),
            "digest": secret.digest,
            "authorization_id": app.authorization_id,
            "scopes": sorted(grant.kept_scopes) if grant.kept_scopes is not None else None,
            "resource": grant.resource,
            # A confidential client proves itself with every refresh; a public one only has its key (RFC 9449 §5).
            "key_thumbprint": grant.key_thumbprint if app.is_public else None,
            "is_proven": not app.is_public,
            "issued_at": app.birth(now),
            "expires_at": self.renewed_until(ends_at, now),
            "ends_at": ends_at,
        }

    def _access_until(self, standing: Standing, now: datetime, *, is_short: bool) -> datetime:
        lifetimes = self.settings.lifetimes
        is_short = is_short or self.is_strict(standing)
        lifetime = lifetimes.short_access_token if is_short else lifetimes.access_token
        return standing.until(now + lifetime).replace(microsecond=0)

    def _id_token(self, grant: TokenGrant, access: AccessToken, now: datetime) -> Secret | None:
        if "openid" not in grant.scopes or grant.authenticated_at is None:
            return None
        issued_at = now.replace(microsecond=0)
        claims = IdClaims(
            issuer=self.settings.issuer,
            subject=str(grant.standing.account_id),
            client_id=grant.standing.client_id,
            organization=str(grant.standing.organization_id),
            issued_at=issued_at,
            expires_at=issued_at + self.settings.lifetimes.id_token,
            authenticated_at=grant.authenticated_at,
            nonce=grant.nonce,
            session=str(grant.session_id) if grant.session_id else None,
        )
        key = self.keys.newest(now, self.settings.rules.signs_id_tokens_with)
        return Secret(id_tokens.sign(claims, key, access_token=access.value.reveal()))
