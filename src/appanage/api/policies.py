"""An organization's policy on Integrations, and how much they are used there (platform reference §3.5).

Every organization has one `default` policy, which allows everything until an administrator changes it, and `custom`
ones, each of which decides on one app and comes before the default. Policies for single people are not supported.

Administrators look with `spark-admin:organizations_read`. Deciding is a personal act of a Full Administrator, in the
same way as in Control Hub, and needs a personal access token with `spark:all`. What becomes denied ends at once.
"""

import uuid
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from fastapi import Query, Response
from pydantic import AfterValidator

from appanage.api.app_bodies import public_id
from appanage.api.call import Call, needs
from appanage.api.owned_apps import decode_app_id
from appanage.api.schemas import Body, Items, Line, PageQuery, Time, link_next, new_router
from appanage.apps.model import App
from appanage.authorizations import integrations, policies
from appanage.authorizations import policy_queries as queries
from appanage.authorizations.integrations import Integration
from appanage.authorizations.model import PolicyMode
from appanage.authorizations.policy_queries import Policy, PolicyFilter, no_such_policy
from appanage.directory.roles import SERVICE_APP_READERS
from appanage.kit.errors import Conflict, Invalid, Refused
from appanage.kit.ids import Kind, parse_uuid

router = new_router("Policies on Integrations")

Reader = Annotated[Call, needs("spark-admin:organizations_read")]
Decider = Annotated[Call, needs("spark:all", own_act=True)]

T = TypeVar("T")


class PolicyType(StrEnum):
    """For all apps that no other policy names, or for one app."""

    DEFAULT = "default"
    CUSTOM = "custom"

    @classmethod
    def of(cls, policy: Policy) -> "PolicyType":
        return cls.CUSTOM if policy.app else cls.DEFAULT


class PolicyAction(StrEnum):
    """What a policy does, in the platform's words."""

    ALLOW = "allow"
    DENY = "deny"

    @classmethod
    def of(cls, mode: PolicyMode) -> "PolicyAction":
        return cls.DENY if mode == PolicyMode.BLOCK else cls.ALLOW

    @property
    def mode(self) -> PolicyMode:
        return PolicyMode.BLOCK if self is PolicyAction.DENY else PolicyMode.ALLOW


def _for_everybody(people: T) -> T:
    if people:
        message = "cannot be given: a policy is for everybody in the organization, not for single people"
        raise ValueError(message)
    return people


class PoliciesQuery(PageQuery):
    """Which policies: of one type, with one action, on one app, with a part of the name."""

    type: PolicyType | None = None
    action: PolicyAction | None = None
    app_id: Line | None = None
    person_id: Annotated[Line | None, AfterValidator(_for_everybody)] = None
    name: Line | None = None
    org_id: Line | None = None


class UsageQuery(PageQuery):
    """Which apps: one of them, or those with a part of the name."""

    app_id: Line | None = None
    app_name: Line | None = None
    org_id: Line | None = None


class PolicyInput(Body):
    """A decision. `appId` is an application's id or its client id, for a custom policy only; its name is the app's."""

    type: PolicyType
    action: PolicyAction
    app_id: Line | None = None
    person_ids: Annotated[list[Line] | None, AfterValidator(_for_everybody)] = None


class PolicyBody(Body):
    """A policy. `created` tells when it was last decided; the default is as old as the organization until then."""

    id: str
    app_id: str | None
    name: str
    org_id: str
    type: PolicyType
    action: PolicyAction
    created: Time


class DecidedBody(PolicyBody):
    """A policy as it is after a decision, with how many connections of people to apps this ended."""

    connections_ended: int


class UsageBody(Body):
    """An Integration that people connected or a policy names. `lastUpdated`: when it last got tokens for somebody."""

    id: str
    org_id: str
    policy_id: str
    policy_action: PolicyAction
    app_id: str
    app_name: str
    app_client_id: str
    app_privacy_url: str | None
    app_support_url: str | None
    app_contact_email: str
    app_user_adoption: int
    app_created: Time
    last_updated: Time | None


@router.get("/policies")
def list_policies(
    call: Reader, response: Response, query: Annotated[PoliciesQuery, Query()]
) -> Items[PolicyBody]:
    """The organization's policies: the default, then those on single apps by name."""
    organization = call.own_organization(query.org_id)
    call.require_role(*SERVICE_APP_READERS)
    page = queries.list_policies(call.tx, organization, _filter(call, query), query.page)
    link_next(call, response, page)
    return Items(items=[PolicyBody(**_facts(call, one)) for one in page.items])


@router.post("/policies", response_model=DecidedBody)
def create_policy(call: Decider, wanted: PolicyInput) -> DecidedBody | Refused:
    """Decides on one app, or sets the default. A policy that is there already is replaced, so a repeat is harmless."""
    call.require_role(*policies.DECIDERS)
    return _decide(call, _app(call, wanted), wanted.action.mode)


@router.get("/policies/{policy_id}")
def get_policy(call: Reader, policy_id: str) -> PolicyBody:
    """One of the organization's policies."""
    call.require_role(*SERVICE_APP_READERS)
    return PolicyBody(**_facts(call, _policy(call, policy_id)))


@router.put("/policies/{policy_id}", response_model=DecidedBody)
def replace_policy(call: Decider, policy_id: str, wanted: PolicyInput) -> DecidedBody | Refused:
    """Changes the action; which apps a policy is about stays."""
    call.require_role(*policies.DECIDERS)
    policy = _policy(call, policy_id)
    _require_same_subject(call, policy, wanted)
    return _decide(call, policy.app, wanted.action.mode)


