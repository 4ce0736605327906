"""The routes of the App Hub, where the deployment has one."""

from starlette.routing import Route

from appanage.web.apphub import catalogue, curating, listing, requesting
from appanage.web.pages import Pages

FEATURES = (catalogue, listing, requesting, curating)


def routes(pages: Pages) -> list[Route]:
    if not pages.settings.rules.has_app_hub:
        return []
    return [route for feature in FEATURES for route in feature.routes(pages)]
