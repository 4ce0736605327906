"""The life of a sandbox with all that hangs on it: the password that opens it, and what it authorized when it ends."""

import secrets
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby

from sqlalchemy import exists, or_, select

from appanage import events
from appanage.authorizations import deciding, service
from appanage.authorizations.departures import end_sign_in
from appanage.authorizations.endings import end_connections, lock_to_end
from appanage.authorizations.model import (
    Authorization,
    AuthorizationKind,
    AuthorizationRequest,
    RequestDecision,
    RequestOrigin,
)
from appanage.authorizations.open_requests import settle
from appanage.directory import sandboxes as directory
from appanage.directory.model import Account, AccountKind, Sandbox
from appanage.directory.sandboxes import SandboxRules
from appanage.events import Actor
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
    _take_turns(tx, organization_id)
    sandbox = directory.get_owned(tx, owner, organization_id, for_update=True)
    if not sandbox.is_open:
        raise Conflict(f"{sandbox.organization.name} has ended already.", code="sandbox_ended")
    for current in _shut(tx, sandbox, by=owner, longest_token=longest_token):
        service.end(tx, current, by=owner, longest_token=longest_token, reason=_REASON)
    _decline_requests(tx, sandbox, by=owner, actor=owner.as_actor())
    directory.close(tx, sandbox, by=owner.as_actor())
    return sandbox


def expire(tx: Transaction, organization_id: uuid.UUID, *, longest_token: timedelta) -> bool:
    """Ends a sandbox whose time is over; False if that is no longer so, because it was extended or ended meanwhile."""
    _take_turns(tx, organization_id)
    sandbox = directory.lock(tx, organization_id)
    if not sandbox.is_open or sandbox.expires_at > tx.now:
        return False
    _let_end(tx, sandbox, longest_token=longest_token)
    directory.close(tx, sandbox, by=SYSTEM)
    return True


def sweep(tx: Transaction, organization_id: uuid.UUID, *, longest_token: timedelta) -> bool:
    """Ends what came into being while the sandbox ended; False if it has not ended."""
    _take_turns(tx, organization_id)
    sandbox = directory.lock(tx, organization_id)
    if sandbox.is_open:
        return False
    _let_end(tx, sandbox, longest_token=longest_token)
    return True


def list_unswept(tx: Transaction, *, most: int, but: Collection[uuid.UUID] = ()) -> Sequence[uuid.UUID]:
    """Sandboxes that have ended, but not all that hangs on them."""
    in_force = Authorization.ended_at.is_(None) & (Authorization.organization_id == Sandbox.organization_id)
    waits = AuthorizationRequest.decided_at.is_(None) & (
        AuthorizationRequest.organization_id == Sandbox.organization_id
    )
    left = or_(exists().where(in_force), exists().where(waits))
    query = select(Sandbox.organization_id).where(
        Sandbox.ended_at.is_not(None), Sandbox.organization_id.not_in(but), left
    )
    return list(tx.scalars(query.order_by(Sandbox.ended_at, Sandbox.organization_id).limit(most)))


def _let_end(tx: Transaction, sandbox: Sandbox, *, longest_token: timedelta) -> None:
    """In nobody's name: its end is the end of all that it authorized."""
    owner = tx.get_one(Account, sandbox.owner_id)
    for current in _shut(tx, sandbox, by=owner, longest_token=longest_token):
        current.ends_at = tx.now
        tx.flush()
        service.expire(tx, current.id, longest_token=longest_token)
    _decline_requests(tx, sandbox, by=owner, actor=SYSTEM)


def _take_turns(tx: Transaction, organization_id: uuid.UUID) -> None:
    """Nobody decides until the commit on the apps that the organization has authorized, or was asked for."""
    authorized = select(Authorization.app_id).where(
        Authorization.organization_id == organization_id,
        Authorization.kind == AuthorizationKind.ORGANIZATION,
        Authorization.ended_at.is_(None),
    )
    asked_for = select(AuthorizationRequest.app_id).where(
        AuthorizationRequest.organization_id == organization_id, AuthorizationRequest.decided_at.is_(None)
    )
    for app_id in sorted(tx.scalars(authorized.union(asked_for))):
        deciding.take_turn(tx, app_id, organization_id)


def _shut(tx: Transaction, sandbox: Sandbox, *, by: Account, longest_token: timedelta) -> list[Authorization]:
    """Signs its people out, suspends it and ends what they connected; the authorizations that are to end, locked.

    They are read last: whoever was deciding held their account, so that what they decided is there by now.
    """
    of_it = (
        Account.organization_id == sandbox.organization_id,
        Account.kind == AccountKind.PERSON.value,
        Account.deleted_at.is_(None),
    )
    people = select(Account).where(*of_it).order_by(Account.id).with_for_update(of=Account, key_share=True)
    for person in tx.scalars(people).all():
        end_sign_in(tx, person)
    directory.suspend(tx, sandbox)
    in_it = Authorization.organization_id == sandbox.organization_id
    end_connections(tx, in_it, by=by, longest_token=longest_token, reason=_REASON)
    return list(lock_to_end(tx, in_it))


def _decline_requests(tx: Transaction, sandbox: Sandbox, *, by: Account, actor: Actor) -> None:
    """Those of everybody; the developers of an app learn of it only if one of them asked."""
    waiting = select(AuthorizationRequest).where(
        AuthorizationRequest.organization_id == sandbox.organization_id,
        AuthorizationRequest.decided_at.is_(None),
    )
    query = waiting.order_by(AuthorizationRequest.app_id, AuthorizationRequest.id)
    requests = tx.scalars(query.with_for_update(of=AuthorizationRequest)).all()
    settle(tx, requests, RequestDecision.DECLINED, by=by, reason=_REASON)
    for app, of_app in groupby(requests, key=lambda one: one.app):
        declined = list(of_app)
        of_developers = any(one.origin != RequestOrigin.PERSON for one in declined)
        there = sandbox.organization
        events.record(
            tx,
            "authorization.request_declined",
            organization_id=there.id,
            actor=actor,
            target=events.Target("app", str(app.id), app.name, there.id, there.name),
            app_id=app.id if of_developers else None,
            data={"reason": _REASON, "requestIds": [str(one.id) for one in declined]},
        )
