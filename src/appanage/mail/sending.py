"""Sending letters: handed to the mail server one after the other, tried again with growing pauses, then given up.

A letter is handed over at least once: who dies between handing it over and noting that leaves it to be sent again, under
the same Message-ID, by which mailboxes know it.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email import message_from_string
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from time import monotonic
from typing import Self
from urllib.parse import urlsplit

import structlog
from email_validator import EmailNotValidError, validate_email
from sqlalchemy import Select, select, update

from appanage.kit.origin import internal_origin
from appanage.kit.smtp import Delivery, Fate, MailConnection, MailServer, MailServerFailed
from appanage.kit.text import one_line
from appanage.mail.model import Letter
from appanage.mail.text import in_header
from appanage.settings import Settings
from appanage.storage import Database, Transaction

PAUSES = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(hours=12),
    timedelta(days=1),
)
"""After each attempt that failed; who has none left is given up."""

BATCH = 20
_LONGEST_REASON = 300
LEASE = timedelta(minutes=30)
"""For so long a letter belongs to whoever took it. A batch begins no letter after half of that time."""

Pause = Callable[[float], bool]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Office:
    """Where letters are handed over, and in whose name."""

    server: MailServer
    sender: str
    sender_name: str

    @classmethod
    def of(cls, settings: Settings) -> Self | None:
        """None where nothing is sent."""
        mail = settings.mail
        if not settings.sends_mail or mail.host is None or mail.sender is None:
            return None
        server = MailServer(
            mail.host,
            mail.security,
            name=urlsplit(settings.base_url).hostname or "localhost",
            port=mail.port,
            username=mail.username or "",
            password=mail.password.get_secret_value() if mail.password else "",
            timeout=mail.timeout.total_seconds(),
        )
        return cls(server, mail.sender, mail.sender_name or settings.brand.product)


def send_due(database: Database, office: Office, pause: Pause) -> int:
    """Sends what is due, batch by batch, over one connection each; tells how many letters were handed over.

    Ends early when it is time to stop, or when the server takes nothing: then the rest need not be tried now.
    """
    sent = 0
    while letters := _take(database):
        done = _Batch(database, office, pause).send(letters)
        sent += done.sent
        if not done.goes_on:
            break
    return sent


def message_of(letter: Letter, office: Office) -> EmailMessage:
    """The letter as a mail program reads it. Raises ValueError for an address that is none.

    An address that is not in ASCII is written as it is (RFC 6532), by servers that can.
    """
    mailbox = _mailbox(letter.address)
    user, _, domain = mailbox.rpartition("@")
    message = EmailMessage(policy=SMTP if mailbox.isascii() else SMTPUTF8)
    message["From"] = Address(in_header(office.sender_name), addr_spec=office.sender)
    message["To"] = Address(in_header(letter.name), username=user, domain=domain)
    message["Subject"] = in_header(letter.subject, 200)
    message["Date"] = format_datetime(letter.written_at)
    message["Message-ID"] = f"<{letter.id}@{office.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: no out-of-office answers
    message.set_content(letter.body, charset="utf-8", cte="quoted-printable")
    _require_same_headers(message)
    return message


@dataclass(frozen=True, slots=True)
class _Done:
    sent: int
    goes_on: bool


@dataclass(slots=True)
class _Batch:
    database: Database
    office: Office
    pause: Pause
    sent: int = 0
    began_at: float = field(default_factory=monotonic)

    def send(self, letters: Sequence[Letter]) -> _Done:
        """Each letter is noted at once. What was not tried is left to the next round, or to another worker."""
        tried = 0
        try:
            with self.office.server.connect() as connection:
                for letter in letters:
                    if self.pause(0) or monotonic() - self.began_at > LEASE.total_seconds() / 2:
                        return self._ended(letters[tried:])
                    tried += 1
                    self._send(connection, letter)
        except MailServerFailed as failed:
            log.warning("mail server failed", reason=failed.reason, letters=len(letters))
            untried = letters[max(tried, 1) :]
            self._note(letters[max(tried, 1) - 1], Delivery(Fate.POSTPONED, failed.reason))
            return self._ended(untried)
        return _Done(self.sent, goes_on=len(letters) == BATCH)

    def _send(self, connection: MailConnection, letter: Letter) -> None:
        try:
            message = message_of(letter, self.office)
        except Exception as error:  # noqa: BLE001 – whatever it is, the other letters do not wait for it
            delivery = Delivery(Fate.REFUSED, f"It cannot be written as mail: {_problem(error)}")
        else:
            delivery = connection.send(message, sender=self.office.sender, to=_mailbox(letter.address))
        self._note(letter, delivery)

    def _note(self, letter: Letter, delivery: Delivery) -> None:
        with self.database.transaction(internal_origin()) as tx:
            noted = _noted(letter.attempts, delivery, tx.now)
            tx.execute(update(Letter).where(Letter.id == letter.id).values(noted))
        self.sent += delivery.fate is Fate.SENT
        if noted["next_attempt_at"] is None and delivery.fate is not Fate.SENT:
            log.warning("letter given up", letter_id=str(letter.id), attempts=letter.attempts)

    def _ended(self, untried: Sequence[Letter]) -> _Done:
        if untried:
            with self.database.transaction(internal_origin()) as tx:
                tx.execute(
                    update(Letter)
                    .where(Letter.id.in_([one.id for one in untried]))
                    .values(next_attempt_at=tx.now, attempts=Letter.attempts - 1)
                )
        return _Done(self.sent, goes_on=False)


def _take(database: Database) -> list[Letter]:
    """The letters that have been due the longest, which are ours until the lease ends."""
    with database.transaction(internal_origin()) as tx:
        letters = list(tx.scalars(_due(tx).limit(BATCH).with_for_update(skip_locked=True)))
        for letter in letters:
            letter.next_attempt_at = tx.now + LEASE
            letter.attempts += 1
        return letters


def _due(tx: Transaction) -> Select[Letter]:
    return select(Letter).where(Letter.next_attempt_at <= tx.now).order_by(Letter.next_attempt_at, Letter.id)


def _noted(attempts: int, delivery: Delivery, now: datetime) -> dict[str, datetime | str | None]:
    if delivery.fate is Fate.SENT:
        return {"sent_at": now, "next_attempt_at": None, "failure": None}
    is_last = delivery.fate is Fate.REFUSED or attempts > len(PAUSES)
    again_at = None if is_last else now + PAUSES[attempts - 1]
    return {"next_attempt_at": again_at, "failure": delivery.reason}


def _require_same_headers(message: EmailMessage) -> None:
    """Raises ValueError when somebody's words would be read as a header, or as the end of all headers."""
    read = message_from_string(message.as_bytes().decode(), policy=message.policy)
    if read.keys() != message.keys() or not _has_recipients_of(message, read):
        raise ValueError("Its headers would be read as others.")


def _has_recipients_of(message: EmailMessage, read: EmailMessage) -> bool:
    """Some versions of Python refuse to read what others read as another header."""
    with suppress(ValueError):
        return _recipients(read) == _recipients(message)
    return False


def _recipients(message: EmailMessage) -> list[str]:
    return [one.addr_spec for one in message["To"].addresses]


def _problem(error: Exception) -> str:
    return one_line(f"{type(error).__name__}: {error}")[:_LONGEST_REASON]


def _mailbox(address: str) -> str:
    """As servers of today read it: the domain in ASCII, and the name before it too where that is possible."""
    try:
        found = validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError as cause:
        raise ValueError("This is no address.") from cause
    return found.ascii_email or found.normalized
