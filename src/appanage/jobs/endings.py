"""What comes to an end by itself: authorizations at the end that was set, proposals that nobody confirmed (CONS-05, CONS-07).

Neither works any more from that moment on, whether or not it has been ended here: this is what makes it visible, and
removes the machine accounts.
"""

import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import structlog

from appanage.authorizations import proposals, service
from appanage.deployment import Deployment
from appanage.jobs.pruning import Pause
from appanage.kit.origin import internal_origin
from appanage.storage import Transaction

BATCH = 100
"""So many are looked for at a time; each is ended in a transaction of its own, so that nobody waits for more than one."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Things:
    """What comes to an end: found without those that have failed, and ended one by one."""

    kind: str
    find: Callable[[Transaction, Collection[uuid.UUID]], Sequence[uuid.UUID]]
    end: Callable[[Transaction, uuid.UUID], bool]


def end_overdue(deployment: Deployment, pause: Pause) -> None:
    """Ends what is overdue, the oldest first. What fails is tried again the next time, and keeps nothing else waiting."""
    ended = sum(_end_all(deployment, pause, one) for one in (_authorizations(deployment), _proposals()))
    if ended:
        log.info("overdue decisions ended", count=ended)


def _end_all(deployment: Deployment, pause: Pause, things: _Things) -> int:
    """Batch by batch, until nothing is left that can be ended; what failed is not tried twice."""
    total, failed = 0, set[uuid.UUID]()
    while True:
        with deployment.transaction(internal_origin()) as tx:
            found = things.find(tx, failed)
        ended, failed_before = 0, len(failed)
        for one in found:
            try:
                with deployment.transaction(internal_origin()) as tx:
                    ended += things.end(tx, one)
            except Exception:  # whatever it is, the others end all the same
                log.exception("ending failed", kind=things.kind, id=str(one))
                failed.add(one)
            if pause(0):
                return total + ended
        total += ended
        if len(found) < BATCH or not (ended or len(failed) > failed_before):
            return total


def _authorizations(deployment: Deployment) -> _Things:
    longest = deployment.settings.lifetimes.longest_access_token
    return _Things(
        "authorization",
        find=lambda tx, failed: service.list_overdue(tx, most=BATCH, but=failed),
        end=lambda tx, one: service.expire(tx, one, longest_token=longest),
    )


def _proposals() -> _Things:
    return _Things(
        "proposal",
        find=lambda tx, failed: proposals.list_overdue(tx, most=BATCH, but=failed),
        end=proposals.expire,
    )
