"""The Developer Portal: where developers make apps and follow what becomes of them."""

from starlette.routing import Route

from appanage.web.pages import Pages
from appanage.web.portal import (
    activity,
    apps,
    authorization,
    credentials,
    logos,
    organizations,
    overview,
    reference,
    scopes,
    settings,
    wizard,
)

# The order matters: /portal/apps/new would also be read as an app's address.
FEATURES = (
    apps,
    wizard,
    reference,
    overview,
    scopes,
    organizations,
    credentials,
    activity,
    authorization,
    settings,
    logos,
)


def routes(pages: Pages) -> list[Route]:
    return [route for feature in FEATURES for route in feature.routes(pages)]
