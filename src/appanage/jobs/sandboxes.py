"""Sandboxes whose time is over end by themselves; their developers were reminded before."""

import structlog

from appanage.authorizations import sandboxes
from appanage.deployment import Deployment
from appanage.directory.sandboxes import list_overdue
from appanage.jobs.pruning import Pause
from appanage.kit.origin import internal_origin

BATCH = 20

log = structlog.get_logger(__name__)


def end_sandboxes(deployment: Deployment, pause: Pause) -> int:
    """Ends those that are overdue, each in a transaction of its own; tells how many. The rest is for the next time."""
    with deployment.transaction(internal_origin()) as tx:
        overdue = list_overdue(tx, most=BATCH)
    longest, ended = deployment.settings.lifetimes.longest_access_token, 0
    for organization_id in overdue:
        with deployment.transaction(internal_origin()) as tx:
            ended += sandboxes.expire(tx, organization_id, longest_token=longest)
        if pause(0):
            break
    if ended:
        log.info("sandboxes ended", count=ended)
    return ended
