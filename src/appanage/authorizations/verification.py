"""Verifying tokens: who calls, with which scopes, at this moment."""

import uuid
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from msgspec import structs

from appanage.apps.model import App
from appanage.apps.scopes import BOT_SCOPES
from appanage.authorizations import queries
from appanage.authorizations.freshness import Freshness
from appanage.authorizations.keys import KeyRing
from appanage.authorizations.personal_tokens import scopes_within_reach
from appanage.authorizations.revocation import RevocationIndex, first_living_second, subjects_of
from appanage.authorizations.standing import Standing
from appanage.authorizations.token_uses import TokenUse, use_of
from appanage.directory.model import Account
from appanage.kit.secrets import Prefix, digest, is_well_formed
from appanage.oauth.access_tokens import AccessClaims, key_id_of, verify
from appanage.oauth.bearer import Presented, require_bound
from appanage.oauth.errors import InvalidToken
from appanage.settings import Settings
from appanage.storage import Transaction
from appanage.storage.use import NOTED_EVERY

_REMEMBERED = 20_000
_KEYS_AT_MOST = timedelta(seconds=5)  # a made-up kid makes nobody read the keys more often than that


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever presents a valid token. `app` is None for a person's own token.

    `use` is for the token's owner to see later; whoever serves the request notes it when that is done, and does not
    remember the caller beyond `next_noted_at`.
    """

    account: Account
    scopes: frozenset[str]
    expires_at: datetime
    app: App | None = None
    claims: AccessClaims | None = None
    use: TokenUse | None = None
    next_noted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verified:
    """What a valid token is worth, as a value. True until `until`, as long as nothing changes of what it `rests_on`.

    `claims` are those of an access token; `client_id` is None for a token that no client was given.
    """

    account_id: uuid.UUID
    account_kind: str
    account_email: str
    organization_id: uuid.UUID
    client_id: str | None
    scopes: frozenset[str]
    claims: AccessClaims | None
    until: datetime
    rests_on: tuple[str, ...]

    @classmethod
    def by_claims(cls, claims: AccessClaims, standing: Standing, now: datetime) -> "Verified":
        """Of a living access token. Raises InvalidToken when what it was issued under does not hold any more."""
        return cls(
            account_id=standing.account_id,
            account_kind=standing.account_kind,
            account_email=standing.account_email,
            organization_id=standing.organization_id,
            client_id=standing.client_id,
            scopes=admit(claims, standing, now),
            claims=_bounded(claims, standing),
            until=standing.until(claims.expires_at),
            rests_on=standing.rests_on + subjects_of(claims),
        )

    @classmethod
    def by_caller(cls, caller: Caller, now: datetime) -> "Verified":
        """Of whoever was found out to call; for a minute at the most, and so that every use that is due is noted."""
        account, app = caller.account, caller.app
        things = [f"account:{account.id}", f"organization:{account.organization_id}"]
        if app is not None:
            things += [f"app:{app.id}", f"organization:{app.organization_id}"]
        return cls(
            account_id=account.id,
            account_kind=account.kind,
            account_email=account.email,
            organization_id=account.organization_id,
            client_id=caller.claims.client_id if caller.claims else None,
            scopes=caller.scopes,
            claims=caller.claims,
            until=min(caller.expires_at, caller.next_noted_at or now + NOTED_EVERY),
            rests_on=tuple(things),
        )


class Verifier:
    """Verifies the tokens of one process: signature and claims once, then from memory; revocation every time."""

    def __init__(
        self, settings: Settings, keys: KeyRing, revocations: RevocationIndex, freshness: Freshness
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._revocations = revocations
        self._freshness = freshness
        self._verified: OrderedDict[bytes, AccessClaims] = OrderedDict()
        self._lock = Lock()

    def claims_of(self, tx: Transaction, token: str) -> AccessClaims:
        """The claims of an access token that is genuine, alive and not revoked; raises InvalidToken.

        Which audience and key it has is the caller's to look at: see `caller_with`.

        What only the database knows, such as an authorization that ended a moment ago, is `caller_of`'s to ask.
        """
        claims = self._genuine(tx, token)
        if claims.expires_at <= tx.now:
            raise InvalidToken("expired")
        if self._is_revoked(tx, claims):
            raise InvalidToken("revoked")
        return claims

    def known_claims(self, token: str, now: datetime) -> AccessClaims | None:
        """As `claims_of`, of what this process knows without asking: None where it has to ask, raises InvalidToken."""
        if not self._freshness.is_fresh:
            return None
        claims = self._recall(token)
        if claims is None:
            key_id = key_id_of(token)
            if self._keys.find(key_id) is None:
                return None
            claims = self._verify(token, key_id, now)
        if claims.expires_at <= now or self._revocations.is_revoked(claims):
            raise InvalidToken("expired or revoked")
        return claims

    def caller_with(self, tx: Transaction, presented: Presented, *, thumbprint: str | None) -> Caller:
        """Who calls the platform's own API: by a token for it, bound to the key of the request's proof if to any.

        Raises InvalidToken (checklist TOK-06, TOK-11).
        """
        caller = self.caller_of(tx, presented.token)
        claims = caller.claims
        if claims is not None and claims.audience != self._settings.issuer:
            raise InvalidToken("for another resource")
        require_bound(presented, claims.key_thumbprint if claims else None, thumbprint)
        return caller

    def caller_of(self, tx: Transaction, token: str) -> Caller:
        """Whose token this is, with what holds at this moment (checklist MACH-03); raises InvalidToken."""
        if token.startswith(Prefix.PERSONAL_TOKEN):
            return self._person(tx, token)
        if token.startswith(Prefix.BOT_TOKEN):
            return self._bot(tx, token)
        return self._app(tx, self.claims_of(tx, token))

    def _is_revoked(self, tx: Transaction, claims: AccessClaims) -> bool:
        """By the index, or by the database when the index has not been heard of lately (design decision 7)."""
        if self._freshness.is_fresh:
            return self._revocations.is_revoked(claims)
        return queries.is_revoked(tx, claims)

    def _person(self, tx: Transaction, token: str) -> Caller:
        row = None
        if is_well_formed(token, Prefix.PERSONAL_TOKEN):
            row = queries.find_personal_token(tx, digest(token))
        if row is None or not row.is_live(tx.now) or not row.account.is_active:
            raise InvalidToken("personal token unknown, expired or revoked, or its person is gone")
        scopes = frozenset(row.scopes) & scopes_within_reach(row.account)
        return Caller(
            row.account,
            scopes,
            row.expires_at,
            use=use_of(row, tx.now),
            next_noted_at=row.next_noted_at(tx.now),
        )

    def _bot(self, tx: Transaction, token: str) -> Caller:
        row = queries.find_bot_token(tx, digest(token)) if is_well_formed(token, Prefix.BOT_TOKEN) else None
        if row is None or not row.is_live(tx.now) or not row.account.is_active:
            raise InvalidToken("bot token unknown or regenerated, or its bot is gone")
        return Caller(
            row.account,
            BOT_SCOPES,
            row.expires_at,
            row.app,
            use=use_of(row, tx.now),
            next_noted_at=row.next_noted_at(tx.now),
        )

    def _app(self, tx: Transaction, claims: AccessClaims) -> Caller:
        authorization = queries.find_authorization(tx, claims.authorization)
        if authorization is None:
            raise InvalidToken("no authorization")
        standing = authorization.standing
        scopes = admit(claims, standing, tx.now)
        if queries.is_revoked(tx, claims):
            raise InvalidToken("revoked")
        bounded = _bounded(claims, standing)
        return Caller(authorization.account, scopes, bounded.expires_at, authorization.app, bounded)

    def _genuine(self, tx: Transaction, token: str) -> AccessClaims:
        known = self._recall(token)
        if known is not None:
            return known
        key_id = key_id_of(token)
        if self._keys.find(key_id) is None:
            self._keys.keep_current(tx, at_most=_KEYS_AT_MOST)
        return self._verify(token, key_id, tx.now)

    def _verify(self, token: str, key_id: str, now: datetime) -> AccessClaims:
        key, issuer = self._keys.find(key_id), self._settings.issuer
        if key is None:
            raise InvalidToken("unknown key")
        claims = verify(token, key, issuer=issuer, audiences={issuer, *self._settings.resources}, now=now)
        with self._lock:
            self._verified[digest(token)] = claims
            if len(self._verified) > _REMEMBERED:
                self._verified.popitem(last=False)
        return claims

    def _recall(self, token: str) -> AccessClaims | None:
        fingerprint = digest(token)
        with self._lock:
            known = self._verified.get(fingerprint)
            if known is not None:
                self._verified.move_to_end(fingerprint)
            return known


def admit(claims: AccessClaims, standing: Standing, now: datetime) -> frozenset[str]:
    """The scopes of a living access token that hold now. Raises InvalidToken when what it was issued under does not."""
    if not standing.is_usable_at(now):
        raise InvalidToken("authorization ended or suspended")
    if standing.account_id != claims.subject or standing.organization_id != claims.organization:
        raise InvalidToken("claims and authorization disagree")
    if claims.issued_at.timestamp() < first_living_second(standing.valid_from):
        raise InvalidToken("issued before tokens of the authorization count")
    return claims.scopes & standing.usable_scopes


def _bounded(claims: AccessClaims, standing: Standing) -> AccessClaims:
    """With the end of the authorization where that was set earlier after the token was issued (checklist CONS-05)."""
    until = standing.until(claims.expires_at)
    return claims if until == claims.expires_at else structs.replace(claims, expires_at=until)
