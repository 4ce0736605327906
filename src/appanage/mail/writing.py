"""Writing letters: a draft becomes a letter to everybody concerned, once."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from sqlalchemy.dialects.postgresql import insert

from appanage.mail import recipients
from appanage.mail.model import Letter
from appanage.mail.notices import Notice
from appanage.mail.text import Letterhead, body_of, named, subject_of
from appanage.settings import Settings
from appanage.storage import Transaction
from appanage.storage.expiry import Expiry

EXPIRY = Expiry(Letter, Letter.written_at, kept=timedelta(days=30))
"""Sent or not; longer than any stage of a reminder, which would be written again."""

Row = dict[str, Any]

_AT_ONCE = 2000  # rows of one statement


@dataclass(frozen=True, slots=True)
class Desk:
    """How letters of a deployment are written; where nothing is sent they are only kept."""

    head: Letterhead
    own_domains: frozenset[str]
    sends: bool

    @classmethod
    def of(cls, settings: Settings) -> Self:
        head = Letterhead(settings.brand, settings.base_url, settings.support_email)
        return cls(head, settings.own_domains, sends=settings.sends_mail)


def write(tx: Transaction, desk: Desk, notices: Sequence[Notice]) -> int:
    """Makes the letters and tells how many are new. Who has one about the same thing gets no other."""
    found = recipients.find(tx, [one.to for one in notices], own_domains=desk.own_domains)
    rows: dict[tuple[str, str], Row] = {}
    for notice in notices:  # of two to the same person the first one stays
        for row in _rows(notice, found, desk, tx.now):
            rows.setdefault((row["about"], row["address"]), row)
    values = [
        rows[key] for key in sorted(rows)
    ]  # in one order for all workers, so that none waits in a circle
    return sum(_insert(tx, values[first : first + _AT_ONCE]) for first in range(0, len(values), _AT_ONCE))


def _rows(notice: Notice, found: recipients.Directory, desk: Desk, now: datetime) -> list[Row]:
    draft = notice.draft
    subject, body = subject_of(draft), body_of(draft, desk.head)
    return [
        {
            "id": uuid.uuid4(),
            "about": draft.about,
            "account_id": one.account_id,
            "address": one.address,
            "name": named(one.name),
            "subject": subject,
            "body": body,
            "written_at": now,
            "next_attempt_at": now if desk.sends else None,
        }
        for one in found.of(notice)
    ]


def _insert(tx: Transaction, rows: Sequence[Row]) -> int:
    query = insert(Letter).values(rows).on_conflict_do_nothing(index_elements=["about", "address"])
    return len(tx.execute(query.returning(Letter.id)).all())
