"""The apps that act in a person's name: what they may do, and how it ends (checklist CONS-10)."""

from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from appanage.authorizations import consents
from appanage.authorizations import queries as authorizations
from appanage.authorizations.model import Authorization
from appanage.web.oauth.permissions import Permission, describe
from appanage.web.pages import Page, Pages
from appanage.web.visit import Visit, see_other

_LIST = "/account/connected-apps"


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route(_LIST, index),
        pages.route(_LIST + "/{id}", show),
        pages.route(_LIST + "/{id}/disconnect", confirm),
        pages.route(_LIST + "/{id}/disconnect", disconnect, methods=["POST"]),
    ]


def index(visit: Visit) -> Page:
    found = authorizations.list_of_person(visit.tx, visit.viewer, visit.page_request())
    used = authorizations.last_used_at(visit.tx, [one.id for one in found.items])
    return Page(
        "account/apps/index.html",
        area="account",
        here="connected-apps",
        connected=[(one, used.get(one.id)) for one in found.items],
        next=visit.with_query(cursor=found.next_cursor) if found.next_cursor else None,
        is_first="cursor" not in visit.query,
    )


def show(visit: Visit) -> Page:
    authorization = _get(visit)
    places = [Permission(f"Do this at {resource}", "", "low", "") for resource in authorization.resources]
    permissions = [*describe(authorization.scopes), *places]
    return _page(visit, "account/apps/show.html", authorization, permissions=permissions)


def confirm(visit: Visit) -> Page:
    return _page(visit, "account/apps/disconnect.html", _get(visit))


def disconnect(visit: Visit) -> Response:
    authorization = _get(visit)
    longest_token = visit.deployment.settings.lifetimes.longest_access_token
    consents.withdraw(visit.tx, authorization, by=visit.viewer, longest_token=longest_token)
    visit.tell(f"{authorization.app.name} is disconnected. Its tokens do not work any more.")
    return see_other(_LIST)


def _get(visit: Visit) -> Authorization:
    return authorizations.get_of_person(visit.tx, visit.viewer, visit.id())


def _page(visit: Visit, template: str, authorization: Authorization, **context: Any) -> Page:
    return Page(
        template,
        area="account",
        here="connected-apps",
        authorization=authorization,
        address=f"{_LIST}/{authorization.id}",
        last_used_at=authorizations.last_used_at(visit.tx, [authorization.id]).get(authorization.id),
        **context,
    )
