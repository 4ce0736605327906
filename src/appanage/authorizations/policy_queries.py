"""What an organization decided on integrations: its default policy, and the rules that come before it."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, func, literal, select, tuple_
from sqlalchemy.orm import contains_eager

from appanage.apps.model import App, AppKind
from appanage.apps.queries import matches, no_such_app
from appanage.authorizations.integrations import find_policy
from appanage.authorizations.model import IntegrationRule, PolicyMode
from appanage.directory.model import Organization
from appanage.kit.errors import NotFound
from appanage.kit.ids import parse_uuid
from appanage.kit.paging import Page, PageRequest, encode_cursor, unknown_cursor
from appanage.storage import Transaction

DEFAULT_NAME = "Default"
_BEFORE_EVERY_RULE = ("", uuid.UUID(int=0))


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds for one integration, or without `app` for all that no rule names; and since when."""

    app: App | None
    mode: PolicyMode
    decided_at: datetime

    @property
    def name(self) -> str:
        return self.app.name if self.app else DEFAULT_NAME


@dataclass(frozen=True, slots=True)
class PolicyFilter:
    """Which policies; `search` looks for a part of the name, or for the whole client id."""

    is_default: bool | None = None
    mode: PolicyMode | None = None
    app_id: uuid.UUID | None = None
    search: str = ""

    def admits_default(self, default: Policy) -> bool:
        return (
            self.is_default is not False
            and self.app_id is None
            and self.mode in {None, default.mode}
            and self.search.lower() in DEFAULT_NAME.lower()
        )


def list_policies(
    tx: Transaction, organization: Organization, wanted: PolicyFilter, page: PageRequest
) -> Page[Policy]:
    """The default first, which every organization has, then the rules by the names of their apps."""
    default = get_default(tx, organization)
    rows = [default] if page.after is None and wanted.admits_default(default) else []
    if wanted.is_default is not True:
        rows += _list_rules(tx, organization, wanted, page, limit=page.size + 1 - len(rows))
    more = len(rows) > page.size
    return Page(rows[: page.size], _cursor_after(rows[page.size - 1]) if more else None)


def get_policy(tx: Transaction, organization: Organization, app_id: uuid.UUID | None) -> Policy:
    """The rule on an app, or without one the default; raises NotFound when no rule names the app."""
    if app_id is None:
        return get_default(tx, organization)
    rule = tx.scalar(_rules(organization).where(App.id == app_id))
    if rule is None:
        raise no_such_policy()
    return _policy(rule)


def get_default(tx: Transaction, organization: Organization) -> Policy:
    """What administrators have set; before they did, everything is allowed since there is the organization."""
    policy = find_policy(tx, organization.id)
    if policy is None:
        return Policy(None, PolicyMode.ALLOW, organization.created_at)
    return Policy(None, PolicyMode(policy.mode), policy.changed_at)


def get_any_integration(tx: Transaction, app_id: uuid.UUID) -> App:
    """An integration to be ruled on, whoever owns it and whether or not anybody here has connected it."""
    found = tx.scalar(select(App).where(App.id == app_id, *_is_integration()))
    if found is None:
        raise no_such_app()
    return found


def no_such_policy() -> NotFound:
    return NotFound("There is no policy with this id.", code="policy_not_found")


def _list_rules(
    tx: Transaction, organization: Organization, wanted: PolicyFilter, page: PageRequest, *, limit: int
) -> list[Policy]:
    order = (func.lower(App.name), App.id)
    query = _rules(organization).where(*_conditions(wanted))
    if page.after is not None:
        name, app_id = _place(page.after)
        query = query.where(tuple_(*order) > tuple_(func.lower(literal(name)), literal(app_id)))
    return [_policy(rule) for rule in tx.scalars(query.order_by(*order).limit(limit))]


def _rules(organization: Organization) -> Select[IntegrationRule]:
    return (
        select(IntegrationRule)
        .join(IntegrationRule.app)
        .options(contains_eager(IntegrationRule.app))
        .where(IntegrationRule.organization_id == organization.id, *_is_integration())
    )


def _is_integration() -> tuple[ColumnElement[bool], ...]:
    return App.kind == AppKind.INTEGRATION, App.deleted_at.is_(None)


def _conditions(wanted: PolicyFilter) -> list[ColumnElement[bool]]:
    conditions = []
    if wanted.mode is not None:
        conditions.append(IntegrationRule.mode == wanted.mode.value)
    if wanted.app_id is not None:
        conditions.append(App.id == wanted.app_id)
    if wanted.search:
        conditions.append(matches(wanted.search))
    return conditions


def _policy(rule: IntegrationRule) -> Policy:
    return Policy(rule.app, PolicyMode(rule.mode), rule.decided_at)


def _cursor_after(last: Policy) -> str:
    name, app_id = (last.app.name, last.app.id) if last.app else _BEFORE_EVERY_RULE
    return encode_cursor((name, str(app_id)))


def _place(key: tuple[str, ...]) -> tuple[str, uuid.UUID]:
    app_id = parse_uuid(key[1]) if len(key) == 2 else None
    if app_id is None:
        raise unknown_cursor()
    return key[0], app_id
