"""Finding apps in the App Hub: by words, by category, tag and language, at a cost that does not grow with the catalogue.

Words are looked up in two indexes that the database keeps. Of what they find only the first `CANDIDATES` are ranked: those
whose name, tags, categories or company hold the words and, where these are fewer, those that only speak of them. A rare word
finds far fewer, so all are ranked; a frequent one does not make the database rank the whole catalogue. An app that is
called exactly what is searched for is always among them.
"""

import re
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ARRAY,
    CTE,
    REAL,
    ColumnElement,
    Integer,
    Numeric,
    Select,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    not_,
    or_,
    select,
    text,
    tuple_,
    union,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import InstrumentedAttribute, contains_eager, defer

from appanage.apphub.drafts import tidy_tag
from appanage.apphub.model import Listing
from appanage.apphub.vocabulary import CATEGORIES, LANGUAGES
from appanage.apps.model import App, Visibility
from appanage.directory.model import Organization
from appanage.kit.errors import NotFound
from appanage.kit.ids import parse_uuid
from appanage.kit.paging import Page, PageRequest, encode_cursor, unknown_cursor
from appanage.storage import Transaction

CANDIDATES = 250
_RELATED_TAGS = 12
_MOST_TERMS = 8
_LONGEST_SEARCH = 200
_SHORTEST_PREFIX = 3  # letters: what begins with fewer is nearly everything
_RANK_DIGITS = 6

_TERM = re.compile(r'"[^"]*"|\S+')
_RANK = re.compile(rf"[0-9](\.[0-9]{{1,{_RANK_DIGITS}}})?")  # as the database writes it
_SLUG = re.compile(r"[a-z0-9-]{1,100}")
_ONE_LEXEME = re.compile(r"'[^']+'")
_WEIGHTS = (0.05, 0.2, 0.6, 1.0)  # of a word in the description, the tagline, the tags, the name
_BY_LENGTH = 1  # how ts_rank makes up for long texts

# How the terms of a search read as they are, and as stems of English words. Whatever follows in this transaction wants few
# rows of large tables: it is planned for what it asks, and never by reading a table from end to end or hashing it.
_PREPARE = text("""
    SELECT websearch_to_tsquery('simple', term)::text, websearch_to_tsquery('english', term)::text
      FROM unnest(CAST(:terms AS text[])) WITH ORDINALITY AS given(term, place),
           (SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true),
                   set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
                   set_config('jit', 'off', true)) AS settings
     ORDER BY place
""")


@dataclass(frozen=True, slots=True)
class ListingFilter:
    """Which apps: those with all words of `search`, the last of which may be a beginning, and with every other mark."""

    search: str = ""
    category: str | None = None
    tag: str | None = None
    language: str | None = None
    featured: bool | None = None
    kind: str | None = None

    @property
    def has_words(self) -> bool:
        return bool(self.search.strip())

    @property
    def kept_tag(self) -> str | None:
        """The tag as listings have it, however it was typed."""
        return None if self.tag is None else tidy_tag(self.tag)

    @property
    def is_possible(self) -> bool:
        """Whether there are such categories and languages at all."""
        return self.category in {None, *CATEGORIES} and self.language in {None, *LANGUAGES}


@dataclass(frozen=True, slots=True)
class _Words:
    """A search as the database asks it: with the last word whole, and as the beginning of one."""

    whole: str
    begun: str


@dataclass(frozen=True, slots=True)
class Facets:
    """How many apps a filter shows; with words also how many of each category, and the tags that they have most often.

    `is_more`: only the candidates were counted, and there may be more.
    """

    count: int
    is_more: bool = False
    categories: Mapping[str, int] = field(default_factory=dict)
    tags: Sequence[str] = ()


def is_shown() -> ColumnElement[bool]:
    """Whether an app is to be seen in the App Hub by everybody (checklist CONS-12)."""
    return (
        Listing.unlisted_at.is_(None)
        & (App.visibility == Visibility.PUBLIC.value)
        & App.deleted_at.is_(None)
        & App.suspended_at.is_(None)
        & Organization.suspended_at.is_(None)
    )


def get_listing(tx: Transaction, key: uuid.UUID | str, *, hidden_too: bool = False) -> Listing:
    """The page of an app by its id or its slug. What is not shown does not exist: it is the same 404, asked the same way.

    With `hidden_too` also one that is listed but not shown, such as that of a suspended app: for who may take it out.
    """
    is_there = and_(Listing.unlisted_at.is_(None), App.deleted_at.is_(None)) if hidden_too else is_shown()
    query = _with_app(select(Listing)).where(is_there)
    query = query.options(contains_eager(Listing.app).contains_eager(App.organization))
    if isinstance(key, str) and not _SLUG.fullmatch(key):
        raise no_such_listing()
    is_it = Listing.slug == key if isinstance(key, str) else Listing.app_id == key
    found: Listing | None = tx.scalar(query.where(is_it))
    if found is None:
        raise no_such_listing()
    return found


