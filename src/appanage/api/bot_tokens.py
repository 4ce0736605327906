"""The token of a bot: there is one at a time, shown when it is made (platform reference §2.6, §3.3)."""

from appanage.api.owned_apps import Owner, owned_app
from appanage.api.schemas import Body, new_router
from appanage.authorizations import bots

router = new_router("Bot tokens")


class BotTokenBody(Body):
    bot_token: str


@router.delete("/applications/{application_id}/botToken")
def regenerate_bot_token(call: Owner, application_id: str) -> BotTokenBody:
    """Makes a new bot token; the one before is dead at once. 409 for an app that is no bot."""
    app = owned_app(call, application_id, for_update=True)
    token = bots.regenerate_token(call.tx, app, by=call.account, rules=call.deployment.app_rules)
    return BotTokenBody(bot_token=token.reveal())
