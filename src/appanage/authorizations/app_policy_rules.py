"""What an organization's policy says of one Service App: rules without a database, in the order in which they are asked.

Every verdict names the rule that made it, so that people can be told why.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from appanage.apps.scopes import Risk, find, highest_risk
from appanage.authorizations.model import AppPolicy, AppRuleMode, Requesters, SecondAdministrator
from appanage.directory.roles import ADMINISTRATORS, Role


class Outcome(StrEnum):
    """What can become of an app here."""

    REFUSED = "refused"
    AUTHORIZED = "authorized"  # by the policy itself, when somebody who may ask for the app does
    ONE_ADMINISTRATOR = "one_administrator"
    TWO_ADMINISTRATORS = "two_administrators"


class Rule(StrEnum):
    """The rule that made a verdict; the value is what the API and the record call it."""

    BLOCKED_BY_NAME = "blocked_by_name"
    NOT_ALLOWED_BY_NAME = "not_allowed_by_name"
    NOBODY_ASKS = "nobody_asks"
    ADMINISTRATORS_ASK = "administrators_ask"
    LOW_RISK = "low_risk"
    ALWAYS_TWO = "always_two"
    HIGH_RISK = "high_risk"
    ONE_IS_ENOUGH = "one_is_enough"


@dataclass(frozen=True, slots=True)
class Terms:
    """A policy as a value; `version` 0 is the one that holds until an administrator settles another."""

    requesters: Requesters = Requesters.EVERYBODY
    authorizes_low_risk: bool = False
    second_administrator: SecondAdministrator = SecondAdministrator.NEVER
    only_allowed: bool = False
    longest_days: int | None = None
    version: int = 0

    @classmethod
    def of(cls, policy: AppPolicy | None) -> Self:
        if policy is None:
            return cls()
        return cls(
            requesters=Requesters(policy.requesters),
            authorizes_low_risk=policy.authorizes_low_risk,
            second_administrator=SecondAdministrator(policy.second_administrator),
            only_allowed=policy.only_allowed,
            longest_days=policy.longest_days,
            version=policy.version,
        )

    def latest_end(self, now: datetime) -> datetime | None:
        """When an authorization that begins now must end at the latest."""
        return now + timedelta(days=self.longest_days) if self.longest_days else None

    def says_the_same_as(self, other: "Terms") -> bool:
        """Whether both are the same policy, whichever version each is."""
        return replace(self, version=0) == replace(other, version=0)

    def as_record(self) -> Mapping[str, Any]:
        """What the policy says, in the words of the API and of the record."""
        return {
            "requesters": self.requesters.value,
            "authorizesLowRisk": self.authorizes_low_risk,
            "secondAdministrator": self.second_administrator.value,
            "onlyAllowed": self.only_allowed,
            "longestDays": self.longest_days,
        }


@dataclass(frozen=True, slots=True)
class Matter:
    """What is judged: an app that asks for `scopes`, whether reviewers have approved it, and what a rule says of it.

    `was_refused_by_a_person` says that the last word of administrators on it was no: an administrator says the next one.
    """

    app_name: str
    scopes: frozenset[str]
    is_reviewed: bool
    named: AppRuleMode | None = None
    was_refused_by_a_person: bool = False

    @property
    def risk(self) -> Risk | None:
        """The highest one; a scope that is not in the catalogue any more counts as the worst."""
        return Risk.HIGH if any(find(name) is None for name in self.scopes) else highest_risk(self.scopes)


@dataclass(frozen=True, slots=True)
class Verdict:
    outcome: Outcome
    rule: Rule
    sentence: str

    @property
    def is_refused(self) -> bool:
        return self.outcome is Outcome.REFUSED


class Askers(StrEnum):
    """Whose request for an app can come to something here."""

    EVERYBODY = "everybody"
    ADMINISTRATORS = "administrators"
    DEVELOPERS = "developers"  # of the app: it is not in the App Hub, so nobody else finds it
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Course:
    """What would happen with an app: whose request can come to something, what, and until when it would be authorized.

    Developers of another organization can always send it their app, and ask in vain where it is refused. Where nobody of the organization can ask, the verdict is on an administrator who decides unasked.
    """

    askers: Askers
    verdict: Verdict
    ends_at: datetime | None

    def comes_to_the_same_as(self, other: "Course") -> bool:
        """Whether nobody would notice the difference; rule and end may be others."""
        return (self.askers, self.verdict.outcome) == (other.askers, other.verdict.outcome)


_Ask = Callable[[Terms, Matter, Collection[Role]], Verdict | None]


def of_decision(terms: Terms, matter: Matter) -> Verdict:
    """What an administrator who would authorize the app has to hear."""
    return _first(DECISION_RULES, terms, matter, ())


def of_request(terms: Terms, matter: Matter, roles: Collection[Role]) -> Verdict:
    """What becomes of a request by somebody of the organization who holds these roles."""
    return _first(REQUEST_RULES, terms, matter, roles)


def course_of(terms: Terms, matter: Matter, now: datetime) -> Course:
    """What would happen with the app, to be told before anything does; where it is refused, no request comes to anything."""
    decision, ends_at = of_decision(terms, matter), terms.latest_end(now)
    if decision.is_refused:
        return Course(Askers.NOBODY, decision, None)
    if not matter.is_reviewed:
        return Course(Askers.DEVELOPERS, decision, ends_at)
    if terms.requesters is Requesters.NOBODY:
        return Course(Askers.NOBODY, decision, ends_at)
    return Course(Askers(terms.requesters), of_request(terms, matter, ADMINISTRATORS), ends_at)


def _first(rules: Iterable[_Ask], terms: Terms, matter: Matter, roles: Collection[Role]) -> Verdict:
    return next(filter(None, (rule(terms, matter, roles) for rule in rules)))


def _is_blocked(_terms: Terms, matter: Matter, _roles: Collection[Role]) -> Verdict | None:
    if matter.named is not AppRuleMode.BLOCK:
        return None
    sentence = f"The policy of your organization blocks {matter.app_name} by name."
    return Verdict(Outcome.REFUSED, Rule.BLOCKED_BY_NAME, sentence)


def _is_not_allowed(terms: Terms, matter: Matter, _roles: Collection[Role]) -> Verdict | None:
    if not terms.only_allowed or matter.named is AppRuleMode.ALLOW:
        return None
    sentence = f"The policy of your organization allows only apps that it names, and {matter.app_name} is not one of them."
    return Verdict(Outcome.REFUSED, Rule.NOT_ALLOWED_BY_NAME, sentence)


def _may_not_ask(terms: Terms, _matter: Matter, roles: Collection[Role]) -> Verdict | None:
    if terms.requesters is Requesters.NOBODY:
        sentence = "The policy of your organization takes no requests for apps."
        return Verdict(Outcome.REFUSED, Rule.NOBODY_ASKS, sentence)
    if terms.requesters is Requesters.ADMINISTRATORS and ADMINISTRATORS.isdisjoint(roles):
        sentence = "The policy of your organization lets only its administrators ask for apps."
        return Verdict(Outcome.REFUSED, Rule.ADMINISTRATORS_ASK, sentence)
    return None


def _always_takes_two(terms: Terms, _matter: Matter, _roles: Collection[Role]) -> Verdict | None:
    if terms.second_administrator is not SecondAdministrator.ALWAYS:
        return None
    sentence = "The policy of your organization wants two administrators to agree."
    return Verdict(Outcome.TWO_ADMINISTRATORS, Rule.ALWAYS_TWO, sentence)


def _is_low_risk(terms: Terms, matter: Matter, _roles: Collection[Role]) -> Verdict | None:
    if not (terms.authorizes_low_risk and matter.is_reviewed and matter.risk is Risk.LOW):
        return None
    if matter.was_refused_by_a_person:
        return None
    sentence = "It was reviewed and asks for low-risk scopes alone, which the policy authorizes by itself."
    return Verdict(Outcome.AUTHORIZED, Rule.LOW_RISK, sentence)


def _takes_two_for_high_risk(terms: Terms, matter: Matter, _roles: Collection[Role]) -> Verdict | None:
    if terms.second_administrator is not SecondAdministrator.HIGH_RISK or matter.risk is not Risk.HIGH:
        return None
    sentence = "It asks for high-risk scopes, for which the policy of your organization wants two administrators to agree."
    return Verdict(Outcome.TWO_ADMINISTRATORS, Rule.HIGH_RISK, sentence)


def _takes_one(_terms: Terms, _matter: Matter, _roles: Collection[Role]) -> Verdict:
    sentence = "One administrator decides; no rule says otherwise."
    return Verdict(Outcome.ONE_ADMINISTRATOR, Rule.ONE_IS_ENOUGH, sentence)


# The stricter rule is asked first: what a policy authorizes by itself never escapes two who must always agree.
DECISION_RULES: tuple[_Ask, ...] = (
    _is_blocked,
    _is_not_allowed,
    _always_takes_two,
    _takes_two_for_high_risk,
    _takes_one,
)
REQUEST_RULES: tuple[_Ask, ...] = (
    _is_blocked,
    _is_not_allowed,
    _may_not_ask,
    _always_takes_two,
    _is_low_risk,
    _takes_two_for_high_risk,
    _takes_one,
)
