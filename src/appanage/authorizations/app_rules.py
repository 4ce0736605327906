"""The Service Apps that an organization allows or blocks by name, and what a block ends at once."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, tuple_
from sqlalchemy.orm import contains_eager, lazyload

from appanage import events
from appanage.apps.model import App, AppKind, Visibility
from appanage.apps.queries import matches, no_such_app
from appanage.authorizations import app_policies, open_requests, proposals, queries, requests, service
from appanage.authorizations.administrators import require_role
from appanage.authorizations.app_policies import DECIDERS
from appanage.authorizations.app_policy_rules import Terms
from appanage.authorizations.deciding import lock_pair
from appanage.authorizations.decisions import is_shown_to
from appanage.authorizations.endings import lock_to_end
from appanage.authorizations.model import AppRule, AppRuleMode, Authorization
from appanage.authorizations.queries import name_and_id
from appanage.directory.model import Account, Organization
from appanage.kit.errors import Conflict, Refused
from appanage.kit.ids import parse_uuid
from appanage.kit.paging import Page, PageRequest, encode_cursor
from appanage.storage import Transaction

MOST_NAMED = 500
"""Apps that one organization can name: all of them fit into one answer of the API."""


@dataclass(frozen=True, slots=True)
class NameableApp:
    """A Service App that the organization can name, the rule if it has, and whether it is authorized there now."""

    app: App
    rule: AppRule | None
    is_running: bool


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What a block ends, or has ended."""

    authorizations: int = 0
    requests: int = 0
    proposals: int = 0

    def __str__(self) -> str:
        return f"{self.authorizations}-{self.requests}-{self.proposals}"

    def __bool__(self) -> bool:
        return bool(self.authorizations or self.requests or self.proposals)

    def __add__(self, other: "Aftermath") -> "Aftermath":
        return Aftermath(
            self.authorizations + other.authorizations,
            self.requests + other.requests,
            self.proposals + other.proposals,
        )


def list_rules(
    tx: Transaction, organization_id: uuid.UUID, mode: AppRuleMode, page: PageRequest
) -> Page[AppRule]:
    """The apps that are allowed, or those that are blocked, by name."""
    order = (func.lower(App.name), App.id)
    query = _rules(organization_id).where(AppRule.mode == mode.value)
    if page.after is not None:
        name, app_id = name_and_id(page.after)
        query = query.where(tuple_(*order) > tuple_(func.lower(name), app_id))
    rows = list(tx.scalars(query.order_by(*order).limit(page.size + 1)))
    last = rows[page.size - 1].app if len(rows) > page.size else None
    return Page(rows[: page.size], encode_cursor((last.name, str(last.id))) if last else None)


def list_all_rules(tx: Transaction, organization_id: uuid.UUID) -> Sequence[AppRule]:
    """All of them, which are `MOST_NAMED` at the most, by the names of the apps."""
    return list(tx.scalars(_rules(organization_id).order_by(func.lower(App.name), App.id)))


def count_rules(tx: Transaction, organization_id: uuid.UUID) -> Mapping[AppRuleMode, int]:
    query = (
        select(AppRule.mode, func.count())
        .join(AppRule.app)
        .where(AppRule.organization_id == organization_id, App.deleted_at.is_(None))
        .group_by(AppRule.mode)
    )
    found = dict(tx.execute(query).all())
    return {mode: found.get(mode.value, 0) for mode in AppRuleMode}


def list_nameable(
    tx: Transaction, organization_id: uuid.UUID, page: PageRequest, *, search: str = ""
) -> Page[NameableApp]:
    """The Service Apps that are known here, by name; a search also finds those of the App Hub (checklist CONS-12).

    `search` is a part of the name, a client id or an id.
    """
    query = _nameable(organization_id)
    if search:
        query = query.where(or_(matches(search), App.id == parse_uuid(search)))
    else:
        query = query.where(is_known(organization_id))
    order = (func.lower(App.name), App.id)
    if page.after is not None:
        name, app_id = name_and_id(page.after)
        query = query.where(tuple_(*order) > tuple_(func.lower(name), app_id))
    rows = [NameableApp(*row) for row in tx.execute(query.order_by(*order).limit(page.size + 1))]
    last = rows[page.size - 1].app if len(rows) > page.size else None
    return Page(rows[: page.size], encode_cursor((last.name, str(last.id))) if last else None)


def get_nameable(tx: Transaction, organization_id: uuid.UUID, app_id: uuid.UUID) -> NameableApp:
    """One of them; a private app of others does not exist (checklist CONS-12)."""
    row = tx.execute(_nameable(organization_id).where(App.id == app_id)).one_or_none()
    if row is None:
        raise no_such_app()
    return NameableApp(*row)


