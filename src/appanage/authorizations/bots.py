"""Bots and their tokens: one that lives, shown once, regenerated at will."""

import uuid
from collections.abc import Collection, Mapping

from sqlalchemy import func, select, update

from appanage.apps import service as app_service
from appanage.apps.drafts import AppDraft
from appanage.apps.model import App
from appanage.apps.queries import is_honoured
from appanage.apps.records import record
from appanage.apps.rules import AppRules
from appanage.authorizations.model import BotToken
from appanage.directory import queries as directory
from appanage.directory import service as directory_service
from appanage.directory.model import Account
from appanage.kit.errors import Conflict
from appanage.kit.secrets import Prefix, Secret, new_secret
from appanage.storage import Transaction
from appanage.storage.expiry import Expiry

EXPIRY = Expiry(BotToken, func.least(BotToken.expires_at, BotToken.revoked_at))
"""Of a bot's tokens one is alive, and nobody is shown the others. What became of them is in the audit log."""


def create(tx: Transaction, draft: AppDraft, *, by: Account, rules: AppRules) -> tuple[App, Secret]:
    """Registers a bot with an account at its own address, and its first token, which exists nowhere else.

    Raises Invalid, naming every wrong field, and NotPermitted for who may not make apps here.
    """
    app = app_service.create_bot(tx, draft, by=by, rules=rules)
    return app, _issue(tx, app, by=by, rules=rules)


def regenerate_token(tx: Transaction, app: App, *, by: Account, rules: AppRules) -> Secret:
    """A new token; the one before is dead with this transaction (platform reference §2.6).

    `app` is locked, so of two regenerations the second one's token lives. Raises Conflict for what is no bot.
    """
    if not app.is_bot:
        raise Conflict(f"{app.name} is no bot, so it has no bot token.", code="not_a_bot")
    _end_token(tx, app)
    return _issue(tx, app, by=by, rules=rules)


def revoke_token(tx: Transaction, app: App, *, by: Account) -> None:
    """Ends a bot's token without a new one; a repeat changes nothing."""
    ended = _end_token(tx, app)
    if ended is not None:
        record(tx, "bot_token.revoked", app, by=by, data={"endsIn": ended})


def find_live_token(tx: Transaction, app: App) -> BotToken | None:
    return live_tokens(tx, [app.id]).get(app.id)


def live_tokens(tx: Transaction, app_ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, BotToken]:
    """The token of each of these apps that is a bot with one; one from before a suspension is none any more."""
    query = (
        select(BotToken)
        .join(App, App.id == BotToken.app_id)
        .where(
            BotToken.app_id.in_(app_ids),
            BotToken.revoked_at.is_(None),
            BotToken.expires_at > tx.now,
            is_honoured(BotToken.created_at),
        )
    )
    return {token.app_id: token for token in tx.scalars(query)}


def end(tx: Transaction, app: App, *, by: Account) -> None:
    """Ends the token and the account of a bot that is deleted."""
    if not app.is_bot:
        return
    _end_token(tx, app)
    account = directory.find_account_for_update(tx, _account_id(app))
    if account is not None:
        directory_service.remove_app_account(tx, account, by=by)


def _issue(tx: Transaction, app: App, *, by: Account, rules: AppRules) -> Secret:
    secret = new_secret(Prefix.BOT_TOKEN)
    row = BotToken(
        id=uuid.uuid4(),
        app_id=app.id,
        account_id=_account_id(app),
        digest=secret.digest,
        last_four=secret.last_four,
        created_by=by.id,
        created_by_name=by.display_name,
        created_at=app.birth(tx.now),
        expires_at=tx.now + rules.bot_token_lifetime,
    )
    tx.add(row)
    tx.flush()
    record(tx, "bot_token.created", app, by=by, data={"endsIn": row.last_four})
    return secret


def _end_token(tx: Transaction, app: App) -> str | None:
    """Tells how the token ended that ended now."""
    live = update(BotToken).where(BotToken.app_id == app.id, BotToken.revoked_at.is_(None))
    return tx.scalar(live.values(revoked_at=tx.now).returning(BotToken.last_four))


def _account_id(app: App) -> uuid.UUID:
    assert app.bot_account_id is not None, "a bot has an account"
    return app.bot_account_id
