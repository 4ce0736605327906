"""The policy on Service Apps and the apps that it names: what is settled, what a block ends, what meets what."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from appanage.apps.queries import get_app
from appanage.authorizations import (
    app_policies,
    app_policy_previews,
    app_rules,
    decisions,
    open_requests,
    organization_tokens,
    proposals,
    queries,
    refresh_tokens,
    requests,
)
from appanage.authorizations import service as authorizations
from appanage.authorizations.app_policy_rules import Askers, Outcome, Rule, Terms
from appanage.authorizations.app_rules import Aftermath
from appanage.authorizations.model import (
    AppRuleMode,
    AuthorizationProposal,
    ProposalState,
    Requesters,
    SecondAdministrator,
)
from appanage.authorizations.tokens import TokenPair
from appanage.directory import queries as directory
from appanage.directory import service as directory_service
from appanage.directory.model import Account, Organization
from appanage.directory.roles import Role
from appanage.events import SeenEvent
from appanage.kit.errors import Conflict, Invalid, NotFound, NotPermitted, Refused
from appanage.kit.paging import PageRequest
from stores.test_locks import waits_for_a_lock
from support.asking import remind
from support.at_once import at_once
from support.clock import MovableClock
from support.connecting import is_alive
from support.deciding import LICENSES, READ, WRITE, ask_for
from support.policing import set_app_policy, set_app_rule, terms_of
from support.refusals import counted_statements
from support.world import MadeApp, World

ALLOW, BLOCK = AppRuleMode.ALLOW, AppRuleMode.BLOCK
LOW = ("spark:people_read",)


@pytest.fixture
def organization(world: World) -> Organization:
    return world.organization("Northwind")


@pytest.fixture
def admin(world: World, organization: Organization) -> Account:
    return world.full_admin(organization, name="Priya Raman")


@pytest.fixture
def made(world: World, organization: Organization) -> MadeApp:
    """A Service App that waits for the administrators."""
    return world.service_app(world.developer(organization), name="Workforce Sync")


@pytest.fixture
def beside() -> Iterator[Callable[[Callable[[], Any]], Future[Any]]]:
    """Does something at the same time, in a thread of its own."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit


def authorize(world: World, made: MadeApp, admin: Account) -> Any:
    with world.deployment.transaction(world.origin) as tx:
        by = directory.get_account(tx, admin.organization_id, admin.id)
        app = decisions.get_visible_app(tx, by, made.id)
        domain = world.deployment.settings.machine_domain
        return authorizations.authorize(tx, app, by=by, machine_domain=domain)


def request(world: World, made: MadeApp, person: Account) -> Any:
    """Somebody asks for an app of the App Hub."""
    with world.deployment.transaction(world.origin) as tx:
        by = directory.get_account(tx, person.organization_id, person.id)
        domain = world.deployment.settings.machine_domain
        return requests.request_for_organization(tx, get_app(tx, made.id), by=by, machine_domain=domain)


def replace_all(
    world: World, admin: Account, terms: Terms, named: list[tuple[MadeApp, AppRuleMode]], *, version: int
) -> Any:
    with world.deployment.transaction(world.origin) as tx:
        by = directory.get_account(tx, admin.organization_id, admin.id)
        apps = {get_app(tx, made.id): mode for made, mode in named}
        life = timedelta(days=14)
        return app_rules.replace(tx, by.organization, terms, apps, by=by, version=version, longest_token=life)


def modes(world: World, organization: Organization) -> dict[str, AppRuleMode]:
    with world.deployment.transaction(world.origin) as tx:
        rules = app_rules.list_all_rules(tx, organization.id)
        return {rule.app.name: AppRuleMode(rule.mode) for rule in rules}


