"""The scopes an app can ask for, how risky each one is, and which of them a Service App may register."""

import csv
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from appanage.directory.roles import ADMINISTRATORS, Role, labels

OPENID_SCOPES = frozenset({"openid", "profile", "email", "phone", "address"})  # OpenID Connect Core §5.4
SCOPE_BUDGET = 800  # characters of the joined scopes of a Service App
INTEGRATION_SCOPE_BUDGET = 2000  # of an Integration: what fits into an access token

BOT_SCOPES = frozenset(
    {
        "spark:memberships_read",
        "spark:memberships_write",
        "spark:messages_read",
        "spark:messages_write",
        "spark:people_read",
        "spark:rooms_read",
        "spark:rooms_write",
        "spark:team_memberships_read",
        "spark:team_memberships_write",
        "spark:teams_read",
        "spark:teams_write",
        "spark:webhooks_read",
        "spark:webhooks_write",
    }
)
"""What every bot may do: talk in the spaces that it was added to. None of these needs a role (checklist CRED-13)."""

HEADINGS = {
    "spark-admin": "Organization administration",
    "identity": "Identity management",
    "audit": "Audit",
    "analytics": "Reports and analytics",
    "spark-compliance": "Compliance",
    "guest-issuer": "Guests",
    "meeting": "Meetings",
    "spark": "Messaging, calls, and devices of an account",
    "contact-center": "Contact center",
    "support": "Support issues",
    "application": "App webhooks",
    "misc": "Other",
    "oidc": "Sign-in",
}


