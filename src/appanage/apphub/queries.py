"""Every read of submissions: of an app by its owners, of all by reviewers."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, exists, func, or_, select, true, tuple_
from sqlalchemy.dialects.postgresql import distinct_on

from appanage.apphub.model import (
    OPEN_STATES,
    Listing,
    ListingDraft,
    Submission,
    SubmissionMessage,
    SubmissionState,
)
from appanage.apps.model import App, AppKind
from appanage.directory.model import Account, Organization
from appanage.kit.errors import NotFound
from appanage.kit.ids import parse_uuid
from appanage.kit.paging import Page, PageRequest, encode_cursor, unknown_cursor
from appanage.storage import Transaction


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """Which submissions a reviewer looks for; without states those that are open. `reviewer_id` is who took them."""

    states: Collection[SubmissionState] = OPEN_STATES
    kind: AppKind | None = None
    at_least: timedelta | None = None
    search: str = ""
    reviewer_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How far an app has come in the App Hub."""

    status: str
    last_submitted_at: datetime | None
    is_featured: bool
    categories: Sequence[str]
    tags: Sequence[str]


MOST_MESSAGES = 200


@dataclass(frozen=True, slots=True)
class Talk:
    """The newest messages about a submission, the oldest of them first; `is_cut` when there are earlier ones."""

    messages: Sequence[SubmissionMessage]
    is_cut: bool


NOWHERE = Standing("none", None, is_featured=False, categories=(), tags=())


def find_draft(tx: Transaction, app: App) -> ListingDraft | None:
    return tx.get(ListingDraft, app.id)


def find_open(tx: Transaction, app: App, *, for_update: bool = False) -> Submission | None:
    """The one that waits for somebody; there is at most one."""
    query = select(Submission).where(Submission.app_id == app.id, Submission.state.in_(OPEN_STATES))
    return tx.scalar(_locked(query) if for_update else query)


def list_of_app(tx: Transaction, app: App, page: PageRequest) -> Page[Submission]:
    """What was handed in of an app, the newest first."""
    query = select(Submission).where(Submission.app_id == app.id)
    if page.after is not None:
        query = query.where(Submission.number < _number(page.after))
    rows = list(tx.scalars(query.order_by(Submission.number.desc()).limit(page.size + 1)))
    last = rows[page.size - 1] if len(rows) > page.size else None
    return Page(rows[: page.size], encode_cursor((str(last.number),)) if last else None)


def get_of_app(
    tx: Transaction, app: App, submission_id: uuid.UUID, *, for_update: bool = False
) -> Submission:
    query = select(Submission).where(Submission.app_id == app.id, Submission.id == submission_id)
    found = tx.scalar(_locked(query) if for_update else query)
    if found is None:
        raise no_such_submission()
    return found


def find_approved_before(tx: Transaction, submission: Submission) -> Submission | None:
    """The version of the same app that was approved last before this one."""
    query = select(Submission).where(
        Submission.app_id == submission.app_id,
        Submission.state == SubmissionState.APPROVED.value,
        Submission.number < submission.number,
    )
    return tx.scalar(query.order_by(Submission.number.desc()).limit(1))


def read_talk(tx: Transaction, submission: Submission) -> Talk:
    """The talk about a submission, without what is too long ago to be read at once."""
    query = select(SubmissionMessage).where(SubmissionMessage.submission_id == submission.id)
    newest_first = query.order_by(SubmissionMessage.written_at.desc(), SubmissionMessage.id.desc())
    rows = list(tx.scalars(newest_first.limit(MOST_MESSAGES + 1)))
    return Talk(rows[:MOST_MESSAGES][::-1], is_cut=len(rows) > MOST_MESSAGES)


def count_messages(
    tx: Transaction, submission: Submission, *, is_from_reviewer: bool, since: datetime
) -> int:
    """How many one side has written about a submission since."""
    query = select(func.count()).where(
        SubmissionMessage.submission_id == submission.id,
        SubmissionMessage.is_from_reviewer == is_from_reviewer,
        SubmissionMessage.written_at > since,
    )
    return tx.scalar(query) or 0


def get_for_review(tx: Transaction, submission_id: uuid.UUID, *, for_update: bool = False) -> Submission:
    """Anybody's; for callers that have checked that a reviewer asks."""
    query = select(Submission).join(App, App.id == Submission.app_id)
    query = query.where(Submission.id == submission_id, App.deleted_at.is_(None))
    found = tx.scalar(_locked(query) if for_update else query)
    if found is None:
        raise no_such_submission()
    return found


def list_for_review(tx: Transaction, wanted: QueueFilter, page: PageRequest) -> Page[Submission]:
    """The queue: what was handed in first comes first; but of what is decided the latest."""
    query = _queue(tx, wanted)
    order = (Submission.submitted_at, Submission.id)
    if OPEN_STATES.isdisjoint(wanted.states):
        rows = _newest_first(tx, query, page)
    else:
        after = tuple_(*order) > _place(page.after) if page.after else true()
        rows = list(tx.scalars(query.where(after).order_by(*order).limit(page.size + 1)))
    last = rows[page.size - 1] if len(rows) > page.size else None
    key = (last.submitted_at.isoformat(), str(last.id)) if last else None
    return Page(rows[: page.size], encode_cursor(key) if key else None)


def count_open(tx: Transaction, *, reviewer_id: uuid.UUID) -> Mapping[str, int]:
    """How many submissions are in each open state, and how many of all that this reviewer has taken, as `mine`."""
    is_theirs = func.count().filter(Submission.reviewer_id == reviewer_id)
    query = (
        select(Submission.state, func.count(), is_theirs)
        .join(App, App.id == Submission.app_id)
        .where(Submission.state.in_(OPEN_STATES), App.deleted_at.is_(None))
        .group_by(Submission.state)
    )
    rows = tx.execute(query).all()
    counted = {state.value: 0 for state in OPEN_STATES} | {state: number for state, number, _ in rows}
    return counted | {"mine": sum(mine for *_, mine in rows)}


