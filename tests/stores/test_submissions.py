"""Versions of apps on their way through review: handed in, looked at by people who may, decided on once."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from appanage.apphub import links, queries, reviews, submissions
from appanage.apphub.model import Listing, Submission, SubmissionState
from appanage.apphub.states import OF_DEVELOPERS, TABLE, Act
from appanage.apps import owners, versions
from appanage.apps import service as apps
from appanage.apps.model import App, Visibility
from appanage.authorizations import organization_tokens
from appanage.authorizations.queries import lock_of_organization
from appanage.directory import service as directory
from appanage.directory.model import Account, Organization
from appanage.directory.roles import Role
from appanage.kit.errors import Conflict, Invalid, NotFound, NotPermitted, Refusal
from appanage.kit.outbound import Fetcher, OutboundPolicy
from appanage.storage import Transaction
from stores.test_locks import waits_for_a_lock
from support.at_once import at_once
from support.deciding import authorizations_of
from support.listing import (
    COMPLETE,
    REASONS,
    approve,
    hand_in,
    list_for_everybody,
    one_submission,
    ready_app,
    reviewer,
    sentences,
    state_of,
    take,
    the,
)
from support.world import MadeApp, World

Story = Callable[[Transaction], object]


@pytest.fixture
def organization(world: World) -> Organization:
    return world.organization("Fabrikam GmbH")


@pytest.fixture
def developer(world: World, organization: Organization) -> Account:
    return world.developer(organization, name="Dana Kim")


@pytest.fixture
def made(world: World, developer: Account) -> MadeApp:
    """An app of which nothing is missing."""
    return ready_app(world, developer)


@pytest.fixture
def ravi(world: World) -> Account:
    """A reviewer."""
    return reviewer(world)


def run(world: World, story: Story) -> object:
    with world.deployment.transaction(world.origin) as tx:
        return story(tx)


def refused(world: World, story: Story) -> Refusal:
    with pytest.raises(Refusal) as caught:
        run(world, story)
    return caught.value


def app_of(world: World, made: MadeApp) -> App:
    with world.deployment.transaction(world.origin) as tx:
        found = tx.get_one(App, made.id)
        assert found.owners is not None
        return found


def types_of(world: World, organization: Organization) -> list[str]:
    kinds = ("submission.", "listing.", "app.version")
    return [event.type for event in world.events(organization) if event.type.startswith(kinds)]


def change(world: World, made: MadeApp, **draft: Any) -> None:
    """Its developer changes the app."""

    def story(tx: Transaction) -> None:
        by = the(tx, made.developer)
        app = apps.get_to_change(tx, by, made.id, rules=world.deployment.app_rules)
        apps.update(tx, app, replace(versions.wanted(app), **draft), by=by)

    run(world, story)


def test_the_way_from_a_question_over_changes_into_the_app_hub(
    world: World, organization: Organization, made: MadeApp, ravi: Account
):
    """Each time it is handed in it has the next number; what was found and said stays with it."""
    first = hand_in(world, made)
    take(world, first.id, ravi)
    run(world, lambda tx: reviews.ask(tx, first.id, "Which HR system?", by=the(tx, ravi)))
    run(
        world,
        lambda tx: submissions.answer(
            tx, queries.get_for_review(tx, first.id), "Any with a list.", by=the(tx, made.developer)
        ),
    )
    run(world, lambda tx: reviews.tick(tx, first.id, ["tested", "quality"], by=the(tx, ravi), number=1))
    run(world, lambda tx: reviews.request_changes(tx, first.id, "Say which ones.", by=the(tx, ravi)))
    again = hand_in(world, made)
    assert (again.taken_at, again.decided_at, again.reviewer_id, again.reviewer_name) == (None,) * 4
    approve(world, again.id, ravi)

    with world.deployment.transaction(world.origin) as tx:
        listing = tx.get_one(Listing, made.id)
        said = [one.text for one in queries.read_talk(tx, again).messages]
        app = tx.get_one(App, made.id)
    assert (again.id, again.number) == (first.id, 2)
    assert one_submission(world, again.id).checked == []
    assert said == ["Which HR system?", "Any with a list."]
    assert (listing.name, listing.tagline) == (made.app.name, COMPLETE.tagline)
    assert app.visibility == Visibility.PUBLIC
    assert "submission.checked" in types_of(world, ravi.organization), "reviewers keep it to themselves"
    assert types_of(world, organization) == [
        "listing.drafted",
        "listing.drafted",
        "submission.created",
        "submission.taken",
        "submission.message",
        "submission.message",
        "submission.changes_requested",
        "submission.created",
        "submission.taken",
        "submission.approved",
        "listing.published",
    ]


def test_there_is_an_end_to_how_much_each_side_writes_and_to_what_is_read(
    world: World, made: MadeApp, ravi: Account, monkeypatch: pytest.MonkeyPatch
):
    """TEN-02: neither side keeps the other one from answering."""
    monkeypatch.setattr(submissions, "MOST_MESSAGES_A_DAY", 2)
    monkeypatch.setattr(queries, "MOST_MESSAGES", 2)
    submission = hand_in(world, made)

    def say(text: str) -> Story:
        return lambda tx: submissions.answer(
            tx, queries.get_for_review(tx, submission.id), text, by=the(tx, made.developer)
        )

    run(world, say("One"))
    run(world, say("Two"))
    with world.deployment.transaction(world.origin) as tx:
        assert not queries.read_talk(tx, submission).is_cut
    assert refused(world, say("Three")).code == "too_many_messages"
    run(world, lambda tx: reviews.ask(tx, submission.id, "Four", by=the(tx, ravi)))

    with world.deployment.transaction(world.origin) as tx:
        talk = queries.read_talk(tx, submission)
    assert ([one.text for one in talk.messages], talk.is_cut) == (["Two", "Four"], True)


def test_the_table_of_acts_is_what_we_think_it_is():
    """Who may do what in which state; what is not listed is refused by naming the state."""
    possible: dict[str | None, set[Act]] = {state: set() for state in (None, *SubmissionState)}
    for state, act in TABLE:
        possible[state].add(act)

    assert possible == {
        None: {Act.SUBMIT},
        "submitted": {Act.WITHDRAW, Act.ANSWER, Act.TAKE, Act.ASK},
        "in_review": set(Act) - {Act.SUBMIT},
        "changes_requested": {Act.SUBMIT, Act.WITHDRAW, Act.ANSWER, Act.TAKE, Act.ASK, Act.REJECT},
        "approved": set(),
        "rejected": set(),
        "withdrawn": set(),
    }
    assert set(TABLE.values()) == set(SubmissionState)
    assert {act for act in Act if act not in OF_DEVELOPERS} >= {Act.APPROVE, Act.REJECT, Act.TAKE}


@pytest.mark.parametrize("end", ["approved", "rejected", "withdrawn"])
def test_what_is_decided_is_decided(world: World, made: MadeApp, ravi: Account, end: str):
    """And every act that comes later is told how it ended."""
    submission = hand_in(world, made)
    take(world, submission.id, ravi)
    ends: dict[str, Story] = {
        "approved": lambda tx: reviews.approve(tx, submission.id, by=the(tx, ravi)),
        "rejected": lambda tx: reviews.reject(tx, submission.id, "Not ready.", by=the(tx, ravi)),
        "withdrawn": lambda tx: submissions.withdraw(
            tx, queries.get_for_review(tx, submission.id), by=the(tx, made.developer)
        ),
    }
    run(world, ends[end])

    late: list[Story] = [
        *ends.values(),
        lambda tx: reviews.take(tx, submission.id, by=the(tx, ravi)),
        lambda tx: reviews.ask(tx, submission.id, "Hello?", by=the(tx, ravi)),
    ]
    for story in late:
        refusal = refused(world, story)
        assert isinstance(refusal, Conflict)
        assert refusal.code == f"submission_{end}"
        assert end in refusal.message.replace("have withdrawn", "withdrawn")
    assert state_of(world, submission.id) == end


def test_one_version_at_a_time_is_in_review(world: World, made: MadeApp):
    first = hand_in(world, made)

    with pytest.raises(Conflict, match=r"Number 1 of .* waits for its review\. Withdraw it"):
        hand_in(world, made)
    run(
        world,
        lambda tx: submissions.withdraw(tx, queries.get_for_review(tx, first.id), by=the(tx, made.developer)),
    )

    assert hand_in(world, made).number == 2


def test_what_is_missing_or_stops_is_said_by_name(world: World, developer: Account):
    """REG-12: a name that looks like a reserved word, in whatever letters, stops."""
    bare = world.service_app(developer, name="Wеbех Оffiсial", requested=False)

    with pytest.raises(Invalid) as caught:
        hand_in(world, bare)

    found = caught.value.fields
    assert {"tagline", "screenshots", "logo", "companyName", "testInstructions"} <= set(found)
    assert found["tagline"] == "A tagline is missing."
    stops = found["checks"]
    assert "uses “Webex”, or looks as if" in stops
    assert "uses “official”" in stops
    assert "No reason is given for `spark-admin:people_write` (high risk)." in stops


def test_names_that_look_like_a_listed_one_are_found(world: World, developer: Account, ravi: Account):
    """REG-12: the same letters are for the reviewer to judge, look-alikes stop; both leave the own name alone."""
    listed = list_for_everybody(world, developer, name=f"Pилот Payroll {developer.id.hex[:6]}")
    name = listed.app.name
    other = world.developer(world.organization())
    same = ready_app(world, other, name=name.upper())
    alike = ready_app(world, other, name=name.replace("a", "а").replace("o", "0"))

    found = sentences(hand_in(world, same).findings)
    with pytest.raises(Invalid, match="cannot be handed in") as caught:
        hand_in(world, alike)
    again = hand_in(world, listed)

    run(world, lambda tx: apps.mark_deleted(tx, tx.get_one(App, listed.id), by=the(tx, developer)))
    assert hand_in(world, alike).number == 1, "a deleted app protects its name no more"

    assert f"Another listed app is called “{name}”." in found
    assert f"looks like “{name}”, the name of a listed app." in " ".join(caught.value.fields.values())
    assert not any("listed app" in one for one in sentences(again.findings))


def test_of_two_look_alikes_in_review_only_one_is_listed(world: World, developer: Account, ravi: Account):
    """REG-12: the name is compared once more when it is approved, also by two reviewers at once."""
    name = f"Ledger {developer.id.hex[:6]}"
    one = ready_app(world, developer, name=name)
    other = ready_app(world, world.developer(world.organization()), name=name.replace("e", "е"))
    waiting = [(hand_in(world, made), by) for made, by in ((one, ravi), (other, reviewer(world)))]
    for submission, by in waiting:
        take(world, submission.id, by)

    def approving(submission: Submission, by: Account) -> Story:
        return lambda tx: reviews.approve(tx, submission.id, by=the(tx, by))

    outcomes = at_once([partial(run, world, approving(*one)) for one in waiting])

    [refusal] = [one for one in outcomes if isinstance(one, Conflict)]
    assert refusal.code == "looks_like_listed"
    assert "the name of a listed app" in refusal.message
    [left] = [one for one, _ in waiting if state_of(world, one.id) == "in_review"]
    with world.deployment.transaction(world.origin) as tx:
        now = reviews.present_findings(tx, queries.get_for_review(tx, left.id))
    assert [one.sentence for one in now if one.stops] == [
        refusal.message.removesuffix(" It cannot be listed.")
    ]


def test_a_contact_counts_as_verified_by_its_owner_or_its_domain(
    world: World, organization: Organization, developer: Account
):
    of_owner = hand_in(world, ready_app(world, developer))
    strange = hand_in(world, ready_app(world, developer, contact_email="help@elsewhere.example"))

    assert not any("is theirs" in one for one in sentences(of_owner.findings))
    assert any("Nobody has shown that help@elsewhere.example" in one for one in sentences(strange.findings))


def test_the_role_is_looked_at_in_the_deciding_transaction(world: World, made: MadeApp, ravi: Account):
    """CONS-06: a role that was lost between the page and its form decides nothing, and says so."""
    submission = hand_in(world, made)
    take(world, submission.id, ravi)
    chief = world.operators(Role.FULL_ADMIN)
    run(world, lambda tx: directory.assign_roles(tx, the(tx, ravi), [Role.OPERATOR], by=the(tx, chief)))

    refusal = refused(world, lambda tx: reviews.approve(tx, submission.id, by=the(tx, ravi)))

    assert isinstance(refusal, NotPermitted)
    assert refusal.message == "You do not hold the role App Reviewer any more. Nothing was changed."
    assert refusal.roles == ("App Reviewer",)
    assert state_of(world, submission.id) == "in_review"


def test_to_everybody_else_no_submission_exists(world: World, organization: Organization, made: MadeApp):
    """CONS-12: neither to whoever holds the role's name elsewhere, nor to its own developers as reviewers."""
    submission = hand_in(world, made)
    admin = world.full_admin(organization)

    for person in (admin, made.developer):
        for story in (
            lambda tx, person=person: reviews.get_submission(tx, the(tx, person), submission.id),
            lambda tx, person=person: reviews.take(tx, submission.id, by=the(tx, person)),
        ):
            assert isinstance(refused(world, story), NotFound)


