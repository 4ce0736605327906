"""The developer's way into the App Hub: filling in the listing, handing it in, talking with the reviewers."""

import uuid

import pytest

from appanage.apphub import reviews
from appanage.directory.model import Account
from support.browser import Browser
from support.listing import approve, hand_in, ready_app, reviewer, state_of, take, the
from support.shelf import put_up
from support.suspending import suspend
from support.uploads import picture
from support.world import MadeApp, World


def path_of(made: MadeApp) -> str:
    return f"/portal/apps/{made.id}/listing"


@pytest.fixture
def ready(world: World, developer: Account) -> MadeApp:
    """An app of which nothing is missing."""
    return ready_app(world, developer)


def screenshot(content: bytes) -> dict[str, object]:
    return {"screenshot": ("shot.png", content, "image/png")}


def test_a_listing_is_filled_and_its_gaps_are_shown(world: World, dana: Browser, made: MadeApp):
    path = path_of(made)
    empty = dana.get(path)
    assert "Nothing is handed in yet" in empty.text
    assert not empty.forms(f"{path}/submit")

    saved = dana.submit(
        path,
        {
            "tagline": "Keeps people in step",
            "description": "## Nightly\n<script>alert(1)</script> and **bold**",
            "categories": ["human-resources", "", "bots"],
            "tags": "HR, hr , Directory",
            "industry": "all",
            "languages": ["en-US", "de-DE"],
            "landingUrl": "https://sync.example/start",
        },
    )

    assert "The listing is saved." in saved.text
    values = saved.values(saved.forms(path)[0])
    assert values["tags"] == ["hr, directory"]
    assert values["categories"] == ["bots", "human-resources", ""]
    assert values["version"] == ["1"]
    assert "<strong>bold</strong>" in saved.html
    assert "<script>alert" not in saved.html
    assert "<h3>Nightly</h3>" in saved.html
    assert "No reason is given for spark-admin:people_write (high risk)." in saved.text


def test_what_is_wrong_is_said_beside_its_field_and_kept(dana: Browser, made: MadeApp):
    path = path_of(made)
    dana.get(path)

    shown = dana.submit(
        path,
        {"tagline": "x" * 90, "tags": "<b>", "testOrganizationId": "nonsense", "landingUrl": "http://x"},
        status=422,
    )
    assert "There is no organization with this id." in shown.text
    again = dana.submit(path, {"testOrganizationId": ""}, status=422)

    for sentence in ("90 characters; at most 80", "The tag “<b>” is not possible", "must be an https URL"):
        assert sentence in again.text
    assert again.values(again.forms(path)[0])["tags"] == ["<b>"]


def test_of_two_who_save_the_second_sees_both(dana: Browser, new_browser, developer: Account, made: MadeApp):
    """409: the own text stays, what was saved meanwhile stands above it."""
    path = path_of(made)
    dana.get(path)
    other = new_browser().sign_in(developer)
    other.get(path)
    other.submit(path, {"tagline": "Theirs"})

    shown = dana.submit(path, {"tagline": "Mine"}, status=409)

    assert "changed by somebody else in the meantime" in shown.text
    assert "TaglineTheirs" in shown.text
    assert shown.values(shown.forms(path)[0])["tagline"] == ["Mine"]


def test_screenshots_come_with_words_and_go(dana: Browser, made: MadeApp):
    path = path_of(made)
    dana.get(path)
    no_words = dana.submit(f"{path}/screenshots", files=screenshot(picture()), status=422)
    assert "Say in words what the screenshot shows" in no_words.text
    svg = dana.submit(
        f"{path}/screenshots", {"alternative": "A list"}, files=screenshot(b"<svg/>"), status=422
    )
    assert "must be a PNG or JPEG picture" in svg.text
    added = dana.submit(f"{path}/screenshots", {"alternative": "A list"}, files=screenshot(picture()))
    (image,) = [one for one in added.all("img") if one.get("alt") == "A list"]

    response = dana.client.get(image.get("src", ""))
    removed = dana.submit(f"{path}/screenshots/")

    assert (response.status_code, response.headers["content-type"]) == (200, "image/png")
    assert response.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert "The screenshot is removed." in removed.text
    assert not any(one.get("alt") == "A list" for one in removed.all("img"))


def test_the_way_of_a_version_as_its_developer_sees_it(world: World, dana: Browser, ready: MadeApp):
    """Handed in, asked, answered, given back, withdrawn; each step says what comes next."""
    path, ravi = path_of(ready), reviewer(world)
    dana.get(path)
    handed_in = dana.submit(f"{path}/submit")
    assert "Number 1 waits for its review" in handed_in.text
    assert not handed_in.forms(f"{path}/submit")
    named = handed_in.values(handed_in.forms(f"{path}/withdraw")[0])["submission"][0]
    submission_id = uuid.UUID(named)
    take(world, submission_id, ravi)
    with world.deployment.transaction(world.origin) as tx:
        reviews.ask(tx, submission_id, "Which HR system?", by=the(tx, ravi))

    asked = dana.get(path)
    assert "Number 1 is in review" in asked.text
    assert ravi.display_name not in asked.text, "AUD-05"
    assert "Which HR system?" in asked.text
    assert "Write the message" in dana.submit(f"{path}/message", {"text": "  "}, status=422).text
    assert "Any with a list." in dana.submit(f"{path}/message", {"text": "Any with a list."}).text

    with world.deployment.transaction(world.origin) as tx:
        reviews.request_changes(tx, submission_id, "Say which ones.", by=the(tx, ravi))
    given_back = dana.get(path)
    assert "A reviewer asked for changes of number 1" in given_back.text
    assert "Say which ones." in given_back.text
    assert "Number 2 waits for its review" in dana.submit(f"{path}/submit").text
    assert "Number 2 is withdrawn." in dana.submit(f"{path}/withdraw").text
    assert state_of(world, submission_id) == "withdrawn"


def test_a_form_that_came_too_late_is_told_how_it_stands(world: World, dana: Browser, ready: MadeApp):
    """CONS-09: submitted twice, and withdrawn after the decision."""
    path = path_of(ready)
    page = dana.get(path)
    submit = page.values(page.forms(f"{path}/submit")[0])
    shown = dana.submit(f"{path}/submit")
    withdraw = shown.values(shown.forms(f"{path}/withdraw")[0])

    twice = dana.post(f"{path}/submit", submit, status=409)
    approve(world, uuid.UUID(withdraw["submission"][0]), reviewer(world))
    late = dana.post(f"{path}/withdraw", withdraw, status=409)

    assert "Number 1 of" in twice.text
    assert "Withdraw it to hand in another." in twice.text
    assert "You cannot withdraw it now: it is approved. Nothing was changed." in late.text
    assert "Number 1 is approved" in late.text


def test_the_pages_are_those_of_the_owners_alone(
    world: World, browser: Browser, admin: Account, ready: MadeApp
):
    """CONS-12: not even of administrators of the same organization."""
    hand_in(world, ready)
    browser.sign_in(admin)

    browser.get(path_of(ready), 404)


def test_from_here_it_is_a_click_to_the_public_page_and_to_its_removal(
    world: World, dana: Browser, made: MadeApp
):
    path = path_of(made)
    assert not [link for link in dana.get(path).links() if link.startswith("/apps/")]
    address = f"/apps/{put_up(world, made).slug}"

    assert {address, f"{address}/removal"} <= set(dana.get(path).links())

    suspend(world, made)
    links = dana.get(path).links()
    assert f"{address}/removal" in links
    assert address not in links
    dana.get(f"{address}/removal")
