"""Letters about the kill switch: to the owners, and to the administrators of every organization that the app acted in."""

from collections.abc import Iterator

from appanage.mail.composers.table import Composer
from appanage.mail.notices import Administrators, Notice, Owners
from appanage.mail.story import Story, an_administrator_of, an_owner_of, app_name, maker
from appanage.mail.text import Draft, named


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
    quoted = "The operator wrote"
    if story.is_first:
        owners = Draft(
            about=story.about,
            subject=f"{app_name(app)} {subject}",
            paragraphs=[happened, to_owners],
            link=f"/portal/apps/{app.id}",
            why=an_owner_of(app),
            quoted=quoted,
            quote=story.reason,
        )
        yield Notice(Owners(app.id), owners)
    page = {"integration": "integrations", "bot": "bots"}.get(app.kind, "service-apps")
    for place in story.places:
        draft = Draft(
            about=story.about,
            subject=f"{app_name(app)} {subject}",
            paragraphs=[happened, to_administrators],
            link=f"/hub/{page}" if app.is_bot else f"/hub/{page}/{app.id}",
            why=an_administrator_of(named(place.organization_name)),
            quoted=quoted,
            quote=story.reason,
        )
        yield Notice(Administrators(place.organization_id), draft)


SUSPENDING: dict[str, Composer] = {
    "app.suspended": suspended,
    "app.suspension_lifted": suspension_lifted,
}