def get_all_nameable(tx: Transaction, organization_id: uuid.UUID, keys: Collection[str]) -> Sequence[App]:
    """The apps with these ids or client ids; raises NotFound when the organization cannot name one of them."""
    ids = [found for found in map(parse_uuid, keys) if found]
    query = _nameable(organization_id).where(or_(App.id.in_(ids), App.client_id.in_(keys)))
    apps = [row[0] for row in tx.execute(query)]
    found = {str(app.id) for app in apps} | {app.client_id for app in apps}
    if not found.issuperset(str(parse_uuid(key) or key) for key in keys):
        raise no_such_app()
    return apps


def reach_of_block(tx: Transaction, organization_id: uuid.UUID, app: App) -> Aftermath:
    """What would end at once if the app were blocked now."""
    return Aftermath(
        authorizations=int(queries.find_of_organization(tx, app, organization_id) is not None),
        requests=len(open_requests.list_open(tx, app, organization_id)),
        proposals=int(proposals.find_waiting(tx, app.id, organization_id) is not None),
    )


def set_rule(
    tx: Transaction,
    organization: Organization,
    app: App,
    mode: AppRuleMode | None,
    *,
    by: Account,
    longest_token: timedelta,
) -> Aftermath | Refused:
    """Allows or blocks one Service App by name, or leaves it to the policy; tells what this ended.

    Full Administrators only, as for `app_policies.set_policy`. A repeat changes nothing. Raises Conflict when the
    organization names too many apps already.
    """
    by, refused = _begin(tx, organization, [app], by=by, act=f"a decision on the app {app.name}")
    if refused:
        return refused
    if mode is not None and app_policies.rule_on(tx, organization.id, app.id) is None:
        _require_room(sum(count_rules(tx, organization.id).values()) + 1)
    _hold(tx, organization, {app: mode})
    return _set(tx, organization, app, mode, by=by, longest_token=longest_token)


def replace(
    tx: Transaction,
    organization: Organization,
    terms: Terms,
    named: Mapping[App, AppRuleMode],
    *,
    by: Account,
    version: int,
    longest_token: timedelta,
) -> Aftermath | Refused:
    """Settles the policy and everything that it names in one act; what is named now and not in `named` is so no more.

    Raises as `app_policies.set_policy` does, and as `set_rule` for too many apps; what says the same as before changes
    nothing, whatever its version.
    """
    seen = _modes(tx, organization.id)
    different = _differences(seen, named)
    by, refused = _begin(tx, organization, different, by=by, act="a change of the policy on apps")
    if refused:
        return refused
    if _modes(tx, organization.id) != seen:
        raise app_policies.changed_meanwhile()
    if different:
        app_policies.require_seen(app_policies.terms_of(tx, organization.id), version)
    _hold(tx, organization, different)
    app_policies.settle(tx, organization, terms, by=by, version=version)
    if different:
        _require_room(len(named))
    ended = Aftermath()
    for app, mode in different.items():
        ended += _set(tx, organization, app, mode, by=by, longest_token=longest_token)
    return ended


def is_known(organization_id: uuid.UUID) -> ColumnElement[bool]:
    """Whether administrators of the organization have seen an app: asked for, sent, decided on or named."""
    return or_(is_shown_to(organization_id), _is_named(organization_id))


def is_service_app() -> ColumnElement[bool]:
    return and_(App.kind == AppKind.SERVICE_APP.value, App.deleted_at.is_(None))


def _is_named(organization_id: uuid.UUID) -> ColumnElement[bool]:
    return exists().where(AppRule.app_id == App.id, AppRule.organization_id == organization_id).correlate(App)


