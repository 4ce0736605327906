"""The pages that only bots have: the overview with the first call, and the bot token."""

from starlette.responses import Response
from starlette.routing import Route

from appanage.apps.model import App
from appanage.apps.scopes import BOT_SCOPES, Scope, catalogue
from appanage.authorizations import bots
from appanage.authorizations.model import BotToken
from appanage.kit.errors import Conflict
from appanage.kit.ids import Kind
from appanage.kit.secrets import Secret
from appanage.web.pages import Page, Pages
from appanage.web.portal.credentials import taken_secret
from appanage.web.portal.sections import address, owned_bot, section
from appanage.web.visit import Visit, see_other


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route("/portal/apps/{id}/token", show),
        pages.route("/portal/apps/{id}/token/new", show_new),
        pages.route("/portal/apps/{id}/token/regenerate", ask_regenerate),
        pages.route("/portal/apps/{id}/token/regenerate", regenerate, methods=["POST"]),
        pages.route("/portal/apps/{id}/token/revoke", ask_revoke),
        pages.route("/portal/apps/{id}/token/revoke", revoke, methods=["POST"]),
    ]


def scopes_of_bots() -> list[Scope]:
    """What every bot may do, in the order of the catalogue."""
    return [scope for name, scope in catalogue().items() if name in BOT_SCOPES]


def overview(visit: Visit, app: App) -> Page:
    assert app.bot_account_id is not None, "a bot has an account"
    return section(
        visit,
        app,
        "portal/bots/overview.html",
        tab="Overview",
        base_url=visit.deployment.settings.base_url,
        app_id=visit.ids.encode(Kind.APPLICATION, app.client_id),
        account_id=visit.ids.encode(Kind.PEOPLE, app.bot_account_id),
        scopes=scopes_of_bots(),
    )


def show(visit: Visit) -> Page:
    app = owned_bot(visit)
    token = bots.find_live_token(visit.tx, app)
    return section(visit, app, "portal/bots/token.html", tab="Bot token", token=token)


def ask_regenerate(visit: Visit) -> Page:
    app = owned_bot(visit)
    token = bots.find_live_token(visit.tx, app)
    return section(visit, app, "portal/bots/regenerate.html", tab="Bot token", token=token)


def regenerate(visit: Visit) -> Response:
    app = owned_bot(visit, for_update=True)
    rules = visit.deployment.app_rules
    return lead_to_token(visit, app, bots.regenerate_token(visit.tx, app, by=visit.viewer, rules=rules))


def lead_to_token(visit: Visit, app: App, token: Secret) -> Response:
    """To the page that shows a new token."""
    shown = visit.keep_secret({"app": str(app.id), "secret": token.reveal()})
    return see_other(f"{address(app)}/token/new?shown={shown}")


def show_new(visit: Visit) -> Page:
    """The new token, once; a reload says that it was shown."""
    app = owned_bot(visit)
    return section(
        visit,
        app,
        "portal/bots/new_token.html",
        tab="Bot token",
        kind="secret",
        secret=taken_secret(visit, app.id),
        base_url=visit.deployment.settings.base_url,
    )


def ask_revoke(visit: Visit) -> Page:
    app = owned_bot(visit)
    token = _live_token(visit, app)
    return section(visit, app, "portal/bots/revoke.html", tab="Bot token", token=token)


def revoke(visit: Visit) -> Response:
    app = owned_bot(visit, for_update=True)
    token = _live_token(visit, app)
    bots.revoke_token(visit.tx, app, by=visit.viewer)
    visit.tell(f"The bot token that ends in {token.last_four} is revoked.")
    return see_other(f"{address(app)}/token")


def _live_token(visit: Visit, app: App) -> BotToken:
    token = bots.find_live_token(visit.tx, app)
    if token is None:
        raise Conflict(f"{app.name} has no bot token that works.", code="bot_token_ended")
    return token