def no_such_listing() -> NotFound:
    return NotFound("There is no such app in the App Hub.", code="listing_not_found")


def search(tx: Transaction, wanted: ListingFilter, page: PageRequest) -> Page[Listing]:
    """The apps that the filter shows: with words the best match first, else by name.

    The place in the list is the last row's rank and name, so that a page neither repeats nor skips rows.
    """
    if not wanted.is_possible:
        return Page([])
    if wanted.has_words:
        return _best_first(tx, wanted, page)
    _prepare(tx, [])
    return _by_name(tx, wanted, page)


def list_featured(tx: Transaction, most: int) -> Sequence[Listing]:
    """What reviewers chose to be seen first."""
    return _by_name(tx, ListingFilter(featured=True), PageRequest(most)).items


def facets(tx: Transaction, wanted: ListingFilter) -> Facets:
    """What can be said of the apps that the filter shows without looking at more than the candidates."""
    if wanted.has_words:
        return _facets_of_words(tx, wanted)
    if not wanted.is_possible:
        return Facets(0)
    _prepare(tx, [])
    few = _shown(select(Listing.app_id)).where(*_narrowing(wanted)).limit(CANDIDATES + 1).subquery()
    count = tx.scalar(select(func.count()).select_from(few)) or 0
    return Facets(min(count, CANDIDATES), is_more=count > CANDIDATES)


def _best_first(tx: Transaction, wanted: ListingFilter, page: PageRequest) -> Page[Listing]:
    words = _words(tx, wanted.search)
    if words is None:
        return Page([])
    ranked = _ranked(wanted, words)
    order = (ranked.c.name, ranked.c.app_id)
    query = select(ranked.c.app_id, ranked.c.rank, ranked.c.name)
    if page.after is not None:
        rank, name, app_id = _place(page.after)
        follows = tuple_(*order) > tuple_(literal(name), literal(app_id))
        query = query.where(or_(ranked.c.rank < rank, (ranked.c.rank == rank) & follows))
    rows = tx.execute(query.order_by(ranked.c.rank.desc(), *order).limit(page.size + 1)).all()
    shown = rows[: page.size]
    last = shown[-1] if len(rows) > page.size else None
    cursor = encode_cursor((str(last.rank), last.name, str(last.app_id))) if last else None
    return Page(_in_order(tx, [row.app_id for row in shown]), cursor)


def _by_name(tx: Transaction, wanted: ListingFilter, page: PageRequest) -> Page[Listing]:
    order = (func.lower(Listing.name), Listing.app_id)
    query = _shown(select(Listing, order[0].label("place"))).where(*_narrowing(wanted))
    if page.after is not None:
        name, app_id = _name_and_id(page.after)
        query = query.where(tuple_(*order) > tuple_(literal(name), literal(app_id)))
    rows = tx.execute(_for_lists(query).order_by(*order).limit(page.size + 1)).all()
    shown = rows[: page.size]
    last = shown[-1] if len(rows) > page.size else None
    cursor = encode_cursor((last.place, str(last.Listing.app_id))) if last else None
    return Page([row.Listing for row in shown], cursor)


def _facets_of_words(tx: Transaction, wanted: ListingFilter) -> Facets:
    """One pass over the candidates of all categories."""
    words = _words(tx, wanted.search)
    if words is None or not wanted.is_possible:
        return Facets(0)
    found = _candidates(replace(wanted, category=None), words)
    query = _shown(select(Listing.categories, Listing.tags)).join(found, found.c.app_id == Listing.app_id)
    rows = tx.execute(query).all()
    counts = Counter(category for row in rows for category in row.categories)
    inside = [row for row in rows if wanted.category in {None, *row.categories}]
    tags = Counter(tag for row in inside for tag in row.tags if tag != wanted.kept_tag)
    often = sorted(tags, key=lambda tag: (-tags[tag], tag))[:_RELATED_TAGS]
    return Facets(len(inside), len(rows) >= CANDIDATES, counts, often)


def _words(tx: Transaction, given: str) -> _Words | None:
    """Every term as it is or by its stem. None when there is nothing to look for."""
    terms = _TERM.findall(given[:_LONGEST_SEARCH])
    plain_and_stemmed = _prepare(tx, [term.lstrip("-") for term in terms[:_MOST_TERMS]])
    known = [(plain, stem) for plain, stem in plain_and_stemmed if plain]
    # A word like "the" is in no text as it is kept; alone it may be somebody's name.
    telling = [one for one in known if one[1]] or known
    if not telling:
        return None
    whole = [_either(*one) for one in telling]
    last = telling[-1]
    begun = [*whole[:-1], _either(*map(_beginning, last))] if last == known[-1] else whole
    return _Words(_all(whole), _all(begun))


def _all(terms: Sequence[str]) -> str:
    return " & ".join(f"({one})" for one in terms)


