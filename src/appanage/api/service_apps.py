"""The Service Apps that an organization's administrators may decide on, as Control Hub lists them.

Those are the apps for which authorization was requested here and those that were authorized here before. They are
decided on with `POST /applications/{id}/authorize` and `/deauthorize`.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

from fastapi import Query, Response

from appanage.api.app_bodies import SuspendedBody, logo_of, public_id, suspended_body
from appanage.api.authorization_requests import RequestBody, request_body
from appanage.api.authorizations import DecisionBody, ProposalBody, decision_body, proposal_body
from appanage.api.call import Call, needs
from appanage.api.owned_apps import decode_app_id
from appanage.api.schemas import Body, Items, Line, PageQuery, link_next, new_router
from appanage.apps import scopes
from appanage.apps.model import App
from appanage.authorizations import decisions, queries
from appanage.authorizations.decisions import AppDecision, DecisionState
from appanage.directory.roles import SERVICE_APP_READERS
from appanage.kit.ids import Kind

router = new_router("Service Apps")

Administrator = Annotated[Call, needs("spark-admin:organizations_read")]


class ServiceAppsQuery(PageQuery):
    """Which apps: in one state, waiting for a decision or not, with a part of the name."""

    state: DecisionState | None = None
    needs_decision: bool | None = None
    name: Line | None = None


class ScopeBody(Body):
    """One scope in plain words, with what it could do in wrong hands and why the developer asks for it."""

    name: str
    title: str
    consequence: str
    risk: str
    reason: str | None
    is_approved: bool
    is_optional: bool
    is_declined: bool


class ServiceAppBody(Body):
    """A Service App and where it stands with the caller's organization.

    `isReviewed`: it is in the App Hub. `requests` is how many people wait for a decision, of whom `request` is the newest.
    """

    id: str
    type: str = "serviceApp"
    name: str
    description: str
    contact_email: str
    company_name: str | None
    logo: str | None
    support_url: str | None
    privacy_url: str | None
    org_id: str
    org_name: str
    state: DecisionState
    needs_decision: bool
    is_reviewed: bool
    version: int
    scopes: list[ScopeBody]
    request: RequestBody | None
    requests: int
    proposal: ProposalBody | None
    authorization: DecisionBody | None
    suspended: SuspendedBody | None = None


@router.get("/serviceApps")
def list_service_apps(
    call: Administrator, response: Response, query: Annotated[ServiceAppsQuery, Query()]
) -> Items[ServiceAppBody]:
    """The Service Apps that the organization's administrators may decide on, by name."""
    call.require_role(*SERVICE_APP_READERS)
    page = decisions.list_decisions(
        call.tx,
        call.organization.id,
        query.page,
        state=query.state,
        needs_decision=query.needs_decision,
        search=query.name or "",
    )
    link_next(call, response, page)
    return Items(items=_bodies(call, page.items))


@router.get("/serviceApps/{application_id}")
def get_service_app(call: Administrator, application_id: str) -> ServiceAppBody:
    """One of these apps."""
    call.require_role(*SERVICE_APP_READERS)
    decision = decisions.get_decision(call.tx, call.account, decode_app_id(call, application_id))
    return _bodies(call, [decision])[0]


def _bodies(call: Call, decisions: Sequence[AppDecision]) -> list[ServiceAppBody]:
    decided = [one.authorization.id for one in decisions if one.authorization]
    used = queries.last_used_at(call.tx, decided)
    return [_body(call, one, used) for one in decisions]


def _body(call: Call, decision: AppDecision, used: Mapping[uuid.UUID, datetime]) -> ServiceAppBody:
    app, asked, authorization = decision.app, decision.request, decision.authorization
    return ServiceAppBody(
        id=public_id(call, app),
        name=app.name,
        description=app.description,
        contact_email=app.contact_email,
        company_name=app.company_name,
        logo=logo_of(call, app),
        support_url=app.support_url,
        privacy_url=app.privacy_url,
        org_id=call.ids.encode(Kind.ORGANIZATION, app.organization_id),
        org_name=app.organization.name,
        state=decision.state,
        needs_decision=decision.needs_decision,
        is_reviewed=app.is_listed,
        version=app.version,
        scopes=_scopes(app, decision),
        request=request_body(call, asked) if asked else None,
        requests=decision.askers,
        proposal=proposal_body(call, decision.proposal) if decision.proposal else None,
        authorization=decision_body(call, authorization, used) if authorization else None,
        suspended=suspended_body(app),
    )


def _scopes(app: App, decision: AppDecision) -> list[ScopeBody]:
    active = decision.authorization if decision.state == DecisionState.AUTHORIZED else None
    approved = frozenset(active.scopes if active else ())
    declined = frozenset(active.declined_scopes if active else ())
    return [
        ScopeBody(
            name=scope.name,
            title=scope.title,
            consequence=scope.consequence,
            risk=scope.risk.value,
            reason=app.scope_reasons.get(scope.name),
            is_approved=scope.name in approved,
            is_optional=scope.name in app.optional_scopes,
            is_declined=scope.name in declined,
        )
        for riskiest_first in scopes.by_risk(app.scopes).values()
        for scope in riskiest_first
    ]
