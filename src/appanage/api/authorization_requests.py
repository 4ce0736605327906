"""Requests for authorization: asked by developers and people, looked at by both sides, decided on by administrators.

Deciding is a personal act of an administrator, as in Control Hub. What a request asks for is one app in one organization:
a decision settles every open request for the same app there.
"""

import uuid
from enum import StrEnum
from typing import Annotated, Literal

from fastapi import Query, Response

from appanage.api.app_bodies import public_id
from appanage.api.call import Call, needs
from appanage.api.owned_apps import Owner, decode_app_id
from appanage.api.schemas import Body, Items, Line, PageQuery, Text, Time, link_next, new_router
from appanage.apps.queries import is_owner
from appanage.authorizations import request_queries, requests, service
from appanage.authorizations.choices import End
from appanage.authorizations.model import (
    Authorization,
    AuthorizationProposal,
    AuthorizationRequest,
    RequestDecision,
    RequestOrigin,
)
from appanage.authorizations.request_queries import RequestFilter
from appanage.directory.roles import SERVICE_APP_READERS
from appanage.kit.errors import NotFound, Refused
from appanage.kit.ids import Kind

router = new_router("Authorization requests")

READ_HERE = "spark-admin:organizations_read"
Reader = Annotated[Call, needs(READ_HERE, "spark:applications_token", "spark:all")]
Decider = Annotated[Call, needs("spark:all", own_act=True)]


class RequestState(StrEnum):
    WAITING = "waiting"
    AUTHORIZED = RequestDecision.AUTHORIZED.value
    DECLINED = RequestDecision.DECLINED.value
    WITHDRAWN = RequestDecision.WITHDRAWN.value


class RequestsQuery(PageQuery):
    """Whose requests: `organization` are those its administrators decide on, `mine` what I asked or others for my apps."""

    scope: Literal["organization", "mine"] = "organization"
    state: RequestState | None = None
    origin: RequestOrigin | None = None
    application_id: Line | None = None
    application_name: Line | None = None


class RequestInput(Body):
    message: Text = ""


class DecisionInput(Body):
    """`scopes`, `endsAt`, `note`, `version` and `policyVersion` are as for `authorize`; `reason` is told to who is declined."""

    decision: Literal["authorize", "decline"]
    reason: Text = ""
    scopes: list[Line] | None = None
    ends_at: Time | None = None
    note: Text = ""
    version: int | None = None
    policy_version: int | None = None


class RequestBody(Body):
    """A request. Who shared an app learns the organization's id and name when its administrators have decided."""

    id: str
    application_id: str
    application_name: str
    org_id: str | None
    org_name: str | None
    shared_with: str | None
    origin: RequestOrigin
    state: RequestState
    requested_by: str
    requested_by_name: str
    message: str
    created: Time
    decided: Time | None
    decided_by_name: str | None
    reason: str | None


class DecidedBody(RequestBody):
    """What became of a request: an authorization, or a proposal that a second administrator has to confirm."""

    authorization_id: str | None
    proposal_id: str | None


@router.get("/authorizationRequests")
def list_requests(
    call: Reader, response: Response, query: Annotated[RequestsQuery, Query()]
) -> Items[RequestBody]:
    """Requests, the newest first."""
    wanted = _filter(call, query)
    if query.scope == "mine":
        call.require_scope("spark:applications_token", "spark:all")
        page = request_queries.list_of_viewer(call.tx, call.account, wanted, query.page)
    else:
        call.require_scope(READ_HERE)
        call.require_role(*SERVICE_APP_READERS)
        page = request_queries.list_in_organization(call.tx, call.organization.id, wanted, query.page)
    link_next(call, response, page)
    return Items(items=[request_body(call, one) for one in page.items])


@router.post("/applications/{application_id}/authorizationRequests")
def request_authorization(
    call: Owner, application_id: str, wanted: RequestInput | None = None
) -> RequestBody:
    """Asks the administrators of the own organization for an app: for one's own, or for one of the App Hub.

    A repeat is a reminder: 409 more than once a day. An app of the App Hub may be authorized at once, if the policy of the
    organization does that, or refused by it: 403.
    """
    app_id, message = decode_app_id(call, application_id), wanted.message if wanted else ""
    rules, domain = call.deployment.app_rules, call.deployment.settings.machine_domain
    if is_owner(call.tx, app_id, call.account):
        app = requests.get_to_request(call.tx, call.account, app_id, call.organization.id, rules=rules)
        return request_body(
            call, requests.request_authorization(call.tx, app, by=call.account, message=message)
        )
    app = request_queries.get_listed(call.tx, app_id)
    asked = requests.request_for_organization(
        call.tx, app, by=call.account, message=message, machine_domain=domain
    )
    return request_body(call, asked.request)


