"""The API as an application, to be mounted under /v1."""

from types import ModuleType
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from appanage import __version__
from appanage.api import (
    admin_audit,
    app_logos,
    app_policies,
    apphub,
    applications,
    authorization_proposals,
    authorization_requests,
    authorizations,
    bot_tokens,
    bots,
    client_keys,
    client_secrets,
    errors,
    licenses,
    listings,
    organizations,
    owners,
    people,
    person_authorizations,
    personal_tokens,
    policies,
    roles,
    sandboxes,
    service_apps,
    shares,
    submissions,
    suspensions,
)
from appanage.api.fetches import Fetches
from appanage.api.schemas import ErrorBody
from appanage.deployment import Deployment
from appanage.settings import Settings

FAMILIES = (
    people,
    organizations,
    roles,
    licenses,
    applications,
    app_logos,
    owners,
    client_secrets,
    client_keys,
    bot_tokens,
    authorizations,
    authorization_proposals,
    authorization_requests,
    shares,
    person_authorizations,
    personal_tokens,
    service_apps,
    suspensions,
    bots,
    policies,
    app_policies,
    admin_audit,
)

OF_THE_APP_HUB = (listings, submissions, apphub)
"""What there is only where there is an app store."""


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
            described["components"]["schemas"] |= _described(ErrorBody)
            described["servers"] = [{"url": self.state.deployment.settings.issuer}]
            self.openapi_schema = described
        return self.openapi_schema


def _described(body: type[BaseModel]) -> dict[str, Any]:
    """The schemas of a body to which answers refer by name, and of what is in it."""
    _, found = models_json_schema([(body, "serialization")], ref_template="#/components/schemas/{model}")
    schemas: dict[str, Any] = found["$defs"]
    return schemas


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
    for family in _families(deployment.settings):
        api.router.routes.extend(family.router.routes)  # as they are: including them would build each anew
    return api


def _families(settings: Settings) -> list[ModuleType]:
    """Those that there are in this deployment."""
    of_the_app_hub = OF_THE_APP_HUB if settings.rules.has_app_hub else ()
    return [*FAMILIES, *of_the_app_hub, *([sandboxes] if settings.sandboxes else [])]
