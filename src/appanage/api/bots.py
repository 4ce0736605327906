"""The bots of an organization, as Control Hub lists them for its administrators.

A bot is named by the id of its app. Its owners make and change it among the applications.
"""

from typing import Annotated

from fastapi import Query, Response

from appanage.api.app_bodies import public_id
from appanage.api.call import Call, needs
from appanage.api.owned_apps import decode_app_id
from appanage.api.schemas import Body, Items, Line, PageQuery, Time, link_next, new_router
from appanage.authorizations import organization_bots
from appanage.authorizations.organization_bots import OrganizationBot
from appanage.directory.roles import SERVICE_APP_READERS
from appanage.kit.errors import Refused
from appanage.kit.ids import Kind

router = new_router("Bots")

Administrator = Annotated[Call, needs("spark-admin:organizations_read")]
Decider = Annotated[Call, needs("spark:all", person=True, own_act=True)]


class BotsQuery(PageQuery):
    """`name` is a part of the name or of the address."""

    name: Line | None = None


class BotOwnerBody(Body):
    """Who owns a bot, or did."""

    person_id: str
    display_name: str
    has_left: bool


class BotBody(Body):
    """A bot as administrators see it; without a token it can do nothing at present."""

    id: str
    name: str
    bot_email: str
    bot_person_id: str
    owners: list[BotOwnerBody]
    created: Time
    has_token: bool
    last_used: Time | None
    last_used_from: str | None


@router.get("/bots")
def list_bots(
    call: Administrator, response: Response, query: Annotated[BotsQuery, Query()]
) -> Items[BotBody]:
    """The bots of the organization, by name."""
    call.require_role(*SERVICE_APP_READERS)
    page = organization_bots.list_bots(call.tx, call.organization.id, query.page, search=query.name or "")
    link_next(call, response, page)
    return Items(items=[_body(call, one) for one in page.items])


@router.delete("/bots/{application_id}/token", status_code=204, response_model=None)
def revoke_bot_token(call: Decider, application_id: str) -> Refused | None:
    """Ends the token of a bot at once; a repeat changes nothing. Needs a Full Administrator of its organization."""
    app_id = decode_app_id(call, application_id)
    ended = organization_bots.revoke_token(call.tx, call.organization, app_id, by=call.account)
    return ended if isinstance(ended, Refused) else None


def _body(call: Call, bot: OrganizationBot) -> BotBody:
    app, token = bot.app, bot.token
    assert app.bot_email is not None
    assert app.bot_account_id is not None
    return BotBody(
        id=public_id(call, app),
        name=app.name,
        bot_email=app.bot_email,
        bot_person_id=call.ids.encode(Kind.PEOPLE, app.bot_account_id),
        owners=[
            BotOwnerBody(
                person_id=call.ids.encode(Kind.PEOPLE, one.id),
                display_name=one.display_name,
                has_left=one.deleted_at is not None,
            )
            for one in bot.owners
        ],
        created=app.created_at,
        has_token=token is not None,
        last_used=token.last_used_at if token else None,
        last_used_from=token.last_used_from if token else None,
    )
