"""What nobody needs any more goes: a table is swept as it lies on disk, a few pages at a time (checklist TEN-04)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Self

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    SQLColumnExpression,
    and_,
    any_,
    cast,
    delete,
    func,
    inspect,
    literal,
    literal_column,
    not_,
    select,
    tablesample,
    union_all,
)
from sqlalchemy.dialects.postgresql import REGCLASS
from sqlalchemy.sql.util import ClauseAdapter
from sqlalchemy.types import UserDefinedType

from appanage.storage.base import Record
from appanage.storage.engine import Transaction

SAMPLED = 100  # pages of a table that are read to tell how much of it has expired
_BEYOND = 2**32 - 1  # no table has so many pages


@dataclass(frozen=True, slots=True)
class Expiry:
    """When rows of `record` go: `kept` after `ended_at`, but for those that it `spares`."""

    record: type[Record]
    ended_at: SQLColumnExpression[datetime] | SQLColumnExpression[datetime | None]
    kept: timedelta = timedelta(0)
    spares: ColumnElement[bool] | None = None

    @property
    def table(self) -> str:
        return str(self.record.__tablename__)

    def is_over(self, now: datetime) -> ColumnElement[bool]:
        ended = self.ended_at < now - self.kept
        return and_(ended, not_(self.spares)) if self.spares is not None else and_(ended)


@dataclass(frozen=True, slots=True)
class Pages:
    """A part of a table as it lies on disk: `count` pages from page `first` on."""

    first: int = 0
    count: int = _BEYOND

    @property
    def end(self) -> int:
        return min(self.first + self.count, _BEYOND)

    def next(self, count: int) -> Self:
        return type(self)(self.end, count)


WHOLE = Pages()


class Swept(NamedTuple):
    """How many rows a sweep deleted, and how many pages the table has by now."""

    removed: int
    pages: int


class Backlog(NamedTuple):
    """What has expired and is still there: about how many rows, and how late the oldest one is that was seen."""

    rows: int
    age: timedelta


def delete_expired(tx: Transaction, expiry: Expiry, pages: Pages = WHOLE) -> Swept:
    """Deletes what has expired in these pages, in one statement; a row that somebody holds is left for next time."""
    # By place, not by an index on the time: neighbours go together, so that a page is read, changed and logged once, and
    # no work is spent on what went before and no vacuum has cleared away yet. Nor need a refresh keep such an index.
    place: ColumnElement[str] = literal_column("ctid")
    here = and_(place >= _beginning(pages.first), place < _beginning(pages.end))
    found = select(place.label("place")).select_from(expiry.record).where(here, expiry.is_over(tx.now))
    held = found.with_for_update(skip_locked=True, of=expiry.record).cte("held")
    places = func.array(select(held.c.place).scalar_subquery())
    deletion = delete(expiry.record).where(place == any_(places)).returning(literal(1).label("one"))
    removed = select(func.count()).select_from(deletion.cte("deleted")).scalar_subquery()
    return Swept(*tx.execute(select(removed, _pages_of(expiry))).one())


def sample_backlog(tx: Transaction, expiries: Sequence[Expiry]) -> Mapping[str, Backlog]:
    """What has expired and is still there, by table. Estimated from a few pages of each, so it costs the same always."""
    sizes = tx.execute(select(*map(_pages_of, expiries))).one()
    shares = {one.table: min(1.0, SAMPLED / max(size, 1)) for one, size in zip(expiries, sizes, strict=True)}
    samples = union_all(*(_sample(one, shares[one.table], tx.now) for one in expiries))
    return {
        row.table: Backlog(round(row.seen / shares[row.table]), row.age or timedelta(0))
        for row in tx.execute(samples)
    }


def _sample(expiry: Expiry, share: float, now: datetime) -> Select[str, int, datetime]:
    pages = tablesample(inspect(expiry.record).local_table, func.system(literal_column(repr(100 * share))))
    sampled = ClauseAdapter(pages).traverse
    oldest = func.min(sampled(expiry.ended_at + literal(expiry.kept)))
    name = literal(expiry.table).label("table")
    counted = select(name, func.count().label("seen"), (literal(now) - oldest).label("age"))
    return counted.select_from(pages).where(sampled(expiry.is_over(now)))


class _Place(UserDefinedType[str]):
    """Where a row lies: its page, and its number there."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "tid"


def _beginning(page: int) -> ColumnElement[str]:
    return cast(f"({page},0)", _Place())


def _pages_of(expiry: Expiry) -> ColumnElement[int]:
    size = func.pg_relation_size(cast(expiry.table, REGCLASS), type_=BigInteger)
    return size // cast(func.current_setting("block_size"), BigInteger)
