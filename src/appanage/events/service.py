"""Recording what happened."""

import uuid
from collections.abc import Mapping
from typing import Any

from appanage.events.catalogue import event_types
from appanage.events.model import Actor, Event, Outcome, Target, UntoldEvent
from appanage.kit.errors import NotPermitted
from appanage.storage import Transaction

SYSTEM = Actor(name="Appanage")


def record(
    tx: Transaction,
    type_: str,
    *,
    organization_id: uuid.UUID,
    actor: Actor,
    target: Target,
    app_id: uuid.UUID | None = None,
    data: Mapping[str, Any] | None = None,
    outcome: Outcome = Outcome.SUCCESS,
) -> Event:
    """Adds one event to the transaction. `data` holds what changed, as JSON, and never a secret.

    It is written at the end, in the order of organizations (decision 0039): each has a chain for which its writers wait.
    """
    origin, kind = tx.origin, event_types()[type_]
    event = Event(
        id=uuid.uuid4(),
        organization_id=organization_id,
        type=kind.name,
        outcome=outcome.value,
        at=tx.now,
        app_id=app_id,
        actor_id=actor.id,
        actor_kind=actor.kind,
        actor_name=actor.name,
        actor_email=actor.email,
        actor_roles=list(actor.roles),
        actor_organization_id=actor.organization_id,
        actor_organization_name=actor.organization_name,
        target_kind=target.kind,
        target_id=target.id,
        target_name=target.name,
        target_organization_id=target.organization_id,
        target_organization_name=target.organization_name,
        tracking_id=origin.tracking_id,
        address=origin.address,
        user_agent=origin.user_agent[:500],
        method=origin.method,
        data=dict(data or {}),
    )
    tx.add_last(event, order=organization_id)
    if kind.told and outcome is Outcome.SUCCESS:
        tx.add_last(UntoldEvent(event=event), order=organization_id)
    return event


def record_refused_change(tx: Transaction, actor: Actor, refused: NotPermitted, act: str) -> None:
    """Keeps a trace of a change that was refused for a missing role. `act` names the request."""
    if not refused.roles or actor.organization_id is None:
        return
    record(
        tx,
        "access.refused",
        organization_id=actor.organization_id,
        actor=actor,
        target=Target("request", "", act, actor.organization_id, actor.organization_name),
        data={"missingRoles": list(refused.roles)},
        outcome=Outcome.REFUSED,
    )


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What differs between two snapshots, as `{field: {"before": …, "after": …}}`."""
    return {
        key: {"before": before.get(key), "after": after[key]}
        for key in after
        if before.get(key) != after[key]
    }
