import csv
import re
from importlib.resources import files

import pytest

from appanage.apps import scopes
from appanage.apps.scopes import SCOPE_BUDGET, GrantedBy, Risk, Scope, ServiceAppUse

COLUMNS = ["name", "title", "consequence", "family", "risk", "granted_by", "service_app", "reason"]

# Where the review says otherwise than the rule, and why.
REVIEWED = {
    # Worse than their kind: whole accounts, everybody's conversations, the organization's customers.
    "spark:all": (Risk.HIGH, "it is the whole account at once"),
    "spark:applications_token": (Risk.HIGH, "it reaches every organization that authorized the apps"),
    "spark:xapi_commands": (Risk.HIGH, "a room device can be made to call out, which is eavesdropping"),
    "meeting:admin_recordings_read": (Risk.HIGH, "it is what everyone said, not a setting"),
    "meeting:admin_transcripts_read": (Risk.HIGH, "it is what everyone said, not a setting"),
    "spark-admin:recordings_read": (Risk.HIGH, "it is what everyone said, not a setting"),
    "spark-admin:calling_cdr_read": (Risk.HIGH, "organizations guard these records by a role of their own"),
    "cjds:admin_org_read": (Risk.HIGH, "it is personal data of people outside the organization"),
    "cloud-contact-center:pod_conv": (Risk.HIGH, "it listens in on other people's conversations"),
    # Worse than reading usually is: the content of one person's conversations, or their customers.
    "spark:messages_read": (Risk.MEDIUM, "it is the content of private conversations"),
    "spark:recordings_read": (Risk.MEDIUM, "it is the content of private conversations"),
    "meeting:recordings_read": (Risk.MEDIUM, "it is the content of private conversations"),
    "meeting:summaries_read": (Risk.MEDIUM, "it is the content of private conversations"),
    "meeting:transcripts_read": (Risk.MEDIUM, "it is the content of private conversations"),
    "cjp:task_read": (Risk.MEDIUM, "it holds the numbers of customers"),
    # Milder than changing an organization usually is: what they change can be made again or harms few.
    "spark-admin:broadworks_billing_reports_write": (Risk.MEDIUM, "a report can be created again"),
    "spark-admin:wholesale_billing_reports_write": (Risk.MEDIUM, "a report can be created again"),
    "spark-admin:reports_write": (Risk.MEDIUM, "a report can be created again"),
    "spark-admin:resource_group_memberships_write": (Risk.MEDIUM, "people keep everything they hold"),
    "spark-admin:video_mesh_api_write": (Risk.MEDIUM, "tests and thresholds leave the calls alone"),
    "spark-admin:workspace_locations_write": (Risk.MEDIUM, "no call is routed by the address of a room"),
    "support:org_issues_write": (Risk.MEDIUM, "an issue can be opened again"),
    "guest-issuer:write": (Risk.MEDIUM, "a guest reaches only what it is invited to"),
    "Identity:contact": (Risk.MEDIUM, "an address book gives nobody access"),
    "identity:contacts_rw": (Risk.MEDIUM, "an address book gives nobody access"),
    "Identity:Config": (Risk.MEDIUM, "it only reads, though its name does not say so"),
    # Milder than reading an organization usually is: nothing about people, nothing that helps an attack.
    "spark-admin:classifications_read": (Risk.LOW, "it is a list of labels"),
    "spark-admin:roles_read": (Risk.LOW, "it is a list of labels, without the people who hold them"),
    "spark-admin:resource_groups_read": (Risk.LOW, "it is a list of labels"),
    "spark-admin:organizations_read": (Risk.LOW, "a name and an id that every member sees"),
    "spark-admin:licenses_read": (Risk.LOW, "counts of what was bought"),
    "spark-admin:locations_read": (Risk.LOW, "addresses of offices"),
    "spark-admin:workspace_locations_read": (Risk.LOW, "addresses of offices"),
    "spark-admin:workspace_metrics_read": (Risk.LOW, "measurements of rooms, not of people"),
    "spark-admin:datasource_read": (Risk.LOW, "an app sees only what it registered itself"),
    "guest-issuer:read": (Risk.LOW, "it is one number"),
    "wxc-dedicateduc:admin_perfmon_read": (Risk.LOW, "counters of a machine"),
}


def rows() -> list[dict[str, str]]:
    lines = (files("appanage.apps") / "scopes.csv").read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(lines))


def every_scope() -> list[Scope]:
    return list(scopes.catalogue().values())


def usable_names(total: int, shorter_than: int = 99) -> list[str]:
    """Scopes a Service App can use that take exactly so many characters together."""
    reached: dict[int, list[str]] = {-1: []}  # the first name has no space before it
    for scope in every_scope():
        if scope.service_app is not ServiceAppUse.NO and len(scope.name) < shorter_than:
            longer = {used + 1 + len(scope.name): [*names, scope.name] for used, names in reached.items()}
            reached = {used: names for used, names in {**longer, **reached}.items() if used <= total}
    return reached[total]


