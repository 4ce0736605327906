"""Authenticating a client at the back-channel endpoints."""

import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from appanage import events
from appanage.apps import queries as apps
from appanage.apps.model import App, ClientProof, ClientSecret
from appanage.apps.scopes import OPENID_SCOPES
from appanage.authorizations import proofs
from appanage.kit.memory import Memory
from appanage.kit.secrets import Prefix, digest, is_well_formed
from appanage.oauth import assertions
from appanage.oauth.assertions import ClientAssertion
from appanage.oauth.authorization import Client
from appanage.oauth.clients import ClientAuthentication, ClientCredentials
from appanage.oauth.errors import InvalidClient
from appanage.storage import Transaction


@dataclass(frozen=True, slots=True)
class KnownClient:
    """A client whose secret was right a moment ago; `until` is when that must be looked at again."""

    client_id: str
    is_public: bool
    is_strict: bool
    rests_on: tuple[str, ...]
    until: datetime


class KnownClients:
    """Clients that proved themselves by a secret, by a digest of it, until its use is to be noted again.

    Who presents such a secret is not guessing, so no limit of failures holds them up (checklist CRED-12).
    """

    def __init__(self, memory: Memory[KnownClient]) -> None:
        self._memory = memory

    @property
    def moment(self) -> int:
        return self._memory.moment

    def recall(self, credentials: ClientCredentials, now: datetime) -> KnownClient | None:
        found = self._memory.recall(_fingerprint(credentials))
        return found if found is not None and now < found.until else None

    def remember(
        self, app: App, secret: ClientSecret, credentials: ClientCredentials, *, now: datetime, asked_at: int
    ) -> None:
        until = min(secret.next_noted_at(now), secret.expires_at, secret.revoked_at or secret.expires_at)
        rests_on = (f"app:{app.id}", f"organization:{app.organization_id}")
        known = KnownClient(app.client_id, app.is_public, app.is_strict, rests_on, until)
        self._memory.keep(_fingerprint(credentials), known, rests_on=rests_on, asked_at=asked_at)


def _fingerprint(credentials: ClientCredentials) -> bytes:
    return digest(f"{credentials.client_id}\0{credentials.proof}")


def authenticate(
    tx: Transaction,
    credentials: ClientCredentials,
    *,
    audiences: Collection[str],
    algorithms: Collection[str],
    known: KnownClients | None = None,
) -> App | None:
    """The app whose client this is; None, and a record, when it cannot be or may not act (checklist CRED-12).

    Unknown client, wrong proof, another way of proving than the registered one and a suspended app read the same; with
    a secret they also cost the same statements. An assertion counts once; `audiences` are those it may be made for, `algorithms` those it may be
    signed with. `known` remembers who proved themselves by a secret.
    """
    asked_at = known.moment if known else 0
    app = apps.find_by_client_id(tx, credentials.client_id)
    proven = _prove(tx, app, credentials, audiences, algorithms)
    if not proven or app is None or not app.is_active:
        _record_failure(tx, app, credentials.client_id)
        return None
    if known and isinstance(proven, ClientSecret):
        known.remember(app, proven, credentials, now=tx.now, asked_at=asked_at)
    return app


def registered(app: App, *, is_strict: bool) -> Client:
    """The app as the rules of the authorization endpoint see it."""
    return Client(
        client_id=app.client_id,
        is_public=app.is_public,
        is_active=app.is_active,
        may_use_code=app.is_integration,
        redirect_urls=tuple(app.redirect_urls),
        scopes=frozenset(app.scopes),
        requires_pkce=app.is_public or is_strict,
        requires_pushed_request=app.pushes_requests,
    )


def may_still_ask(app: App, scopes: Collection[str]) -> bool:
    """Whether the app may ask now what it asked a moment ago: its developer may have changed it (checklist REG-05)."""
    return app.is_active and app.is_integration and frozenset(scopes) <= frozenset(app.scopes) | OPENID_SCOPES


def _prove(
    tx: Transaction,
    app: App | None,
    credentials: ClientCredentials,
    audiences: Collection[str],
    algorithms: Collection[str],
) -> ClientSecret | bool:
    """The secret where it was one."""
    if credentials.method == ClientAuthentication.NONE:
        return app is not None and app.is_public
    if credentials.method == ClientAuthentication.PRIVATE_KEY_JWT:
        return app is not None and _prove_by_key(tx, app, credentials.proof, audiences, algorithms)
    return _prove_by_secret(tx, app, credentials.proof) or False


def _prove_by_secret(tx: Transaction, app: App | None, secret: str) -> ClientSecret | None:
    possible = is_well_formed(secret, Prefix.CLIENT_SECRET)
    row = apps.find_secret(tx, digest(secret)) if possible else None
    if app is None or row is None or not _belongs(row, app) or not row.is_live(tx.now):
        return None
    row.mark_used(tx.now, tx.origin.address)
    return row if app.client_proof == ClientProof.SECRET else None


def _belongs(row: ClientSecret, app: App) -> bool:
    return hmac.compare_digest(row.app_id.bytes, app.id.bytes)


def _prove_by_key(
    tx: Transaction, app: App, assertion: str, audiences: Collection[str], algorithms: Collection[str]
) -> bool:
    keys = {row.thumbprint: row for row in apps.list_keys(tx, app, live_only=True)}
    jwks: list[Mapping[str, object]] = [row.jwk for row in keys.values()]
    try:
        proven: ClientAssertion = assertions.verify(
            assertion,
            jwks,
            client_id=app.client_id,
            audiences=audiences,
            now=tx.now,
            algorithms=algorithms,
        )
    except InvalidClient:
        return False
    is_first = proofs.spend(
        tx, key_thumbprint=proven.key_thumbprint, token_id=proven.token_id, forget_at=proven.expires_at
    )
    if is_first:
        keys[proven.key_thumbprint].mark_used(tx.now, tx.origin.address)
    return is_first and app.client_proof == ClientProof.KEY


def _record_failure(tx: Transaction, app: App | None, client_id: str) -> None:
    events.record(
        tx,
        "client.refused",
        organization_id=app.organization_id if app else events.PLATFORM,
        actor=events.Actor(name="Somebody", kind="unknown"),
        target=app.as_target() if app else events.Target("app", client_id[:80], client_id[:80]),
        app_id=app.id if app else None,
        outcome=events.Outcome.REFUSED,
    )