@router.delete("/policies/{policy_id}", status_code=204, response_model=None)
def delete_policy(call: Decider, policy_id: str) -> Refused | None:
    """Leaves the app to the default policy. The default itself stays: 409.

    Where the default denies, this ends connections too; the event tells how many.
    """
    call.require_role(*policies.DECIDERS)
    app = _policy(call, policy_id).app
    if app is None:
        raise Conflict("The default policy stays. Change its action instead.", code="default_policy")
    longest = call.deployment.issuer.longest_life
    ended = policies.remove_rule(call.tx, call.organization, app, by=call.account, longest_token=longest)
    return ended if isinstance(ended, Refused) else None


@router.get("/application/usage")
def list_usage(call: Reader, response: Response, query: Annotated[UsageQuery, Query()]) -> Items[UsageBody]:
    """The Integrations that people of the organization connected or that a policy names, by name."""
    organization = call.own_organization(query.org_id)
    call.require_role(*SERVICE_APP_READERS)
    page = integrations.list_integrations(
        call.tx,
        organization.id,
        query.page,
        search=query.app_name or "",
        app_id=decode_app_id(call, query.app_id) if query.app_id else None,
    )
    link_next(call, response, page)
    used = integrations.last_used_at(call.tx, organization.id, [one.app.id for one in page.items])
    return Items(
        items=[UsageBody(**_usage(call, one), last_updated=used.get(one.app.id)) for one in page.items]
    )


def _filter(call: Call, query: PoliciesQuery) -> PolicyFilter:
    return PolicyFilter(
        is_default=None if query.type is None else query.type == PolicyType.DEFAULT,
        mode=query.action.mode if query.action else None,
        app_id=decode_app_id(call, query.app_id) if query.app_id else None,
        search=query.name or "",
    )


def _app(call: Call, wanted: PolicyInput) -> App | None:
    """The app to decide on; none for the default."""
    is_default = wanted.type == PolicyType.DEFAULT
    if is_default == bool(wanted.app_id):
        # An app beside `default` may be a slip, and would decide on every app instead of this one.
        sentence = (
            "The default policy is not about one app." if is_default else "Say which app this is about."
        )
        raise Invalid(sentence, fields={"appId": sentence})
    return queries.get_any_integration(call.tx, decode_app_id(call, wanted.app_id)) if wanted.app_id else None


def _require_same_subject(call: Call, policy: Policy, wanted: PolicyInput) -> None:
    if wanted.type != PolicyType.of(policy):
        sentence = "The type of a policy cannot be changed."
        raise Invalid(sentence, fields={"type": sentence})
    own = policy.app.id if policy.app else None
    if wanted.app_id and decode_app_id(call, wanted.app_id) != own:
        sentence = "The app of a policy cannot be changed."
        raise Invalid(sentence, fields={"appId": sentence})


def _decide(call: Call, app: App | None, mode: PolicyMode) -> DecidedBody | Refused:
    organization, by, longest = call.organization, call.account, call.deployment.issuer.longest_life
    if app is None:
        ended = policies.set_policy(call.tx, organization, mode, by=by, longest_token=longest)
    else:
        ended = policies.set_rule(call.tx, organization, app, mode, by=by, longest_token=longest)
    if isinstance(ended, Refused):
        return ended
    policy = queries.get_policy(call.tx, organization, app.id if app else None)
    return DecidedBody(**_facts(call, policy), connections_ended=ended)


def _policy(call: Call, public_id: str) -> Policy:
    """One of the caller's organization; another's does not exist."""
    key = public_id if parse_uuid(public_id) else call.ids.decode_key(Kind.POLICY, public_id)
    organization_id, is_custom, app_id = key.partition(":")
    if parse_uuid(organization_id) != call.organization.id or (is_custom and not parse_uuid(app_id)):
        raise no_such_policy()
    return queries.get_policy(call.tx, call.organization, parse_uuid(app_id))


def _policy_id(call: Call, app: App | None) -> str:
    return call.ids.encode(Kind.POLICY, _key(call.organization.id, app))


def _key(organization_id: uuid.UUID, app: App | None) -> str:
    """What is decided is one thing for an organization, or for an organization and an app: its id says for which."""
    return f"{organization_id}:{app.id}" if app else str(organization_id)


def _facts(call: Call, policy: Policy) -> dict[str, Any]:
    return {
        "id": _policy_id(call, policy.app),
        "app_id": public_id(call, policy.app) if policy.app else None,
        "name": policy.name,
        "org_id": call.ids.encode(Kind.ORGANIZATION, call.organization.id),
        "type": PolicyType.of(policy),
        "action": PolicyAction.of(policy.mode),
        "created": policy.decided_at,
    }


def _usage(call: Call, one: Integration) -> dict[str, Any]:
    app, organization_id = one.app, call.organization.id
    return {
        "id": call.ids.encode(Kind.APPLICATION_USAGE, _key(organization_id, app)),
        "org_id": call.ids.encode(Kind.ORGANIZATION, organization_id),
        "policy_id": _policy_id(call, app if one.rule else None),
        "policy_action": PolicyAction.of(one.mode),
        "app_id": public_id(call, app),
        "app_name": app.name,
        "app_client_id": app.client_id,
        "app_privacy_url": app.privacy_url,
        "app_support_url": app.support_url,
        "app_contact_email": app.contact_email,
        "app_user_adoption": one.people,
        "app_created": app.created_at,
    }