def test_of_two_reviewers_only_who_took_it_decides(world: World, made: MadeApp, ravi: Account):
    """The other one is told who has it, and can take it over."""
    other = reviewer(world)
    submission = hand_in(world, made)
    take(world, submission.id, ravi)

    refusal = refused(world, lambda tx: reviews.reject(tx, submission.id, "No.", by=the(tx, other)))
    take(world, submission.id, other)
    late = refused(world, lambda tx: reviews.approve(tx, submission.id, by=the(tx, ravi)))

    assert refusal.message == f"{ravi.display_name} reviews it. Take it over first, then decide."
    assert late.message == f"{other.display_name} reviews it. Take it over first, then decide."


def test_two_decisions_at_once_are_one(world: World, made: MadeApp, ravi: Account):
    """CONS-09: one of them wins, the other one is told; so is the developer who withdraws meanwhile."""
    submission = hand_in(world, made)
    take(world, submission.id, ravi)

    def withdraw(tx: Transaction) -> None:
        by = the(tx, made.developer)
        app = apps.get_to_change(tx, by, made.id, rules=world.deployment.app_rules)
        submissions.withdraw(tx, queries.get_of_app(tx, app, submission.id, for_update=True), by=by)

    stories: list[Story] = [
        lambda tx: reviews.approve(tx, submission.id, by=the(tx, ravi)),
        lambda tx: reviews.reject(tx, submission.id, "No.", by=the(tx, ravi)),
        withdraw,
    ]

    def outcome(story: Story) -> str:
        try:
            run(world, story)
        except Conflict as refusal:
            return refusal.code
        return "done"

    outcomes = at_once([partial(outcome, story) for story in stories])

    state = state_of(world, submission.id)
    assert sorted(outcomes) == sorted(["done", f"submission_{state}", f"submission_{state}"])


