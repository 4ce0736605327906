"""Housekeeping: signing keys are rotated in time, and what has expired goes, so that tables stay bounded."""

from collections.abc import Mapping, Sequence

import structlog

from appanage.apps import credentials
from appanage.authorizations import (
    bots,
    codes,
    device_codes,
    feed,
    interactions,
    keys,
    personal_tokens,
    proofs,
    pushed_requests,
    refresh_tokens,
    revocation,
)
from appanage.authorizations.model.changes import Change
from appanage.deployment import Deployment
from appanage.events.service import SYSTEM
from appanage.jobs.pruning import Pause, Pruned, Round, prune
from appanage.kit.origin import internal_origin
from appanage.mail import writing as letters
from appanage.settings import Lifetimes
from appanage.signin import service as signin
from appanage.storage import Transaction
from appanage.storage.expiry import Backlog, Expiry, sample_backlog

log = structlog.get_logger(__name__)


def rotate_signing_keys(deployment: Deployment, pause: Pause) -> None:
    """Makes the next signing key when it is time (checklist TOK-14)."""
    del pause
    with deployment.transaction(internal_origin()) as tx:
        made = keys.rotate(tx, deployment.keys, deployment.settings.lifetimes, by=SYSTEM)
    for key in made:
        log.info("signing key made", key_id=key.key_id, algorithm=key.algorithm)


def prune_passing(deployment: Deployment, pause: Pause) -> Pruned:
    """Removes what has expired of the things that live for minutes or hours."""
    expiries = passing(deployment.settings.lifetimes)
    return prune(deployment, expiries, Round(pause, within=480), lock=_PASSING)


def prune_lasting(deployment: Deployment, pause: Pause) -> Pruned:
    """The same of the things that live for days, whose tables are large: their expired rows can wait an hour."""
    expiries = lasting(deployment.settings.lifetimes)
    return prune(deployment, expiries, Round(pause, within=3000), lock=_LASTING)


def passing(lifetimes: Lifetimes) -> Sequence[Expiry]:
    return (
        codes.EXPIRY,
        pushed_requests.EXPIRY,
        interactions.EXPIRY,
        device_codes.EXPIRY,
        proofs.EXPIRY,
        personal_tokens.EXPIRY,
        signin.REVEAL_EXPIRY,
        signin.session_expiry(lifetimes.session_absolute),
        Expiry(Change, Change.changed_at, feed.CHANGES_KEPT_FOR),
    )


def lasting(lifetimes: Lifetimes) -> Sequence[Expiry]:
    return (
        refresh_tokens.superseded_expiry(lifetimes.refresh_token),
        refresh_tokens.EXPIRY,
        revocation.EXPIRY,
        bots.EXPIRY,
        *credentials.expiries(),
        letters.EXPIRY,
    )


def backlog(tx: Transaction, lifetimes: Lifetimes) -> Mapping[str, Backlog]:
    """What has expired and is still there, by table: about how many rows, and how late the oldest one is."""
    return sample_backlog(tx, [*passing(lifetimes), *lasting(lifetimes)])


_PASSING, _LASTING = 4_318_860_127, 4_318_860_128
