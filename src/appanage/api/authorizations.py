"""Authorizations of Service Apps: asked for, decided on, looked at, and used to get tokens (platform reference §1.6, §1.10).

Asking, looking and getting tokens is the developer's part. Deciding is a personal act of an administrator, in the same
way as in Control Hub, and needs a token with `spark:all`; the role is checked where the decision is made.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query, Response
from pydantic import BaseModel

from appanage.api.app_bodies import public_id
from appanage.api.call import Call, needs
from appanage.api.errors import InvalidCredentials
from appanage.api.owned_apps import Developer, Owner, decode_app_id, owned_app
from appanage.api.schemas import Body, FilledLine, Items, Line, PageQuery, Text, Time, link_next, new_router
from appanage.apps.model import App
from appanage.authorizations import decisions, organization_tokens, queries, service
from appanage.authorizations.model import Authorization, AuthorizationRequest
from appanage.authorizations.queries import AuthorizationFilter
from appanage.directory.model import Organization
from appanage.kit.errors import Invalid, NotFound, Refusal, Refused
from appanage.kit.ids import Kind

router = new_router("Authorizations")

TokenFetcher = Annotated[Call, needs("spark:applications_token", person=True)]
Decider = Annotated[Call, needs("spark:all", own_act=True)]

WRONG_CREDENTIALS = "Invalid client credentials"


class RequestInput(Body):
    message: Text = ""


class AuthorizeInput(Body):
    """`orgId` may be left out: an administrator decides for the own organization.

    With the `version` of the app that was looked at, a change by its developer in the meantime is 409 (CONS-03).
    """

    org_id: Line | None = None
    note: Text = ""
    version: int | None = None


class DeauthorizeInput(Body):
    org_id: Line | None = None
    reason: Text = ""


class TokenInput(Body):
    client_id: FilledLine
    client_secret: FilledLine
    target_org_id: FilledLine


class TokenBody(BaseModel):
    """RFC 6749 §5.1, with the life of the refresh token."""

    access_token: str
    expires_in: int
    refresh_token: str
    refresh_token_expires_in: int
    token_type: str
    scope: str


class AuthorizationsQuery(PageQuery):
    """Whose authorizations; `orgName` looks for a part of the name."""

    org_id: Line | None = None
    org_name: Line | None = None
    status: Literal["authorized", "deauthorized"] | None = None


class RequestBody(Body):
    """A request for authorization."""

    application_id: str
    org_id: str
    org_name: str
    requested_by: str
    requested_by_name: str
    message: str
    created: Time


class AuthorizationBody(Body):
    """An authorization as the app's developer sees it; the people of the organization are not their business."""

    id: str
    application_id: str
    application_name: str
    org_id: str
    org_name: str
    status: str
    scopes: list[str]
    added_scopes: list[str]
    dropped_scopes: list[str]
    created: Time
    scopes_approved: Time
    tokens_retrieved: Time | None
    last_used: Time | None
    ended: Time | None


class DecisionBody(AuthorizationBody):
    """An authorization as the organization's own administrators see it: with who decided and why."""

    machine_account_id: str
    authorized_by: str
    authorized_by_name: str
    ended_by: str | None
    ended_by_name: str | None
    reason: str | None


@router.post("/applications/{application_id}/authorizationRequests")
def request_authorization(
    call: Owner, application_id: str, wanted: RequestInput | None = None
) -> RequestBody:
    """Asks the administrators of the own organization to authorize the app; a repeat is a reminder."""
    app = owned_app(call, application_id, for_update=True)
    message = wanted.message if wanted else ""
    asked = service.request_authorization(call.tx, app, by=call.account, message=message)
    return request_body(call, app, asked, call.organization)


@router.get("/applications/{application_id}/authorizations")
def list_authorizations(
    call: Developer,
    response: Response,
    application_id: str,
    query: Annotated[AuthorizationsQuery, Query()],
) -> Items[AuthorizationBody]:
    """Which organizations authorized the app: the latest authorization of each, the newest first."""
    app = owned_app(call, application_id)
    page = queries.list_of_organizations(call.tx, app, _filter(call, query), query.page)
    link_next(call, response, page)
    used = queries.last_used_at(call.tx, [one.id for one in page.items])
    return Items(items=[AuthorizationBody(**_facts(call, one, used.get(one.id))) for one in page.items])


@router.post("/applications/{application_id}/token", response_model=TokenBody)
def retrieve_tokens(call: TokenFetcher, application_id: str, wanted: TokenInput) -> TokenBody | Refused:
    """New tokens for one organization, for an owner of the app who also has its secret (checklist TOK-17).

    401 for a wrong client id or secret, 403 when the organization has not authorized the app, 404 for an app that is
    not the caller's, 429 after too many wrong secrets.
    """
    app = owned_app(call, application_id)
    organization_id = _organization(call, wanted.target_org_id, "targetOrgId")
    call.deployment.throttle.require_client_allowed(app.client_id, call.origin.address)
    if wanted.client_id != app.client_id:
        raise InvalidCredentials(WRONG_CREDENTIALS, details=["clientId: That is another app's client id."])
    pair = organization_tokens.retrieve(
        call.tx,
        call.deployment.issuer,
        app,
        by=call.account,
        organization_id=organization_id,
        client_secret=wanted.client_secret,
    )
    return _refused(call, app, pair.error) if isinstance(pair, Refused) else TokenBody(**pair.as_response())


