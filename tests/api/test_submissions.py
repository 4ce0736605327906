"""Listings and their review over the API, as developers and App Reviewers use it."""

import base64
from typing import Any

import pytest

from api.conftest import Caller, Calling
from api.test_statements import statements_of
from appanage.directory.model import Account, Organization
from appanage.directory.roles import Role
from appanage.kit.ids import Kind
from appanage.profiles import ProfileName
from support.listing import approve, hand_in, ready_app, reviewer
from support.uploads import picture
from support.world import MadeApp, World

LISTING = {
    "tagline": " Keeps people in step with HR ",
    "description": "It **compares** people.\r\nEvery night.",
    "categories": ["human-resources", "administration", "human-resources"],
    "tags": ["HR", "hr", " Directory  sync "],
    "industry": "all",
    "languages": ["en-US"],
    "landingUrl": "https://sync.fabrikam.example/start",
    "videoUrl": "",
    "testInstructions": "Add a person.",
}


@pytest.fixture
def profile(request: pytest.FixtureRequest) -> ProfileName:
    """Only the commercial profile has an app store, but for the test that says so."""
    return ProfileName(getattr(request, "param", ProfileName.COMMERCIAL))


@pytest.fixture
def ravi(world: World, calling: Calling) -> Caller:
    """A reviewer."""
    return calling(world.token(reviewer(world)))


@pytest.fixture
def made(world: World, account: Account) -> MadeApp:
    """An app of the developer of which nothing is missing."""
    return ready_app(world, account)


def path_of(world: World, made: MadeApp) -> str:
    return f"/applications/{world.app_id(made)}"


def test_a_listing_is_filled_step_by_step(world: World, developer: Caller, account: Account):
    """It is kept although something is missing, tidied, and says what a submission still needs."""
    made = world.service_app(account, requested=False)
    path = f"{path_of(world, made)}/listing"
    sandbox = world.organization_id(world.organization())

    empty = developer.get(path)
    said = developer.put(path, LISTING | {"testOrganizationId": sandbox, "version": 0})
    shot = developer.post(
        f"{path}/screenshots",
        {"content": base64.b64encode(picture(side=80)).decode(), "alternative": "A list"},
    )

    assert (empty["version"], empty["isReady"]) == (0, False)
    assert said["tagline"] == "Keeps people in step with HR"
    assert said["categories"] == ["administration", "human-resources"]
    assert said["tags"] == ["hr", "directory sync"]
    assert said["description"] == "It **compares** people.\nEvery night."
    assert said["testOrganizationId"] == sandbox
    assert said["missing"] == ["screenshots", "logo", "companyName", "supportUrl", "privacyUrl"]
    assert [one["check"] for one in said["findings"]] == ["scopes", "scopes", "links"]
    assert (shot["width"], shot["height"]) == (80, 80)
    developer.get(shot["url"])
    assert developer.response.headers["content-type"] == "image/png"
    assert developer.get(path)["screenshots"] == [shot]
    developer.put(path, LISTING | {"version": 0}, 409)
    developer.delete(f"{path}/screenshots/{shot['id']}")
    developer.delete(f"{path}/screenshots/{shot['id']}", 404)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"tagline": "x" * 81}, "The tagline has 81 characters; at most 80 are possible."),
        ({"categories": ["cheese"]}, "There is no category “cheese”."),
        ({"categories": ["bots", "calling", "finance", "events"]}, "There are 4 categories; at most 3"),
        ({"tags": [f"tag {n}" for n in range(9)]}, "There are 9 tags; at most 8 are possible."),
        ({"tags": ["<b>"]}, "The tag “<b>” is not possible"),
        ({"languages": ["tlh"]}, "There is no language “tlh”."),
        ({"industry": "cheese"}, "There is no industry “cheese”."),
        ({"landingUrl": "http://sync.example"}, "The address of the landing page must be an https URL."),
        ({"videoUrl": "javascript:alert(1)"}, "The address of the video must be an https URL."),
        ({"testOrganizationId": "nonsense"}, "There is no organization with this id."),
    ],
)
def test_what_is_wrong_is_named(
    world: World, developer: Caller, account: Account, wrong: dict[str, Any], sentence: str
):
    path = f"{path_of(world, world.service_app(account))}/listing"

    refused = developer.put(path, wrong, 400)

    assert sentence in " ".join(one["description"] for one in refused["errors"])
    assert developer.get(path)["version"] == 0


