"""The reviewers' queue and the page on which they decide."""

import uuid
from dataclasses import replace
from typing import Any

import pytest

from appanage.apphub import queries
from appanage.apphub.model import Submission
from appanage.apps import service as apps
from appanage.apps import versions
from appanage.directory import service as directory
from appanage.directory.model import Account, Organization
from appanage.directory.roles import Role
from appanage.signin import service as signin
from support.browser import Browser
from support.listing import (
    COMPLETE,
    hand_in,
    list_for_everybody,
    one_submission,
    ready_app,
    reviewer,
    state_of,
    take,
    the,
)
from support.refusals import counted_statements
from support.world import NARRATOR, PASSWORD, MadeApp, World


@pytest.fixture
def rita(world: World) -> Account:
    """A reviewer who can sign in."""
    return with_password(world, reviewer(world))


@pytest.fixture
def ritas(browser: Browser, rita: Account) -> Browser:
    """The reviewer's browser, signed in."""
    return browser.sign_in(rita)


@pytest.fixture
def ready(world: World, developer: Account) -> MadeApp:
    """An app of which nothing is missing, with a name of its own."""
    return ready_app(world, developer, name=f"Sync {uuid.uuid4().hex[:10]}")


@pytest.fixture
def submission(world: World, ready: MadeApp) -> Submission:
    """Handed in."""
    return hand_in(world, ready)


def with_password(world: World, account: Account) -> Account:
    with world.deployment.transaction(world.origin) as tx:
        signin.set_password(tx, the(tx, account), PASSWORD, by=NARRATOR, passwords=world.deployment.passwords)
    return account


def page_of(submission: Submission) -> str:
    return f"/review/{submission.id}"


def change(world: World, made: MadeApp, **draft: Any) -> None:
    with world.deployment.transaction(world.origin) as tx:
        by = the(tx, made.developer)
        app = apps.get_to_change(tx, by, made.id, rules=world.deployment.app_rules)
        apps.update(tx, app, replace(versions.wanted(app), **draft), by=by)


def test_a_reviewer_finds_takes_and_approves_a_version(
    world: World,
    ritas: Browser,
    ready: MadeApp,
    submission: Submission,
    organization: Organization,
    monkeypatch: pytest.MonkeyPatch,
):
    """Every step on a page: the queue, the version with all that was handed in, checklist, message, decision."""
    name = ready.app.name
    queue = ritas.get(f"/review?q={name}")
    assert page_of(submission) in queue.links()
    page = ritas.get(page_of(submission))
    for seen in (
        "First version",
        COMPLETE.tagline,
        COMPLETE.test_instructions,
        "To create people on their first day.",
        "The list of people",
        organization.name,
        ready.developer.display_name,
        "The links have not been asked yet.",
    ):
        assert seen in page.text
    assert "<strong>compares</strong>" in page.html
    images = [one.get("src", "") for one in page.all("img")]
    assert len(images) == 2
    assert {ritas.client.get(one).status_code for one in images} == {200}
    taken = ritas.submit(f"{page_of(submission)}/take")
    assert f"You review number 1 of {name}." in taken.text
    ticked = ritas.submit(f"{page_of(submission)}/checklist", {"checked": ["tested", "privacy"]})
    assert "2 of 8 points" in ticked.text
    assert "Which system?" in ritas.submit(f"{page_of(submission)}/message", {"text": "Which system?"}).text
    monkeypatch.setattr(queries, "MOST_MESSAGES", 1)
    cut = ritas.submit(f"{page_of(submission)}/message", {"text": "Any?"}).text
    assert "These are the newest 1 messages; there are earlier ones." in cut
    assert "Which system?" not in cut

    missing = ritas.submit(f"{page_of(submission)}/decision", {"reason": "Kept"}, status=422)
    assert "Choose a decision. Nothing was changed." in missing.text
    assert "Kept" in missing.text
    no_reason = ritas.submit(
        f"{page_of(submission)}/decision", {"decision": "reject", "reason": ""}, status=422
    )
    assert "Write the reason; the other side reads it." in no_reason.text
    done = ritas.submit(f"{page_of(submission)}/decision", {"decision": "approve", "reason": "Well made."})

    assert f"Number 1 of {name} is approved and listed." in done.text
    assert not done.forms(f"{page_of(submission)}/decision")
    assert one_submission(world, submission.id).reason == "Well made."


