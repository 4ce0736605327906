"""Revocation: written once, known by every process within the published bound of one second (checklist REV-09)."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import ceil

from sqlalchemy import ARRAY, Text, delete, func, insert, literal, select, text

from appanage.authorizations.model import (
    REMEMBERED_AFTER_EXPIRY,
    Authorization,
    Revocation,
    RevocationKind,
)
from appanage.oauth.access_tokens import AccessClaims
from appanage.storage import Transaction
from appanage.storage.expiry import Expiry

CHANNEL = "appanage_revocations"
EXPIRY = Expiry(Revocation, Revocation.forget_at)


def revoke(tx: Transaction, kind: RevocationKind, subject: str, *, longest_life: timedelta) -> None:
    """Kills every access token about `subject`, for good; other processes are told at the commit.

    What has ended never lives again, so births are not compared with the time of this transaction: a node whose clock
    is ahead, or a request that began later and was quicker, may have issued a token since (checklist REV-05, TEN-06).
    """
    forget_at = tx.now + longest_life + REMEMBERED_AFTER_EXPIRY
    _tell(tx, Revocation(kind=kind.value, subject=subject, valid_from=forget_at, forget_at=forget_at))


def revoke_token(tx: Transaction, claims: AccessClaims) -> None:
    """Kills one access token, and remembers it for no longer than it would have lived."""
    forget_at = claims.expires_at + REMEMBERED_AFTER_EXPIRY
    _tell(
        tx,
        Revocation(
            kind=RevocationKind.TOKEN.value,
            subject=claims.token_id,
            authorization_id=claims.authorization,
            valid_from=forget_at,
            forget_at=forget_at,
        ),
    )


def revoke_issued(
    tx: Transaction, authorization: Authorization, claims: AccessClaims, *, longest_life: timedelta
) -> None:
    """Kills this access token and every other one that was issued under its authorization until now, not those to come.

    The authorization is locked by the caller. However often it is done, one row remembers it.
    """
    end = max(tx.now, claims.issued_at + timedelta(seconds=1))
    kind, subject = RevocationKind.AUTHORIZATION.value, str(authorization.id)
    former = delete(Revocation).where(
        Revocation.kind == kind, Revocation.subject == subject, Revocation.valid_from <= end
    )
    # For as long as the longest of all these tokens may live, also after the operator has made new ones live shorter.
    known_until = tx.scalars(former.returning(Revocation.forget_at)).all()
    forget_at = max([end + longest_life + REMEMBERED_AFTER_EXPIRY, *known_until])
    authorization.valid_from = max(end, authorization.valid_from)
    _tell(tx, Revocation(kind=kind, subject=subject, valid_from=end, forget_at=forget_at))


def revoke_all(
    tx: Transaction, kind: RevocationKind, subjects: Sequence[str], *, longest_life: timedelta
) -> None:
    """As `revoke` for many subjects, with the same number of statements however many they are."""
    forget_at = tx.now + longest_life + REMEMBERED_AFTER_EXPIRY
    each = func.unnest(literal(list(subjects), ARRAY(Text())))
    rows = select(literal(kind.value), each, literal(forget_at), literal(forget_at))
    tx.execute(insert(Revocation).from_select(["kind", "subject", "valid_from", "forget_at"], rows))
    tx.execute(text(f"NOTIFY {CHANNEL}"))


def _tell(tx: Transaction, revocation: Revocation) -> None:
    tx.add(revocation)
    tx.flush()
    tx.execute(text(f"NOTIFY {CHANNEL}"))


class RevocationIndex:
    """What is revoked, in memory: from subject to the second from which its tokens count again."""

    def __init__(self) -> None:
        self._valid_from: dict[str, tuple[int, datetime]] = {}

    def __len__(self) -> int:
        return len(self._valid_from)

    def add(self, kind: str, subject: str, valid_from: datetime, forget_at: datetime) -> None:
        key, second = f"{kind}:{subject}", first_living_second(valid_from)
        known = self._valid_from.get(key)
        if known is None or known[0] < second:
            self._valid_from[key] = (second, forget_at)

    def forget(self, now: datetime) -> None:
        self._valid_from = {key: entry for key, entry in self._valid_from.items() if entry[1] >= now}

    def is_revoked(self, claims: AccessClaims) -> bool:
        issued = int(claims.issued_at.timestamp())
        return any(
            issued < self._valid_from[key][0] for key in subjects_of(claims) if key in self._valid_from
        )


def first_living_second(valid_from: datetime) -> int:
    """Tokens tell their birth in whole seconds: those of the second that the revocation cuts are dead too."""
    return ceil(valid_from.timestamp())


def issue_time(now: datetime, valid_from: datetime) -> datetime:
    """The time of birth to write into a token, so that a revocation in the same second does not kill it."""
    whole = now.replace(microsecond=0)
    if valid_from <= whole:
        return whole
    return max(whole, datetime.fromtimestamp(first_living_second(valid_from), UTC))


def subjects_of(claims: AccessClaims) -> tuple[str, ...]:
    """What a revocation can be about that ends this token, by the names in the index."""
    about = [
        f"{RevocationKind.AUTHORIZATION}:{claims.authorization}",
        f"{RevocationKind.TOKEN}:{claims.token_id}",
    ]
    if claims.family:
        about.append(f"{RevocationKind.FAMILY}:{claims.family}")
    if claims.source:
        about.append(f"{RevocationKind.TOKEN}:{claims.source}")
    return tuple(about)