class Risk(StrEnum):
    """What a leaked token could do, the worst first."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class GrantedBy(StrEnum):
    """The least role with which granting a scope has an effect."""

    ANY_USER = "any_user"
    ORG_ADMIN = "org_admin"
    FULL_ADMIN = "full_admin"
    COMPLIANCE_OFFICER = "compliance_officer"
    PARTNER_ADMIN = "partner_admin"


class ServiceAppUse(StrEnum):
    """How far a scope works for a machine account."""

    YES = "yes"
    LIMITED = "limited"
    NO = "no"


@dataclass(frozen=True, slots=True)
class Scope:
    name: str
    title: str  # for administrators: what it permits
    consequence: str  # for administrators: the worst outcome; empty when the risk is low
    family: str
    risk: Risk
    granted_by: GrantedBy
    service_app: ServiceAppUse
    reason: str  # for developers: why a Service App can use it in part or not at all


@dataclass(frozen=True, slots=True)
class Family:
    key: str
    heading: str
    scopes: tuple[Scope, ...]


@cache
def catalogue() -> Mapping[str, Scope]:
    """Every scope by its name, in the order in which a picker shows them.

    The risk of a scope was first given by `risk_by_rule`: whatever needs a Compliance Officer is high; in an
    organization, reading is medium and everything else high; with an account's own things, reading is low and
    everything else medium; sign-in claims are low. Every value was then reviewed; where the file differs
    from the rule, the test of the catalogue lists the scope with the reason.
    """
    lines = (files(__package__) / "scopes.csv").read_text(encoding="utf-8").splitlines()
    scopes = [_scope(row) for row in csv.DictReader(lines, strict=True)]
    return MappingProxyType({scope.name: scope for scope in scopes})


def _scope(row: Mapping[str, str]) -> Scope:
    return Scope(
        name=row["name"],
        title=row["title"],
        consequence=row["consequence"],
        family=row["family"],
        risk=Risk(row["risk"]),
        granted_by=GrantedBy(row["granted_by"]),
        service_app=ServiceAppUse(row["service_app"]),
        reason=row["reason"],
    )


def risk_by_rule(scope: Scope) -> Risk:
    """What the kind of a scope alone says about its risk, before it is reviewed."""
    if scope.granted_by is GrantedBy.COMPLIANCE_OFFICER:
        return Risk.HIGH
    if scope.family == "oidc":
        return Risk.LOW
    if scope.granted_by is GrantedBy.ANY_USER:
        return Risk.LOW if _only_reads(scope) else Risk.MEDIUM
    return Risk.MEDIUM if _only_reads(scope) else Risk.HIGH


def _only_reads(scope: Scope) -> bool:
    # A name that says neither read nor write may do both, so only a stated "read" counts.
    return "read" in scope.name.replace(":", "_").split("_")


def find(name: str) -> Scope | None:
    return catalogue().get(name)


@cache
def families() -> tuple[Family, ...]:
    """The whole catalogue for a picker, what Service Apps ask for most first; what cannot be chosen is listed too."""
    return tuple(Family(key, heading, tuple(_of_family(key))) for key, heading in HEADINGS.items())


def _of_family(key: str) -> Iterator[Scope]:
    return (scope for scope in catalogue().values() if scope.family == key)


def joined_length(names: Iterable[str]) -> int:
    """How many characters the scopes take in a token, each named once (RFC 6749 §3.3)."""
    return len(" ".join(set(names)))


def by_risk(names: Iterable[str]) -> dict[Risk, list[Scope]]:
    """The known scopes under each risk, high to low; a risk that none of them has is an empty list."""
    known = _known(names)
    return {risk: [scope for scope in known if scope.risk is risk] for risk in Risk}


def highest_risk(names: Iterable[str]) -> Risk | None:
    return next((risk for risk, scopes in by_risk(names).items() if scopes), None)


def needs_compliance_officer(names: Iterable[str]) -> list[str]:
    """Those of the scopes that only a Compliance Officer can grant."""
    return [scope.name for scope in _known(names) if scope.granted_by is GrantedBy.COMPLIANCE_OFFICER]


_ROLES_FOR: Mapping[GrantedBy, frozenset[Role]] = {
    GrantedBy.ORG_ADMIN: ADMINISTRATORS,
    GrantedBy.FULL_ADMIN: frozenset({Role.FULL_ADMIN}),
    GrantedBy.COMPLIANCE_OFFICER: frozenset({Role.COMPLIANCE_OFFICER}),
    GrantedBy.PARTNER_ADMIN: frozenset(),
}


def within_reach(roles: Collection[Role], names: Iterable[str]) -> frozenset[str]:
    """Those of the scopes that a person with these roles can carry (checklist CRED-13)."""
    return frozenset(scope.name for scope in _known(names) if _is_within_reach(roles, scope.granted_by))


def roles_to_carry(name: str) -> list[str]:
    """The labels of the roles of which one lets a person grant the scope; empty when no role of theirs does."""
    scope = catalogue()[name]
    roles = _ROLES_FOR.get(scope.granted_by, frozenset())
    return labels({Role.FULL_ADMIN} & roles or roles)


def _is_within_reach(roles: Collection[Role], granted_by: GrantedBy) -> bool:
    return granted_by == GrantedBy.ANY_USER or not _ROLES_FOR[granted_by].isdisjoint(roles)


def _known(names: Iterable[str]) -> list[Scope]:
    asked = frozenset(names)
    return [scope for scope in catalogue().values() if scope.name in asked]


def check_for_service_app(names: Collection[str]) -> list[str]:
    """Why a Service App cannot register these scopes; nothing when it can."""
    return _check(names, (_are_known, _are_usable, _fit_the_budget))


def check_for_integration(names: Collection[str]) -> list[str]:
    """Why an Integration cannot register these scopes; nothing when it can. Those of OpenID need no registration."""
    return _check(names, (_are_known, _fit_a_token))


def _check(names: Collection[str], rules: Iterable[Callable[[list[str]], list[str]]]) -> list[str]:
    chosen = sorted(set(names))
    if not chosen:
        return ["Choose at least one scope."]
    return [refusal for rule in rules for refusal in rule(chosen)]


def _are_known(chosen: list[str]) -> list[str]:
    return [f"There is no scope `{name}`." for name in chosen if find(name) is None]


def _are_usable(chosen: list[str]) -> list[str]:
    unusable = [scope for scope in _known(chosen) if scope.service_app is ServiceAppUse.NO]
    return [f"Service Apps cannot use `{scope.name}`. {scope.reason}" for scope in unusable]


def _fit_the_budget(chosen: list[str]) -> list[str]:
    return _fit(chosen, SCOPE_BUDGET)


def _fit_a_token(chosen: list[str]) -> list[str]:
    return _fit(chosen, INTEGRATION_SCOPE_BUDGET)


def _fit(chosen: list[str], budget: int) -> list[str]:
    used, longest = joined_length(chosen), max(chosen, key=len)
    over = used - budget
    remedy = f"Remove at least {over}; the longest is `{longest}` ({len(longest)})."
    return [f"These scopes use {used} of {budget} characters. {remedy}"] if over > 0 else []
