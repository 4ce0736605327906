"""Health: whether the process lives, and whether it can serve."""

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from appanage.deployment import Deployment


def routes(deployment: Deployment) -> list[Route]:
    async def healthz(request: Request) -> Response:
        del request
        return JSONResponse({"status": "ok"})

    async def readyz(request: Request) -> Response:
        del request
        checks = {
            "database": await run_in_threadpool(_database_answers, deployment),
            "revocations": deployment.freshness.is_fresh,
        }
        ready = all(checks.values())
        return JSONResponse(
            {"status": "ready" if ready else "not ready", "checks": checks}, 200 if ready else 503
        )

    return [Route("/healthz", healthz), Route("/readyz", readyz)]


def _database_answers(deployment: Deployment) -> bool:
    try:
        with deployment.database.engine.connect() as connection:
            return connection.execute(text("SELECT true")).scalar_one() is True
    except SQLAlchemyError:
        return False
