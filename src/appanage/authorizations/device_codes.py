"""Device codes: a device shows a user code, a person enters it elsewhere and decides, the device polls (RFC 8628)."""

import os
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, Update, select, text, update

from appanage.apps.model import App
from appanage.authorizations import consents, queries
from appanage.authorizations.clients import may_still_ask
from appanage.authorizations.model import Authorization, DeviceCode
from appanage.authorizations.tokens import TokenGrant, TokenIssuer, TokenPair
from appanage.directory.model import Account
from appanage.kit.errors import Conflict, NotFound
from appanage.kit.errors import Refused as RefusedDecision
from appanage.kit.secrets import Prefix, Secret, digest, is_well_formed, new_secret
from appanage.oauth.device import BACK_OFF, INTERVAL, DeviceGrant, new_user_code, poll, tidy_user_code
from appanage.oauth.errors import AuthorizationPending, InvalidGrant, Refused, SlowDown
from appanage.signin.model import BrowserSession
from appanage.storage import Transaction
from appanage.storage.expiry import Expiry

EXPIRY = Expiry(DeviceCode, DeviceCode.expires_at)


@dataclass(frozen=True, slots=True)
class NewDeviceCode:
    device_code: Secret
    user_code: str
    expires_in: timedelta
    interval: timedelta


def begin(
    tx: Transaction, app: App, *, scopes: Collection[str], resource: str | None, lifetime: timedelta
) -> NewDeviceCode:
    """A device code and its user code (RFC 8628 §3.2)."""
    secret = new_secret(Prefix.DEVICE_CODE)
    row = DeviceCode(
        id=uuid.uuid4(),
        digest=secret.digest,
        user_code=_unused_user_code(tx),
        app_id=app.id,
        app=app,
        scopes=sorted(scopes),
        resource=resource,
        address=tx.origin.address,
        user_agent=tx.origin.user_agent[:500],
        interval_seconds=INTERVAL.seconds,
        created_at=app.birth(tx.now),
        expires_at=tx.now + lifetime,
    )
    tx.add(row)
    tx.flush()
    return NewDeviceCode(secret, row.user_code, lifetime, INTERVAL)


def find_for_entry(tx: Transaction, typed: str) -> DeviceCode | None:
    """The device that shows this user code and waits for somebody to enter it."""
    user_code = tidy_user_code(typed)
    if user_code is None:
        return None
    query = select(DeviceCode).where(DeviceCode.user_code == user_code, *_is_waiting(tx))
    return _if_possible(tx.scalar(query))


def claim(tx: Transaction, row: DeviceCode, person: Account) -> bool:
    """Makes the person the one who decides; False when somebody else is already (checklist AUTHZ-13)."""
    claimed = update(DeviceCode).where(
        DeviceCode.id == row.id,
        DeviceCode.claimed_by.is_(None) | (DeviceCode.claimed_by == person.id),
        *_is_waiting(tx),
    )
    return bool(tx.scalar(claimed.values(claimed_by=person.id, claimed_at=tx.now).returning(DeviceCode.id)))


def get_claimed(tx: Transaction, person: Account, device_code_id: uuid.UUID) -> DeviceCode:
    """The device that this person decides on; for everybody else there is none (checklist AUTHZ-13)."""
    query = select(DeviceCode).where(
        DeviceCode.id == device_code_id, DeviceCode.claimed_by == person.id, DeviceCode.expires_at > tx.now
    )
    found = _if_possible(tx.scalar(query))
    if found is None:
        raise NotFound("This code has expired, or somebody else entered it.", code="device_code_not_found")
    return found


def approve(
    tx: Transaction, row: DeviceCode, person: Account, session: BrowserSession
) -> Authorization | RefusedDecision:
    """Lets the app on the device act for the person. Raises Conflict when it was decided before."""
    scopes = frozenset(row.scopes)
    allowed = consents.allow(tx, row.app, person, scopes=scopes, resource=row.resource)
    if isinstance(allowed, RefusedDecision):
        return allowed
    decided = _undecided(tx, row).values(
        approved_at=tx.now, authorization_id=allowed.id, authenticated_at=session.authenticated_at
    )
    _require_decided(tx.scalar(decided.returning(DeviceCode.id)))
    return allowed