def test_a_reviewer_decides_on_the_number_that_was_shown(world: World, made: MadeApp, ravi: Account):
    submission = hand_in(world, made)
    take(world, submission.id, ravi)
    run(world, lambda tx: reviews.request_changes(tx, submission.id, "More.", by=the(tx, ravi)))
    hand_in(world, made)
    take(world, submission.id, ravi)

    refusal = refused(world, lambda tx: reviews.approve(tx, submission.id, by=the(tx, ravi), number=1))

    assert refusal.message == "Its developers handed in number 2 meanwhile. Look at it, then decide."


def test_nobody_reviews_an_app_of_their_own(world: World):
    """Also not somebody who owned it when it was handed in, or between that and the decision."""
    mine, colleague = reviewer(world), reviewer(world)
    made = ready_app(world, mine)
    submission = hand_in(world, made)
    other = ready_app(world, world.operators())
    of_another = hand_in(world, other)

    def give_and_take(tx: Transaction) -> None:
        by, rules = the(tx, other.developer), world.deployment.app_rules
        app = apps.get_to_change(tx, by, other.id, rules=rules)
        owners.add(tx, app, the(tx, colleague), by=by, rules=rules)
        owners.remove(tx, app, colleague.id, by=by, rules=rules)

    run(world, give_and_take)

    def taking(person: Account, one: Submission) -> Story:
        return lambda tx: reviews.take(tx, one.id, by=the(tx, person))

    for person, one in ((mine, submission), (colleague, of_another)):
        assert refused(world, taking(person, one)).code == "own_app"
    take(world, submission.id, colleague)