def test_a_policy_holds_from_its_saving_on_and_is_told_with_what_was_before(
    world: World, organization: Organization, admin: Account
):
    """AUD-01: a repeat is no change, and another organization's policy is another one."""
    assert terms_of(world, organization) == Terms()

    first = set_app_policy(
        world, admin, requesters=Requesters.ADMINISTRATORS, authorizes_low_risk=True, longest_days=90
    )
    again = set_app_policy(world, admin)
    second = set_app_policy(world, admin, longest_days=None, only_allowed=True)

    wanted = Terms(requesters=Requesters.ADMINISTRATORS, authorizes_low_risk=True, longest_days=90, version=1)
    assert first == again == wanted
    assert second == replace(wanted, longest_days=None, only_allowed=True, version=2)
    assert second == terms_of(world, organization)
    assert terms_of(world, world.organization()) == Terms()
    told, then = world.events(organization, "app_policy.changed")
    seen = SeenEvent.by(organization.id, told)
    assert seen.action_text == "Priya Raman changed the policy of Northwind on service apps."
    assert told.data == {
        "requesters": {"before": "everybody", "after": "administrators"},
        "authorizesLowRisk": {"before": False, "after": True},
        "longestDays": {"before": None, "after": 90},
    }
    assert set(then.data) == {"longestDays", "onlyAllowed"}


@pytest.mark.parametrize("days", [0, -1, 3651])
def test_a_duration_that_makes_no_sense_is_refused(world: World, admin: Account, days: int):
    with pytest.raises(Invalid) as refusal:
        set_app_policy(world, admin, longest_days=days)

    assert set(refusal.value.fields) == {"longestDays"}


def test_who_saw_an_older_policy_is_told_and_changes_nothing(
    world: World, organization: Organization, admin: Account, made: MadeApp
):
    """Policy changed between page and save; a rule on an app counts as a change too."""
    set_app_policy(world, admin, longest_days=90)
    set_app_rule(world, admin, made, ALLOW)

    with pytest.raises(Conflict, match="Somebody else changed the app policy meanwhile") as refusal:
        set_app_policy(world, admin, version=1, longest_days=30)

    assert refusal.value.code == "app_policy_changed"
    assert terms_of(world, organization) == Terms(longest_days=90, version=2)
    assert set_app_policy(world, admin, version=1) == Terms(longest_days=90, version=2)


def test_of_two_who_save_at_once_one_is_told_of_the_other(
    world: World, organization: Organization, admin: Account
):
    other = world.full_admin(organization)
    acts = [
        lambda: set_app_policy(world, admin, version=0, longest_days=30),
        lambda: set_app_policy(world, other, version=0, longest_days=60),
    ]

    results = at_once(acts)

    assert sorted(type(one).__name__ for one in results) == ["Conflict", "Terms"]
    assert terms_of(world, organization).version == 1
    assert len(world.events(organization, "app_policy.changed")) == 1


@pytest.mark.parametrize("roles", [(), (Role.READONLY_ADMIN, Role.USER_ADMIN, Role.COMPLIANCE_OFFICER)])
def test_only_a_full_administrator_of_the_organization_settles_anything(
    world: World, organization: Organization, made: MadeApp, roles: tuple[Role, ...]
):
    """CONS-06: the role is that of the moment, and the refusal is kept."""
    somebody = world.person(organization, *roles)
    stranger = world.full_admin(world.organization())

    assert isinstance(set_app_policy(world, somebody, longest_days=1), Refused)
    assert isinstance(set_app_rule(world, somebody, made, BLOCK), Refused)
    with world.deployment.transaction(world.origin) as tx:
        refused = app_policies.set_policy(tx, organization, Terms(longest_days=1), by=stranger, version=0)
    assert isinstance(refused, Refused)
    assert isinstance(refused.error, NotPermitted)
    assert terms_of(world, organization) == Terms()
    assert modes(world, organization) == {}
    assert len(world.events(organization, "access.refused")) == 2


def test_a_role_lost_between_page_and_save_is_missing(
    world: World, organization: Organization, admin: Account, beside: Any
):
    """CONS-06: the one who takes it away is waited for."""
    with world.deployment.transaction(world.origin) as tx:
        boss = directory.get_account(tx, organization.id, world.full_admin(organization).id)
        target = directory.get_account(tx, organization.id, admin.id, for_update=True)
        directory_service.assign_roles(tx, target, [], by=boss)
        saving = beside(lambda: set_app_policy(world, admin, longest_days=1))
        assert waits_for_a_lock(world.deployment)

    assert isinstance(saving.result(timeout=10), Refused)
    assert terms_of(world, organization) == Terms()


