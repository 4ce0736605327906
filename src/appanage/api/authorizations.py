"""Authorizations of Service Apps: decided on, looked at, and used to get tokens (platform reference §1.6, §1.10).

Looking and getting tokens is the developer's part. Deciding is a personal act of an administrator, in the same
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
from appanage.api.owned_apps import Developer, decode_app_id, owned_app
from appanage.api.schemas import Body, FilledLine, Items, Line, PageQuery, Text, Time, link_next, new_router
from appanage.apps.model import App
from appanage.authorizations import decisions, organization_tokens, queries, service
from appanage.authorizations.choices import End
from appanage.authorizations.model import Authorization, AuthorizationProposal, ProposalState
from appanage.authorizations.queries import AuthorizationFilter
from appanage.kit.errors import Invalid, NotFound, Refusal, Refused
from appanage.kit.ids import Kind

router = new_router("Authorizations")

TokenFetcher = Annotated[Call, needs("spark:applications_token", person=True)]
Decider = Annotated[Call, needs("spark:all", own_act=True)]

WRONG_CREDENTIALS = "Invalid client credentials"


class AuthorizeInput(Body):
    """`orgId` may be left out: an administrator decides for the own organization.

    `scopes` are those to be granted, which may leave out optional ones; without it they are all that the app asks for and
    that were not declined here before. `endsAt` is when the authorization ends; null takes an end away, without it the end
    stays as it is. With the `version` of the app, or the `policyVersion`, that was looked at, a change of it in the
    meantime is 409 (CONS-03).
    """

    org_id: Line | None = None
    scopes: list[Line] | None = None
    ends_at: Time | None = None
    note: Text = ""
    version: int | None = None
    policy_version: int | None = None

    @property
    def end(self) -> datetime | End | None:
        return self.ends_at if "ends_at" in self.model_fields_set else End.KEPT


class DeclineInput(Body):
    """`version` as in `AuthorizeInput`."""

    org_id: Line | None = None
    reason: Text = ""
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
    declined_scopes: list[str]
    created: Time
    scopes_approved: Time
    ends: Time | None
    tokens_retrieved: Time | None
    last_used: Time | None
    ended: Time | None


class DecisionBody(AuthorizationBody):
    """An authorization as the organization's own administrators see it: with who decided and why."""

    machine_account_id: str
    authorized_by: str
    authorized_by_name: str
    authorized_by_rule: str | None
    version: int | None
    ended_by: str | None
    ended_by_name: str | None
    reason: str | None


class ProposalBody(Body):
    """What one administrator would grant, where the policy wants a second one to agree."""

    id: str
    application_id: str
    application_name: str
    org_id: str
    state: ProposalState
    scopes: list[str]
    ends: Time | None
    note: str
    rule: str
    version: int
    proposed_by: str
    proposed_by_name: str
    created: Time
    expires: Time
    decided_by: str | None
    decided_by_name: str | None
    decided: Time | None
    reason: str | None


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


@router.post(
    "/applications/{application_id}/authorize",
    response_model=DecisionBody | ProposalBody,
    responses={202: {"description": "A second administrator has to confirm; this is what was proposed."}},
)
def authorize(
    call: Decider, response: Response, application_id: str, wanted: AuthorizeInput | None = None
) -> DecisionBody | ProposalBody | Refused:
    """Authorizes an app for the administrator's organization; a repeat answers the same authorization.

    202 with a proposal where the organization's policy wants a second administrator; 409 where it refuses the app.
    """
    wanted = wanted or AuthorizeInput()
    call.own_organization(wanted.org_id)
    app = decisions.get_visible_app(call.tx, call.account, decode_app_id(call, application_id))
    domain = call.deployment.settings.machine_domain
    outcome = service.authorize(
        call.tx,
        app,
        by=call.account,
        machine_domain=domain,
        note=wanted.note,
        version=wanted.version,
        scopes=wanted.scopes,
        ends_at=wanted.end,
        policy_version=wanted.policy_version,
        proposal_lifetime=call.deployment.settings.proposal_lifetime,
    )
    if isinstance(outcome, AuthorizationProposal):
        response.status_code = 202
        return proposal_body(call, outcome)
    return outcome if isinstance(outcome, Refused) else decided_body(call, outcome)


@router.post("/applications/{application_id}/declineChanges", response_model=DecisionBody)
def decline_changes(
    call: Decider, application_id: str, wanted: DeclineInput | None = None
) -> DecisionBody | Refused:
    """Declines the scopes that the app asks for beyond its authorization, which stays as it is.

    409 when the organization has not authorized the app. A repeat changes nothing.
    """
    wanted = wanted or DeclineInput()
    call.own_organization(wanted.org_id)
    app = decisions.get_visible_app(call.tx, call.account, decode_app_id(call, application_id))
    outcome = service.decline_changes(
        call.tx, app, by=call.account, reason=wanted.reason, version=wanted.version
    )
    return outcome if isinstance(outcome, Refused) else decided_body(call, outcome)


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
    return outcome if isinstance(outcome, Refused) else decided_body(call, outcome)


def decided_body(call: Call, authorization: Authorization) -> DecisionBody:
    return decision_body(call, authorization, queries.last_used_at(call.tx, [authorization.id]))


def _refused(call: Call, app: App, error: Refusal) -> Refused:
    """A wrong secret counts against guessing, and is 401 on this platform."""
    if not isinstance(error, Invalid):
        return Refused(error)
    call.deployment.throttle.client_failed(app.client_id, call.origin.address)
    details = [f"clientSecret: {sentence}" for sentence in error.details]
    return Refused(InvalidCredentials(WRONG_CREDENTIALS, details=details))


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
        authorized_by_rule=authorization.authorized_by_rule,
        version=authorization.app_version,
        ended_by=call.ids.encode(Kind.PEOPLE, ended_by) if ended_by else None,
        ended_by_name=authorization.ended_by_name,
        reason=authorization.end_reason,
    )


def proposal_body(call: Call, proposal: AuthorizationProposal) -> ProposalBody:
    decided_by = proposal.decided_by
    return ProposalBody(
        id=call.ids.encode(Kind.AUTHORIZATION_PROPOSAL, proposal.id),
        application_id=public_id(call, proposal.app),
        application_name=proposal.app.name,
        org_id=call.ids.encode(Kind.ORGANIZATION, proposal.organization_id),
        state=ProposalState(proposal.state),
        scopes=proposal.scopes,
        ends=proposal.ends_at,
        note=proposal.note,
        rule=proposal.rule,
        version=proposal.app_version,
        proposed_by=call.ids.encode(Kind.PEOPLE, proposal.proposed_by),
        proposed_by_name=proposal.proposed_by_name,
        created=proposal.proposed_at,
        expires=proposal.expires_at,
        decided_by=call.ids.encode(Kind.PEOPLE, decided_by) if decided_by else None,
        decided_by_name=proposal.decided_by_name,
        decided=proposal.decided_at,
        reason=proposal.decision_reason,
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
        "declined_scopes": authorization.declined_scopes,
        "ends": authorization.ends_at,
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