def count_waiting(tx: Transaction) -> int:
    """How many submissions wait for a reviewer."""
    query = select(func.count()).select_from(Submission).join(App, App.id == Submission.app_id)
    return (
        tx.scalar(query.where(Submission.state == SubmissionState.SUBMITTED.value, App.deleted_at.is_(None)))
        or 0
    )


def count_since(tx: Transaction, app: App, *, since: datetime) -> int:
    query = select(func.count()).where(Submission.app_id == app.id, Submission.submitted_at > since)
    return tx.scalar(query) or 0


def last_number(tx: Transaction, app: App) -> int:
    return tx.scalar(select(func.max(Submission.number)).where(Submission.app_id == app.id)) or 0


def standing_of_apps(tx: Transaction, app_ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, Standing]:
    """How far these apps have come; those of which nothing was handed in are left out."""
    latest = (
        select(Submission.app_id, Submission.state, Submission.submitted_at)
        .ext(distinct_on(Submission.app_id))
        .where(Submission.app_id.in_(app_ids))
        .order_by(Submission.app_id, Submission.number.desc())
        .subquery()
    )
    of_listing = (Listing.is_featured, Listing.categories, Listing.tags)
    is_of_it = (Listing.app_id == latest.c.app_id) & Listing.unlisted_at.is_(None)
    query = select(latest, *of_listing).outerjoin(Listing, is_of_it)
    return {
        app_id: Standing(state, at, is_featured=bool(featured), categories=categories or (), tags=tags or ())
        for app_id, state, at, featured, categories, tags in tx.execute(query)
    }


def names_of(tx: Transaction, account_ids: Collection[str]) -> Mapping[str, str]:
    """The names of accounts by their ids as versions hold them; of deleted ones too."""
    known = [one for one in map(parse_uuid, account_ids) if one]
    query = select(Account.id, Account.display_name).where(Account.id.in_(known))
    return {str(account_id): name for account_id, name in tx.execute(query)}


def find_organization_name(tx: Transaction, organization_id: uuid.UUID | None) -> str | None:
    found = tx.get(Organization, organization_id) if organization_id else None
    return found.name if found else None


def has_status(status: str) -> ColumnElement[bool]:
    """Whether the last that was handed in of an app is in this state; `none` is for apps of which nothing was."""
    if status == "none":
        return ~exists().where(Submission.app_id == App.id)
    newest = select(func.max(Submission.number)).where(Submission.app_id == App.id).correlate(App)
    return exists().where(
        Submission.app_id == App.id,
        Submission.state == status,
        Submission.number == newest.scalar_subquery(),
    )


def is_listed_as(
    *, category: str | None = None, tag: str | None = None, is_featured: bool | None = None
) -> ColumnElement[bool]:
    """Whether an app is listed in a category, with a tag, and featured or not."""
    here: list[ColumnElement[bool]] = [Listing.app_id == App.id, Listing.unlisted_at.is_(None)]
    if category:
        here.append(Listing.categories.bool_op("@>")([category]))
    if tag:
        here.append(Listing.tags.bool_op("@>")([tag.casefold()]))
    if is_featured is False:
        return ~exists().where(Listing.app_id == App.id, Listing.unlisted_at.is_(None), Listing.is_featured)
    if is_featured:
        here.append(Listing.is_featured.is_(True))
    return exists().where(*here)


def no_such_submission() -> NotFound:
    return NotFound("There is no submission with this id.", code="submission_not_found")


def _newest_first(tx: Transaction, query: Select[Submission], page: PageRequest) -> Sequence[Submission]:
    order = (Submission.submitted_at, Submission.id)
    after = tuple_(*order) < _place(page.after) if page.after else true()
    in_order = query.where(after).order_by(*(one.desc() for one in order))
    return list(tx.scalars(in_order.limit(page.size + 1)))


def _queue(tx: Transaction, wanted: QueueFilter) -> Select[Submission]:
    query = select(Submission).join(App, App.id == Submission.app_id)
    query = query.where(Submission.state.in_(sorted(wanted.states)), App.deleted_at.is_(None))
    if wanted.kind:
        query = query.where(App.kind == wanted.kind)
    if wanted.at_least:
        query = query.where(Submission.submitted_at <= tx.now - wanted.at_least)
    if wanted.reviewer_id:
        query = query.where(Submission.reviewer_id == wanted.reviewer_id)
    if wanted.search:
        # Not by the name that the app has now: a reviewer sees what was handed in (checklist CONS-12).
        handed_in = Submission.content["app"]["name"].astext
        is_named = handed_in.icontains(wanted.search, autoescape=True)
        query = query.where(or_(is_named, App.client_id == wanted.search.strip()))
    return query


def _locked(query: Select[Submission]) -> Select[Submission]:
    return query.with_for_update(of=Submission).execution_options(populate_existing=True)


def _number(key: tuple[str, ...]) -> int:
    if len(key) != 1 or not (key[0].isascii() and key[0].isdigit() and len(key[0]) < 10):
        raise unknown_cursor()
    return int(key[0])


def _place(key: tuple[str, ...]) -> tuple[datetime, uuid.UUID]:
    try:
        at, submission_id = datetime.fromisoformat(key[0]), parse_uuid(key[1])
    except (ValueError, IndexError) as cause:
        raise unknown_cursor() from cause
    if submission_id is None or at.tzinfo is None:
        raise unknown_cursor()
    return at, submission_id