def test_an_app_that_changed_since_is_not_listed(world: World, made: MadeApp, ravi: Account):
    """What nobody looked at is never approved along with the rest."""
    submission = hand_in(world, made)
    take(world, submission.id, ravi)
    change(world, made, name="Something Else")

    refusal = refused(world, lambda tx: reviews.approve(tx, submission.id, by=the(tx, ravi)))

    assert "Something Else was changed after it was handed in" in refusal.message
    assert app_of(world, made).is_private
    assert state_of(world, submission.id) == "in_review"


def test_a_version_of_a_listed_app_becomes_live_when_it_is_approved(
    world: World, organization: Organization, developer: Account, ravi: Account
):
    """REG-13: not before; what is proposed after it was handed in still waits; organizations keep their scopes."""
    made = list_for_everybody(world, developer)
    listed = app_of(world, made).name
    change(world, made, name="Second Name", scopes=["spark-admin:people_read"])
    submission = hand_in(world, made)
    change(world, made, name="Third Name")
    before = app_of(world, made)

    approve(world, submission.id, ravi)

    after = app_of(world, made)
    with world.deployment.transaction(world.origin) as tx:
        listing = tx.get_one(Listing, made.id)
    assert (before.name, after.name, listing.name) == (listed, "Second Name", "Second Name")
    assert after.proposed == {"name": "Third Name"}
    assert types_of(world, organization)[-3:] == [
        "app.version_approved",
        "submission.approved",
        "listing.updated",
    ]


