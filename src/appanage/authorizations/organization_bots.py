"""The bots of an organization, as its administrators see them and end their tokens."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, or_, select, tuple_

from appanage.apps.model import App, AppKind
from appanage.apps.queries import Ownership, list_owners, matches, no_such_app, owners_by_app
from appanage.authorizations import bots
from appanage.authorizations.administrators import require_role
from appanage.authorizations.model import BotToken
from appanage.authorizations.queries import name_and_id
from appanage.directory.model import Account, Organization
from appanage.directory.roles import Role
from appanage.kit.errors import Refused
from appanage.kit.paging import Page, PageRequest, encode_cursor
from appanage.storage import Transaction


@dataclass(frozen=True, slots=True)
class OrganizationBot:
    """A bot with the token by which it acts, or without one; and who owns it, those who have left too."""

    app: App
    token: BotToken | None
    owners: Sequence[Account]


def list_bots(
    tx: Transaction, organization_id: uuid.UUID, page: PageRequest, *, search: str = ""
) -> Page[OrganizationBot]:
    """The bots of an organization by name. The search takes a part of the name or address, or the whole client id."""
    query = _bots(organization_id)
    if search:
        query = query.where(or_(matches(search), App.bot_email.icontains(search, autoescape=True)))
    order = (func.lower(App.name), App.id)
    if page.after is not None:
        name, app_id = name_and_id(page.after)
        query = query.where(tuple_(*order) > tuple_(func.lower(name), app_id))
    found = list(tx.scalars(query.order_by(*order).limit(page.size + 1)))
    apps = found[: page.size]
    ids = [app.id for app in apps]
    tokens, owned = bots.live_tokens(tx, ids), owners_by_app(tx, ids)
    rows = [OrganizationBot(app, tokens.get(app.id), _accounts(owned.get(app.id, ()))) for app in apps]
    cursor = encode_cursor((apps[-1].name, str(apps[-1].id))) if len(found) > page.size else None
    return Page(rows, cursor)


def get_bot(tx: Transaction, organization_id: uuid.UUID, app_id: uuid.UUID) -> OrganizationBot:
    """A bot of this organization; any other one does not exist (checklist CONS-12)."""
    app = tx.scalar(_bots(organization_id).where(App.id == app_id))
    if app is None:
        raise no_such_app()
    return OrganizationBot(app, bots.find_live_token(tx, app), _accounts(list_owners(tx, app)))


def revoke_token(
    tx: Transaction, organization: Organization, app_id: uuid.UUID, *, by: Account
) -> App | Refused:
    """Ends the token of a bot of this organization; a repeat changes nothing.

    Full Administrators only, whose role is read again here (checklist CONS-06). Raises NotFound.
    """
    app = _lock(tx, organization.id, app_id)
    by, refused = require_role(
        tx, organization, by, [Role.FULL_ADMIN], act=f"ending the token of the bot {app.name}"
    )
    if refused:
        return refused
    bots.revoke_token(tx, app, by=by)
    return app


def _lock(tx: Transaction, organization_id: uuid.UUID, app_id: uuid.UUID) -> App:
    """The bot as it is now; a token that is being made is there to be ended, too."""
    locked = _bots(organization_id).where(App.id == app_id).with_for_update(of=App, key_share=True)
    app = tx.scalar(locked.execution_options(populate_existing=True))
    if app is None:
        raise no_such_app()
    return app


def _accounts(owned: Sequence[Ownership]) -> Sequence[Account]:
    return [one.account for one in owned]


def _bots(organization_id: uuid.UUID) -> Select[App]:
    is_bot = (App.kind == AppKind.BOT, App.deleted_at.is_(None))
    return select(App).where(App.organization_id == organization_id, *is_bot)
