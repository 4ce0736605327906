"""What this process measures of itself, for Prometheus; only for those whom the operator lets see it."""

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from appanage.deployment import Deployment
from appanage.kit.metrics import FEED_AGE


def route(deployment: Deployment) -> Route:
    allowed = frozenset(deployment.settings.metrics_for)

    async def metrics(request: Request) -> Response:
        if request.state.origin.address not in allowed:
            raise HTTPException(404)
        FEED_AGE.set(deployment.freshness.age)
        return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return Route("/metrics", metrics)
