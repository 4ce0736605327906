"""The bots of an organization: whose they are, whether they are used, and the end of a token."""

from starlette.responses import Response
from starlette.routing import Route

from appanage.authorizations import organization_bots
from appanage.authorizations.organization_bots import OrganizationBot
from appanage.directory.model import Account
from appanage.kit.errors import Conflict, Refused
from appanage.kit.text import count_of
from appanage.web.controlhub.access import Ability, enter, may
from appanage.web.controlhub.lists import Turns
from appanage.web.pages import Page, Pages
from appanage.web.visit import Visit, see_other

LIST = "/hub/bots"


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route(LIST, index),
        pages.route(LIST + "/{id}/token/revoke", confirm),
        pages.route(LIST + "/{id}/token/revoke", revoke, methods=["POST"]),
    ]


def index(visit: Visit) -> Page:
    viewer, search = enter(visit, Ability.SEE_APPS), visit.text("q")
    found = organization_bots.list_bots(visit.tx, viewer.organization_id, visit.page_request(), search=search)
    return Page(
        "controlhub/bots/index.html",
        area="hub",
        here="bots",
        rows=found.items,
        search=search,
        shown=count_of(len(found.items), "bot", "bots"),
        may_end=may(viewer, Ability.END_BOT_TOKENS),
        turns=Turns.of(visit, found),
    )


def confirm(visit: Visit) -> Page:
    bot = _get(visit, enter(visit, Ability.END_BOT_TOKENS))
    if bot.token is None:
        raise Conflict(f"{bot.app.name} has no bot token that could be ended.", code="bot_token_ended")
    return Page("controlhub/bots/revoke.html", area="hub", here="bots", bot=bot)


def revoke(visit: Visit) -> Response | Refused:
    viewer = enter(visit, Ability.END_BOT_TOKENS)
    app = organization_bots.revoke_token(visit.tx, viewer.organization, visit.id(), by=viewer)
    if isinstance(app, Refused):
        return app
    visit.tell(
        f"The bot token of {app.name} has ended. The bot can do nothing until an owner makes a new one."
    )
    return see_other(LIST)


def _get(visit: Visit, viewer: Account) -> OrganizationBot:
    return organization_bots.get_bot(visit.tx, viewer.organization_id, visit.id())
