"""An organization's policy on Service Apps: who may ask for them, who decides on them, which ones, and for how long.

The platform has no such thing; this is our own, and it is what Control Hub shows under App policies. Administrators look
with `spark-admin:organizations_read`, also at what would happen. Settling it is a personal act of a Full Administrator
with `spark-admin:organizations_write`. A block by name ends what is authorized at once; everything else concerns new
decisions only.
"""

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field

from appanage.api.app_bodies import public_id
from appanage.api.call import Call, needs
from appanage.api.owned_apps import app_key, decode_app_id
from appanage.api.schemas import Body, FilledLine, Time, new_router
from appanage.apps.model import App
from appanage.authorizations import app_policies, app_policy_previews, app_rules
from appanage.authorizations.app_policies import DECIDERS, LONGEST_DAYS
from appanage.authorizations.app_policy_rules import Askers, Outcome, Rule, Terms
from appanage.authorizations.app_rules import MOST_NAMED, Aftermath
from appanage.authorizations.model import AppRuleMode, Requesters, SecondAdministrator
from appanage.directory.model import Organization
from appanage.directory.roles import SERVICE_APP_READERS
from appanage.kit.errors import Invalid, Refused
from appanage.kit.ids import Kind

router = new_router("Policies on Service Apps")

Reader = Annotated[Call, needs("spark-admin:organizations_read")]
Decider = Annotated[Call, needs("spark-admin:organizations_write", person=True, own_act=True)]

AppIds = Annotated[list[FilledLine], Field(max_length=MOST_NAMED)]


class TermsBody(Body):
    """What the policy says of every app that is not named. Without `longestDays` an authorization need not end."""

    requesters: Requesters
    authorizes_low_risk: bool
    second_administrator: SecondAdministrator
    only_allowed: bool
    longest_days: Annotated[int | None, Field(ge=1, le=LONGEST_DAYS)] = None

    def terms(self, version: int = 0) -> Terms:
        return Terms(
            requesters=self.requesters,
            authorizes_low_risk=self.authorizes_low_risk,
            second_administrator=self.second_administrator,
            only_allowed=self.only_allowed,
            longest_days=self.longest_days,
            version=version,
        )


class AppPolicyInput(TermsBody):
    """All of it: what is not in `allowed` or `blocked` is named no more. `version` is that of the policy as it was read.

    Apps are named by their ids or client ids.
    """

    allowed: AppIds
    blocked: AppIds
    version: int


class AppPolicyBody(TermsBody):
    """The policy. `version` counts its changes and those of what it names; 0: nobody has settled anything yet."""

    org_id: str
    allowed: list[str]
    blocked: list[str]
    version: int
    last_modified: Time | None
    last_modified_by: str | None


class EndedBody(Body):
    """What the apps that are blocked now lost."""

    authorizations: int
    requests: int
    proposals: int

    @classmethod
    def of(cls, ended: Aftermath) -> Self:
        return cls(authorizations=ended.authorizations, requests=ended.requests, proposals=ended.proposals)


class SettledBody(AppPolicyBody):
    """The policy as it is after a change, and what that ended."""

    ended: EndedBody


class PreviewInput(Body):
    """One app, and the policy under which it is looked at: the one that holds, unless another is given."""

    application_id: FilledLine
    policy: TermsBody | None = None


class PreviewBody(Body):
    """What would happen. `askers` can ask for the app; the rest is what becomes of that.

    Where nobody can ask, it is what becomes of an administrator's decision. `endsAt` is the latest end.
    """

    application_id: str
    askers: Askers
    outcome: Outcome
    rule: Rule
    sentence: str
    ends_at: Time | None


@router.get("/organizations/{organization_id}/appPolicy")
def get_app_policy(call: Reader, organization_id: str) -> AppPolicyBody:
    """The policy of the caller's organization, and the apps that it names."""
    organization = call.own_organization(organization_id)
    call.require_role(*SERVICE_APP_READERS)
    return _body(call, organization)


@router.put("/organizations/{organization_id}/appPolicy", response_model=SettledBody)
def replace_app_policy(call: Decider, organization_id: str, wanted: AppPolicyInput) -> SettledBody | Refused:
    """Settles the whole policy in one act. 409 when somebody changed it since `version`.

    What says the same as before changes nothing, so a repeat is harmless.
    """
    organization = call.own_organization(organization_id)
    call.require_role(*DECIDERS)
    ended = app_rules.replace(
        call.tx,
        organization,
        wanted.terms(wanted.version),
        _named(call, organization, wanted),
        by=call.account,
        version=wanted.version,
        longest_token=call.deployment.issuer.longest_life,
    )
    if isinstance(ended, Refused):
        return ended
    return SettledBody(**dict(_body(call, organization)), ended=EndedBody.of(ended))


@router.post("/organizations/{organization_id}/appPolicy/preview")
def preview_app_policy(call: Reader, organization_id: str, asked: PreviewInput) -> PreviewBody:
    """What would happen with an app, and which rule makes it so. Changes nothing."""
    organization = call.own_organization(organization_id)
    call.require_role(*SERVICE_APP_READERS)
    app_id = decode_app_id(call, asked.application_id)
    app = app_rules.get_nameable(call.tx, organization.id, app_id).app
    terms = asked.policy.terms() if asked.policy else app_policies.terms_of(call.tx, organization.id)
    course = app_policy_previews.foresee(call.tx, organization.id, app, terms)
    return PreviewBody(
        application_id=public_id(call, app),
        askers=course.askers,
        outcome=course.verdict.outcome,
        rule=course.verdict.rule,
        sentence=course.verdict.sentence,
        ends_at=course.ends_at,
    )


def _named(call: Call, organization: Organization, wanted: AppPolicyInput) -> Mapping[App, AppRuleMode]:
    """The apps that are to be named; raises NotFound for one that the organization cannot see."""
    modes = {AppRuleMode.ALLOW: wanted.allowed, AppRuleMode.BLOCK: wanted.blocked}
    keys = {mode: [app_key(call, one) for one in ids] for mode, ids in modes.items()}
    named: dict[App, AppRuleMode] = {}
    for mode in AppRuleMode:
        for app in app_rules.get_all_nameable(call.tx, organization.id, keys[mode]):
            _require_one_mode(named, app)
            named[app] = mode
    return named


def _require_one_mode(named: Mapping[App, AppRuleMode], app: App) -> None:
    if app in named:
        sentence = f"{app.name} cannot be both allowed and blocked."
        raise Invalid(sentence, fields={"blocked": sentence})


def _body(call: Call, organization: Organization) -> AppPolicyBody:
    terms = app_policies.terms_of(call.tx, organization.id)
    policy = app_policies.find_policy(call.tx, organization.id)
    rules = app_rules.list_all_rules(call.tx, organization.id)
    named = {mode: [public_id(call, rule.app) for rule in rules if rule.mode == mode] for mode in AppRuleMode}
    return AppPolicyBody(
        org_id=call.ids.encode(Kind.ORGANIZATION, organization.id),
        requesters=terms.requesters,
        authorizes_low_risk=terms.authorizes_low_risk,
        second_administrator=terms.second_administrator,
        only_allowed=terms.only_allowed,
        longest_days=terms.longest_days,
        allowed=named[AppRuleMode.ALLOW],
        blocked=named[AppRuleMode.BLOCK],
        version=terms.version,
        last_modified=policy.changed_at if policy else None,
        last_modified_by=policy.changed_by_name if policy else None,
    )
