"""How a client proves itself: its secrets and its keys. Two of a kind may be alive at once (checklist CRED-04)."""

import uuid
from datetime import datetime, timedelta

from sqlalchemy import SQLColumnExpression, func, select
from sqlalchemy.orm import aliased

from appanage.apps import queries
from appanage.apps.model import App, ClientKey, ClientProof, ClientSecret
from appanage.apps.records import record
from appanage.apps.rules import AppRules
from appanage.directory.model import Account
from appanage.kit.errors import Conflict, Invalid
from appanage.kit.secrets import Secret
from appanage.oauth.jose import PublicKey, UnusableKey, read_public_key
from appanage.storage import Transaction
from appanage.storage.expiry import Expiry

LIVE_SECRETS = 2
LIVE_KEYS = 2
REMEMBERED = 12  # of an app, with those that are alive; what became of the others is in the audit log


def first_secret(tx: Transaction, app: App, *, by: Account, rules: AppRules) -> Secret:
    """The secret of a new client."""
    row, secret = ClientSecret.make(app, by=by, now=tx.now, lifetime=rules.secret_lifetime)
    tx.add(row)
    return secret


def add_secret(
    tx: Transaction, app: App, *, by: Account, rules: AppRules, overlap: timedelta = timedelta(0)
) -> Secret:
    """A new client secret; the others end after `overlap`. At most two are alive at once (checklist CRED-04).

    Raises Conflict for an app that proves itself in another way.
    """
    _require_proof(app, ClientProof.SECRET, "client secret")
    live = [one for one in queries.list_secrets(tx, app) if one.is_live(tx.now)]
    for older in live[LIVE_SECRETS - 1 :]:
        older.end(tx.now)
    for current in live[: LIVE_SECRETS - 1]:
        current.end(tx.now + overlap)
    row, secret = ClientSecret.make(app, by=by, now=tx.now, lifetime=rules.secret_lifetime)
    tx.add(row)
    data = {"endsIn": row.last_four, "previousEndsAt": (tx.now + overlap).isoformat() if live else None}
    record(tx, "secret.created", app, by=by, data=data)
    return secret


def revoke_secret(tx: Transaction, app: App, secret: ClientSecret, *, by: Account) -> None:
    """Ends one secret at once; the others stay as they are."""
    if not secret.is_live(tx.now):
        return
    secret.end(tx.now)
    record(tx, "secret.revoked", app, by=by, data={"endsIn": secret.last_four})


def end_secrets(tx: Transaction, app: App) -> None:
    """Ends all of them at once."""
    for secret in queries.list_secrets(tx, app):
        secret.end(tx.now)
    tx.flush()


def add_key(tx: Transaction, app: App, pasted: str, *, by: Account, rules: AppRules) -> ClientKey:
    """Registers a public key (JWK or PEM) of a client that signs assertions. At most two are alive at once.

    Raises Invalid for what is no usable public key, Conflict for one too many, for one that is registered already and
    for an app that proves itself in another way.
    """
    _require_proof(app, ClientProof.KEY, "key")
    key = _read_key(pasted, rules)
    live = queries.list_keys(tx, app, live_only=True)
    if any(one.thumbprint == key.thumbprint for one in live):
        raise Conflict("This key is registered already.", code="key_registered")
    if len(live) >= LIVE_KEYS:
        raise Conflict("Two keys are registered already. Revoke the older one first.", code="too_many_keys")
    row = ClientKey(
        id=uuid.uuid4(),
        app_id=app.id,
        thumbprint=key.thumbprint,
        jwk=dict(key.jwk),
        algorithm=key.algorithm,
        label=key.label,
        created_by=by.id,
        created_by_name=by.display_name,
        created_at=tx.now,
    )
    tx.add(row)
    record(tx, "key.created", app, by=by, data={"thumbprint": key.thumbprint, "algorithm": key.algorithm})
    return row


def revoke_key(tx: Transaction, app: App, key: ClientKey, *, by: Account) -> None:
    """Ends one key at once; the other stays as it is."""
    if not key.is_live:
        return
    key.revoked_at = tx.now
    record(tx, "key.revoked", app, by=by, data={"thumbprint": key.thumbprint})


def end_keys(tx: Transaction, app: App) -> None:
    """Ends all of them at once."""
    for key in queries.list_keys(tx, app, live_only=True):
        key.revoked_at = tx.now
    tx.flush()


def end_other_proofs(tx: Transaction, app: App) -> None:
    """A client registered for one way of proving itself has nothing left of the other (checklist CRED-10)."""
    if app.client_proof != ClientProof.SECRET:
        end_secrets(tx, app)
    if app.client_proof != ClientProof.KEY:
        end_keys(tx, app)


def has_proof(tx: Transaction, app: App, proof: ClientProof) -> bool:
    """Whether it has something alive by which it can prove itself in this way; a public client needs nothing."""
    if proof is ClientProof.SECRET:
        return any(one.is_live(tx.now) for one in queries.list_secrets(tx, app))
    return proof is ClientProof.NONE or bool(queries.list_keys(tx, app, live_only=True))


def expiries() -> tuple[Expiry, Expiry]:
    """What has ended goes, but for the newest secrets and keys of an app, which its pages show."""
    return (
        _but_the_newest(ClientSecret, func.least(ClientSecret.expires_at, ClientSecret.revoked_at)),
        _but_the_newest(ClientKey, ClientKey.revoked_at),
    )


def _but_the_newest(
    record: type[ClientSecret] | type[ClientKey], ended_at: SQLColumnExpression[datetime | None]
) -> Expiry:
    one = aliased(record)
    newer = select(one.id).where(one.app_id == record.app_id, one.created_at > record.created_at)
    # From the next newer one on, and no further than is needed to tell.
    are_many = newer.order_by(one.created_at).offset(REMEMBERED - 1).limit(1).exists()
    return Expiry(record, ended_at, spares=~are_many)


def _read_key(pasted: str, rules: AppRules) -> PublicKey:
    try:
        return read_public_key(pasted, algorithms=rules.key_algorithms)
    except UnusableKey as cause:
        raise Invalid(str(cause), code="unusable_key", fields={"key": str(cause)}) from cause


def _require_proof(app: App, proof: ClientProof, what: str) -> None:
    if app.is_bot:
        raise Conflict(f"A bot has a token of its own, so a {what} would be of no use.", code="not_a_client")
    # Of a listed app the other way may wait for a review, and what it takes is made ready meanwhile.
    if proof not in {app.client_proof, (app.proposed or {}).get("clientProof")}:
        sentence = f"{app.name} proves itself in another way, so a {what} would be of no use. Change that in its settings first."
        raise Conflict(sentence, code="other_client_proof")