def test_a_block_ends_what_runs_and_what_waits_and_nothing_else(
    world: World, organization: Organization, admin: Account, made: MadeApp
):
    """REV-09: the authorization with its tokens, and the requests; elsewhere and of other apps all goes on."""
    elsewhere = world.full_admin(world.organization())
    other = world.service_app(world.developer(organization), name="Other")
    world.list_app(made)
    world.authorize(made, admin)
    for app, by in ((made, elsewhere), (other, admin)):
        world.authorize(app, by)
    lena = world.person(organization)
    asked = world.service_app(world.developer(world.organization()), name="Asked For")
    world.list_app(asked)
    request(world, asked, lena)

    assert set_app_rule(world, admin, made, BLOCK) == Aftermath(authorizations=1)
    assert set_app_rule(world, admin, asked, BLOCK) == Aftermath(requests=1)
    assert set_app_rule(world, admin, asked, BLOCK) == Aftermath()

    with world.deployment.transaction(world.origin) as tx:
        by = directory.get_account(tx, organization.id, admin.id)
        ended = decisions.get_decision(tx, by, made.id).authorization
        assert ended is not None
        assert ended.end_reason == "Northwind blocked the app by name."
        assert open_requests.list_open(tx, get_app(tx, asked.id), organization.id) == []
        going_on = decisions.get_decision(tx, by, other.id).authorization
        assert going_on is not None
        assert going_on.is_active
    first, second = world.events(organization, "app_rule.set")
    assert first.data == {
        "mode": {"before": None, "after": "block"},
        "authorizationsEnded": 1,
        "requestsDeclined": 0,
        "proposalsExpired": 0,
    }
    assert second.data["requestsDeclined"] == 1
    assert first.app_id is None, "what an organization settles is its own business (AUD-05)"
    assert len(world.events(organization, "authorization.revoked")) == 1
    assert len(world.events(organization, "authorization.request_declined")) == 1
    with pytest.raises(Conflict, match="blocks Workforce Sync by name"):
        remind(world, made)
    refused = authorize(world, made, admin)
    assert refused.error.message == "The policy of your organization blocks Workforce Sync by name."
    with pytest.raises(NotPermitted, match="blocks Asked For by name"):
        request(world, asked, lena)
    assert modes(world, organization) == {"Asked For": BLOCK, "Workforce Sync": BLOCK}


def test_a_block_expires_what_waits_for_a_second_administrator(
    world: World, organization: Organization, admin: Account, made: MadeApp
):
    """CONS-07: nobody can confirm it any more; when the block goes, everything begins anew."""
    set_app_policy(world, admin, second_administrator=SecondAdministrator.ALWAYS)
    proposal = authorize(world, made, admin)
    assert isinstance(proposal, AuthorizationProposal)

    ended = set_app_rule(world, admin, made, BLOCK)

    assert ended == Aftermath(proposals=1, requests=1)
    with world.deployment.transaction(world.origin) as tx:
        assert proposals.get_proposal(tx, organization.id, proposal.id).state == ProposalState.EXPIRED
    assert set_app_rule(world, admin, made, None) == Aftermath()
    assert world.events(organization, "app_rule.removed")[0].data["mode"] == {
        "before": "block",
        "after": None,
    }
    again = authorize(world, made, admin)
    assert isinstance(again, AuthorizationProposal)
    assert again.id != proposal.id


def test_only_named_apps_and_a_shorter_duration_concern_new_decisions_alone(
    world: World, organization: Organization, admin: Account, made: MadeApp
):
    """What runs goes on and is counted as outside; who decides anew, decides by what holds then."""
    developer = world.developer(organization)
    named, bounded = (world.service_app(developer, name=name) for name in ("Named", "Bounded"))
    for one in (made, named, bounded):
        world.authorize(one, admin)
    set_app_rule(world, admin, named, ALLOW)

    def outside(**changes: Any) -> tuple[list[tuple[str, bool, bool]], tuple[int, int, int]]:
        with world.deployment.transaction(world.origin) as tx:
            terms = Terms(**changes)
            rows = app_policy_previews.list_outside(tx, organization.id, terms, PageRequest()).items
            counted = app_policy_previews.count_outside(tx, organization.id, terms)
            listed = [(row.authorization.app.name, row.is_unnamed, row.is_too_long) for row in rows]
            return listed, (counted.total, counted.unnamed, counted.too_long)

    assert outside() == ([], (0, 0, 0))
    assert outside(only_allowed=True)[1] == (2, 2, 0)
    set_app_policy(world, admin, longest_days=90)
    world.deauthorize(bounded, admin)
    world.authorize(bounded, admin)
    assert outside(longest_days=90)[1] == (2, 0, 2)
    assert outside(only_allowed=True, longest_days=90) == (
        [("Bounded", True, False), ("Named", False, True), ("Workforce Sync", True, True)],
        (3, 2, 2),
    )
    assert outside(longest_days=30)[1] == (3, 0, 3)
    set_app_policy(world, admin, only_allowed=True)
    world.deauthorize(made, admin)
    assert authorize(world, made, admin).error.details == ("Rule: not_allowed_by_name.",)


