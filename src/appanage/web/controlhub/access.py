"""Who may see and do what in the administrators' console. One table decides; the services below check again."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from appanage.directory import queries as directory
from appanage.directory.model import Account
from appanage.directory.roles import (
    ADMINISTRATORS,
    PEOPLE_READERS,
    PEOPLE_WRITERS,
    SERVICE_APP_READERS,
    TOKEN_ADMINISTRATORS,
    Role,
    labels,
)
from appanage.kit.errors import NotPermitted
from appanage.web.visit import Visit


class Ability(StrEnum):
    """What one can do here; the value continues the words "you can"."""

    ENTER = "open the administrators’ console"
    SEE_APPS = "see Service Apps, machine accounts, integrations and bots"
    DECIDE = "authorize and deauthorize Service Apps"
    SET_APP_POLICY = "set the policy on Service Apps"
    RULE = "allow and block integrations"
    ADOPT = "find owners for apps that have none"
    DISCONNECT = "disconnect people from integrations"
    END_BOT_TOKENS = "end bot tokens"
    SEE_PEOPLE = "see people and their roles"
    ADD_PEOPLE = "add people"
    ASSIGN_ROLES = "assign roles"
    READ_AUDIT = "read and export the audit log"
    GET_TOKEN = "get an administrator token"


_FULL = frozenset({Role.FULL_ADMIN})

ALLOWED: Mapping[Ability, frozenset[Role]] = {
    Ability.ENTER: ADMINISTRATORS,
    Ability.SEE_APPS: SERVICE_APP_READERS,
    Ability.DECIDE: _FULL,
    Ability.SET_APP_POLICY: _FULL,
    Ability.RULE: _FULL,
    Ability.ADOPT: _FULL,
    Ability.DISCONNECT: TOKEN_ADMINISTRATORS & SERVICE_APP_READERS,
    Ability.END_BOT_TOKENS: _FULL,
    Ability.SEE_PEOPLE: PEOPLE_READERS,
    Ability.ADD_PEOPLE: PEOPLE_WRITERS,
    Ability.ASSIGN_ROLES: _FULL,
    Ability.READ_AUDIT: _FULL,
    Ability.GET_TOKEN: _FULL,
}

_UNTOLD = {Ability.ENTER, Ability.GET_TOKEN}
"""What every administrator can do, and what only some deployments have."""


_FOR_EVERYBODY = {
    Role.APP_REVIEWER: "Reviews the apps of every organization for the App Hub. Cannot review an app of their own.",
    Role.OPERATOR: "Suspends apps everywhere and lifts suspensions, for every organization.",
}
"""What the roles of the organization that runs the platform are good for."""


def may(account: Account, ability: Ability) -> bool:
    return account.has_any(*ALLOWED[ability])


def explanation(role: Role) -> str:
    """What a role is good for, beyond opening the console."""
    if role in _FOR_EVERYBODY:
        return _FOR_EVERYBODY[role]
    if role is Role.COMPLIANCE_OFFICER:
        return "With Full Administrator: authorize apps that ask for compliance scopes."
    can = [ability for ability, roles in ALLOWED.items() if role in roles and ability not in _UNTOLD]
    return f"Can {'; '.join(can)}."


def enter(visit: Visit, ability: Ability) -> Account:
    """The viewer, who may do this. Raises NotPermitted, which names the missing role and who can assign it."""
    viewer = member(visit)
    if not may(viewer, ability):
        missing = labels(ALLOWED[ability])
        sentence = f"To {ability} you need the role {either(missing)}. {_who_can_assign(visit)}"
        raise NotPermitted(sentence, code="role_missing", roles=missing)
    return viewer


def member(visit: Visit) -> Account:
    """The viewer, whose organization has this console; a free one has not."""
    organization, brand = visit.viewer.organization, visit.deployment.settings.brand
    if organization.is_free:
        sentence = (
            f"{organization.name} is a free organization and has no {brand.hub}: only organizations of the "
            f"standard plan authorize apps. You can build apps in the {brand.portal}."
        )
        raise NotPermitted(sentence, code="free_organization")
    return visit.viewer


def holders(visit: Visit, role: Role) -> list[str]:
    """The names of people of the viewer's organization who hold a role and can act, a handful at most."""
    found = directory.list_with_role(visit.tx, visit.viewer.organization_id, role)
    return [account.display_name for account in found if account.is_active][:5]


def either(names: Sequence[str]) -> str:
    """The names as a sentence offers them: `A, B or C`."""
    return " or ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def _who_can_assign(visit: Visit) -> str:
    names = holders(visit, Role.FULL_ADMIN)
    return f"Ask {either(names)} to assign it." if names else "Nobody in your organization can assign it now."