class TestApprovingWhatNobodyTook:
    """The new owners' accounts, then authorizations; what is told of taking and approving comes last (decision 0039)."""

    @pytest.fixture
    def approving(self, world: World, ravi: Account) -> Iterator[Callable[[Submission], Future[Submission]]]:
        """In a thread of its own."""

        def approve_at_once(submission: Submission) -> Submission:
            with world.deployment.transaction(world.origin) as tx:
                return reviews.decide(tx, submission.id, reviews.Decision.APPROVE, "", by=the(tx, ravi))

        with ThreadPoolExecutor(1) as pool:
            yield lambda submission: pool.submit(approve_at_once, submission)

    def test_waits_for_what_the_new_owner_is_doing(
        self, world: World, organization: Organization, developer: Account, approving: Any
    ):
        made, mate = list_for_everybody(world, developer), world.developer(organization)
        other, rules = world.service_app(mate), world.deployment.app_rules
        with world.deployment.transaction(world.origin) as tx:
            app = apps.get_to_change(tx, the(tx, developer), made.id, rules=rules)
            owners.add(tx, app, the(tx, mate), by=the(tx, developer), rules=rules)
        submission = hand_in(world, made)
        with world.deployment.transaction(world.origin) as tx:
            theirs = apps.get_to_change(tx, the(tx, mate), other.id, rules=rules)
            approval = approving(submission)
            assert waits_for_a_lock(world.deployment)
            apps.set_rules(tx, theirs, is_strict=True, pushes_requests=False, by=the(tx, mate))

        assert approval.result(timeout=10).state == SubmissionState.APPROVED

    def test_waits_for_tokens_of_who_granted_the_scopes_before(
        self, world: World, organization: Organization, developer: Account, approving: Any
    ):
        """CONS-03: and takes the scope, which the app had given up meanwhile, out of what is granted."""
        made = list_for_everybody(world, developer, scopes=list(REASONS))
        (kept, regained), admin = REASONS, world.full_admin(organization)
        world.authorize(made, admin)
        change(world, made, scopes=[kept])
        change(world, made, scopes=[kept, regained], scope_reasons=REASONS)
        submission = hand_in(world, made)
        with world.deployment.transaction(world.origin) as tx:
            app = tx.get_one(App, made.id)
            lock_of_organization(tx, app, organization.id)
            approval = approving(submission)
            assert waits_for_a_lock(world.deployment)
            organization_tokens.retrieve(
                tx,
                world.deployment.issuer,
                app,
                by=the(tx, developer),
                organization_id=organization.id,
                client_secret=made.secret,
            )

        assert approval.result(timeout=10).state == SubmissionState.APPROVED
        (authorization,) = authorizations_of(world, made)
        assert authorization.scopes == [kept]
        assert authorization.added_scopes == {regained}


def test_a_rejected_version_leaves_the_listing_as_it_was(world: World, developer: Account, ravi: Account):
    made = list_for_everybody(world, developer)
    change(world, made, name="Worse Name")
    submission = hand_in(world, made)
    take(world, submission.id, ravi)
    run(world, lambda tx: reviews.reject(tx, submission.id, "Misleading.", by=the(tx, ravi)))

    with world.deployment.transaction(world.origin) as tx:
        assert tx.get_one(Listing, made.id).name == made.app.name
        assert tx.get_one(Submission, submission.id).reason == "Misleading."


def test_links_are_asked_after_a_version_was_handed_in(world: World, made: MadeApp):
    """REG-09: outside of every transaction, by the one fetcher; what they answer is for the reviewer."""
    submission = hand_in(world, made)

    def begin():
        return world.deployment.transaction(world.origin)

    nowhere = Fetcher(OutboundPolicy.PUBLIC, [], resolve=lambda _host: [])
    assert sentences(submission.findings) == ["The links have not been asked yet."]
    while links.ask_all(begin, nowhere):
        pass

    found = one_submission(world, submission.id).findings
    assert len(found) == 3
    assert all("cannot be reached on the public internet" in one for one in sentences(found))
    assert {one["severity"] for one in found} == {"for_reviewers"}


def test_where_nothing_is_called_it_says_so(world: World, made: MadeApp):
    """Nobody asks for an app that was deleted meanwhile, nor does it keep others waiting."""
    deleted = ready_app(world, made.developer)
    hand_in(world, deleted)
    run(world, lambda tx: apps.mark_deleted(tx, tx.get_one(App, deleted.id), by=the(tx, made.developer)))
    submission = hand_in(world, made)
    rounds = 0
    while links.ask_all(lambda: world.deployment.transaction(world.origin), world.deployment.fetcher):
        rounds += 1
        assert rounds < 100

    assert sentences(one_submission(world, submission.id).findings) == [links.NOT_ASKED]
