"""Signing keys: made, sealed, published, rotated."""

import itertools
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from joserfc.jwk import ECKey
from sqlalchemy import delete, select, text

from appanage import events
from appanage.authorizations.model import SigningKeyRecord
from appanage.kit import sealing
from appanage.oauth.access_tokens import ALGORITHM, SigningKey, new_signing_key
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
    """The published keys as one process knows them. Reads them anew when a token names a key it does not know."""

    def __init__(self, secret_key: bytes) -> None:
        self._sealing_key = sealing.derive_key(secret_key, _PURPOSE)
        self._keys: Mapping[str, PublishedKey] = {}
        self._loaded_at: datetime | None = None
        self._lock = Lock()

    def load(self, tx: Transaction) -> None:
        rows = tx.scalars(select(SigningKeyRecord).order_by(SigningKeyRecord.active_from))
        opened = {row.key_id: PublishedKey(self._opened(row), row.active_from) for row in rows}
        with self._lock:
            self._keys, self._loaded_at = opened, tx.now

    def keep_current(self, tx: Transaction, *, at_most: timedelta = _READ_AGAIN_AFTER) -> None:
        """Reads the keys again when that was longer ago: another process may have made or forgotten one."""
        if self._loaded_at is None or not timedelta(0) <= tx.now - self._loaded_at < at_most:
            self.load(tx)

    def signing_key(self, tx: Transaction) -> SigningKey:
        """The newest key whose time has come."""
        self.keep_current(tx)
        found = self._newest(tx.now)
        if found is None:
            raise LookupError("There is no signing key. Run `appanage migrate`.")
        return found

    def find(self, key_id: str) -> SigningKey | None:
        published = self._keys.get(key_id)
        return published.signing_key if published else None

    def public_keys(self) -> list[dict[str, Any]]:
        """The key set (RFC 7517 §5), the newest first."""
        newest_first = sorted(self._keys.values(), key=lambda key: key.active_from, reverse=True)
        return [published.signing_key.public for published in newest_first]

    def make(self, tx: Transaction, *, active_from: datetime, by: events.Actor) -> SigningKey:
        made = new_signing_key(secrets.token_hex(8))
        private = made.key.as_pem(private=True)
        tx.add(
            SigningKeyRecord(
                key_id=made.key_id,
                algorithm=ALGORITHM,
                sealed_private_key=sealing.seal(self._sealing_key, private, made.key_id.encode()),
                created_at=tx.now,
                active_from=active_from,
            )
        )
        target = events.Target("signing_key", made.key_id, made.key_id)
        events.record(tx, "signing_key.created", organization_id=events.PLATFORM, actor=by, target=target)
        tx.flush()
        return made

    def _newest(self, now: datetime) -> SigningKey | None:
        ready = [key for key in self._keys.values() if key.active_from <= now]
        return max(ready, key=lambda key: key.active_from).signing_key if ready else None

    def _opened(self, row: SigningKeyRecord) -> SigningKey:
        pem = sealing.unseal(self._sealing_key, row.sealed_private_key, row.key_id.encode())
        return SigningKey(row.key_id, ECKey.import_key(pem))


def ensure_key(tx: Transaction, ring: KeyRing, *, by: events.Actor) -> None:
    """Makes the first signing key of a new deployment."""
    _lock(tx)
    if not _all(tx):
        ring.make(tx, active_from=tx.now, by=by)
    ring.load(tx)


def rotate(
    tx: Transaction, ring: KeyRing, lifetimes: Lifetimes, *, by: events.Actor, on_demand: bool = False
) -> SigningKey | None:
    """Makes a new key when the newest has signed long enough or `on_demand`, and forgets keys that nothing needs.

    The new key is published at once and signs after the notice, so that every verifier has it by then.
    """
    _lock(tx)
    rows = _all(tx)
    due = not rows or tx.now >= rows[-1].active_from + lifetimes.signing_key - lifetimes.signing_key_notice
    made = None
    if due or on_demand:
        active_from = tx.now + lifetimes.signing_key_notice if rows else tx.now
        made = ring.make(tx, active_from=active_from, by=by)
    _forget(tx, rows, lifetimes)
    ring.load(tx)
    return made


def _forget(tx: Transaction, rows: Sequence[SigningKeyRecord], lifetimes: Lifetimes) -> None:
    """Removes keys whose successor has been signing for longer than any token lives."""
    for row, successor in itertools.pairwise(rows):
        if successor.active_from + lifetimes.access_token < tx.now:
            tx.execute(delete(SigningKeyRecord).where(SigningKeyRecord.key_id == row.key_id))


def _all(tx: Transaction) -> Sequence[SigningKeyRecord]:
    return list(tx.scalars(select(SigningKeyRecord).order_by(SigningKeyRecord.active_from)))


def _lock(tx: Transaction) -> None:
    tx.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