def test_the_file_has_exactly_the_agreed_columns() -> None:
    assert list(rows()[0]) == COLUMNS


def test_every_row_fills_all_columns_and_nothing_beyond_them() -> None:
    assert [row for row in rows() if list(row) != COLUMNS or None in row.values()] == []


def test_only_consequence_and_reason_may_be_empty() -> None:
    required = [column for column in COLUMNS if column not in {"consequence", "reason"}]

    assert [row["name"] for row in rows() if not all(row[column] for column in required)] == []


def test_no_cell_has_spaces_around_it() -> None:
    assert [row["name"] for row in rows() if any(cell != cell.strip() for cell in row.values())] == []


def test_every_scope_is_in_the_file_once() -> None:
    names = [row["name"] for row in rows()]

    assert len(names) == len({name.casefold() for name in names}) == len(every_scope()) == 182


def test_every_name_is_a_scope_token() -> None:
    """RFC 6749 §3.3: a scope token has no space, quotation mark or backslash."""
    allowed = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")

    assert [scope.name for scope in every_scope() if not allowed.fullmatch(scope.name)] == []


def test_the_catalogue_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        scopes.catalogue()["spark:new"] = every_scope()[0]  # type: ignore[index]


def test_every_risk_is_the_rules_or_was_reviewed() -> None:
    expected = {
        scope.name: REVIEWED.get(scope.name, (scopes.risk_by_rule(scope), ""))[0] for scope in every_scope()
    }

    assert {scope.name: scope.risk for scope in every_scope()} == expected


def test_a_review_is_listed_only_where_it_differs_from_the_rule_and_says_why() -> None:
    by_rule = {scope.name: scopes.risk_by_rule(scope) for scope in every_scope()}

    assert [name for name, (risk, why) in REVIEWED.items() if by_rule[name] is risk or not why] == []


@pytest.mark.parametrize(
    ("name", "risk"),
    [
        ("spark-compliance:teams_read", Risk.HIGH),
        ("spark-admin:people_write", Risk.HIGH),
        ("identity:groups_rw", Risk.HIGH),
        ("Identity:SCIM", Risk.HIGH),
        ("spark-admin:people_read", Risk.MEDIUM),
        ("analytics:read_all", Risk.MEDIUM),
        ("spark:rooms_write", Risk.MEDIUM),
        ("spark:xsi", Risk.MEDIUM),
        ("spark:rooms_read", Risk.LOW),
        ("openid", Risk.LOW),
    ],
)
def test_the_rule_follows_reach_and_power(name: str, risk: Risk) -> None:
    assert scopes.risk_by_rule(scopes.catalogue()[name]) is risk


def test_every_title_is_a_short_line_that_starts_with_a_capital_and_has_no_period() -> None:
    good = re.compile(r"[A-Z].{1,68}[^.]")

    assert [scope.title for scope in every_scope() if not good.fullmatch(scope.title)] == []


def test_no_two_scopes_share_a_title() -> None:
    assert len({scope.title for scope in every_scope()}) == len(every_scope())


def test_exactly_the_scopes_of_medium_and_high_risk_tell_their_consequence() -> None:
    risky = {scope.name for scope in every_scope() if scope.risk is not Risk.LOW}

    assert {scope.name for scope in every_scope() if scope.consequence} == risky


def test_exactly_the_scopes_a_service_app_cannot_fully_use_say_why() -> None:
    restricted = {scope.name for scope in every_scope() if scope.service_app is not ServiceAppUse.YES}

    assert {scope.name for scope in every_scope() if scope.reason} == restricted


def test_every_consequence_and_every_reason_is_one_sentence() -> None:
    texts = [text for scope in every_scope() for text in (scope.consequence, scope.reason) if text]
    sentence = re.compile(r"[A-Z][^.]{10,118}\.")

    assert [text for text in texts if not sentence.fullmatch(text)] == []


def test_a_reason_points_only_to_scopes_that_a_service_app_can_choose() -> None:
    mentioned = {name for scope in every_scope() for name in re.findall(r"`(\w[\w-]*:\w+)`", scope.reason)}
    choosable = {scope.name for scope in every_scope() if scope.service_app is not ServiceAppUse.NO}

    assert mentioned
    assert mentioned <= choosable


def test_whatever_needs_a_compliance_officer_is_of_high_risk() -> None:
    guarded = [scope for scope in every_scope() if scope.granted_by is GrantedBy.COMPLIANCE_OFFICER]

    assert {scope.risk for scope in guarded} == {Risk.HIGH}


def test_families_follow_their_headings() -> None:
    assert [(family.key, family.heading) for family in scopes.families()] == list(scopes.HEADINGS.items())


def test_every_scope_is_in_one_family_in_the_order_of_the_file() -> None:
    listed = [scope for family in scopes.families() for scope in family.scopes]

    assert listed == every_scope()
    assert all(family.scopes for family in scopes.families())


def test_the_scopes_of_a_family_are_sorted_by_name() -> None:
    for family in scopes.families():
        names = [scope.name.casefold() for scope in family.scopes]

        assert names == sorted(names)


