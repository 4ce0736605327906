"""Signing in and out."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, not_, or_, select, update

from appanage import events
from appanage.directory import queries as directory
from appanage.directory.model import Account
from appanage.kit import sealing
from appanage.kit.errors import NotFound
from appanage.kit.origin import Origin
from appanage.kit.secrets import Prefix, Secret, digest, is_well_formed, new_secret
from appanage.signin.model import BrowserSession, Password, Reveal
from appanage.signin.passwords import Passwords, require_acceptable
from appanage.storage import Database, Transaction, use
from appanage.storage.expiry import Expiry

REVEAL_FOR = timedelta(minutes=10)
REVEAL_EXPIRY = Expiry(Reveal, Reveal.created_at, REVEAL_FOR)


@dataclass(frozen=True, slots=True)
class SignedIn:
    session: BrowserSession
    cookie: Secret


def set_password(
    tx: Transaction, account: Account, password: str, *, by: events.Actor, passwords: Passwords
) -> None:
    """Raises Invalid when the password is too weak. Ends every session of the account (checklist SES-08)."""
    require_acceptable(password, about=(account.display_name, account.email.partition("@")[0]))
    hashed = passwords.hash(password)
    directory.find_account_for_update(tx, account.id)  # sign-ins and new tokens follow, or are ended here
    row = tx.get(Password, account.id) or Password(account_id=account.id)
    row.hash, row.changed_at = hashed, tx.now
    tx.add(row)
    end_all_sessions(tx, account)
    events.record(
        tx, "password.changed", organization_id=account.organization_id, actor=by, target=account.as_target()
    )


def sign_in(tx: Transaction, email: str, password: str, *, passwords: Passwords) -> SignedIn | None:
    """A new session for the right password; None for a wrong one, of which the record stays (checklist SES-11)."""
    account = directory.find_person_by_email(tx, email)
    row = tx.get(Password, account.id) if account else None
    right = passwords.matches(row.hash if row else None, password)
    if account is None or row is None or not right or not account.is_active:
        _record_refusal(tx, account, email)
        return None
    if not _is_still(tx, account, row):
        _record_refusal(tx, account, email)
        return None
    if passwords.needs_rehash(row.hash):
        row.hash = passwords.hash(password)
    return _start_session(tx, account)


def _is_still(tx: Transaction, account: Account, row: Password) -> bool:
    """Whether the password is still the one that was compared, which took a while; from now on it stays (SES-08).

    Its row is held, and not the account: an administrator who decides holds that, and can sign in meanwhile. Whoever
    ends the sessions waits for it, and what they did to the account before is seen here.
    """
    compared = row.hash
    tx.refresh(row, with_for_update={"key_share": True})
    tx.refresh(account, ["login_enabled", "deleted_at"])
    return row.hash == compared and account.is_active


def find_session(
    tx: Transaction, cookie: str, *, idle: timedelta, absolute: timedelta
) -> BrowserSession | None:
    """The live session behind a cookie."""
    if not is_well_formed(cookie, Prefix.BROWSER_SESSION):
        return None
    found = tx.scalar(select(BrowserSession).where(BrowserSession.digest == digest(cookie)))
    if found is None or not found.is_live(tx.now, idle=idle, absolute=absolute):
        return None
    return found


def note_seen(database: Database, origin: Origin, session_id: uuid.UUID) -> None:
    """Keeps a session alive, after the page."""
    use.note(database, origin, BrowserSession, session_id, at="last_seen_at")


def change_password(
    tx: Transaction, session: BrowserSession, *, old: str, new: str, passwords: Passwords
) -> SignedIn | None:
    """A person's own change: every session ends and this browser gets a new one (checklist SES-06, SES-08).

    None when the old password is wrong, of which the record stays. Raises Invalid when the new one is too weak.
    """
    account = session.account
    row = tx.get(Password, account.id)
    right = passwords.matches(row.hash if row else None, old)
    # Held before the password's own row, as whoever sets one does.
    directory.find_account_for_update(tx, account.id)
    if row is None or not right or not _is_still(tx, account, row) or is_over(tx, session):
        _record_refusal(tx, account, account.email)
        return None
    set_password(tx, account, new, by=account.as_actor(), passwords=passwords)
    return _start_session(tx, account, theme=session.theme)


def count_unusable_passwords(tx: Transaction, passwords: Passwords) -> int:
    """Stored passwords with which nobody can sign in, since they are kept a way that is not accepted here."""
    usable = or_(*(Password.hash.startswith(prefix, autoescape=True) for prefix in passwords.prefixes))
    return tx.scalar(select(func.count()).select_from(Password).where(not_(usable))) or 0


def list_live_sessions(
    tx: Transaction, account: Account, *, idle: timedelta, absolute: timedelta
) -> Sequence[BrowserSession]:
    """Where a person is signed in, the last used first (checklist SES-10)."""
    query = select(BrowserSession).where(
        BrowserSession.account_id == account.id,
        BrowserSession.ended_at.is_(None),
        BrowserSession.last_seen_at > tx.now - idle,
        BrowserSession.created_at > tx.now - absolute,
    )
    return list(tx.scalars(query.order_by(BrowserSession.last_seen_at.desc(), BrowserSession.id)))


def get_session(tx: Transaction, account: Account, session_id: uuid.UUID) -> BrowserSession:
    """One of the account's own sessions that has not been ended."""
    query = select(BrowserSession).where(
        BrowserSession.id == session_id,
        BrowserSession.account_id == account.id,
        BrowserSession.ended_at.is_(None),
    )
    found = tx.scalar(query)
    if found is None:
        raise NotFound("This browser is not signed in any more.", code="session_not_found")
    return found


