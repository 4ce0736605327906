"""The Developer Portal: where developers make apps and follow what becomes of them."""

from starlette.routing import Route

from appanage.web.pages import Pages
from appanage.web.portal import (
    activity,
    apps,
    authorization,
    client_type,
    connections,
    credentials,
    keys,
    logos,
    organizations,
    overview,
    reference,
    scopes,
    settings,
    try_answer,
    try_it,
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
    connections,
    credentials,
    keys,
    client_type,
    try_it,
    try_answer,
    activity,
    authorization,
    settings,
    logos,
)


def routes(pages: Pages) -> list[Route]:
    return [route for feature in FEATURES for route in feature.routes(pages)]