def _nameable(organization_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    is_listed = App.visibility == Visibility.PUBLIC.value
    return (
        select(App, AppRule, queries.is_authorized_in(organization_id))
        .outerjoin(AppRule, and_(AppRule.app_id == App.id, AppRule.organization_id == organization_id))
        # Its inner join would drop every app without a rule, and the app is there already.
        .options(lazyload(AppRule.app))
        .where(is_service_app(), or_(is_listed, is_known(organization_id)))
    )


def _rules(organization_id: uuid.UUID) -> Select[AppRule]:
    return (
        select(AppRule)
        .join(AppRule.app)
        .options(contains_eager(AppRule.app))
        .where(AppRule.organization_id == organization_id, App.deleted_at.is_(None))
    )


def _modes(tx: Transaction, organization_id: uuid.UUID) -> Mapping[App, AppRuleMode]:
    query = _rules(organization_id).execution_options(populate_existing=True)
    return {rule.app: AppRuleMode(rule.mode) for rule in tx.scalars(query)}


def _differences(
    now: Mapping[App, AppRuleMode], wanted: Mapping[App, AppRuleMode]
) -> Mapping[App, AppRuleMode | None]:
    """What has to be done, in the order in which pairs are locked."""
    different = [app for app in {*now, *wanted} if now.get(app) != wanted.get(app)]
    return {app: wanted.get(app) for app in sorted(different, key=lambda app: app.id)}


def _begin(
    tx: Transaction, organization: Organization, apps: Collection[App], *, by: Account, act: str
) -> tuple[Account, Refused | None]:
    """Locks in the one order: the pairs of apps and organization, the policy, the administrator."""
    for app in apps:
        lock_pair(tx, app, organization.id)
    app_policies.lock_to_change(tx, organization.id)
    return require_role(tx, organization, by, DECIDERS, act=act)


def _hold(tx: Transaction, organization: Organization, wanted: Mapping[App, AppRuleMode | None]) -> None:
    """Everything that blocks are about to end, in the one order of those who end several."""
    blocked = [app.id for app, mode in wanted.items() if mode is AppRuleMode.BLOCK]
    if blocked:
        lock_to_end(tx, Authorization.organization_id == organization.id, Authorization.app_id.in_(blocked))


def _set(
    tx: Transaction,
    organization: Organization,
    app: App,
    mode: AppRuleMode | None,
    *,
    by: Account,
    longest_token: timedelta,
) -> Aftermath:
    _require_service_app(app)
    rule = tx.get(AppRule, (organization.id, app.id), populate_existing=True)
    before = AppRuleMode(rule.mode) if rule else None
    if mode == before:
        return Aftermath()
    _write(tx, organization, app, rule, mode, by=by)
    app_policies.note_change(tx, organization, by=by)
    blocks = mode is AppRuleMode.BLOCK
    ended = _end(tx, organization, app, by=by, longest_token=longest_token) if blocks else Aftermath()
    _record(tx, organization, app, by=by, before=before, after=mode, ended=ended)
    return ended


def _require_service_app(app: App) -> None:
    if not app.is_service_app:
        sentence = "Only Service Apps are named here. Integrations have a policy of their own."
        raise Conflict(sentence, code="not_a_service_app")


def _write(
    tx: Transaction,
    organization: Organization,
    app: App,
    rule: AppRule | None,
    mode: AppRuleMode | None,
    *,
    by: Account,
) -> None:
    if mode is None:
        tx.delete(rule)
        return
    if rule is None:
        rule = AppRule(organization_id=organization.id, app_id=app.id)
        tx.add(rule)
    rule.mode, rule.decided_at, rule.decided_by_name = mode.value, tx.now, by.display_name


def _require_room(named: int) -> None:
    """For so many named apps, once everything is as it is wanted."""
    if named > MOST_NAMED:
        sentence = f"An organization names at most {MOST_NAMED} apps. Remove one first."
        raise Conflict(sentence, code="too_many_apps_named")


def _end(
    tx: Transaction, organization: Organization, app: App, *, by: Account, longest_token: timedelta
) -> Aftermath:
    """A blocked app does not go on, and what waits is over.

    Nobody of the organization asks for it any more. Developers elsewhere still can, and are not told (AUD-05); nobody can
    authorize it for them.
    """
    reason = f"{organization.name} blocked the app by name."
    proposal = proposals.find_waiting(tx, app.id, organization.id)
    proposals.overtake(tx, app, organization.id, by=None, reason=reason)
    declined = requests.decline_all(tx, app, by=by, reason=reason)
    current = queries.lock_of_organization(tx, app, organization.id)
    if current is not None:
        service.end(tx, current, by=by, longest_token=longest_token, reason=reason)
    return Aftermath(int(current is not None), len(declined), int(proposal is not None))


def _record(
    tx: Transaction,
    organization: Organization,
    app: App,
    *,
    by: Account,
    before: AppRuleMode | None,
    after: AppRuleMode | None,
    ended: Aftermath,
) -> None:
    """What an organization settles ahead is its own business; the app's developers hear of what ended (AUD-05)."""
    events.record(
        tx,
        "app_rule.set" if after else "app_rule.removed",
        organization_id=organization.id,
        actor=by.as_actor(),
        target=events.Target("app", str(app.id), app.name, organization.id, organization.name),
        data={
            "mode": {"before": before, "after": after},
            "authorizationsEnded": ended.authorizations,
            "requestsDeclined": ended.requests,
            "proposalsExpired": ended.proposals,
        },
    )
