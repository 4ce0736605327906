"""Letters about who owns an app: to whom it concerns and to the other owners, who are all colleagues."""

from collections.abc import Iterator

from appanage.mail.composers.table import Composer
from appanage.mail.notices import Notice, Owners, People
from appanage.mail.story import Story, an_owner_of, app_name
from appanage.mail.text import Draft


def owner_added(story: Story) -> Iterator[Notice]:
    yield from _told(
        story,
        to_them=("You own {app} now", "{who} made you an owner of {app}. You can do everything with it."),
        to_others=("{app} has another owner", "{who} made a colleague an owner of {app}."),
    )


def owner_removed(story: Story) -> Iterator[Notice]:
    yield from _told(
        story,
        to_them=("You no longer own {app}", "{who} removed you from the owners of {app}."),
        to_others=("{app} has an owner less", "{who} removed an owner of {app}."),
    )


def transferred(story: Story) -> Iterator[Notice]:
    yield from _told(
        story,
        to_them=("{app} was handed over to you", "{who} handed {app} over to you. You answer for it now."),
        to_others=("{app} was handed over", "{who} handed {app} over to a colleague."),
    )


def adopted(story: Story) -> Iterator[Notice]:
    yield from _told(
        story,
        to_them=("You own {app} now", "{who} made you the owner of {app}, which had none left."),
        to_others=("{app} has an owner again", "{who} gave {app}, which had none left, an owner."),
    )


def _told(story: Story, *, to_them: tuple[str, str], to_others: tuple[str, str]) -> Iterator[Notice]:
    app = story.app
    if app is None or app.deleted_at is not None:
        return
    is_colleague = story.event.actor_organization_id == app.organization_id
    who = story.actor if is_colleague else f"A reviewer of the {story.brand.apphub}"
    for audience, (subject, sentence), why, link in (
        (People(story.people), to_them, f"it is about you and {app_name(app)}", "/portal/apps"),
        (Owners(app.id), to_others, an_owner_of(app), f"/portal/apps/{app.id}"),
    ):
        draft = Draft(
            about=story.about,
            subject=subject.format(app=app_name(app)),
            paragraphs=[sentence.format(app=app_name(app), who=who)],
            link=link,
            why=why,
        )
        yield Notice(audience, draft)


OWNERSHIP: dict[str, Composer] = {
    "app.adopted": adopted,
    "app.owner_added": owner_added,
    "app.owner_removed": owner_removed,
    "app.transferred": transferred,
}
