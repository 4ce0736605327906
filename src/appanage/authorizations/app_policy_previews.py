"""What a policy on Service Apps would do, told before anybody saves it. Reads only."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, exists, false, func, or_, select, tuple_

from appanage.apps.model import App, Visibility
from appanage.authorizations import app_policies, queries
from appanage.authorizations.app_policy_rules import Course, Matter, Terms, course_of
from appanage.authorizations.app_rules import is_known, is_service_app
from appanage.authorizations.model import AppRule, AppRuleMode, Authorization, AuthorizationKind
from appanage.authorizations.queries import name_and_id
from appanage.kit.paging import Page, PageRequest, encode_cursor
from appanage.storage import Transaction

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Turn:
    """An app with which something else would happen than now."""

    app_id: uuid.UUID
    name: str
    before: Course
    after: Course


@dataclass(frozen=True, slots=True)
class Impact:
    """What another policy would mean for the apps that are known here; `turns` are the first of them by name."""

    known: int
    changed: int
    turns: Sequence[Turn]

    @property
    def untold(self) -> int:
        """How many more there are."""
        return self.changed - len(self.turns)


@dataclass(frozen=True, slots=True)
class Outside:
    """How many running authorizations a policy would not give any more as they are; they go on all the same."""

    total: int
    unnamed: int
    too_long: int


@dataclass(frozen=True, slots=True)
class OutsideAuthorization:
    """A running authorization that goes beyond the policy, and why."""

    authorization: Authorization
    is_unnamed: bool
    is_too_long: bool


def foresee(tx: Transaction, organization_id: uuid.UUID, app: App, terms: Terms) -> Course:
    """What would happen with one app under these terms."""
    return course_of(terms, app_policies.matter_of(tx, organization_id, app, app.scopes), tx.now)


def foresee_impact(tx: Transaction, organization_id: uuid.UUID, before: Terms, after: Terms) -> Impact:
    """With which apps something else would happen, in one statement however many they are."""
    query = (
        select(
            App.id,
            App.name,
            App.scopes,
            App.visibility,
            AppRule.mode,
            queries.was_refused_in(organization_id).label("refused"),
        )
        .outerjoin(AppRule, and_(AppRule.app_id == App.id, AppRule.organization_id == organization_id))
        .where(is_service_app(), is_known(organization_id))
        .order_by(func.lower(App.name), App.id)
    )
    rows = tx.execute(query).all()
    turns = [
        Turn(app_id, name, course_of(before, matter, tx.now), course_of(after, matter, tx.now))
        for app_id, name, scopes, visibility, mode, refused in rows
        for matter in [_matter(name, scopes, visibility, mode, refused)]
    ]
    changed = [turn for turn in turns if not turn.before.comes_to_the_same_as(turn.after)]
    return Impact(len(rows), len(changed), changed[:SHOWN])


def count_outside(tx: Transaction, organization_id: uuid.UUID, terms: Terms) -> Outside:
    unnamed, too_long = _is_unnamed(terms), _is_too_long(tx, terms)
    either, one = func.count().filter(or_(unnamed, too_long)), func.count().filter(unnamed)
    query = select(either, one, func.count().filter(too_long)).where(*_is_running(organization_id))
    return Outside(*tx.execute(query).one())


def list_outside(
    tx: Transaction, organization_id: uuid.UUID, terms: Terms, page: PageRequest
) -> Page[OutsideAuthorization]:
    """Those authorizations, by the names of their apps."""
    unnamed, too_long = _is_unnamed(terms), _is_too_long(tx, terms)
    order = (func.lower(App.name), App.id)
    query = (
        select(Authorization, unnamed, too_long)
        .join(App, App.id == Authorization.app_id)
        .where(*_is_running(organization_id), or_(unnamed, too_long))
    )
    if page.after is not None:
        name, app_id = name_and_id(page.after)
        query = query.where(tuple_(*order) > tuple_(func.lower(name), app_id))
    rows = [OutsideAuthorization(*row) for row in tx.execute(query.order_by(*order).limit(page.size + 1))]
    last = rows[page.size - 1].authorization.app if len(rows) > page.size else None
    return Page(rows[: page.size], encode_cursor((last.name, str(last.id))) if last else None)


def _matter(name: str, scopes: Sequence[str], visibility: str, mode: str | None, refused: bool) -> Matter:
    return Matter(
        app_name=name,
        scopes=frozenset(scopes),
        is_reviewed=visibility == Visibility.PUBLIC,
        named=AppRuleMode(mode) if mode else None,
        was_refused_by_a_person=refused,
    )


def _is_running(organization_id: uuid.UUID) -> tuple[ColumnElement[bool], ...]:
    return (
        Authorization.organization_id == organization_id,
        Authorization.kind == AuthorizationKind.ORGANIZATION.value,
        Authorization.ended_at.is_(None),
    )


def _is_unnamed(terms: Terms) -> ColumnElement[bool]:
    if not terms.only_allowed:
        return false()
    return ~exists().where(
        AppRule.app_id == Authorization.app_id,
        AppRule.organization_id == Authorization.organization_id,
        AppRule.mode == AppRuleMode.ALLOW.value,
    )


def _is_too_long(tx: Transaction, terms: Terms) -> ColumnElement[bool]:
    """It ends never, or later than it could if it began now."""
    latest = terms.latest_end(tx.now)
    if latest is None:
        return false()
    return or_(Authorization.ends_at.is_(None), Authorization.ends_at > latest)
