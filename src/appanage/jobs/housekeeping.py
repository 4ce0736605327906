"""Housekeeping: signing keys are rotated in time, and what has expired goes, so that tables stay bounded."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import structlog

from appanage.authorizations import (
    codes,
    device_codes,
    interactions,
    keys,
    personal_tokens,
    proofs,
    pushed_requests,
    refresh_tokens,
    revocation,
)
from appanage.deployment import Deployment
from appanage.events.service import SYSTEM
from appanage.kit.origin import internal_origin
from appanage.signin import service as signin
from appanage.storage import Transaction

BATCH = (
    1000  # rows a transaction: long enough to get on, short enough to be in nobody's way (checklist TEN-04)
)

REPLAYS_NOTICED_FOR = timedelta(days=1)
"""For so long a spent code is remembered, so that its replay ends what was issued from it (RFC 6749 §4.1.2)."""

log = structlog.get_logger(__name__)


def rotate_signing_keys(deployment: Deployment) -> None:
    """Makes the next signing key when it is time (checklist TOK-14)."""
    with deployment.transaction(internal_origin()) as tx:
        made = keys.rotate(tx, deployment.keys, deployment.settings.lifetimes, by=SYSTEM)
    for key in made:
        log.info("signing key made", key_id=key.key_id, algorithm=key.algorithm)


def prune(deployment: Deployment) -> None:
    """Removes what has expired, a batch at a time."""
    lifetimes = deployment.settings.lifetimes
    removed = {
        "refresh_tokens": _all_of(deployment, refresh_tokens.prune),
        "superseded_refresh_tokens": _all_of(
            deployment, partial(refresh_tokens.prune_superseded, older_than=lifetimes.refresh_token)
        ),
        "authorization_codes": _all_of(deployment, partial(codes.prune, older_than=REPLAYS_NOTICED_FOR)),
        "pushed_requests": _all_of(deployment, pushed_requests.prune),
        "interactions": _all_of(deployment, interactions.prune),
        "device_codes": _all_of(deployment, device_codes.prune),
        "spent_proofs": _all_of(deployment, proofs.prune),
        "personal_tokens": _all_of(deployment, personal_tokens.prune),
        "revocations": _all_of(deployment, revocation.prune),
        "sessions": _all_of(deployment, partial(signin.prune, older_than=lifetimes.session_absolute)),
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