def _either(plain: str, stem: str) -> str:
    return " | ".join(f"({one})" for one in dict.fromkeys((plain, stem)) if one)


def _beginning(query: str) -> str:
    is_word = _ONE_LEXEME.fullmatch(query) and len(query) - 2 >= _SHORTEST_PREFIX
    return f"{query}:*" if is_word else query


def _prepare(tx: Transaction, terms: Sequence[str]) -> list[tuple[str, str]]:
    """The terms as queries, word for word and by stems; and this transaction plans each statement for what it asks."""
    rows = tx.execute(_PREPARE, {"terms": list(terms) or [""]}).all()
    return [(row[0], row[1]) for row in rows] if terms else []


def _candidates(wanted: ListingFilter, words: _Words) -> CTE:
    """A beginning is looked for in what is short only: in long texts nearly every one begins something."""
    meets = [Listing.unlisted_at.is_(None), *_narrowing(wanted)]
    titled = (
        select(Listing.app_id)
        .where(Listing.titles.bool_op("@@")(_query(words.begun)), *meets)
        .limit(CANDIDATES)
    )
    first = titled.cte("titled").prefix_with("MATERIALIZED")
    found = select(func.count()).select_from(first).scalar_subquery()
    lacking = case((found < CANDIDATES, CANDIDATES), else_=0)
    telling = (
        select(Listing.app_id).where(Listing.words.bool_op("@@")(_query(words.whole)), *meets).limit(lacking)
    )
    by_that_name = select(Listing.app_id).where(_has_name(wanted.search), *meets).limit(CANDIDATES)
    sources = (select(first), select(telling.cte("telling")), select(by_that_name.cte("named")))
    return union(*sources).cte("candidates")


def _ranked(wanted: ListingFilter, words: _Words) -> CTE:
    """The candidates that are shown, each with its rank to a few digits: a number that a cursor can hold exactly."""
    found = _candidates(wanted, words)
    name = func.lower(Listing.name)
    weights = cast(literal(list(_WEIGHTS), ARRAY(REAL)), ARRAY(REAL))
    match = func.ts_rank(weights, Listing.words, _query(words.begun), _BY_LENGTH)
    rank = func.round(cast(match, Numeric), _RANK_DIGITS) + cast(_has_name(wanted.search), Integer)
    query = _shown(select(Listing.app_id, rank.label("rank"), name.label("name")))
    return query.join(found, found.c.app_id == Listing.app_id).cte("ranked").prefix_with("MATERIALIZED")


def _has_name(search: str) -> ColumnElement[bool]:
    return func.lower(Listing.name) == func.lower(literal(search.strip()))


def _query(words: str) -> ColumnElement[Any]:
    return cast(literal(words, Text), TSQUERY)


def _shown(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    return _with_app(query).where(is_shown())


def _with_app(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    is_its, is_theirs = App.id == Listing.app_id, Organization.id == App.organization_id
    return query.join(App, is_its).join(Organization, is_theirs)


def _for_lists(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """With the app and its organization, without the long text."""
    with_app = contains_eager(Listing.app).contains_eager(App.organization)
    return query.options(with_app, defer(Listing.description))


def _in_order(tx: Transaction, app_ids: Sequence[uuid.UUID]) -> Sequence[Listing]:
    if not app_ids:
        return []
    query = _for_lists(_shown(select(Listing)).where(Listing.app_id.in_(app_ids)))
    found = {listing.app_id: listing for listing in tx.scalars(query)}
    return [found[app_id] for app_id in app_ids if app_id in found]


def _narrowing(wanted: ListingFilter) -> list[ColumnElement[bool]]:
    """Every mark but the words."""
    lists = (
        (Listing.categories, wanted.category),
        (Listing.tags, wanted.kept_tag),
        (Listing.languages, wanted.language),
    )
    meets = [_holds(column, value) for column, value in lists if value is not None]
    if wanted.featured is not None:
        # Not `IS true`, of which the planner does not see that the index of featured ones is for it.
        meets.append(and_(Listing.is_featured) if wanted.featured else not_(Listing.is_featured))
    if wanted.kind is not None:
        meets.append(Listing.kind == wanted.kind)
    return meets


def _holds(column: InstrumentedAttribute[list[str]], value: str) -> ColumnElement[bool]:
    return column.bool_op("@>")(literal([value], ARRAY(Text)))


def _name_and_id(key: tuple[str, ...]) -> tuple[str, uuid.UUID]:
    app_id = parse_uuid(key[1]) if len(key) == 2 else None
    if app_id is None:
        raise unknown_cursor()
    return key[0], app_id


def _place(key: tuple[str, ...]) -> tuple[Decimal, str, uuid.UUID]:
    """A rank, a name and an id. A cursor of a list by name is none of a list by rank."""
    if not key or not _RANK.fullmatch(key[0]):
        raise unknown_cursor()
    return Decimal(key[0]), *_name_and_id(key[1:])
