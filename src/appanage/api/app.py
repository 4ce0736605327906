"""The API as an application, to be mounted under /v1."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from appanage import __version__
from appanage.api import (
    admin_audit,
    app_logos,
    applications,
    authorizations,
    bot_tokens,
    bots,
    client_keys,
    client_secrets,
    errors,
    licenses,
    organizations,
    people,
    person_authorizations,
    personal_tokens,
    policies,
    roles,
    service_apps,
)
from appanage.api.fetches import Fetches
from appanage.deployment import Deployment

FAMILIES = (
    people,
    organizations,
    roles,
    licenses,
    applications,
    app_logos,
    client_secrets,
    client_keys,
    bot_tokens,
    authorizations,
    person_authorizations,
    personal_tokens,
    service_apps,
    bots,
    policies,
    admin_audit,
)


class Api(FastAPI):
    """The API, whose description also says how a token is presented."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            described = get_openapi(title=self.title, version=self.version, routes=self.routes)
            scheme = {
                "type": "http",
                "scheme": "bearer",
                "description": "A token of a Service App, or a personal one.",
            }
            described["components"]["securitySchemes"] = {"bearer": scheme}
            described["servers"] = [{"url": self.state.deployment.settings.issuer}]
            self.openapi_schema = described
        return self.openapi_schema


def create_api(deployment: Deployment) -> FastAPI:
    api = Api(
        title=f"{deployment.settings.brand.product} API",
        version=__version__,
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        root_path_in_servers=False,
    )
    api.state.deployment = deployment
    api.state.fetches = Fetches(deployment.fetcher)
    errors.install(api)
    for family in FAMILIES:
        api.include_router(family.router)
    return api
