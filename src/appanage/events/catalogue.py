"""Every type of event there is, with the words that the audit log uses for it.

`category` is the `eventCategory` of the audit API (platform reference §5.1); `action` is its `actionText`, in which
`{actor}`, `{target}` and `{organization}` stand for names. A type that is not listed here cannot be recorded.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache


class Category(StrEnum):
    ACCESS = "ACCESS"
    APPLICATIONS = "APPLICATIONS"
    LOGINS = "LOGINS"
    LOGOUT = "LOGOUT"
    ORG_SETTINGS = "ORG_SETTINGS"
    TOKENS = "TOKENS"
    USERS = "USERS"


@dataclass(frozen=True, slots=True)
class EventType:
    """With `told` somebody is told of it by a letter: `appanage.mail.composers` says who, and in which words."""

    name: str
    category: Category
    description: str
    action: str
    told: bool = False


_APPS, _TOKENS, _USERS = Category.APPLICATIONS, Category.TOKENS, Category.USERS

TYPES = (
    EventType("app.created", _APPS, "An app was registered", "{actor} registered the app {target}."),
    EventType("app.updated", _APPS, "An app was changed", "{actor} changed the app {target}."),
    EventType(
        "app.scopes_changed",
        _APPS,
        "An app's scopes were changed",
        "{actor} changed the scopes of {target}.",
        told=True,
    ),
    EventType("app.deleted", _APPS, "An app was deleted", "{actor} deleted the app {target}."),
    EventType(
        "app.change_proposed",
        _APPS,
        "A change of a listed app was proposed",
        "{actor} changed {target}; the change waits for a review.",
    ),
    EventType(
        "app.change_discarded",
        _APPS,
        "A proposed change of a listed app was discarded",
        "{actor} discarded what was proposed for {target}.",
    ),
    EventType(
        "app.version_approved",
        _APPS,
        "A version of a listed app was approved",
        "{actor} approved a version of {target}.",
    ),
    EventType(
        "app.owner_added",
        _APPS,
        "An app was given another owner",
        "{actor} added an owner of {target}.",
        told=True,
    ),
    EventType(
        "app.owner_removed",
        _APPS,
        "An owner of an app was removed",
        "{actor} removed an owner of {target}.",
        told=True,
    ),
    EventType(
        "app.transferred",
        _APPS,
        "An app was handed over",
        "{actor} handed {target} over to a colleague.",
        told=True,
    ),
    EventType(
        "app.adopted",
        _APPS,
        "An app without an owner was adopted",
        "{actor} found an owner for {target}.",
        told=True,
    ),
    EventType(
        "secret.created", _APPS, "A client secret was made", "{actor} made a client secret for {target}."
    ),
    EventType(
        "secret.revoked", _APPS, "A client secret was revoked", "{actor} revoked a client secret of {target}."
    ),
    EventType("key.created", _APPS, "A client key was registered", "{actor} registered a key of {target}."),
    EventType("key.revoked", _APPS, "A client key was revoked", "{actor} revoked a key of {target}."),
    EventType(
        "consent.given", _APPS, "A person connected an app", "{actor} allowed {target} to act for them."
    ),
    EventType(
        "consent.declined",
        _APPS,
        "A person declined an app",
        "{actor} did not allow {target} to act for them.",
    ),
    EventType(
        "consent.refused",
        _APPS,
        "A person was kept from connecting an app",
        "{actor} was not permitted to connect {target}.",
    ),
    EventType(
        "app.withdrawn",
        _APPS,
        "An app that people had connected was deleted",
        "{target} was deleted by its developers and disconnected from people of {organization}.",
    ),
    EventType("consent.withdrawn", _APPS, "An app was disconnected", "{actor} disconnected {target}."),
    EventType(
        "integration.allowed",
        _APPS,
        "An integration was allowed",
        "{actor} allowed {target} for {organization}.",
    ),
    EventType(
        "integration.blocked",
        _APPS,
        "An integration was blocked",
        "{actor} blocked {target} for {organization}.",
    ),
    EventType(
        "integration.rule_removed",
        _APPS,
        "The rule on an integration was removed",
        "{actor} removed the rule of {organization} on {target}.",
    ),
    EventType(
        "integration_policy.changed",
        Category.ORG_SETTINGS,
        "The policy on integrations was changed",
        "{actor} changed the policy of {organization} on integrations.",
    ),
    EventType(
        "app_policy.changed",
        Category.ORG_SETTINGS,
        "The policy on service apps was changed",
        "{actor} changed the policy of {organization} on service apps.",
    ),
    EventType(
        "app_rule.set",
        _APPS,
        "A service app was allowed or blocked by name",
        "{actor} decided for {organization} whether {target} may be authorized.",
    ),
    EventType(
        "app_rule.removed",
        _APPS,
        "The rule on a service app was removed",
        "{actor} removed the rule of {organization} on {target}.",
    ),
    EventType(
        "authorization.requested",
        _APPS,
        "Authorization of a service app was requested",
        "{actor} asked {organization} to authorize {target}.",
        told=True,
    ),
    EventType(
        "authorization.request_withdrawn",
        _APPS,
        "A request for a service app was withdrawn",
        "{actor} withdrew the request that {organization} authorize {target}.",
    ),
    EventType(
        "app.share_withdrawn",
        _APPS,
        "The sharing of an app was withdrawn",
        "{actor} withdrew the sharing of {target}.",
    ),
    EventType(
        "authorization.created",
        _APPS,
        "A service app was authorized",
        "{actor} authorized {target} for {organization}.",
        told=True,
    ),
    EventType(
        "authorization.updated",
        _APPS,
        "A service app's authorization was changed",
        "{actor} changed what {target} is authorized for by {organization}.",
        told=True,
    ),
    EventType(
        "authorization.revoked",
        _APPS,
        "A service app was deauthorized",
        "{actor} deauthorized {target} for {organization}.",
        told=True,
    ),
    EventType(
        "authorization.refused",
        _APPS,
        "A decision on a service app was refused",
        "{actor} was not permitted to decide on {target} for {organization}.",
    ),
    EventType(
        "tokens.retrieved",
        _TOKENS,
        "Tokens were retrieved",
        "{actor} retrieved tokens of {target} for {organization}.",
    ),
    EventType(
        "tokens.refused",
        _TOKENS,
        "Tokens were refused",
        "{actor} was refused tokens of {target} for {organization}.",
    ),
    EventType(
        "authorization_request.refused",
        _TOKENS,
        "An authorization request was refused",
        "An authorization request of {target} was refused.",
    ),
    EventType("token.refused", _TOKENS, "A token was refused", "{actor} was refused a token."),
    EventType(
        "token.reused",
        _TOKENS,
        "A spent code or token was used again",
        "A spent code or token of {target} was used again, so everything issued from it has ended.",
    ),
    EventType("token.revoked", _TOKENS, "A token was revoked", "{actor} revoked a token of {target}."),
    EventType(
        "client.refused", _TOKENS, "Client authentication failed", "Client authentication of {target} failed."
    ),
    EventType(
        "personal_token.created",
        _TOKENS,
        "A personal access token was made",
        "{actor} made a personal access token for {target}.",
    ),
    EventType(
        "personal_token.revoked",
        _TOKENS,
        "A personal access token was revoked",
        "{actor} revoked a personal access token of {target}.",
    ),
    EventType("bot_token.created", _TOKENS, "A bot token was made", "{actor} made a token for {target}."),
    EventType(
        "bot_token.revoked", _TOKENS, "A bot token was revoked", "{actor} revoked the token of {target}."
    ),
    EventType(
        "signing_key.created", _TOKENS, "A signing key was made", "{actor} made the signing key {target}."
    ),
    EventType(
        "access.refused",
        Category.ACCESS,
        "A change was refused for a missing role",
        "{actor} was refused {target}.",
    ),
    EventType("account.created", _USERS, "An account was created", "{actor} created the account {target}."),
    EventType("account.updated", _USERS, "An account was changed", "{actor} changed the account {target}."),
    EventType(
        "account.roles_changed", _USERS, "Roles were changed", "{actor} changed the roles of {target}."
    ),
    EventType("account.deleted", _USERS, "An account was deleted", "{actor} deleted the account {target}."),
    EventType("password.changed", _USERS, "A password was set", "{actor} set the password of {target}."),
    EventType("session.created", Category.LOGINS, "A person signed in", "{actor} signed in."),
    EventType("signin.refused", Category.LOGINS, "A sign-in failed", "A sign-in as {target} failed."),
    EventType("session.ended", Category.LOGOUT, "A person signed out", "{actor} signed out."),
    EventType(
        "organization.created",
        Category.ORG_SETTINGS,
        "An organization was created",
        "{actor} created the organization {target}.",
    ),
    EventType(
        "organization.appointed",
        Category.ORG_SETTINGS,
        "An organization was made the one that runs the platform",
        "{actor} made {target} the organization that runs the platform.",
    ),
    EventType(
        "domain.verified",
        Category.ORG_SETTINGS,
        "A domain was verified",
        "{actor} verified that the domain {target} is {organization}'s.",
    ),
    EventType(
        "domain.removed",
        Category.ORG_SETTINGS,
        "A verified domain was removed",
        "{actor} removed the verified domain {target} of {organization}.",
    ),
    EventType(
        "app.shared",
        _APPS,
        "An app was shared with an organization",
        "{actor} sent the app {target} to an organization.",
        told=True,
    ),
    EventType(
        "app.suspended",
        _APPS,
        "An app was suspended everywhere",
        "{actor} suspended the app {target}.",
        told=True,
    ),
    EventType(
        "app.suspension_lifted",
        _APPS,
        "The suspension of an app was lifted",
        "{actor} lifted the suspension of the app {target}.",
        told=True,
    ),
    EventType(
        "authorization.request_declined",
        _APPS,
        "A request to authorize a service app was declined",
        "{actor} declined for {organization} to authorize {target}.",
        told=True,
    ),
    EventType(
        "authorization.changes_declined",
        _APPS,
        "Changed scopes of a service app were declined",
        "{actor} declined changed scopes of {target} for {organization}.",
        told=True,
    ),
    EventType(
        "authorization.expired",
        _APPS,
        "An authorization came to its end",
        "The authorization of {target} for {organization} came to its end.",
        told=True,
    ),
    EventType(
        "authorization.proposed",
        _APPS,
        "An authorization was proposed to a second administrator",
        "{actor} proposed to authorize {target} for {organization}.",
        told=True,
    ),
    EventType(
        "authorization.proposal_declined",
        _APPS,
        "A proposed authorization was declined",
        "{actor} declined the proposal to authorize {target} for {organization}.",
        told=True,
    ),
    EventType(
        "authorization.proposal_withdrawn",
        _APPS,
        "A proposed authorization was withdrawn",
        "{actor} withdrew the proposal to authorize {target} for {organization}.",
    ),
    EventType(
        "authorization.proposal_expired",
        _APPS,
        "A proposed authorization expired",
        "Nobody decided in time on the proposal to authorize {target} for {organization}.",
        told=True,
    ),
    EventType(
        "listing.drafted",
        _APPS,
        "What is said about an app for the app store was changed",
        "{actor} changed the listing of {target}, which nobody else sees until it is approved.",
    ),
    EventType(
        "listing.published",
        _APPS,
        "An app was listed in the app store",
        "{actor} listed {target} in the app store.",
    ),
    EventType(
        "listing.updated",
        _APPS,
        "Another version of an app was listed in the app store",
        "{actor} listed another version of {target} in the app store.",
    ),
    EventType(
        "submission.taken",
        _APPS,
        "A reviewer took a submission",
        "{actor} began to review {target}.",
    ),
    EventType(
        "submission.checked",
        _APPS,
        "A reviewer ticked points of the checklist",
        "{actor} went through the checklist for {target}.",
    ),
    EventType(
        "submission.withdrawn",
        _APPS,
        "A submission was withdrawn",
        "{actor} withdrew the submission of {target}.",
    ),
    EventType(
        "submission.created",
        _APPS,
        "An app was handed in for review",
        "{actor} handed in {target} for review.",
        told=True,
    ),
    EventType(
        "submission.message",
        _APPS,
        "A message was written about a submission",
        "{actor} wrote about the submission of {target}.",
        told=True,
    ),
    EventType(
        "submission.changes_requested",
        _APPS,
        "A reviewer asked for changes",
        "{actor} asked for changes of {target}.",
        told=True,
    ),
    EventType(
        "submission.approved",
        _APPS,
        "A submission was approved",
        "{actor} approved the submission of {target}.",
        told=True,
    ),
    EventType(
        "submission.rejected",
        _APPS,
        "A submission was rejected",
        "{actor} rejected the submission of {target}.",
        told=True,
    ),
    EventType(
        "listing.featured",
        _APPS,
        "A listed app was featured",
        "{actor} put {target} among the featured apps.",
    ),
    EventType(
        "listing.unfeatured",
        _APPS,
        "A listed app was featured no more",
        "{actor} took {target} from the featured apps.",
    ),
    EventType(
        "listing.removed",
        _APPS,
        "An app was taken out of the App Hub",
        "{actor} took {target} out of the App Hub.",
        told=True,
    ),
    EventType(
        "sandbox.created",
        Category.ORG_SETTINGS,
        "A sandbox was created",
        "{actor} created the sandbox {target}.",
        told=True,
    ),
    EventType(
        "sandbox.extended",
        Category.ORG_SETTINGS,
        "A sandbox was extended",
        "{actor} extended the sandbox {target}.",
    ),
    EventType(
        "sandbox.ended",
        Category.ORG_SETTINGS,
        "A sandbox ended",
        "The sandbox {target} ended.",
        told=True,
    ),
)


AMONG_ADMINISTRATORS = (
    "authorization.refused",
    "authorization.proposed",
    "authorization.proposal_declined",
    "authorization.proposal_withdrawn",
    "authorization.proposal_expired",
)
"""What an organization keeps to itself, although it is about somebody's app."""

SIGNED = (
    "app.shared",
    "app.share_withdrawn",
    "authorization.requested",
    "authorization.request_withdrawn",
    "authorization.created",
    "authorization.updated",
    "authorization.revoked",
)
"""What a person does in the name of their organization towards another, which learns who it was."""


def unknown_type(name: str) -> EventType:
    """One that a newer node has recorded, for an older one that shows it (checklist TEN-07)."""
    return EventType(name, Category.APPLICATIONS, name, f"{{actor}}: {name}, {{target}}.")


@cache
def event_types() -> dict[str, EventType]:
    return {type_.name: type_ for type_ in TYPES}


def types_of(category: Category) -> list[str]:
    return [type_.name for type_ in TYPES if type_.category == category]
