"""What this process measures of itself, for Prometheus; only for those whom the operator lets see it."""

import math
from collections.abc import Mapping
from datetime import timedelta

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from appanage.deployment import Deployment
from appanage.kit.metrics import FEED_AGE, LETTERS
from appanage.kit.origin import internal_origin
from appanage.mail.queries import LetterState, count_lately


def route(deployment: Deployment) -> Route:
    allowed = frozenset(deployment.settings.metrics_for)

    async def metrics(request: Request) -> Response:
        if request.state.origin.address not in allowed:
            raise HTTPException(404)
        FEED_AGE.set(deployment.freshness.age)
        await run_in_threadpool(_count_letters, deployment)
        return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return Route("/metrics", metrics)


def _count_letters(deployment: Deployment) -> None:
    """Without the database the rest is still worth telling, and of the letters nothing is known."""
    try:
        with deployment.transaction(internal_origin()) as tx:
            counts: Mapping[LetterState, float] = count_lately(tx, timedelta(days=1))
    except SQLAlchemyError:
        counts = dict.fromkeys(LetterState, math.nan)
    for state, count in counts.items():
        LETTERS.labels(state.value).set(count)
