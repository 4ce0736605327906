"""Looking at letters. They are of all organizations: for the operator alone, and for everybody in the demonstration."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, func, or_, select, tuple_

from appanage.kit.errors import NotFound
from appanage.kit.ids import parse_uuid
from appanage.kit.paging import Page, PageRequest, encode_cursor, unknown_cursor
from appanage.mail.model import Letter
from appanage.storage import Transaction


class LetterState(StrEnum):
    """What has become of a letter so far."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    KEPT = "kept"  # written where nothing is sent


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """`search` looks into addresses, names and subjects."""

    state: LetterState | None = None
    search: str = ""


def state_of(letter: Letter) -> LetterState:
    if letter.sent_at is not None:
        return LetterState.SENT
    if letter.next_attempt_at is not None:
        return LetterState.WAITING
    return LetterState.FAILED if letter.failure is not None else LetterState.KEPT


def list_letters(tx: Transaction, wanted: LetterFilter, page: PageRequest) -> Page[Letter]:
    """The newest first."""
    order = (Letter.written_at, Letter.id)
    query = select(Letter).where(*_matching(wanted)).order_by(*(column.desc() for column in order))
    if page.after is not None:
        query = query.where(tuple_(*order) < _place(page.after))
    rows = list(tx.scalars(query.limit(page.size + 1)))
    last = rows[page.size - 1] if len(rows) > page.size else None
    cursor = encode_cursor((last.written_at.isoformat(), str(last.id))) if last else None
    return Page(rows[: page.size], cursor)


def get_letter(tx: Transaction, letter_id: uuid.UUID) -> Letter:
    found = tx.get(Letter, letter_id)
    if found is None:
        raise NotFound("There is no letter with this id.")
    return found


def count_lately(tx: Transaction, within: timedelta) -> Mapping[LetterState, int]:
    """How many wait, and how many of the letters written lately are in each other state."""
    ended = [state for state in LetterState if state is not LetterState.WAITING]
    lately = [func.count().filter(_is_in(state)) for state in ended]
    waiting = select(func.count()).where(_is_in(LetterState.WAITING)).scalar_subquery()
    row = tx.execute(select(waiting, *lately).where(Letter.written_at > tx.now - within)).one()
    return dict(zip([LetterState.WAITING, *ended], row, strict=True))


def _matching(wanted: LetterFilter) -> list[ColumnElement[bool]]:
    found = [_mentions(word) for word in wanted.search.split()]
    return [*found, _is_in(wanted.state)] if wanted.state else found


def _is_in(state: LetterState) -> ColumnElement[bool]:
    """The same rule as `state_of`, for the database."""
    unsent = and_(Letter.sent_at.is_(None), Letter.next_attempt_at.is_(None))
    return {
        LetterState.SENT: Letter.sent_at.isnot(None),
        LetterState.WAITING: and_(Letter.sent_at.is_(None), Letter.next_attempt_at.isnot(None)),
        LetterState.FAILED: and_(unsent, Letter.failure.isnot(None)),
        LetterState.KEPT: and_(unsent, Letter.failure.is_(None)),
    }[state]


def _mentions(word: str) -> ColumnElement[bool]:
    return or_(
        *(column.icontains(word, autoescape=True) for column in (Letter.address, Letter.name, Letter.subject))
    )


def _place(key: tuple[str, ...]) -> tuple[datetime, uuid.UUID]:
    try:
        at, letter_id = datetime.fromisoformat(key[0]), parse_uuid(key[1])
    except (ValueError, IndexError) as cause:
        raise unknown_cursor() from cause
    if at.tzinfo is None or letter_id is None:
        raise unknown_cursor()
    return at, letter_id
