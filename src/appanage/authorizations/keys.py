"""Signing keys: made, sealed, published, rotated."""

import itertools
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from sqlalchemy import delete, select, text

from appanage import events
from appanage.authorizations.model import ChangeKind, SigningKeyRecord
from appanage.kit import sealing
from appanage.oauth.signing_keys import (
    ACCESS_TOKEN_ALGORITHM,
    SigningKey,
    import_signing_key,
    new_signing_key,
)
from appanage.settings import Lifetimes
from appanage.storage import Transaction

_LOCK = 5_120_884_317  # one rotation at a time
_PURPOSE = "appanage signing keys"
_READ_AGAIN_AFTER = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class PublishedKey:
    signing_key: SigningKey
    active_from: datetime


class KeyRing:
    """The published keys as one process knows them. Reads them anew when a token names a key it does not know.

    `algorithms` are those that the deployment signs with. It knows no keys of others, which a database may still hold
    that was used in another profile: they are neither published nor believed (checklist GOV-02).
    """

    def __init__(self, secret_key: bytes, *, signs_id_tokens_with: str) -> None:
        self.algorithms = (ACCESS_TOKEN_ALGORITHM, signs_id_tokens_with)
        self._sealing_key = sealing.derive_key(secret_key, _PURPOSE)
        self._keys: dict[str, PublishedKey] = {}  # the oldest first
        self._loaded_at: datetime | None = None
        self._lock = Lock()

    def load(self, tx: Transaction) -> None:
        ours = select(SigningKeyRecord).where(SigningKeyRecord.algorithm.in_(self.algorithms))
        rows = tx.scalars(ours.order_by(SigningKeyRecord.active_from))
        opened = {row.key_id: PublishedKey(self._signing_key(row), row.active_from) for row in rows}
        with self._lock:
            self._keys, self._loaded_at = opened, tx.now

    def keep_current(self, tx: Transaction, *, at_most: timedelta = _READ_AGAIN_AFTER) -> None:
        """Reads the keys again when that was longer ago: another process may have made or forgotten one."""
        if not self.is_current(tx.now, at_most=at_most):
            self.load(tx)

    def is_current(self, now: datetime, *, at_most: timedelta = _READ_AGAIN_AFTER) -> bool:
        """Whether the keys need not be read again yet."""
        loaded_at = self._loaded_at
        return loaded_at is not None and timedelta(0) <= now - loaded_at < at_most

    def forget(self, thing: str) -> None:
        """Told by the feed: another process made a key, or forgot one."""
        if thing.startswith(f"{ChangeKind.SIGNING_KEYS}:"):
            self._loaded_at = None

    def forget_all(self) -> None:
        """Nothing: what is known of a key stays true, and new ones are looked for every minute."""

    def signing_key(self, tx: Transaction, algorithm: str = ACCESS_TOKEN_ALGORITHM) -> SigningKey:
        """The newest key for this algorithm whose time has come."""
        self.keep_current(tx)
        return self.newest(tx.now, algorithm)

    def newest(self, now: datetime, algorithm: str = ACCESS_TOKEN_ALGORITHM) -> SigningKey:
        """As `signing_key`, of the keys that are known; see `is_current`."""
        found = self._newest(now, algorithm)
        if found is None:
            raise LookupError(f"There is no signing key for {algorithm}. Run `appanage migrate`.")
        return found

    def find(self, key_id: str) -> SigningKey | None:
        published = self._keys.get(key_id)
        return published.signing_key if published else None

    def public_keys(self) -> list[dict[str, Any]]:
        """The key set (RFC 7517 §5), the newest first."""
        return [published.signing_key.public for published in reversed(self._keys.values())]

    def make(self, tx: Transaction, algorithm: str, *, active_from: datetime, by: events.Actor) -> SigningKey:
        made = new_signing_key(secrets.token_hex(8), algorithm)
        private = made.key.as_pem(private=True)
        tx.add(
            SigningKeyRecord(
                key_id=made.key_id,
                algorithm=algorithm,
                sealed_private_key=sealing.seal(self._sealing_key, private, made.key_id.encode()),
                created_at=tx.now,
                active_from=active_from,
            )
        )
        target = events.Target("signing_key", made.key_id, made.key_id)
        data = {"algorithm": algorithm}
        events.record(
            tx, "signing_key.created", organization_id=events.PLATFORM, actor=by, target=target, data=data
        )
        tx.flush()
        return made

    def _newest(self, now: datetime, algorithm: str) -> SigningKey | None:
        for published in reversed(self._keys.values()):
            if published.active_from <= now and published.signing_key.algorithm == algorithm:
                return published.signing_key
        return None

    def _signing_key(self, row: SigningKeyRecord) -> SigningKey:
        """What is known of a key stays true, and to open one takes long."""
        return self.find(row.key_id) or self._opened(row)

    def _opened(self, row: SigningKeyRecord) -> SigningKey:
        pem = sealing.unseal(self._sealing_key, row.sealed_private_key, row.key_id.encode())
        return import_signing_key(row.key_id, row.algorithm, pem)


def ensure_keys(tx: Transaction, ring: KeyRing, *, by: events.Actor) -> None:
    """Makes the first signing key for each algorithm of a deployment that is new, or new in its profile."""
    _lock(tx)
    for algorithm in ring.algorithms:
        if not _all(tx, algorithm):
            ring.make(tx, algorithm, active_from=tx.now, by=by)
    ring.load(tx)


def rotate(
    tx: Transaction, ring: KeyRing, lifetimes: Lifetimes, *, by: events.Actor, on_demand: bool = False
) -> list[SigningKey]:
    """Makes new keys where the newest has signed long enough or `on_demand`, and forgets keys that nothing needs.

    A new key is published at once and signs after the notice, so that every verifier has it by then.
    """
    _lock(tx)
    made = [
        key
        for algorithm in ring.algorithms
        if (key := _rotate(tx, ring, algorithm, lifetimes, by=by, on_demand=on_demand))
    ]
    ring.load(tx)
    return made


def _rotate(
    tx: Transaction,
    ring: KeyRing,
    algorithm: str,
    lifetimes: Lifetimes,
    *,
    by: events.Actor,
    on_demand: bool,
) -> SigningKey | None:
    rows = _all(tx, algorithm)
    _forget(tx, rows, lifetimes)
    due = not rows or tx.now >= rows[-1].active_from + lifetimes.signing_key - lifetimes.signing_key_notice
    if not due and not on_demand:
        return None
    active_from = tx.now + lifetimes.signing_key_notice if rows else tx.now
    return ring.make(tx, algorithm, active_from=active_from, by=by)


def _forget(tx: Transaction, rows: Sequence[SigningKeyRecord], lifetimes: Lifetimes) -> None:
    """Removes keys whose successor has been signing for longer than any token lives."""
    longest_life = max(lifetimes.longest_access_token, lifetimes.id_token)
    for row, successor in itertools.pairwise(rows):
        if successor.active_from + longest_life < tx.now:
            tx.execute(delete(SigningKeyRecord).where(SigningKeyRecord.key_id == row.key_id))


def _all(tx: Transaction, algorithm: str) -> Sequence[SigningKeyRecord]:
    query = select(SigningKeyRecord).where(SigningKeyRecord.algorithm == algorithm)
    return list(tx.scalars(query.order_by(SigningKeyRecord.active_from)))


def _lock(tx: Transaction) -> None:
    tx.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