def test_what_differs_from_the_approved_version_is_marked_in_words(
    world: World, ritas: Browser, developer: Account
):
    made = list_for_everybody(world, developer)
    change(world, made, name="Second Name", redirect_urls=[])
    page = ritas.get(page_of(hand_in(world, made)))

    (table,) = page.all("table")
    rows = "".join(table.itertext())
    assert "Changed since number 1, which was approved" in page.text
    assert f"{made.app.name} Removed" in rows
    assert "Second Name New" in rows
    assert "Tagline" not in rows


def test_the_pages_are_the_reviewers_alone(
    world: World, browser: Browser, new_browser, developer: Account, submission: Submission
):
    """To everybody else they do not exist, the operator's other people among them."""
    operator = with_password(world, world.operators(Role.OPERATOR, Role.FULL_ADMIN))

    for person in (developer, operator):
        theirs = new_browser().sign_in(person)
        theirs.get("/review", 404)
        theirs.get(page_of(submission), 404)
        theirs.get(f"{page_of(submission)}/logo", 404)
    assert browser.get("/review").heading == "Sign in"


def test_a_role_lost_between_page_and_save_is_said(
    world: World, ritas: Browser, rita: Account, submission: Submission
):
    """CONS-06: nothing is decided, and it leaves a trace in the operator's log."""
    take(world, submission.id, rita)
    ritas.get(page_of(submission))
    chief = world.operators(Role.FULL_ADMIN)
    with world.deployment.transaction(world.origin) as tx:
        directory.assign_roles(tx, the(tx, rita), [], by=the(tx, chief))

    shown = ritas.submit(f"{page_of(submission)}/decision", {"decision": "approve"}, status=403)

    assert "App Reviewer" in shown.text
    assert state_of(world, submission.id) == "in_review"
    refused = world.events(rita.organization, "access.refused")
    assert refused[-1].actor_id == rita.id


def test_a_decision_on_what_is_not_there_any_more_is_refused(
    world: World, ritas: Browser, rita: Account, ready: MadeApp, submission: Submission
):
    """CONS-09: taken over, changed since, decided meanwhile: each is said with how it stands now."""
    take(world, submission.id, rita)
    page = ritas.get(page_of(submission))
    form = page.values(page.forms(f"{page_of(submission)}/decision")[0]) | {"decision": ["approve"]}
    change(world, ready, name="Other Name")
    changed = ritas.post(f"{page_of(submission)}/decision", form, status=409)
    colleague = reviewer(world)
    take(world, submission.id, colleague)
    taken_over = ritas.post(f"{page_of(submission)}/decision", form, status=409)
    own = with_password(world, reviewer(world))

    assert "Other Name was changed after it was handed in" in changed.text
    assert changed.heading == ready.app.name
    assert f"{colleague.display_name} reviews it. Take it over first, then decide." in taken_over.text
    assert taken_over.forms(f"{page_of(submission)}/take")
    mine = hand_in(world, ready_app(world, own))
    ritas.client.cookies.clear()
    page = ritas.sign_in(own).get(page_of(mine))
    assert "You cannot review this app" in page.text
    assert not page.forms(f"{page_of(mine)}/take")
    stale = {"csrf": page.values(page.forms("/logout")[0])["csrf"], "number": "1"}
    assert "Somebody else must review it." in ritas.post(f"{page_of(mine)}/take", stale, status=403).text


def test_the_queue_is_narrowed_and_costs_the_same_for_few_and_many(
    world: World, ritas: Browser, rita: Account, developer: Account
):
    """TEN-05."""
    word = f"Queue {uuid.uuid4().hex[:8]}"
    first = hand_in(world, ready_app(world, developer, name=f"{word} A"))
    address = f"/review?q={word.replace(' ', '+')}"
    ritas.get(address)
    with counted_statements(world) as few:
        ritas.get(address)
    more = [hand_in(world, ready_app(world, developer, name=f"{word} {letter}")) for letter in "BCD"]
    with counted_statements(world) as many:
        shown = ritas.get(address)
    take(world, more[-1].id, rita)

    assert len(many) == len(few)
    assert "4 submissions on this page" in shown.text
    mine = ritas.get(f"{address}&state=mine").links()
    assert page_of(more[-1]) in mine
    assert page_of(first) not in mine
    assert page_of(first) in ritas.get(f"{address}&state=submitted").links()
    for nothing in ("&state=decided", "&kind=bot", "&age=7"):
        assert "Nothing matches these filters" in ritas.get(address + nothing).text
