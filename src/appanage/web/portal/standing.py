"""Where an app stands on its way from registration to use."""

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime

from appanage.apps.model import App
from appanage.apps.queries import ids_with_proof
from appanage.authorizations.bots import live_tokens
from appanage.authorizations.model import RequestOrigin
from appanage.authorizations.queries import AuthorizationSummary, requested_at_by_app, summarize_by_app
from appanage.storage import Transaction
from appanage.web.portal.standing_of_bots import BotStanding
from appanage.web.portal.standing_of_integrations import IntegrationStanding
from appanage.web.portal.standing_of_service_apps import ServiceAppStanding

_BY_DEVELOPERS = (RequestOrigin.DEVELOPER, RequestOrigin.SHARE)

Standing = ServiceAppStanding | IntegrationStanding | BotStanding


def standing_of(tx: Transaction, app: App) -> Standing:
    return standings_of(tx, [app])[app.id]


def standings_of(tx: Transaction, apps: Collection[App]) -> Mapping[uuid.UUID, Standing]:
    """For a list: four statements, however many apps there are."""
    ids = [app.id for app in apps]
    summaries, requests = summarize_by_app(tx, ids), requested_at_by_app(tx, ids, _BY_DEVELOPERS)
    proven, tokens = ids_with_proof(tx, ids), live_tokens(tx, ids)
    return {
        app.id: BotStanding(app, tokens.get(app.id))
        if app.is_bot
        else _standing(app, summaries.get(app.id), requests.get(app.id), has_proof=app.id in proven)
        for app in apps
    }


def _standing(
    app: App, summary: AuthorizationSummary | None, requested_at: datetime | None, *, has_proof: bool
) -> Standing:
    numbers = summary or AuthorizationSummary()
    if app.is_integration:
        return IntegrationStanding(app, numbers, has_proof=has_proof or app.is_public)
    return ServiceAppStanding(app, numbers, requested_at)