def test_only_pictures_with_words_become_screenshots(world: World, developer: Caller, made: MadeApp):
    path = f"{path_of(world, made)}/listing/screenshots"
    content = base64.b64encode(picture()).decode()
    script = base64.b64encode(b"<svg onload=alert(1)>").decode()

    for body in (
        {"content": content, "alternative": " "},
        {"content": script, "alternative": "A trap"},
        {"content": "%%%", "alternative": "No base64"},
        {"content": base64.b64encode(picture(side=2600, height=10)).decode(), "alternative": "Too wide"},
    ):
        developer.post(path, body, 400)
    for number in range(4):
        developer.post(path, {"content": content, "alternative": f"Page {number}"})
    developer.post(path, {"content": content, "alternative": "One too many"}, 409)


def test_the_way_of_a_version_over_the_api(
    world: World, developer: Caller, ravi: Caller, organization: Organization, made: MadeApp
):
    """Handed in, asked about, answered, given back, handed in again, approved; the app's own fields follow.

    AUD-05: reviewers are named among themselves only.
    """
    path = path_of(world, made)
    submission = developer.post(f"{path}/submissions", {})
    own, theirs = f"{path}/submissions/{submission['id']}", f"/submissions/{submission['id']}"
    ravi.put(f"{theirs}/reviewer", {})
    ravi.post(f"{theirs}/messages", {"text": "Which HR system?"})
    developer.post(f"{own}/messages", {"text": "Any with a list."})
    ravi.put(f"{theirs}/checklist", {"checked": ["privacy", "tested", "nonsense"], "number": 1})
    ravi.post(f"{theirs}/decision", {"decision": "requestChanges"}, 400)
    given_back = ravi.post(f"{theirs}/decision", {"decision": "requestChanges", "reason": "Say which."})
    told = developer.get(own)
    waiting = developer.get(path)
    developer.put(f"{path}/listing", LISTING)
    developer.post(f"{path}/submissions", {})
    ravi.post(f"{theirs}/decision", {"decision": "approve", "number": 1}, 409)
    approved = ravi.post(f"{theirs}/decision", {"decision": "approve", "number": 2})

    assert (submission["number"], submission["status"], submission["name"]) == (1, "submitted", made.app.name)
    assert submission["app"]["owners"] == given_back["app"]["owners"] == [submission["submittedBy"]]
    assert submission["app"]["scopes"] == ["spark-admin:people_read", "spark-admin:people_write"]
    assert submission["listing"]["privacyUrl"] == "https://sync.fabrikam.example/privacy"
    assert (given_back["status"], given_back["checked"]) == ("changes_requested", ["privacy", "tested"])
    assert [(one["text"], one["isFromReviewer"]) for one in told["messages"]] == [
        ("Which HR system?", True),
        ("Any with a list.", False),
    ]
    assert ["authorName" in one for one in told["messages"]] == [False, True]
    assert all(one["authorName"] for one in given_back["messages"])
    assert given_back["reviewerName"]
    assert "reviewerName" not in told
    assert (told["reason"], told["status"]) == ("Say which.", "changes_requested")
    assert waiting["submissionStatus"] == "changes_requested"
    assert (approved["status"], approved["number"], approved["organizationName"]) == (
        "approved",
        2,
        organization.name,
    )
    listed = developer.get(path)
    assert listed["submissionStatus"] == "approved"
    assert listed["visibility"] == "public"
    assert listed["category"] == ["administration", "human-resources"]
    assert listed["tags"] == ["hr", "directory sync"]
    assert listed["lastSubmissionDate"] == approved["submitted"]
    for query in ("submissionStatus=approved", "category=administration", "tag=HR", "isFeatured=false"):
        assert [one["id"] for one in developer.get(f"/applications?{query}")["items"]] == [listed["id"]]
    for query in ("submissionStatus=none", "category=bots", "tag=none", "isFeatured=true"):
        assert developer.get(f"/applications?{query}")["items"] == []
    developer.delete(own, 409)