def test_a_scope_is_found_by_its_exact_name() -> None:
    found = scopes.find("Identity:SCIM")

    assert found is not None
    assert found.title == "Provision people and groups"
    assert scopes.find("identity:scim") is None


def test_the_joined_length_counts_each_name_once_and_the_spaces_between() -> None:
    assert scopes.joined_length([]) == 0
    assert scopes.joined_length(["email"]) == 5
    assert scopes.joined_length(["email", "phone", "email"]) == 11


def test_scopes_are_grouped_from_high_to_low_risk_and_unknown_names_are_left_out() -> None:
    asked = ["spark:rooms_read", "spark:unheard_of", "spark-admin:people_write", "spark:rooms_read"]
    grouped = scopes.by_risk(asked)

    assert list(grouped) == [Risk.HIGH, Risk.MEDIUM, Risk.LOW]
    assert [scope.name for scope in grouped[Risk.HIGH]] == ["spark-admin:people_write"]
    assert grouped[Risk.MEDIUM] == []
    assert [scope.name for scope in grouped[Risk.LOW]] == ["spark:rooms_read"]


def test_the_highest_risk_is_that_of_the_worst_scope() -> None:
    assert scopes.highest_risk(["spark:rooms_read", "spark-admin:people_write"]) is Risk.HIGH
    assert scopes.highest_risk(["spark:rooms_read", "spark:rooms_write"]) is Risk.MEDIUM
    assert scopes.highest_risk(["spark:rooms_read", "spark:unheard_of"]) is Risk.LOW


def test_nothing_known_has_no_risk() -> None:
    assert scopes.highest_risk(["spark:unheard_of"]) is None


def test_the_scopes_that_need_a_compliance_officer_are_named_once() -> None:
    asked = ["spark-compliance:rooms_read", "spark:rooms_read", "spark-compliance:rooms_read"]

    assert scopes.needs_compliance_officer(asked) == ["spark-compliance:rooms_read"]


def test_a_service_app_registers_usable_and_limited_scopes() -> None:
    assert scopes.check_for_service_app(["spark-admin:people_read", "meeting:admin_schedule_write"]) == []


def test_a_service_app_needs_a_scope() -> None:
    assert scopes.check_for_service_app([]) == ["Choose at least one scope."]


def test_an_unknown_scope_is_refused_by_name() -> None:
    assert scopes.check_for_service_app(["spark:unheard_of"]) == ["There is no scope `spark:unheard_of`."]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("analytics:read_all", "Analytics endpoints do not accept machine accounts."),
        ("spark-admin:xsi", "The XSI telephony interface does not accept machine accounts."),
        ("spark-admin:messages_read", "Withdrawn; use `spark-compliance:messages_read` instead."),
        (
            "application:webhooks_read",
            "These webhooks belong to the app's owner; manage them with the owner's own token.",
        ),
    ],
)
def test_a_scope_that_machine_accounts_cannot_use_is_refused_with_the_reason(name: str, reason: str) -> None:
    assert scopes.check_for_service_app([name]) == [f"Service Apps cannot use `{name}`. {reason}"]


@pytest.mark.parametrize("name", ["openid", "email", "profile", "phone", "address"])
def test_a_sign_in_scope_is_never_registered(name: str) -> None:
    reason = "Sign-in scopes describe a person who signs in; a Service App signs nobody in."

    assert scopes.check_for_service_app([name]) == [f"Service Apps cannot use `{name}`. {reason}"]


def test_the_budget_can_be_used_up_to_its_last_character() -> None:
    names = usable_names(800)

    assert SCOPE_BUDGET == scopes.joined_length(names) == 800
    assert scopes.check_for_service_app(names) == []


def test_one_character_over_the_budget_is_refused() -> None:
    [refusal] = scopes.check_for_service_app(usable_names(801))

    assert refusal.startswith("These scopes use 801 of 800 characters. Remove at least 1; the longest is `")


def test_the_refusal_of_the_budget_counts_what_to_remove_and_names_the_longest_scope() -> None:
    longest = "spark-admin:resource_group_memberships_write"
    names = [*usable_names(846 - 1 - len(longest), shorter_than=len(longest)), longest]

    [refusal] = scopes.check_for_service_app(names)

    assert refusal == (
        "These scopes use 846 of 800 characters. Remove at least 46; "
        "the longest is `spark-admin:resource_group_memberships_write` (44)."
    )


def test_a_scope_chosen_twice_counts_once() -> None:
    names = usable_names(800)

    assert scopes.check_for_service_app([*names, *names]) == []
    assert scopes.check_for_service_app(["nothing", "nothing"]) == ["There is no scope `nothing`."]


def test_all_refusals_are_told_at_once() -> None:
    refusals = scopes.check_for_service_app([*usable_names(795), "email", "nothing"])

    assert [refusal.split(".")[0] for refusal in refusals] == [
        "There is no scope `nothing`",
        "Service Apps cannot use `email`",
        "These scopes use 809 of 800 characters",
    ]
