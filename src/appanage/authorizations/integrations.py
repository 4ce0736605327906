"""Integrations as administrators see them: which ones people of the organization connected, and what holds for each."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, and_, func, literal, or_, select, tuple_
from sqlalchemy.orm import contains_eager, lazyload

from appanage.apps.model import App, AppKind
from appanage.apps.queries import matches, no_such_app
from appanage.authorizations.endings import is_connection
from appanage.authorizations.model import (
    Authorization,
    AuthorizationKind,
    IntegrationPolicy,
    IntegrationRule,
    PolicyMode,
    RefreshToken,
)
from appanage.authorizations.policies import mode_in_force, policy_in_force
from appanage.directory.model import Account
from appanage.kit.errors import NotFound
from appanage.kit.ids import parse_uuid
from appanage.kit.paging import Page, PageRequest, encode_cursor, unknown_cursor
from appanage.storage import Transaction

AnySelect = Select[*tuple[Any, ...]]


class IntegrationState(StrEnum):
    """What to narrow the list by. Whatever is in use is also allowed."""

    IN_USE = "in_use"
    ALLOWED = "allowed"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Integration:
    """An integration in one organization: what holds for it and why, and how many people have it connected."""

    app: App
    rule: IntegrationRule | None
    policy: PolicyMode
    people: int

    @property
    def mode(self) -> PolicyMode:
        return PolicyMode(self.rule.mode) if self.rule else self.policy

    @property
    def is_blocked(self) -> bool:
        return self.mode == PolicyMode.BLOCK


@dataclass(frozen=True, slots=True)
class Reach:
    """What a block would end: connections of people to apps."""

    connections: int
    people: int
    apps: int


def find_policy(tx: Transaction, organization_id: uuid.UUID) -> IntegrationPolicy | None:
    """The policy that administrators have set; without one everything is allowed."""
    return tx.get(IntegrationPolicy, organization_id)


def list_integrations(
    tx: Transaction,
    organization_id: uuid.UUID,
    page: PageRequest,
    *,
    state: IntegrationState | None = None,
    search: str = "",
    app_id: uuid.UUID | None = None,
) -> Page[Integration]:
    """The integrations that people here connected or that a rule names, by name; no other exists (CONS-12)."""
    query = _integrations(organization_id, state=state, search=search)
    if app_id is not None:
        query = query.where(App.id == app_id)
    order = (func.lower(App.name), App.id)
    if page.after is not None:
        name, app_id = _name_and_id(page.after)
        query = query.where(tuple_(*order) > tuple_(func.lower(literal(name)), literal(app_id)))
    rows = [_integration(*row) for row in tx.execute(query.order_by(*order).limit(page.size + 1))]
    last = rows[page.size - 1].app if len(rows) > page.size else None
    return Page(rows[: page.size], encode_cursor((last.name, str(last.id))) if last else None)


def count_integrations(tx: Transaction, organization_id: uuid.UUID) -> Mapping[IntegrationState, int]:
    """How many integrations are in each state."""
    people, mode = _people(organization_id), mode_in_force(organization_id, App.id)
    counts = [func.count().filter(_is_in(state, people, mode)) for state in IntegrationState]
    known = _known(select(*counts), organization_id, people)
    return dict(zip(IntegrationState, tx.execute(known).one(), strict=True))


def find_integration(tx: Transaction, organization_id: uuid.UUID, app_id: uuid.UUID) -> Integration | None:
    row = tx.execute(_integrations(organization_id).where(App.id == app_id)).one_or_none()
    return _integration(*row) if row else None


def get_integration(tx: Transaction, organization_id: uuid.UUID, app_id: uuid.UUID) -> Integration:
    found = find_integration(tx, organization_id, app_id)
    if found is None:
        raise no_such_app()
    return found


def find_by_client_id(tx: Transaction, client_id: str) -> App | None:
    """The integration with exactly this client id, whoever owns it: whoever has the id can look at its consent page."""
    query = select(App).where(
        App.client_id == client_id, App.kind == AppKind.INTEGRATION, App.deleted_at.is_(None)
    )
    return tx.scalar(query)


def last_used_at(
    tx: Transaction, organization_id: uuid.UUID, app_ids: Collection[uuid.UUID]
) -> Mapping[uuid.UUID, datetime]:
    """When each of these integrations last got tokens for somebody here."""
    # Access tokens are not stored: the sign of life is that they were fetched.
    used_at = func.max(func.coalesce(RefreshToken.last_used_at, RefreshToken.issued_at))
    query = (
        select(Authorization.app_id, used_at)
        .join(RefreshToken, RefreshToken.authorization_id == Authorization.id)
        .where(
            Authorization.organization_id == organization_id,
            Authorization.kind == AuthorizationKind.PERSON,
            Authorization.app_id.in_(app_ids),
        )
        .group_by(Authorization.app_id)
    )
    return dict(tx.execute(query).all())


def reach_of_policy(tx: Transaction, organization_id: uuid.UUID) -> Reach:
    """What the policy *block* would end: every connection that no rule allows."""
    allowed = select(IntegrationRule.app_id).where(
        IntegrationRule.organization_id == organization_id, IntegrationRule.mode == PolicyMode.ALLOW
    )
    people, apps = Authorization.account_id.distinct(), Authorization.app_id.distinct()
    query = select(func.count(), func.count(people), func.count(apps)).where(
        Authorization.organization_id == organization_id,
        is_connection(),
        Authorization.app_id.not_in(allowed),
    )
    return Reach(*tx.execute(query).one())


def list_people(
    tx: Transaction, organization_id: uuid.UUID, app_id: uuid.UUID, page: PageRequest
) -> Page[Authorization]:
    """What people here allow an integration, by their names."""
    query = _connections(organization_id, app_id)
    order = (func.lower(Account.display_name), Account.id)
    if page.after is not None:
        name, account_id = _name_and_id(page.after)
        query = query.where(tuple_(*order) > tuple_(func.lower(literal(name)), literal(account_id)))
    rows = list(tx.scalars(query.order_by(*order).limit(page.size + 1)))
    last = rows[page.size - 1].account if len(rows) > page.size else None
    return Page(rows[: page.size], encode_cursor((last.display_name, str(last.id))) if last else None)


def get_connection(
    tx: Transaction, organization_id: uuid.UUID, app_id: uuid.UUID, person_id: uuid.UUID
) -> Authorization:
    """What one person here allows an integration."""
    found = tx.scalar(_connections(organization_id, app_id).where(Account.id == person_id))
    if found is None:
        raise NotFound("This person has not connected the integration.", code="not_connected")
    return found


def _integrations(
    organization_id: uuid.UUID, *, state: IntegrationState | None = None, search: str = ""
) -> Select[App, IntegrationRule | None, str, int]:
    people, policy = _people(organization_id), policy_in_force(organization_id)
    columns = select(App, IntegrationRule, policy, func.coalesce(people.c.now, 0))
    query = _known(columns, organization_id, people)
    # Its inner join would drop every app without a rule, and the app is there already.
    query = query.options(lazyload(IntegrationRule.app))
    if state is not None:
        query = query.where(_is_in(state, people, mode_in_force(organization_id, App.id)))
    return query.where(matches(search)) if search else query


def _known(query: AnySelect, organization_id: uuid.UUID, people: Subquery) -> AnySelect:
    return (
        query.select_from(App)
        .outerjoin(people, people.c.app_id == App.id)
        .outerjoin(
            IntegrationRule,
            and_(IntegrationRule.app_id == App.id, IntegrationRule.organization_id == organization_id),
        )
        .where(
            App.kind == AppKind.INTEGRATION,
            App.deleted_at.is_(None),
            or_(people.c.app_id.isnot(None), IntegrationRule.app_id.isnot(None)),
        )
    )


def _people(organization_id: uuid.UUID) -> Subquery:
    """How many people have each integration connected now; also those that people had connected before."""
    return (
        select(Authorization.app_id, func.count().filter(Authorization.ended_at.is_(None)).label("now"))
        .where(
            Authorization.organization_id == organization_id,
            Authorization.kind == AuthorizationKind.PERSON,
        )
        .group_by(Authorization.app_id)
        .subquery()
    )


def _is_in(state: IntegrationState, people: Subquery, mode: ColumnElement[str]) -> ColumnElement[bool]:
    return {
        IntegrationState.IN_USE: people.c.now > 0,
        IntegrationState.ALLOWED: mode == PolicyMode.ALLOW.value,
        IntegrationState.BLOCKED: mode == PolicyMode.BLOCK.value,
    }[state]


def _integration(app: App, rule: IntegrationRule | None, policy: str, people: int) -> Integration:
    return Integration(app, rule, PolicyMode(policy), people)


def _connections(organization_id: uuid.UUID, app_id: uuid.UUID) -> Select[Authorization]:
    return (
        select(Authorization)
        .join(Account, Account.id == Authorization.account_id)
        .options(contains_eager(Authorization.account))
        .where(
            is_connection(),
            Authorization.organization_id == organization_id,
            Authorization.app_id == app_id,
        )
    )


def _name_and_id(key: tuple[str, ...]) -> tuple[str, uuid.UUID]:
    row_id = parse_uuid(key[1]) if len(key) == 2 else None
    if row_id is None:
        raise unknown_cursor()
    return key[0], row_id
