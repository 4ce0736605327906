"""Housekeeping: signing keys are rotated in time, and what has expired goes, so that tables stay bounded."""

from collections.abc import Callable
from functools import partial

import structlog

from appanage.authorizations import keys, personal_tokens, revocation, tokens
from appanage.deployment import Deployment
from appanage.events.service import SYSTEM
from appanage.kit.origin import internal_origin
from appanage.signin import service as signin
from appanage.storage import Transaction

BATCH = (
    1000  # rows a transaction: long enough to get on, short enough to be in nobody's way (checklist TEN-04)
)

log = structlog.get_logger(__name__)


def rotate_signing_keys(deployment: Deployment) -> None:
    """Makes the next signing key when it is time (checklist TOK-14)."""
    with deployment.transaction(internal_origin()) as tx:
        made = keys.rotate(tx, deployment.keys, deployment.settings.lifetimes, by=SYSTEM)
    if made:
        log.info("signing key made", key_id=made.key_id)


def prune(deployment: Deployment) -> None:
    """Removes what has expired, a batch at a time."""
    longest_session = deployment.settings.lifetimes.session_absolute
    removed = {
        "refresh_tokens": _all_of(deployment, tokens.prune),
        "personal_tokens": _all_of(deployment, personal_tokens.prune),
        "revocations": _all_of(deployment, revocation.prune),
        "sessions": _all_of(deployment, partial(signin.prune, older_than=longest_session)),
    }
    if any(removed.values()):
        log.info("pruned", **removed)


def _all_of(deployment: Deployment, prune_some: Callable[..., int]) -> int:
    """Prunes until nothing is left to be pruned; the number of rows that went."""
    total = 0
    while removed := _once(deployment, prune_some):
        total += removed
    return total


def _once(deployment: Deployment, prune_some: Callable[..., int]) -> int:
    tx: Transaction
    with deployment.transaction(internal_origin()) as tx:
        return prune_some(tx, limit=BATCH)
