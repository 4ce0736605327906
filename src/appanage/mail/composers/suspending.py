"""Letters about the kill switch."""

from collections.abc import Iterator

from appanage.mail.composers.everywhere import News, tell_everywhere
from appanage.mail.composers.table import Composer
from appanage.mail.notices import Notice
from appanage.mail.story import Story, app_name, maker


def suspended(story: Story) -> Iterator[Notice]:
    yield from _told(
        story,
        subject="was suspended",
        effect="suspended {app} by {maker} everywhere. All its tokens stopped working at once.",
        to_owners="Its authorizations are kept. Ask the operator what has to change.",
        to_administrators="What your organization authorized is kept, and works again when the suspension is lifted.",
    )


def suspension_lifted(story: Story) -> Iterator[Notice]:
    yield from _told(
        story,
        subject="is no longer suspended",
        effect="lifted the suspension of {app} by {maker}.",
        to_owners="Its authorizations count again. Tokens from before stay dead: get new ones.",
        to_administrators="What your organization authorized counts again.",
    )


def _told(
    story: Story, *, subject: str, effect: str, to_owners: str, to_administrators: str
) -> Iterator[Notice]:
    app = story.app
    if app is None or app.deleted_at is not None:
        return
    happened = f"The operator of {story.brand.product} {effect.format(app=app_name(app), maker=maker(app))}"
    news = News(subject, happened, to_owners, to_administrators, quoted="The operator wrote")
    yield from tell_everywhere(story, app, news)


SUSPENDING: dict[str, Composer] = {
    "app.suspended": suspended,
    "app.suspension_lifted": suspension_lifted,
}
