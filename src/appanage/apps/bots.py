"""A bot's address and account: unique in the whole platform, and the same for as long as the bot lives."""

import re

from sqlalchemy import func, select

from appanage.apps.drafts import AppDraft
from appanage.apps.model import App
from appanage.apps.rules import AppRules
from appanage.directory import queries as directory
from appanage.directory import service as directory_service
from appanage.directory.model import Account, AccountKind
from appanage.storage import Transaction

_NAME = re.compile(r"(?=.{1,64}\Z)[a-z0-9]+(?:[._-][a-z0-9]+)*")


def address_problem(tx: Transaction, address: str, *, by: Account, rules: AppRules) -> str:
    """Why a bot of this person cannot have the address; empty when it can, and then nobody else gets it meanwhile."""
    name, _, domain = address.partition("@")
    if not address:
        return f"Enter the address of the bot, such as my-bot@{rules.bot_domain}."
    if domain != rules.bot_domain:
        return f"The address of a bot must end in @{rules.bot_domain}."
    if not _NAME.fullmatch(name):
        return (
            f"Before @{rules.bot_domain} there can be 1 to 64 of the letters a to z and digits, with single dots, "
            "hyphens or underscores between them."
        )
    directory_service.lock_address(tx, address)
    taken = directory.is_address_taken(tx, address) or _belonged_to_others(tx, address, by)
    return f"The address {address} is taken; choose another." if taken else ""


def make_account(tx: Transaction, app: App, draft: AppDraft, *, by: Account) -> None:
    """Gives a new bot its account; the address was checked before."""
    account = directory_service.create_app_account(
        tx, app.organization, AccountKind.BOT, name=draft.name, address=draft.bot_email, by=by
    )
    app.bot_account_id = account.id


def rename_account(tx: Transaction, app: App) -> None:
    """People know a bot by the name of its account."""
    account = directory.find_account(tx, app.bot_account_id) if app.bot_account_id else None
    if account is not None and account.display_name != app.name:
        account.display_name, account.modified_at = app.name, tx.now


def _belonged_to_others(tx: Transaction, address: str, by: Account) -> bool:
    """Whoever wrote to a deleted bot is never answered by strangers (checklist REG-08)."""
    query = select(App.id).where(
        func.lower(App.bot_email) == address,
        App.deleted_at.isnot(None),
        App.organization_id != by.organization_id,
    )
    return tx.scalar(query.limit(1)) is not None
