"""Sandboxes whose time is over end by themselves; their developers were reminded before."""

import uuid
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

import structlog

from appanage.authorizations import sandboxes
from appanage.deployment import Deployment
from appanage.directory.sandboxes import list_overdue
from appanage.jobs.pruning import Pause
from appanage.kit.origin import internal_origin
from appanage.storage import Transaction

BATCH = 20

log = structlog.get_logger(__name__)


def end_sandboxes(deployment: Deployment, pause: Pause) -> int:
    """Ends those that are overdue, and then what is left of ended ones; tells how many ended."""
    longest = deployment.settings.lifetimes.longest_access_token
    ended = _each(
        deployment,
        pause,
        list_overdue,
        lambda tx, one: sandboxes.expire(tx, one, longest_token=longest),
    )
    _each(
        deployment,
        pause,
        sandboxes.list_unswept,
        lambda tx, one: sandboxes.sweep(tx, one, longest_token=longest),
    )
    if ended:
        log.info("sandboxes ended", count=ended)
    return ended


class _Find(Protocol):
    def __call__(self, tx: Transaction, *, most: int, but: Collection[uuid.UUID]) -> Sequence[uuid.UUID]: ...


def _each(
    deployment: Deployment, pause: Pause, find: _Find, end: Callable[[Transaction, uuid.UUID], bool]
) -> int:
    """Batch by batch, each sandbox in a transaction of its own. One that fails keeps no other waiting."""
    ended, tried = 0, set[uuid.UUID]()
    while True:
        with deployment.transaction(internal_origin()) as tx:
            found = find(tx, most=BATCH, but=tried)
        for one in found:
            tried.add(one)
            try:
                with deployment.transaction(internal_origin()) as tx:
                    ended += end(tx, one)
            except Exception:  # whatever it is, the others end all the same
                log.exception("ending failed", kind="sandbox", id=str(one))
            if pause(0):
                return ended
        if len(found) < BATCH:
            return ended
