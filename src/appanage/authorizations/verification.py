"""Verifying tokens: who calls, with which scopes, at this moment."""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from appanage.apps.model import App
from appanage.apps.scopes import BOT_SCOPES
from appanage.authorizations import queries
from appanage.authorizations.keys import KeyRing
from appanage.authorizations.personal_tokens import scopes_within_reach
from appanage.authorizations.revocation import RevocationIndex
from appanage.authorizations.token_uses import TokenUse, use_of
from appanage.directory.model import Account
from appanage.kit.secrets import Prefix, digest, is_well_formed
from appanage.oauth.access_tokens import AccessClaims, key_id_of, verify
from appanage.oauth.bearer import Presented, require_bound
from appanage.oauth.errors import InvalidToken
from appanage.settings import Settings
from appanage.storage import Transaction

_REMEMBERED = 20_000
_KEYS_AT_MOST = timedelta(seconds=5)  # a made-up kid makes nobody read the keys more often than that


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever presents a valid token. `app` is None for a person's own token.

    `use` is for the token's owner to see later; whoever serves the request notes it when that is done.
    """

    account: Account
    scopes: frozenset[str]
    expires_at: datetime
    app: App | None = None
    claims: AccessClaims | None = None
    use: TokenUse | None = None


class Verifier:
    """Verifies the tokens of one process: signature and claims once, then from memory; revocation every time."""

    def __init__(self, settings: Settings, keys: KeyRing, revocations: RevocationIndex) -> None:
        self._settings = settings
        self._keys = keys
        self._revocations = revocations
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
        if self._revocations.is_fresh:
            return self._revocations.is_revoked(claims)
        return queries.is_revoked(tx, claims)

    def _person(self, tx: Transaction, token: str) -> Caller:
        row = None
        if is_well_formed(token, Prefix.PERSONAL_TOKEN):
            row = queries.find_personal_token(tx, digest(token))
        if row is None or not row.is_live(tx.now) or not row.account.is_active:
            raise InvalidToken("personal token unknown, expired or revoked, or its person is gone")
        scopes = frozenset(row.scopes) & scopes_within_reach(row.account)
        return Caller(row.account, scopes, row.expires_at, use=use_of(row, tx.now))

    def _bot(self, tx: Transaction, token: str) -> Caller:
        row = queries.find_bot_token(tx, digest(token)) if is_well_formed(token, Prefix.BOT_TOKEN) else None
        if row is None or not row.is_live(tx.now) or not row.account.is_active:
            raise InvalidToken("bot token unknown or regenerated, or its bot is gone")
        return Caller(row.account, BOT_SCOPES, row.expires_at, row.app, use=use_of(row, tx.now))

    def _app(self, tx: Transaction, claims: AccessClaims) -> Caller:
        authorization = queries.find_authorization(tx, claims.authorization)
        if authorization is None or not authorization.is_usable or not authorization.account.is_active:
            raise InvalidToken("authorization ended or suspended")
        if authorization.account_id != claims.subject or authorization.organization_id != claims.organization:
            raise InvalidToken("claims and authorization disagree")
        if queries.is_revoked(tx, claims):
            raise InvalidToken("revoked")
        scopes = claims.scopes & authorization.usable_scopes
        return Caller(authorization.account, scopes, claims.expires_at, authorization.app, claims)

    def _genuine(self, tx: Transaction, token: str) -> AccessClaims:
        fingerprint = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        with self._lock:
            known = self._verified.get(fingerprint)
            if known is not None:
                self._verified.move_to_end(fingerprint)
                return known
        claims = self._verify(tx, token, tx.now)
        with self._lock:
            self._verified[fingerprint] = claims
            if len(self._verified) > _REMEMBERED:
                self._verified.popitem(last=False)
        return claims

    def _verify(self, tx: Transaction, token: str, now: datetime) -> AccessClaims:
        key_id = key_id_of(token)
        key = self._keys.find(key_id)
        if key is None:
            self._keys.keep_current(tx, at_most=_KEYS_AT_MOST)
            key = self._keys.find(key_id)
        if key is None:
            raise InvalidToken("unknown key")
        issuer = self._settings.issuer
        return verify(token, key, issuer=issuer, audiences={issuer, *self._settings.resources}, now=now)