def deny(tx: Transaction, row: DeviceCode, person: Account) -> None:
    """Tells the device no. Raises Conflict when it was decided before."""
    turn_away(tx, row)
    consents.decline(tx, row.app, person)


def turn_away(tx: Transaction, row: DeviceCode) -> None:
    """Tells the device no where the person was kept from deciding. Raises Conflict when it was decided before."""
    _require_decided(tx.scalar(_undecided(tx, row).values(denied_at=tx.now).returning(DeviceCode.id)))


def redeem(
    tx: Transaction, issuer: TokenIssuer, app: App, *, device_code: str, key_thumbprint: str | None
) -> TokenPair | Refused:
    """One poll: tokens once the person has approved (RFC 8628 §3.4, §3.5).

    What the device is told while it waits is returned, so that the time of the poll is kept. Raises InvalidGrant,
    AccessDenied and ExpiredToken.
    """
    row = _find_polled(tx, device_code)
    grant = _as_grant(row) if row else None
    try:
        poll(grant, client_id=app.client_id, now=tx.now)
    except (AuthorizationPending, SlowDown) as error:
        assert row is not None
        row.last_polled_at = tx.now
        row.interval_seconds += BACK_OFF.seconds if isinstance(error, SlowDown) else 0
        return Refused(error)
    assert row is not None
    row.spent_at = tx.now
    return _issue(tx, issuer, row, key_thumbprint)


def _issue(
    tx: Transaction, issuer: TokenIssuer, row: DeviceCode, key_thumbprint: str | None
) -> TokenPair | Refused:
    authorization = queries.lock_authorization(tx, row.authorization_id) if row.authorization_id else None
    scopes = authorization.usable_scopes & frozenset(row.scopes) if authorization else frozenset()
    if authorization is None or not authorization.is_usable_at(tx.now) or not scopes:
        return Refused(InvalidGrant("What the person allowed has ended. Ask for a new device code."))
    grant = TokenGrant(
        authorization.standing,
        scopes,
        kept_scopes=frozenset(row.scopes),
        resource=row.resource,
        key_thumbprint=key_thumbprint,
        authenticated_at=row.authenticated_at,
    )
    return issuer.issue(tx, grant)[0]


def _if_possible(row: DeviceCode | None) -> DeviceCode | None:
    is_possible = row is not None and may_still_ask(row.app, row.scopes) and row.app.honours(row.created_at)
    return row if is_possible else None


def _find_polled(tx: Transaction, device_code: str) -> DeviceCode | None:
    if not is_well_formed(device_code, Prefix.DEVICE_CODE):
        return None
    query = select(DeviceCode).where(DeviceCode.digest == digest(device_code))
    return tx.scalar(query.with_for_update(of=DeviceCode).execution_options(populate_existing=True))


def _as_grant(row: DeviceCode) -> DeviceGrant:
    return DeviceGrant(
        client_id=row.app.client_id,
        expires_at=row.expires_at if row.app.honours(row.created_at) else row.created_at,
        interval=timedelta(seconds=row.interval_seconds),
        last_polled_at=row.last_polled_at,
        approved_at=row.approved_at,
        denied_at=row.denied_at,
        spent_at=row.spent_at,
    )


def _unused_user_code(tx: Transaction) -> str:
    """A user code that no waiting device shows; one request at a time looks, so that two cannot find the same."""
    tx.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    while True:
        made = new_user_code(os.urandom)
        if tx.scalar(select(DeviceCode.id).where(DeviceCode.user_code == made, *_is_undecided())) is None:
            return made


def _is_undecided() -> tuple[ColumnElement[bool], ...]:
    return DeviceCode.approved_at.is_(None), DeviceCode.denied_at.is_(None)


def _is_waiting(tx: Transaction) -> tuple[ColumnElement[bool], ...]:
    return *_is_undecided(), DeviceCode.expires_at > tx.now


def _undecided(tx: Transaction, row: DeviceCode) -> Update:
    return update(DeviceCode).where(DeviceCode.id == row.id, *_is_waiting(tx))


def _require_decided(device_code_id: uuid.UUID | None) -> None:
    if device_code_id is None:
        raise Conflict("This was decided already, or the code has expired.", code="already_decided")


_LOCK = 6_630_217_459
