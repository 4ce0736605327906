"""The Developer Portal: where developers make apps and follow what becomes of them."""

from starlette.routing import Route

from appanage.web.pages import Pages
from appanage.web.portal import (
    activity,
    apps,
    authorization,
    bot_wizard,
    bots,
    client_type,
    connections,
    credentials,
    elsewhere,
    keys,
    listing,
    logos,
    organizations,
    overview,
    owners,
    proposals,
    reference,
    requests,
    sandboxes,
    scopes,
    settings,
    shares,
    try_answer,
    try_it,
    wizard,
)

# Before the features: /portal/apps/new would also be read as an app's address, and the bot's wizard as a client's.
CREATION = (bot_wizard, wizard)
FEATURES = (
    apps,
    requests,
    reference,
    overview,
    bots,
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
    shares,
    listing,
    settings,
    owners,
    proposals,
    logos,
    sandboxes,
)


def routes(pages: Pages) -> list[Route]:
    """Where administrators make apps by API, nothing here makes any."""
    creation = (elsewhere,) if pages.settings.rules.by_administrators else CREATION
    return [route for feature in (*creation, *FEATURES) for route in feature.routes(pages)]
