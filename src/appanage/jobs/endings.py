"""What comes to an end by itself: authorizations at the end that was set, proposals that nobody confirmed (CONS-05, CONS-07).

Neither works any more from that moment on, whether or not it has been ended here: this is what makes it visible, and
removes the machine accounts.
"""

import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

import structlog

from appanage.authorizations import proposals, service
from appanage.deployment import Deployment
from appanage.jobs.pruning import Pause
from appanage.kit.origin import internal_origin
from appanage.storage import Transaction

BATCH = 100
"""So many are looked for at a time; each is ended in a transaction of its own, so that nobody waits for more than one."""

log = structlog.get_logger(__name__)

End = Callable[[Transaction], bool]


def end_overdue(deployment: Deployment, pause: Pause) -> None:
    """Ends what is overdue, the oldest first. What fails is tried again the next time, and keeps nothing else waiting."""
    ended = _end_all(deployment, pause, _overdue_authorizations) + _end_all(
        deployment, pause, _overdue_proposals
    )
    if ended:
        log.info("overdue decisions ended", count=ended)


def _end_all(deployment: Deployment, pause: Pause, overdue: Callable[[Deployment], Sequence[End]]) -> int:
    """Batch by batch, until nothing is left that can be ended."""
    total = 0
    while True:
        found = overdue(deployment)
        ended = 0
        for end in found:
            with deployment.transaction(internal_origin()) as tx:
                ended += end(tx)
            if pause(0):
                return total + ended
        total += ended
        if len(found) < BATCH or not ended:
            return total


def _overdue_authorizations(deployment: Deployment) -> Sequence[End]:
    longest = deployment.settings.lifetimes.longest_access_token
    with deployment.transaction(internal_origin()) as tx:
        found = service.list_overdue(tx, most=BATCH)
    return [partial(_expire_authorization, one, longest) for one in found]


def _overdue_proposals(deployment: Deployment) -> Sequence[End]:
    with deployment.transaction(internal_origin()) as tx:
        found = proposals.list_overdue(tx, most=BATCH)
    return [partial(_expire_proposal, one) for one in found]


def _expire_authorization(authorization_id: uuid.UUID, longest_token: timedelta, tx: Transaction) -> bool:
    return service.expire(tx, authorization_id, longest_token=longest_token)


def _expire_proposal(proposal_id: uuid.UUID, tx: Transaction) -> bool:
    return proposals.expire(tx, proposal_id)