def test_everything_is_settled_in_one_act_or_not_at_all(
    world: World, organization: Organization, admin: Account, made: MadeApp
):
    developer = world.developer(organization)
    kept, gone = (world.service_app(developer, name=name) for name in ("Kept", "Gone"))
    world.authorize(made, admin)
    for one in (kept, gone):
        set_app_rule(world, admin, one, ALLOW)
    wanted = [(made, BLOCK), (kept, ALLOW)]
    events = len(world.events(organization))

    with pytest.raises(Conflict):
        replace_all(world, admin, Terms(longest_days=30), wanted, version=1)
    with pytest.raises(Conflict):
        replace_all(world, admin, Terms(), wanted, version=1)
    assert len(world.events(organization)) == events
    ended = replace_all(world, admin, Terms(longest_days=30), wanted, version=2)

    assert ended == Aftermath(authorizations=1)
    assert modes(world, organization) == {"Kept": ALLOW, "Workforce Sync": BLOCK}
    assert terms_of(world, organization) == Terms(longest_days=30, version=5)
    assert replace_all(world, admin, Terms(longest_days=30), wanted, version=0) == Aftermath()
    assert terms_of(world, organization).version == 5
    assert isinstance(replace_all(world, made.developer, Terms(), [], version=5), Refused)


def test_an_organization_names_a_bounded_number_of_apps(
    world: World, admin: Account, made: MadeApp, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(app_rules, "MOST_NAMED", 1)
    other = world.service_app(made.developer)
    set_app_rule(world, admin, made, ALLOW)

    with pytest.raises(Conflict, match="at most 1 app"):
        set_app_rule(world, admin, other, BLOCK)

    assert set_app_rule(world, admin, made, BLOCK) == Aftermath(requests=1), "a change needs no room"
    with pytest.raises(Conflict, match="at most 1 app"):
        replace_all(world, admin, Terms(), [(made, BLOCK), (other, BLOCK)], version=2)
    for number, one in enumerate((other, made)):  # one of them comes before the other in the order of locks
        replace_all(world, admin, Terms(), [(one, ALLOW)], version=2 + 2 * number)


def test_a_decision_that_meets_a_block_waits_for_it_and_is_refused(
    world: World, organization: Organization, admin: Account, made: MadeApp, beside: Any
):
    with world.deployment.transaction(world.origin) as tx:
        by = directory.get_account(tx, organization.id, admin.id)
        life = timedelta(days=14)
        app_rules.set_rule(tx, organization, get_app(tx, made.id), BLOCK, by=by, longest_token=life)
        deciding = beside(lambda: authorize(world, made, admin))
        assert waits_for_a_lock(world.deployment)

    assert isinstance(deciding.result(timeout=10), Refused)


def test_a_block_that_meets_a_decision_waits_for_it_and_ends_it(
    world: World, organization: Organization, admin: Account, made: MadeApp, beside: Any
):
    with world.deployment.transaction(world.origin) as tx:
        by = directory.get_account(tx, organization.id, admin.id)
        domain = world.deployment.settings.machine_domain
        authorizations.authorize(tx, get_app(tx, made.id), by=by, machine_domain=domain)
        blocking = beside(lambda: set_app_rule(world, admin, made, BLOCK))
        assert waits_for_a_lock(world.deployment)

    assert blocking.result(timeout=10) == Aftermath(authorizations=1)


def test_a_block_that_meets_who_fetches_tokens_waits_before_it_declines_anything(
    world: World, organization: Organization, admin: Account, made: MadeApp, clock: MovableClock, beside: Any
):
    """Also with an open request, which is declined and told of: none of that is held while it waits."""
    world.authorize(made, admin)
    ask_for(world, made, [READ, WRITE, LICENSES])
    clock.advance(days=2)
    remind(world, made)
    with world.deployment.transaction(world.origin) as tx:
        app, by = get_app(tx, made.id), directory.get_account(tx, organization.id, made.developer.id)
        queries.lock_of_organization(tx, app, organization.id)
        blocking = beside(lambda: set_app_rule(world, admin, made, BLOCK))
        assert waits_for_a_lock(world.deployment)
        issued = organization_tokens.retrieve(
            tx,
            world.deployment.issuer,
            app,
            by=by,
            organization_id=organization.id,
            client_secret=made.secret,
        )

    assert isinstance(issued, TokenPair)
    assert blocking.result(timeout=10) == Aftermath(authorizations=1, requests=1)
    assert not is_alive(world, issued)


def test_blocks_that_meet_a_revocation_wait_before_they_record_the_first_of_them(
    world: World, organization: Organization, admin: Account, beside: Any
):
    """MACH-04: all authorizations, then all refresh tokens; what is told of them comes last (decision 0039)."""
    developer = world.developer(organization)
    apps = sorted((world.service_app(developer) for _ in range(2)), key=lambda made: made.id)
    for made in apps:
        world.authorize(made, admin)
    pairs = [world.retrieve(made, organization) for made in apps]
    with world.deployment.transaction(world.origin) as tx:
        row = refresh_tokens.find(tx, pairs[1].refresh_token.reveal(), for_update=True)
        assert row is not None
        named = [(made, BLOCK) for made in apps]
        blocking = beside(lambda: replace_all(world, admin, Terms(), named, version=0))
        assert waits_for_a_lock(world.deployment)
        life = timedelta(days=14)
        refresh_tokens.revoke_refresh(tx, row, get_app(tx, apps[1].id), longest_life=life)

    assert blocking.result(timeout=10) == Aftermath(authorizations=2)
    assert not any(is_alive(world, pair) for pair in pairs)


def test_a_change_of_the_policy_waits_for_who_decides_by_it(
    world: World, organization: Organization, admin: Account, made: MadeApp, beside: Any
):
    """Whoever reads the terms for share decides by terms that hold until the decision does."""
    other = world.full_admin(organization)
    with world.deployment.transaction(world.origin) as tx:
        assert app_policies.terms_of(tx, organization.id, for_share=True) == Terms()
        saving = beside(lambda: set_app_policy(world, other, only_allowed=True))
        assert waits_for_a_lock(world.deployment)
        assert app_policies.terms_of(tx, organization.id) == Terms()

    assert saving.result(timeout=10) == Terms(only_allowed=True, version=1)


def test_decisions_blocks_and_changes_at_once_never_kill_each_other(
    world: World, organization: Organization, admin: Account, made: MadeApp
):
    """One order of locks: pair, policy, account. Whatever wins, a blocked app does not run."""
    other = world.full_admin(organization)
    acts = [
        lambda: authorize(world, made, admin),
        lambda: set_app_rule(world, other, made, BLOCK),
        lambda: set_app_policy(world, admin, longest_days=30),
        lambda: authorize(world, made, other),
        lambda: replace_all(world, admin, Terms(), [(made, BLOCK)], version=0),
        lambda: set_app_policy(world, other, longest_days=60),
    ]

    results = at_once(acts)

    unexpected = [one for one in results if isinstance(one, Exception) and not isinstance(one, Conflict)]
    assert unexpected == []
    assert modes(world, organization) == {"Workforce Sync": BLOCK}
    with world.deployment.transaction(world.origin) as tx:
        by = directory.get_account(tx, organization.id, admin.id)
        latest = decisions.get_decision(tx, by, made.id).authorization
        assert latest is None or not latest.is_active


def test_what_can_be_named_is_what_the_organization_can_see(
    world: World, organization: Organization, admin: Account, made: MadeApp
):
    """CONS-12: a private app of others is not there: by its id, in the search, in no list."""
    abroad = world.developer(world.organization())
    private, theirs = (world.service_app(abroad, name=f"Zephyr {n}", requested=n == "B") for n in "AB")
    listed = world.service_app(abroad, name="Zephyr Listed", requested=False)
    world.list_app(listed)
    integration = world.integration(abroad, name="Zephyr Integration")
    world.list_app(integration)

    def found(search: str = "") -> list[str]:
        with world.deployment.transaction(world.origin) as tx:
            page = app_rules.list_nameable(tx, organization.id, PageRequest(), search=search)
            return [one.app.name for one in page.items]

    assert found() == ["Workforce Sync"]
    assert found("zephyr") == ["Zephyr Listed"]
    assert found(str(listed.id)) == found(listed.client_id) == ["Zephyr Listed"]
    assert found(str(private.id)) == found(theirs.client_id) == found("Zephyr A") == []
    with world.deployment.transaction(world.origin) as tx:
        assert app_rules.get_nameable(tx, organization.id, listed.id).app.name == "Zephyr Listed"
        for hidden in (private, theirs, integration):
            for key in (str(hidden.id), hidden.client_id):
                with pytest.raises(NotFound) as refusal:
                    app_rules.get_all_nameable(tx, organization.id, [key])
                assert refusal.value.code == "app_not_found"
            with pytest.raises(NotFound):
                app_rules.get_nameable(tx, organization.id, hidden.id)
        both = app_rules.get_all_nameable(
            tx, organization.id, [str(made.id), made.client_id, str(listed.id).upper()]
        )
        assert {app.name for app in both} == {"Workforce Sync", "Zephyr Listed"}
    set_app_rule(world, admin, listed, BLOCK)
    assert found() == ["Workforce Sync", "Zephyr Listed"]


def test_a_preview_tells_what_then_really_happens(world: World, organization: Organization, admin: Account):
    lena = world.person(organization)
    app = world.service_app(world.developer(world.organization()), scopes=LOW, name="Directory")
    world.list_app(app)
    set_app_policy(world, admin, authorizes_low_risk=True, longest_days=30)

    with world.deployment.transaction(world.origin) as tx:
        terms = app_policies.terms_of(tx, organization.id)
        course = app_policy_previews.foresee(tx, organization.id, get_app(tx, app.id), terms)
        now = tx.now
    asked = request(world, app, lena)

    assert (course.askers, course.verdict.outcome) == (Askers.EVERYBODY, Outcome.AUTHORIZED)
    assert course.verdict.rule is Rule.LOW_RISK
    assert course.ends_at == now + timedelta(days=30)
    assert asked.verdict == course.verdict
    assert asked.authorization is not None
    assert asked.authorization.authorized_by_rule == "low_risk"
    assert abs(asked.authorization.ends_at - course.ends_at) < timedelta(minutes=1)


def test_the_impact_of_a_change_names_some_apps_counts_the_rest_and_costs_the_same(
    world: World, organization: Organization, admin: Account, monkeypatch: pytest.MonkeyPatch
):
    assert app_policy_previews.SHOWN == 20
    monkeypatch.setattr(app_policy_previews, "SHOWN", 3)
    developer = world.developer(organization)
    costs = []

    def impact(**changes: Any) -> app_policy_previews.Impact:
        with counted_statements(world) as seen, world.deployment.transaction(world.origin) as tx:
            found = app_policy_previews.foresee_impact(tx, organization.id, Terms(), Terms(**changes))
        costs.append(len(seen))
        return found

    first = world.service_app(developer, name="App 0")
    assert impact(only_allowed=True).changed == 1
    for number in range(1, 6):
        scopes = LOW if number < 4 else ("spark-admin:people_write",)
        world.service_app(developer, name=f"App {number}", scopes=scopes)
    set_app_rule(world, admin, first, ALLOW)

    named = impact(only_allowed=True)
    high = impact(second_administrator=SecondAdministrator.HIGH_RISK)

    assert (named.known, named.changed, named.untold) == (6, 5, 2)
    assert [turn.name for turn in named.turns] == ["App 1", "App 2", "App 3"]
    assert named.turns[0].after.verdict.rule is Rule.NOT_ALLOWED_BY_NAME
    assert (high.changed, high.untold) == (3, 0)
    assert impact(longest_days=30).changed == 0
    assert len(set(costs)) == 1
