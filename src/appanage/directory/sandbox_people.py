"""Who can be in a sandbox: people who do not exist, at addresses of its own domain, and not many of them.

So nobody makes the platform write to strangers in the name of a sandbox.
"""

import uuid

from sqlalchemy import func, select

from appanage.directory.model import Account, AccountKind, Sandbox
from appanage.kit.errors import Conflict, Invalid
from appanage.storage import Transaction

MOST = 50


def find_domain(tx: Transaction, organization_id: uuid.UUID) -> str | None:
    """That of the sandbox's people; None for an organization that is no sandbox."""
    administrator = select(Account.email).join(Sandbox, Sandbox.administrator_id == Account.id)
    email = tx.scalar(administrator.where(Sandbox.organization_id == organization_id))
    return email.rpartition("@")[2].lower() if email else None


def require_of(domain: str, email: str) -> None:
    """Raises Invalid for an address of another domain, also of one below it."""
    if email.rpartition("@")[2].lower() != domain:
        sentence = f"People of this sandbox have addresses in {domain}. Enter one of those."
        raise Invalid(sentence, fields={"emails": sentence})


def require_room(tx: Transaction, organization_id: uuid.UUID) -> None:
    """Raises Conflict for one more person; of two who come at the same time the second one is counted too."""
    sandbox = select(Sandbox.organization_id).where(Sandbox.organization_id == organization_id)
    tx.execute(sandbox.with_for_update())
    people = select(func.count()).where(
        Account.organization_id == organization_id,
        Account.kind == AccountKind.PERSON,
        Account.deleted_at.is_(None),
    )
    if (tx.scalar(people) or 0) >= MOST:
        sentence = f"A sandbox has {MOST} people at the most. Remove one to add another."
        raise Conflict(sentence, code="sandbox_full")