def sign_out_elsewhere(
    tx: Transaction, session: BrowserSession, *, idle: timedelta, absolute: timedelta
) -> int:
    """Ends every other live session of the account; tells how many there were."""
    live = list_live_sessions(tx, session.account, idle=idle, absolute=absolute)
    others = [one for one in live if one.id != session.id]
    for other in others:
        sign_out(tx, other)
    return len(others)


def sign_out(tx: Transaction, session: BrowserSession) -> None:
    session.ended_at = tx.now
    tx.execute(delete(Reveal).where(Reveal.session_id == session.id))
    account = session.account
    events.record(
        tx,
        "session.ended",
        organization_id=account.organization_id,
        actor=account.as_actor(),
        target=account.organization.as_target(),
    )


def is_over(tx: Transaction, session: BrowserSession) -> bool:
    """Whether the session was ended since it was found; for acts that hold its account."""
    tx.refresh(session, ["ended_at"])
    return session.ended_at is not None


def end_all_sessions(tx: Transaction, account: Account) -> None:
    """Also of whoever is signing in: they hold the password, so that their session is there by now, or is refused."""
    held = select(Password.account_id).where(Password.account_id == account.id)
    tx.execute(held.with_for_update(key_share=True))
    live = update(BrowserSession).where(
        BrowserSession.account_id == account.id, BrowserSession.ended_at.is_(None)
    )
    tx.execute(live.values(ended_at=tx.now))


def keep_for_one_page(
    tx: Transaction, session: BrowserSession, cookie: str, value: dict[str, Any]
) -> uuid.UUID:
    """Keeps a secret for the page after the redirect. The database alone cannot read it: the cookie is the key."""
    reveal = Reveal(id=uuid.uuid4(), session_id=session.id, created_at=tx.now)
    reveal.sealed = sealing.seal(_reveal_key(cookie), json.dumps(value).encode(), reveal.id.bytes)
    tx.add(reveal)
    return reveal.id


def take_for_one_page(
    tx: Transaction, session: BrowserSession, cookie: str, reveal_id: uuid.UUID
) -> dict[str, Any] | None:
    """The secret that was kept, once; None afterwards (checklist CRED-02)."""
    query = delete(Reveal).where(Reveal.id == reveal_id, Reveal.session_id == session.id)
    row = tx.execute(query.returning(Reveal.sealed, Reveal.created_at)).one_or_none()
    if row is None or row.created_at + REVEAL_FOR <= tx.now:
        return None
    opened: dict[str, Any] = json.loads(sealing.unseal(_reveal_key(cookie), row.sealed, reveal_id.bytes))
    return opened


def session_expiry(kept: timedelta) -> Expiry:
    """A session that was made so long ago can be used by nobody any more."""
    return Expiry(BrowserSession, BrowserSession.created_at, kept)


def _start_session(tx: Transaction, account: Account, *, theme: str = "") -> SignedIn:
    cookie = new_secret(Prefix.BROWSER_SESSION)
    session = BrowserSession(
        id=uuid.uuid4(),
        digest=cookie.digest,
        account_id=account.id,
        account=account,
        created_at=tx.now,
        authenticated_at=tx.now,
        last_seen_at=tx.now,
        address=tx.origin.address,
        user_agent=tx.origin.user_agent[:500],
        theme=theme,
        notices=[],
    )
    tx.add(session)
    events.record(
        tx,
        "session.created",
        organization_id=account.organization_id,
        actor=account.as_actor(),
        target=account.organization.as_target(),
    )
    return SignedIn(session, cookie)


def _record_refusal(tx: Transaction, account: Account | None, email: str) -> None:
    known = account is not None
    events.record(
        tx,
        "signin.refused",
        organization_id=account.organization_id if account else events.PLATFORM,
        actor=events.Actor(name="Somebody", kind="unknown"),
        target=account.as_target() if account else events.Target("account", "", email[:254]),
        outcome=events.Outcome.REFUSED,
        data={"known": known},
    )


def _reveal_key(cookie: str) -> bytes:
    return sealing.derive_key(cookie.encode(), "appanage reveal")
