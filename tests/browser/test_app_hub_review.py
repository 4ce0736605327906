"""A version on its way into the App Hub in a browser, as its developer and a reviewer walk it."""

from collections.abc import Callable

from appanage.signin import service as signin
from support.listing import ready_app, reviewer, the
from support.person import Person
from support.world import NARRATOR, PASSWORD, World


def test_an_app_comes_into_the_app_hub(live: World, sit_down: Callable[..., Person]):
    maya = live.developer(live.organization("Fabrikam GmbH"), name="Maya Lindqvist", password=PASSWORD)
    made, rita = ready_app(live, maya, name="Workforce Sync Plus"), reviewer(live)
    unfinished = live.service_app(maya, requested=False, name="Workforce Sync Basic")
    with live.deployment.transaction(live.origin) as tx:
        passwords = live.deployment.passwords
        signin.set_password(tx, the(tx, rita), PASSWORD, by=NARRATOR, passwords=passwords)
    developer, judge = sit_down("developer"), sit_down("reviewer")

    developer.sign_in(maya)
    developer.go(f"/portal/apps/{unfinished.id}/listing")
    developer.page.get_by_label("Landing page").fill("http://sync.fabrikam.example")
    developer.press("Save listing")
    developer.look("listing with much missing")
    developer.go(f"/portal/apps/{made.id}/listing")
    developer.look("listing ready to submit")
    developer.press("Submit for review")

    judge.sign_in(rita)
    judge.go("/review")
    judge.look("review queue")
    judge.go("/review?q=Workforce+Sync+Plus")  # whatever else waits
    judge.follow("Workforce Sync Plus")
    judge.look("submission nobody has taken")
    judge.press("Take it")
    judge.page.get_by_label("Your message").fill("Which HR system does it work with?")
    judge.press("Send message")
    judge.look("submission in review")

    developer.page.reload()
    developer.page.get_by_label("Your message").fill("With every one that can write a list.")
    developer.press("Send message")
    developer.look("talk with reviewers")

    judge.page.reload()
    judge.page.get_by_label("Approve", exact=True).check()
    judge.press("Save decision")
    judge.look("submission approved")

    assert "is approved and listed" in judge.page.inner_text("main")
