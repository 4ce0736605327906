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
    name: str
    category: Category
    description: str
    action: str


_APPS, _TOKENS, _USERS = Category.APPLICATIONS, Category.TOKENS, Category.USERS

TYPES = (
    EventType("app.created", _APPS, "An app was registered", "{actor} registered the app {target}."),
    EventType("app.updated", _APPS, "An app was changed", "{actor} changed the app {target}."),
    EventType(
        "app.scopes_changed", _APPS, "An app's scopes were changed", "{actor} changed the scopes of {target}."
    ),
    EventType("app.deleted", _APPS, "An app was deleted", "{actor} deleted the app {target}."),
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
        "authorization.requested",
        _APPS,
        "Authorization of a service app was requested",
        "{actor} asked {organization} to authorize {target}.",
    ),
    EventType(
        "authorization.created",
        _APPS,
        "A service app was authorized",
        "{actor} authorized {target} for {organization}.",
    ),
    EventType(
        "authorization.updated",
        _APPS,
        "A service app's scopes were approved",
        "{actor} approved changed scopes of {target} for {organization}.",
    ),
    EventType(
        "authorization.revoked",
        _APPS,
        "A service app was deauthorized",
        "{actor} deauthorized {target} for {organization}.",
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
)


@cache
def event_types() -> dict[str, EventType]:
    return {type_.name: type_ for type_ in TYPES}


def types_of(category: Category) -> list[str]:
    return [type_.name for type_ in TYPES if type_.category == category]
