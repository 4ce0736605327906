"""Builds and connects everything, top to bottom."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import ASGIApp

from appanage.api.app import create_api
from appanage.deployment import Deployment, assemble
from appanage.edge.edge import Edge
from appanage.edge.protocol import STATE, Shortcut
from appanage.settings import Settings
from appanage.web.frame import RequestFrame
from appanage.web.site import Site


def create_app(deployment: Deployment) -> ASGIApp:
    """The whole platform as one ASGI application."""
    site = Site(deployment)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
        del app
        await run_in_threadpool(deployment.start)
        await deployment.desk.start()
        recognized = deployment.settings.remembered
        yield {STATE: Shortcut(edge, edge.largest_bodies, edge.everywhere, recognized=recognized)}
        await deployment.desk.stop()
        await run_in_threadpool(deployment.stop)

    inner = Starlette(
        routes=[*site.routes(), Mount("/v1", create_api(deployment))],
        exception_handlers={HTTPException: site.not_routed, Exception: leave_to_the_frame},
        lifespan=lifespan,
    )
    inner.router.redirect_slashes = False
    ordinary = RequestFrame(inner, settings=deployment.settings, last_resort=site.last_resort)
    edge = Edge(ordinary, deployment)
    return edge


def serving() -> ASGIApp:
    """The application of a server's worker process, configured by the environment alone."""
    settings = Settings()
    if settings.database_url is None:
        message = (
            "A worker process is told its database by APPANAGE_DATABASE_URL. Start it with `appanage serve`."
        )
        raise RuntimeError(message)
    return create_app(assemble(settings, settings.database_url))


async def leave_to_the_frame(request: Request, error: Exception) -> Response:
    """Unexpected errors are logged and answered in one place, the frame around every request."""
    del request
    raise error