@router.post("/authorizationRequests/{request_id}/decision", response_model=DecidedBody)
def decide(
    call: Decider, response: Response, request_id: str, wanted: DecisionInput
) -> DecidedBody | Refused:
    """Authorizes the app as `authorize` does, or declines every open request for it. 202 when a second one has to agree.

    409 for a request that is over: it was declined or withdrawn, or its authorization has ended since.
    """
    if not call.account.is_administrator:
        raise request_queries.no_such_request()
    asked = request_queries.get_in_organization(call.tx, call.organization.id, decode(call, request_id))
    if wanted.decision == "decline":
        declined = requests.decline(call.tx, asked.app, by=call.account, reason=wanted.reason)
        return declined if isinstance(declined, Refused) else _decided(call, asked)
    requests.require_not_over(call.tx, asked)
    made = service.authorize(
        call.tx,
        asked.app,
        by=call.account,
        machine_domain=call.deployment.settings.machine_domain,
        note=wanted.note,
        version=wanted.version,
        scopes=wanted.scopes,
        ends_at=wanted.ends_at if "ends_at" in wanted.model_fields_set else End.KEPT,
        policy_version=wanted.policy_version,
        proposal_lifetime=call.deployment.settings.proposal_lifetime,
    )
    if isinstance(made, Refused):
        return made
    if isinstance(made, AuthorizationProposal):
        response.status_code = 202
    return _decided(call, asked, made)


@router.delete("/authorizationRequests/{request_id}", status_code=204)
def withdraw(call: Owner, request_id: str) -> None:
    """Takes back what I asked, or a co-owner for my app. 409 when it was decided on."""
    requests.withdraw(call.tx, decode(call, request_id), by=call.account)


def request_body(call: Call, asked: AuthorizationRequest) -> RequestBody:
    """As the caller may see it."""
    is_here = asked.organization_id == call.organization.id
    knows = is_here or requests.is_disclosed(asked)
    return RequestBody(
        id=call.ids.encode(Kind.AUTHORIZATION_REQUEST, asked.id),
        application_id=public_id(call, asked.app),
        application_name=asked.app.name,
        org_id=call.ids.encode(Kind.ORGANIZATION, asked.organization_id) if knows else None,
        org_name=asked.organization.name if knows else None,
        shared_with=None if is_here else asked.addressed_to,
        origin=RequestOrigin(asked.origin),
        state=RequestState(asked.decision or RequestState.WAITING),
        requested_by=call.ids.encode(Kind.PEOPLE, asked.requested_by),
        requested_by_name=asked.requested_by_name,
        message=asked.message,
        created=asked.requested_at,
        decided=asked.decided_at,
        decided_by_name=asked.decided_by_name if is_here else None,
        reason=asked.decision_reason,
    )


def decode(call: Call, public_id: str) -> uuid.UUID:
    """The request that an id names."""
    try:
        return call.ids.decode(Kind.AUTHORIZATION_REQUEST, public_id)
    except NotFound as cause:
        raise request_queries.no_such_request() from cause


def _decided(
    call: Call, asked: AuthorizationRequest, made: Authorization | AuthorizationProposal | None = None
) -> DecidedBody:
    call.tx.flush()
    call.tx.refresh(asked)
    is_proposed = isinstance(made, AuthorizationProposal)
    return DecidedBody(
        **request_body(call, asked).model_dump(),
        authorization_id=call.ids.encode(Kind.AUTHORIZATION, made.id) if made and not is_proposed else None,
        proposal_id=call.ids.encode(Kind.AUTHORIZATION_PROPOSAL, made.id) if made and is_proposed else None,
    )


def _filter(call: Call, query: RequestsQuery) -> RequestFilter:
    is_decided = query.state not in {None, RequestState.WAITING}
    return RequestFilter(
        waits=None if query.state is None else not is_decided,
        decision=RequestDecision(query.state) if query.state and is_decided else None,
        origin=query.origin,
        app_id=decode_app_id(call, query.application_id) if query.application_id else None,
        search=query.application_name or "",
    )
