"""Letters about submissions and listings: to App Reviewers what waits for them, to owners what became of it.

A reviewer speaks for the App Hub and is not named.
"""

from collections.abc import Iterator

from appanage.mail.composers.everywhere import News, tell_everywhere
from appanage.mail.composers.table import Composer
from appanage.mail.notices import Notice, Owners, Reviewers
from appanage.mail.story import Story, an_owner_of, app_name, maker
from appanage.mail.text import Draft

_A_REVIEWER = "you are an App Reviewer"


def created(story: Story) -> Iterator[Notice]:
    app, submission = story.app, story.submission
    if app is None or submission is None or not submission.is_open:
        return
    draft = Draft(
        about=story.about,
        subject=f"{app_name(app)} was handed in for review",
        paragraphs=[f"{maker(app)} handed in version {submission.number} of {app_name(app)} for review."],
        link=f"/review/{submission.id}",
        why=_A_REVIEWER,
    )
    yield Notice(Reviewers(), draft)


def message(story: Story) -> Iterator[Notice]:
    """To the other side: the owners, or whoever reviews it, or all reviewers while nobody does who can."""
    app, submission, written = story.app, story.submission, story.message
    if app is None or submission is None or written is None:
        return
    if written.is_from_reviewer:
        from_review = Draft(
            about=story.about,
            subject=f"A question about {app_name(app)}",
            paragraphs=[f"A reviewer of the {story.brand.apphub} wrote about {app_name(app)}."],
            link=f"/portal/apps/{app.id}/listing",
            why=an_owner_of(app),
            quoted="The reviewer wrote",
            quote=written.text,
        )
        yield Notice(Owners(app.id), from_review)
        return
    from_owners = Draft(
        about=story.about,
        subject=f"An answer about {app_name(app)}",
        paragraphs=[f"The developers of {app_name(app)} wrote about its submission."],
        link=f"/review/{submission.id}",
        why=_A_REVIEWER,
        quoted="The developers wrote",
        quote=written.text,
    )
    yield Notice(Reviewers(submission.reviewer_id), from_owners)


def approved(story: Story) -> Iterator[Notice]:
    yield from _outcome(story, "is in the {hub}", "Reviewers approved {app}. It is in the {hub} now.")


def rejected(story: Story) -> Iterator[Notice]:
    yield from _outcome(
        story, "was not approved", "Reviewers of the {hub} rejected what you handed in of {app}."
    )


def changes_requested(story: Story) -> Iterator[Notice]:
    yield from _outcome(
        story,
        "needs changes",
        "Reviewers of the {hub} ask for changes of {app}. Make them and hand it in again.",
    )


def _outcome(story: Story, subject: str, sentence: str) -> Iterator[Notice]:
    app, hub = story.app, story.brand.apphub
    if app is None or app.deleted_at is not None:
        return
    reason = story.reason or (story.submission.reason if story.submission else "") or ""
    draft = Draft(
        about=story.about,
        subject=f"{app_name(app)} {subject.format(hub=hub)}",
        paragraphs=[sentence.format(app=app_name(app), hub=hub)],
        link=f"/portal/apps/{app.id}/listing",
        why=an_owner_of(app),
        quoted="The reviewers wrote",
        quote=reason,
    )
    yield Notice(Owners(app.id), draft)


def removed(story: Story) -> Iterator[Notice]:
    """To owners, with the reason, and to the administrators that rely on what was reviewed."""
    app, hub = story.app, story.brand.apphub
    if app is None or app.deleted_at is not None:
        return
    news = News(
        subject=f"is not in the {hub} any more",
        happened=f"{app_name(app)} by {maker(app)} was taken out of the {hub}.",
        to_owners="What organizations authorized is kept. To be listed again it needs another review.",
        to_administrators=(
            "What your organization authorized is kept. From now on its developers can change the app without a review; "
            "other scopes still wait for your approval."
        ),
        quoted="Who took it out wrote",
        reason_is_for_owners_only=True,
    )
    yield from tell_everywhere(story, app, news)


REVIEWING: dict[str, Composer] = {
    "listing.removed": removed,
    "submission.approved": approved,
    "submission.changes_requested": changes_requested,
    "submission.created": created,
    "submission.message": message,
    "submission.rejected": rejected,
}
