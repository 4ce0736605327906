"""The kill switch (an extension): the operator suspends any organization's app, everywhere at once.

It is a personal act of somebody who is Operator in the organization that runs the platform, and needs a personal access
token with `spark:all`. For everybody else there is nothing here.
"""

from typing import Annotated

from fastapi import Query, Response

from appanage.api.app_bodies import NAMES, SuspendedBody, public_id, suspended_body
from appanage.api.call import Call, needs
from appanage.api.owned_apps import decode_app_id
from appanage.api.schemas import Body, Items, Line, PageQuery, Text, Time, link_next, new_router
from appanage.apps import platform, queries
from appanage.apps.model import App, AppKind
from appanage.apps.platform import PlatformFilter
from appanage.apps.queries import no_such_app
from appanage.authorizations import suspensions
from appanage.directory.roles import Role
from appanage.kit.errors import NotFound, Refused
from appanage.kit.ids import Kind

router = new_router("Suspensions")

Operator = Annotated[Call, needs("spark:all", person=True, own_act=True)]


class PlatformAppsQuery(PageQuery):
    """Which apps: with a part of the name of app or organization, or a whole UUID or client id; suspended ones or others."""

    search: Line = ""
    suspended: bool | None = None


class SuspensionInput(Body):
    """Why. The app's owners and the administrators of every organization that uses it read this."""

    reason: Text = ""


class PlatformAppBody(Body):
    """Any organization's app, as the operator sees it."""

    id: str
    client_id: str | None
    type: str
    name: str
    org_id: str
    org_name: str
    visibility: str
    created: Time
    suspended: SuspendedBody | None


class SuspensionBody(SuspendedBody):
    """A suspension: by whom, and in how many organizations the app was in use and is authorized still."""

    application_id: str
    suspended_by: str | None
    organizations: int


@router.get("/operations/applications")
def list_every_application(
    call: Operator, response: Response, query: Annotated[PlatformAppsQuery, Query()]
) -> Items[PlatformAppBody]:
    """The apps of every organization, the newest first."""
    _require_operator(call)
    page = platform.list_apps(call.tx, PlatformFilter(query.search, query.suspended), query.page)
    link_next(call, response, page)
    return Items(items=[_app_body(call, app) for app in page.items])


@router.post("/applications/{application_id}/suspension", response_model=SuspensionBody)
def suspend_application(
    call: Operator, application_id: str, wanted: SuspensionInput
) -> SuspensionBody | Refused:
    """Suspends the app: nothing is issued for it and none of its tokens works. 409 when it is suspended already."""
    _require_operator(call)
    app_id = decode_app_id(call, application_id)
    app = suspensions.suspend(call.tx, app_id, by=call.account, reason=wanted.reason)
    return app if isinstance(app, Refused) else _body(call, app)


@router.get("/applications/{application_id}/suspension")
def get_suspension(call: Operator, application_id: str) -> SuspensionBody:
    """The suspension of the app, if it is suspended."""
    _require_operator(call)
    return _body(call, queries.get_app(call.tx, decode_app_id(call, application_id)))


@router.delete("/applications/{application_id}/suspension", status_code=204, response_model=None)
def lift_suspension(call: Operator, application_id: str) -> Refused | None:
    """Lifts the suspension: authorizations hold again, earlier tokens stay dead. 409 when it is not suspended."""
    _require_operator(call)
    lifted = suspensions.lift(call.tx, decode_app_id(call, application_id), by=call.account)
    return lifted if isinstance(lifted, Refused) else None


def _require_operator(call: Call) -> None:
    if not call.account.runs_the_platform_as(Role.OPERATOR):
        raise no_such_app()


def _body(call: Call, app: App) -> SuspensionBody:
    suspended = suspended_body(app)
    if suspended is None:
        raise NotFound(f"{app.name} is not suspended.", code="not_suspended")
    return SuspensionBody(
        **dict(suspended),
        application_id=public_id(call, app),
        suspended_by=app.suspended_by_name,
        organizations=suspensions.count_organizations(call.tx, app),
    )


def _app_body(call: Call, app: App) -> PlatformAppBody:
    return PlatformAppBody(
        id=public_id(call, app),
        client_id=None if app.is_bot else app.client_id,
        type=NAMES[AppKind(app.kind)],
        name=app.name,
        org_id=call.ids.encode(Kind.ORGANIZATION, app.organization_id),
        org_name=app.organization.name,
        visibility=app.visibility,
        created=app.created_at,
        suspended=suspended_body(app),
    )
