"""The API as an application, to be mounted under /v1."""

from fastapi import FastAPI

from appanage import __version__
from appanage.api import admin_audit, applications, errors, licenses, organizations, people, roles
from appanage.deployment import Deployment


def create_api(deployment: Deployment) -> FastAPI:
    api = FastAPI(
        title=f"{deployment.settings.brand.product} API",
        version=__version__,
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    api.state.deployment = deployment
    errors.install(api)
    for family in (people, organizations, roles, licenses, admin_audit, applications):
        api.include_router(family.router)
    return api
