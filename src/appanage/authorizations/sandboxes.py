"""The life of a sandbox with all that hangs on it: the password that opens it, and what it authorized when it ends."""

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from appanage.authorizations import deciding, queries, service
from appanage.authorizations.departures import end_sign_in
from appanage.authorizations.endings import end_connections
from appanage.authorizations.model import Authorization, AuthorizationKind
from appanage.directory import sandboxes as directory
from appanage.directory.model import Account, AccountKind, Sandbox
from appanage.directory.sandboxes import SandboxRules
from appanage.events.service import SYSTEM
from appanage.kit.errors import Conflict
from appanage.kit.secrets import Secret
from appanage.signin import service as signin
from appanage.signin.passwords import Passwords
from appanage.storage import Transaction

_PASSWORD_BYTES = 15
_REASON = "The sandbox ended."


@dataclass(frozen=True, slots=True)
class MadeSandbox:
    """A new sandbox with its administrator's password, which exists nowhere else."""

    sandbox: Sandbox
    password: Secret


def create(
    tx: Transaction, owner: Account, name: str, *, rules: SandboxRules, passwords: Passwords
) -> MadeSandbox:
    """A sandbox that the developer can sign in to at once. Raises as `directory.sandboxes.found`."""
    sandbox = directory.found(tx, owner, name, rules=rules)
    password = Secret(secrets.token_urlsafe(_PASSWORD_BYTES))
    by = owner.as_actor()
    signin.set_password(tx, sandbox.administrator, password.reveal(), by=by, passwords=passwords)
    return MadeSandbox(sandbox, password)


def end(tx: Transaction, owner: Account, organization_id: uuid.UUID, *, longest_token: timedelta) -> Sandbox:
    """Ends a sandbox for good: nobody signs in to it, and neither what it authorized nor its own apps work any more.

    Raises NotFound for anybody else's, Conflict for one that has ended.
    """
    directory.get_owned(tx, owner, organization_id)
    for authorization_id in _take_turns(tx, organization_id):
        current = queries.lock_authorization(tx, authorization_id)
        if current is not None and current.is_active:
            service.end(tx, current, by=owner, longest_token=longest_token, reason=_REASON)
    sandbox = directory.get_owned(tx, owner, organization_id, for_update=True)
    if not sandbox.is_open:
        raise Conflict(f"{sandbox.organization.name} has ended already.", code="sandbox_ended")
    _close_doors(tx, sandbox, by=owner, longest_token=longest_token)
    directory.close(tx, sandbox, by=owner.as_actor())
    return sandbox


def expire(tx: Transaction, organization_id: uuid.UUID, *, longest_token: timedelta) -> bool:
    """Ends a sandbox whose time is over; False if that is no longer so, because it was extended or ended meanwhile."""
    authorization_ids = _take_turns(tx, organization_id)
    sandbox = directory.lock(tx, organization_id)
    if not sandbox.is_open or sandbox.expires_at > tx.now:
        return False
    for authorization_id in authorization_ids:
        current = queries.lock_authorization(tx, authorization_id)
        if current is not None and current.is_active:
            current.ends_at = tx.now  # the end of the sandbox is the end of all that it authorized
            tx.flush()
            service.expire(tx, authorization_id, longest_token=longest_token)
    owner = tx.get_one(Account, sandbox.owner_id)
    _close_doors(tx, sandbox, by=owner, longest_token=longest_token)
    directory.close(tx, sandbox, by=SYSTEM)
    return True


def _take_turns(tx: Transaction, organization_id: uuid.UUID) -> Sequence[uuid.UUID]:
    """The authorizations of the whole organization; nobody decides on their apps there until the commit."""
    query = select(Authorization.id, Authorization.app_id).where(
        Authorization.organization_id == organization_id,
        Authorization.kind == AuthorizationKind.ORGANIZATION,
        Authorization.ended_at.is_(None),
    )
    rows = tx.execute(query.order_by(Authorization.app_id)).all()
    for row in rows:
        deciding.take_turn(tx, row.app_id, organization_id)
    return [row.id for row in rows]


def _close_doors(tx: Transaction, sandbox: Sandbox, *, by: Account, longest_token: timedelta) -> None:
    """Signs its people out, and ends what they connected."""
    of_it = (
        Account.organization_id == sandbox.organization_id,
        Account.kind == AccountKind.PERSON.value,
        Account.deleted_at.is_(None),
    )
    for person in tx.scalars(select(Account).where(*of_it).order_by(Account.id)):
        end_sign_in(tx, person)
    in_it = Authorization.organization_id == sandbox.organization_id
    end_connections(tx, in_it, by=by, longest_token=longest_token, reason=_REASON)