@router.post("/applications/{application_id}/authorize", response_model=DecisionBody)
def authorize(
    call: Decider, application_id: str, wanted: AuthorizeInput | None = None
) -> DecisionBody | Refused:
    """Authorizes an app for the administrator's organization; a repeat answers the same authorization."""
    wanted = wanted or AuthorizeInput()
    call.own_organization(wanted.org_id)
    app = decisions.get_visible_app(call.tx, call.account, decode_app_id(call, application_id))
    domain = call.deployment.settings.machine_domain
    outcome = service.authorize(
        call.tx, app, by=call.account, machine_domain=domain, note=wanted.note, version=wanted.version
    )
    return outcome if isinstance(outcome, Refused) else _decided(call, outcome)


@router.post("/applications/{application_id}/deauthorize", response_model=DecisionBody)
def deauthorize(
    call: Decider, application_id: str, wanted: DeauthorizeInput | None = None
) -> DecisionBody | Refused:
    """Ends the authorization: the machine account is deleted and every token is dead. Answers what has ended.

    409 when the organization has not authorized the app.
    """
    wanted = wanted or DeauthorizeInput()
    call.own_organization(wanted.org_id)
    app = decisions.get_visible_app(call.tx, call.account, decode_app_id(call, application_id))
    longest = call.deployment.settings.lifetimes.longest_access_token
    outcome = service.deauthorize(call.tx, app, by=call.account, longest_token=longest, reason=wanted.reason)
    return outcome if isinstance(outcome, Refused) else _decided(call, outcome)


def _decided(call: Call, authorization: Authorization) -> DecisionBody:
    return decision_body(call, authorization, queries.last_used_at(call.tx, [authorization.id]))


def _refused(call: Call, app: App, error: Refusal) -> Refused:
    """A wrong secret counts against guessing, and is 401 on this platform."""
    if not isinstance(error, Invalid):
        return Refused(error)
    call.deployment.throttle.client_failed(app.client_id, call.origin.address)
    details = [f"clientSecret: {sentence}" for sentence in error.details]
    return Refused(InvalidCredentials(WRONG_CREDENTIALS, details=details))


def request_body(
    call: Call, app: App, asked: AuthorizationRequest, organization: Organization
) -> RequestBody:
    return RequestBody(
        application_id=public_id(call, app),
        org_id=call.ids.encode(Kind.ORGANIZATION, organization.id),
        org_name=organization.name,
        requested_by=call.ids.encode(Kind.PEOPLE, asked.requested_by),
        requested_by_name=asked.requested_by_name,
        message=asked.message,
        created=asked.requested_at,
    )


def decision_body(
    call: Call, authorization: Authorization, used: Mapping[uuid.UUID, datetime]
) -> DecisionBody:
    """`used` tells when authorizations were last used, as `queries.last_used_at` does."""
    ended_by = authorization.ended_by
    return DecisionBody(
        **_facts(call, authorization, used.get(authorization.id)),
        machine_account_id=call.ids.encode(Kind.PEOPLE, authorization.account_id),
        authorized_by=call.ids.encode(Kind.PEOPLE, authorization.authorized_by),
        authorized_by_name=authorization.authorized_by_name,
        ended_by=call.ids.encode(Kind.PEOPLE, ended_by) if ended_by else None,
        ended_by_name=authorization.ended_by_name,
        reason=authorization.end_reason,
    )


def _facts(call: Call, authorization: Authorization, last_used: datetime | None) -> dict[str, Any]:
    return {
        "id": call.ids.encode(Kind.AUTHORIZATION, authorization.id),
        "application_id": public_id(call, authorization.app),
        "application_name": authorization.app.name,
        "org_id": call.ids.encode(Kind.ORGANIZATION, authorization.organization_id),
        "org_name": authorization.organization.name,
        "status": "authorized" if authorization.is_active else "deauthorized",
        "scopes": authorization.scopes,
        "added_scopes": sorted(authorization.added_scopes),
        "dropped_scopes": sorted(authorization.dropped_scopes),
        "created": authorization.authorized_at,
        "scopes_approved": authorization.scopes_approved_at,
        "tokens_retrieved": authorization.tokens_retrieved_at,
        "last_used": last_used,
        "ended": authorization.ended_at,
    }


def _filter(call: Call, query: AuthorizationsQuery) -> AuthorizationFilter:
    return AuthorizationFilter(
        search=query.org_name or "",
        organization_ids=[_organization(call, query.org_id, "orgId")] if query.org_id else None,
        active=None if query.status is None else query.status == "authorized",
    )


def _organization(call: Call, given: str, field: str) -> uuid.UUID:
    """The organization that an id names, whether or not there is one."""
    try:
        return call.ids.decode(Kind.ORGANIZATION, given)
    except NotFound as cause:
        sentence = "Expect base64 ID or UUID."
        raise Invalid(sentence, fields={field: sentence}) from cause
