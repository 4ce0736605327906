"""Policies on Service Apps in words for people: what one says, and what would happen under it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from appanage.apps.model import App
from appanage.apps.scopes import needs_compliance_officer
from appanage.authorizations.app_policy_rules import Askers, Course, Outcome, Rule, Terms
from appanage.authorizations.app_rules import Aftermath
from appanage.authorizations.model import AppRuleMode, Requesters, SecondAdministrator
from appanage.kit.text import count_of

REQUESTERS: Mapping[Requesters, str] = {
    Requesters.EVERYBODY: "Everybody",
    Requesters.ADMINISTRATORS: "Administrators",
    Requesters.NOBODY: "Nobody",
}
SECOND_ADMINISTRATOR: Mapping[SecondAdministrator, str] = {
    SecondAdministrator.NEVER: "Never",
    SecondAdministrator.HIGH_RISK: "For high-risk scopes",
    SecondAdministrator.ALWAYS: "Always",
}
MODES: Mapping[AppRuleMode | None, str] = {
    AppRuleMode.ALLOW: "Allowed",
    AppRuleMode.BLOCK: "Blocked",
    None: "As the policy says",
}
OUTCOMES: Mapping[Outcome, tuple[str, str]] = {
    Outcome.REFUSED: ("Refused", "bad"),
    Outcome.AUTHORIZED: ("Authorized by the policy", "ok"),
    Outcome.ONE_ADMINISTRATOR: ("One administrator decides", "info"),
    Outcome.TWO_ADMINISTRATORS: ("Two administrators decide", "warn"),
}
RULES: Mapping[Rule, str] = {
    Rule.BLOCKED_BY_NAME: "Blocked by name",
    Rule.NOT_ALLOWED_BY_NAME: "Only apps that are allowed by name",
    Rule.NOBODY_ASKS: "Nobody can ask for apps",
    Rule.ADMINISTRATORS_ASK: "Only administrators can ask for apps",
    Rule.LOW_RISK: "The policy authorizes reviewed apps with low-risk scopes",
    Rule.ALWAYS_TWO: "Always two administrators",
    Rule.HIGH_RISK: "Two administrators for high-risk scopes",
    Rule.ONE_IS_ENOUGH: "One administrator is enough",
}
_ASKERS: Mapping[Askers, str] = {
    Askers.EVERYBODY: "Everybody in your organization",
    Askers.ADMINISTRATORS: "Administrators of your organization",
    Askers.DEVELOPERS: "Its developers; it is not in the App Hub, so nobody else can ask for it",
    Askers.NOBODY: "Nobody",
}
_ASKING_RULES: Mapping[Askers, Rule] = {
    Askers.ADMINISTRATORS: Rule.ADMINISTRATORS_ASK,
    Askers.NOBODY: Rule.NOBODY_ASKS,
}


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What would happen with one app, sentence by sentence, each with the rules that make it."""

    asks: str
    outcome: str
    tone: str
    sentence: str
    decides: str
    until: datetime | None
    is_refused: bool
    rules: Sequence[tuple[str, str]]

    @classmethod
    def of(cls, app: App, course: Course) -> Self:
        outcome, tone = OUTCOMES[course.verdict.outcome]
        return cls(
            asks=_ASKERS[course.askers],
            outcome=outcome,
            tone=tone,
            sentence=course.verdict.sentence,
            decides=_decides(course.verdict.outcome, app),
            until=course.ends_at,
            is_refused=course.verdict.is_refused,
            rules=[(RULES[rule], rule.value) for rule in _rules_of(course)],
        )


def say(terms: Terms) -> list[tuple[str, str]]:
    """A policy, line by line."""
    return [
        ("Who can ask for apps", REQUESTERS[terms.requesters]),
        ("Reviewed apps with low-risk scopes", _of_low_risk(terms)),
        ("A second administrator", SECOND_ADMINISTRATOR[terms.second_administrator]),
        ("Apps that can be authorized", _of_names(terms)),
        (
            "Longest duration",
            count_of(terms.longest_days, "day", "days") if terms.longest_days else "No limit",
        ),
    ]


def say_differences(yours: Terms, theirs: Terms) -> list[tuple[str, str, str]]:
    """Where two policies differ: the line, what one says and what the other."""
    return [
        (name, own, other)
        for (name, own), (_, other) in zip(say(yours), say(theirs), strict=True)
        if own != other
    ]


def say_ended(ended: Aftermath) -> str:
    """What a block has ended, for after another sentence."""
    counts = (
        (ended.authorizations, "authorization has ended", "authorizations have ended"),
        (ended.requests, "request was declined", "requests were declined"),
        (ended.proposals, "proposal has expired", "proposals have expired"),
    )
    return "".join(f" {count_of(number, one, many)}." for number, one, many in counts if number)


def _of_low_risk(terms: Terms) -> str:
    return "The policy authorizes them" if terms.authorizes_low_risk else "Administrators decide"


def _of_names(terms: Terms) -> str:
    return "Only those that are allowed by name" if terms.only_allowed else "All that are not blocked by name"


def _decides(outcome: Outcome, app: App) -> str:
    also = " who is also a Compliance Officer" if needs_compliance_officer(app.scopes) else ""
    return {
        Outcome.REFUSED: "Nobody can",
        Outcome.AUTHORIZED: "The policy, as soon as somebody asks",
        Outcome.ONE_ADMINISTRATOR: f"One Full Administrator{also}",
        Outcome.TWO_ADMINISTRATORS: f"A Full Administrator{also} proposes it, and another one confirms it",
    }[outcome]


def _rules_of(course: Course) -> list[Rule]:
    """The rule on who asks comes beside the one on what becomes of it; what is refused needs no other."""
    asking = None if course.verdict.is_refused else _ASKING_RULES.get(course.askers)
    return [rule for rule in (asking, course.verdict.rule) if rule]
