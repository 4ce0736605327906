"""What a policy on Service Apps says: every rule, their order, and what holds whatever the policy is."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appanage.authorizations.app_policy_rules import (
    DECISION_RULES,
    REQUEST_RULES,
    Askers,
    Matter,
    Outcome,
    Rule,
    Terms,
    course_of,
    of_decision,
    of_request,
)
from appanage.authorizations.model import AppRuleMode, Requesters, SecondAdministrator
from appanage.directory.roles import Role

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)
LOW, MEDIUM, HIGH = "spark:people_read", "spark-admin:people_read", "spark-admin:people_write"
EVERYBODY, ADMINISTRATORS, NOBODY = Requesters
NEVER, FOR_HIGH_RISK, ALWAYS = SecondAdministrator
ALLOW, BLOCK = AppRuleMode
PERSON: list[Role] = []
ADMIN = [Role.READONLY_ADMIN]

REFUSED, TWO, ONE, BY_POLICY = (
    Outcome.REFUSED,
    Outcome.TWO_ADMINISTRATORS,
    Outcome.ONE_ADMINISTRATOR,
    Outcome.AUTHORIZED,
)
FROM_LAX_TO_STRICT = [BY_POLICY, ONE, TWO, REFUSED]


def matter(
    *scopes: str, reviewed: bool = True, named: AppRuleMode | None = None, refused: bool = False
) -> Matter:
    return Matter("Workforce Sync", frozenset(scopes), reviewed, named, was_refused_by_a_person=refused)


@pytest.mark.parametrize(
    ("terms", "asked", "outcome", "rule"),
    [
        (Terms(), matter(HIGH), ONE, Rule.ONE_IS_ENOUGH),
        (Terms(), matter(LOW, named=BLOCK), REFUSED, Rule.BLOCKED_BY_NAME),
        (Terms(only_allowed=True), matter(LOW), REFUSED, Rule.NOT_ALLOWED_BY_NAME),
        (Terms(only_allowed=True), matter(LOW, named=BLOCK), REFUSED, Rule.BLOCKED_BY_NAME),
        (Terms(only_allowed=True), matter(LOW, named=ALLOW), ONE, Rule.ONE_IS_ENOUGH),
        (Terms(second_administrator=FOR_HIGH_RISK), matter(LOW, MEDIUM, HIGH), TWO, Rule.HIGH_RISK),
        (Terms(second_administrator=FOR_HIGH_RISK), matter(LOW, MEDIUM), ONE, Rule.ONE_IS_ENOUGH),
        (Terms(second_administrator=FOR_HIGH_RISK), matter("gone:scope"), TWO, Rule.HIGH_RISK),
        (Terms(second_administrator=FOR_HIGH_RISK), matter(HIGH, named=ALLOW), TWO, Rule.HIGH_RISK),
        (Terms(second_administrator=ALWAYS), matter(LOW), TWO, Rule.ALWAYS_TWO),
        (Terms(second_administrator=ALWAYS), matter(HIGH), TWO, Rule.ALWAYS_TWO),
        (Terms(second_administrator=ALWAYS), matter(HIGH, named=BLOCK), REFUSED, Rule.BLOCKED_BY_NAME),
        (Terms(requesters=NOBODY, authorizes_low_risk=True), matter(LOW), ONE, Rule.ONE_IS_ENOUGH),
    ],
)
def test_what_an_administrator_who_decides_hears(terms: Terms, asked: Matter, outcome: Any, rule: Any):
    """CONS-07: who asks does not matter to who decides unasked; nothing is authorized by the policy alone."""
    verdict = of_decision(terms, asked)

    assert (verdict.outcome, verdict.rule) == (outcome, rule)
    assert verdict.is_refused == (outcome is REFUSED)
    assert verdict.sentence


@pytest.mark.parametrize(
    ("terms", "asked", "roles", "outcome", "rule"),
    [
        (Terms(), matter(LOW), PERSON, ONE, Rule.ONE_IS_ENOUGH),
        (Terms(requesters=ADMINISTRATORS), matter(LOW), PERSON, REFUSED, Rule.ADMINISTRATORS_ASK),
        (
            Terms(requesters=ADMINISTRATORS),
            matter(LOW),
            [Role.COMPLIANCE_OFFICER],
            REFUSED,
            "administrators_ask",
        ),
        (Terms(requesters=ADMINISTRATORS), matter(LOW), ADMIN, ONE, Rule.ONE_IS_ENOUGH),
        (Terms(requesters=NOBODY), matter(LOW), [Role.FULL_ADMIN], REFUSED, Rule.NOBODY_ASKS),
        (Terms(requesters=NOBODY), matter(LOW, named=BLOCK), PERSON, REFUSED, Rule.BLOCKED_BY_NAME),
        (Terms(requesters=NOBODY, only_allowed=True), matter(LOW), PERSON, REFUSED, Rule.NOT_ALLOWED_BY_NAME),
        (Terms(authorizes_low_risk=True), matter(LOW), PERSON, BY_POLICY, Rule.LOW_RISK),
        (Terms(authorizes_low_risk=True), matter(LOW, reviewed=False), PERSON, ONE, Rule.ONE_IS_ENOUGH),
        (Terms(authorizes_low_risk=True), matter(LOW, refused=True), PERSON, ONE, Rule.ONE_IS_ENOUGH),
        (Terms(authorizes_low_risk=True), matter(LOW, MEDIUM), PERSON, ONE, Rule.ONE_IS_ENOUGH),
        (Terms(authorizes_low_risk=True), matter("gone:scope"), PERSON, ONE, Rule.ONE_IS_ENOUGH),
        (Terms(authorizes_low_risk=True), matter(), PERSON, ONE, Rule.ONE_IS_ENOUGH),
        (Terms(authorizes_low_risk=True), matter(LOW, named=BLOCK), PERSON, REFUSED, Rule.BLOCKED_BY_NAME),
        (
            Terms(authorizes_low_risk=True, requesters=ADMINISTRATORS),
            matter(LOW),
            PERSON,
            REFUSED,
            Rule.ADMINISTRATORS_ASK,
        ),
        (
            Terms(authorizes_low_risk=True, second_administrator=FOR_HIGH_RISK),
            matter(LOW),
            PERSON,
            BY_POLICY,
            Rule.LOW_RISK,
        ),
        (
            Terms(authorizes_low_risk=True, second_administrator=ALWAYS),
            matter(LOW),
            PERSON,
            TWO,
            Rule.ALWAYS_TWO,
        ),
        (Terms(second_administrator=FOR_HIGH_RISK), matter(HIGH), PERSON, TWO, Rule.HIGH_RISK),
    ],
)
def test_what_becomes_of_a_request(terms: Terms, asked: Matter, roles: Any, outcome: Any, rule: Any):
    """CONS-07: each rule alone, and before each rule that would say something else."""
    verdict = of_request(terms, asked, roles)

    assert (verdict.outcome, verdict.rule) == (outcome, rule)


@pytest.mark.parametrize(
    ("terms", "asked", "askers", "outcome", "rule"),
    [
        (Terms(), matter(LOW), Askers.EVERYBODY, ONE, Rule.ONE_IS_ENOUGH),
        (Terms(authorizes_low_risk=True), matter(LOW), Askers.EVERYBODY, BY_POLICY, Rule.LOW_RISK),
        (
            Terms(authorizes_low_risk=True, requesters=ADMINISTRATORS),
            matter(LOW),
            Askers.ADMINISTRATORS,
            BY_POLICY,
            Rule.LOW_RISK,
        ),
        (
            Terms(authorizes_low_risk=True, requesters=NOBODY),
            matter(LOW),
            Askers.NOBODY,
            ONE,
            Rule.ONE_IS_ENOUGH,
        ),
        (Terms(), matter(LOW, reviewed=False), Askers.DEVELOPERS, ONE, Rule.ONE_IS_ENOUGH),
        (
            Terms(only_allowed=True),
            matter(LOW, reviewed=False),
            Askers.NOBODY,
            REFUSED,
            Rule.NOT_ALLOWED_BY_NAME,
        ),
    ],
)
def test_the_course_of_an_app_says_who_can_ask_and_what_follows(
    terms: Terms, asked: Matter, askers: Any, outcome: Any, rule: Any
):
    course = course_of(terms, asked, NOW)

    assert (course.askers, course.verdict.outcome, course.verdict.rule) == (askers, outcome, rule)


def test_the_longest_duration_counts_from_now_and_a_refusal_has_no_end():
    terms = Terms(longest_days=90)

    assert course_of(terms, matter(HIGH), NOW).ends_at == NOW + timedelta(days=90)
    assert course_of(terms, matter(HIGH, reviewed=False), NOW).ends_at == NOW + timedelta(days=90)
    assert course_of(terms, matter(HIGH, named=BLOCK), NOW).ends_at is None
    assert course_of(Terms(), matter(HIGH), NOW).ends_at is None


POLICIES = st.builds(
    Terms,
    requesters=st.sampled_from(Requesters),
    authorizes_low_risk=st.booleans(),
    second_administrator=st.sampled_from(SecondAdministrator),
    only_allowed=st.booleans(),
    longest_days=st.none() | st.integers(1, 3650),
)
MATTERS = st.builds(
    matter,
    st.sampled_from([LOW, MEDIUM, HIGH, "gone:scope"]),
    reviewed=st.booleans(),
    named=st.sampled_from([None, *AppRuleMode]),
    refused=st.booleans(),
)
ROLES = st.sampled_from([PERSON, ADMIN, [Role.FULL_ADMIN], [Role.COMPLIANCE_OFFICER]])


def strictness(outcome: Outcome) -> int:
    return FROM_LAX_TO_STRICT.index(outcome)


def stricter_of(one: Terms, other: Terms) -> Terms:
    """A policy that is at least as strict as both, in every respect."""
    return Terms(
        requesters=max(one.requesters, other.requesters, key=list(Requesters).index),
        authorizes_low_risk=one.authorizes_low_risk and other.authorizes_low_risk,
        second_administrator=max(
            one.second_administrator, other.second_administrator, key=list(SecondAdministrator).index
        ),
        only_allowed=one.only_allowed or other.only_allowed,
        longest_days=min(one.longest_days or 9999, other.longest_days or 9999),
    )


@given(POLICIES, MATTERS, ROLES)
def test_every_combination_gets_exactly_one_verdict(terms: Terms, asked: Matter, roles: list[Role]):
    """The first rule that says something; and the same when asked again."""
    for verdict, rules, those in (
        (of_decision(terms, asked), DECISION_RULES, ()),
        (of_request(terms, asked, roles), REQUEST_RULES, roles),
    ):
        said = [one for rule in rules if (one := rule(terms, asked, those))]
        assert said[0] == verdict
        assert (verdict.outcome is REFUSED) == verdict.is_refused
        assert asked.app_name in verdict.sentence or "policy" in verdict.sentence or verdict.outcome is ONE


@given(POLICIES, POLICIES, MATTERS, ROLES)
def test_stricter_terms_never_give_a_laxer_outcome(
    one: Terms, other: Terms, asked: Matter, roles: list[Role]
):
    """CONS-07."""
    strict = stricter_of(one, other)

    for terms in (one, other):
        assert strictness(of_decision(strict, asked).outcome) >= strictness(of_decision(terms, asked).outcome)
        of_it, of_strict = of_request(terms, asked, roles), of_request(strict, asked, roles)
        assert strictness(of_strict.outcome) >= strictness(of_it.outcome)
        ends_at, latest = strict.latest_end(NOW), terms.latest_end(NOW)
        assert latest is None or (ends_at is not None and ends_at <= latest)


@given(POLICIES, MATTERS, ROLES)
def test_no_role_makes_a_request_stricter_and_no_request_is_laxer_than_the_policy_allows(
    terms: Terms, asked: Matter, roles: list[Role]
):
    """Whoever asks: what is authorized by the policy alone was reviewed, is of low risk, and is not blocked."""
    as_person, as_admin = of_request(terms, asked, PERSON), of_request(terms, asked, [*roles, *ADMIN])

    assert strictness(as_admin.outcome) <= strictness(as_person.outcome)
    if as_admin.outcome is BY_POLICY:
        assert terms.authorizes_low_risk
        assert asked.is_reviewed
        assert asked.scopes == {LOW}
        assert asked.named is not BLOCK
        assert not asked.was_refused_by_a_person
    else:
        assert strictness(as_admin.outcome) >= strictness(of_decision(terms, asked).outcome)