def test_a_reviewer_sees_the_pictures_and_the_difference_and_nothing_else_of_the_app(
    world: World, developer: Caller, ravi: Caller, account: Account, made: MadeApp
):
    """CONS-12: what was handed in, also when the app has changed since; its own pages stay those of its owners."""
    approve(world, hand_in(world, made).id, reviewer(world))
    path = path_of(world, made)
    developer.patch(path, {"name": "Another Name"})
    submission = developer.post(f"{path}/submissions", {})
    later = developer.post(
        f"{path}/listing/screenshots",
        {"content": base64.b64encode(picture(side=30)).decode(), "alternative": "Not handed in"},
    )
    theirs = f"/submissions/{submission['id']}"

    review = ravi.get(theirs)

    assert review["differences"] == {"name": {"before": made.app.name, "after": "Another Name"}}
    ravi.get(review["screenshots"][0]["url"])
    ravi.get(f"{theirs}/logo")
    ravi.get(f"{theirs}/screenshots/{later['id']}", 404)
    for hidden in (path, f"{path}/listing", f"{path}/submissions", f"{path}/submissions/{submission['id']}"):
        ravi.get(hidden, 404)
    strangers = Role.FULL_ADMIN, Role.COMPLIANCE_OFFICER
    stranger = Caller(developer._client, world.token(world.person(world.organization(), *strangers)))
    stranger.get(theirs, 404)
    stranger.get("/submissions", 403)
    developer.get("/submissions", 403)
    developer.get(theirs, 404)


def test_the_queue_is_narrowed_and_turned(
    world: World, calling: Calling, developer: Caller, account: Account
):
    """TEN-05: what was handed in first comes first, at the same cost for few and for many."""
    caller = calling(world.token(reviewer(world)))
    word = world.public_id(Kind.PEOPLE, account.id)[-12:]
    made = [ready_app(world, account, name=f"{word} {number}") for number in range(2)]
    ids = [hand_in(world, one).id for one in made]
    caller.put(f"/submissions/{ids[1]}/reviewer", {})
    queue = f"/submissions?name={word}"
    few = statements_of(world, caller, queue, 2)
    more = [ready_app(world, account, name=f"{word} {number}") for number in range(2, 7)]
    for one in more:
        hand_in(world, one)

    assert len(statements_of(world, caller, queue, 7)) == len(few)
    names = [one["name"] for one in caller.pages(f"{queue}&max=3")]
    assert names == [f"{word} {number}" for number in range(7)]
    assert [one["number"] for one in caller.get(f"{queue}&mine=true")["items"]] == [1]
    assert [one["name"] for one in caller.get(f"{queue}&state=in_review")["items"]] == [f"{word} 1"]
    assert caller.get(f"{queue}&type=bot")["items"] == []
    assert caller.get(f"{queue}&days=1")["items"] == []
    assert caller.get(f"/submissions?name={made[0].client_id}")["items"][0]["name"] == f"{word} 0"
    listed = f"{path_of(world, made[0])}/submissions"
    developer.delete(f"{listed}/{ids[0]}")
    developer.post(listed, {})
    assert [one["number"] for one in developer.pages(f"{listed}?max=1")] == [2, 1]


@pytest.mark.parametrize("profile", [ProfileName.FEDRAMP], indirect=True)
def test_without_an_app_store_there_is_no_such_thing(world: World, developer: Caller, account: Account):
    """GOV-02: neither addresses nor their description."""
    made = world.service_app(account)

    for path in (f"{path_of(world, made)}/listing", f"{path_of(world, made)}/submissions", "/submissions"):
        developer.get(path, 404)
    assert not any("ubmission" in path for path in developer.get("/openapi.json")["paths"])
