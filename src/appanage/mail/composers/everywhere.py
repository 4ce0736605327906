"""What concerns the owners of an app, and the administrators of every organization in which it is authorized."""

from collections.abc import Iterator
from dataclasses import dataclass

from appanage.apps.model import App
from appanage.mail.notices import Administrators, Notice, Owners
from appanage.mail.story import Place, Story, an_administrator_of, an_owner_of, app_name
from appanage.mail.text import Draft, named


@dataclass(frozen=True, slots=True)
class News:
    """What both sides read, and what is said to each. `quoted` introduces the reason that somebody gave."""

    subject: str
    happened: str
    to_owners: str
    to_administrators: str
    quoted: str
    reason_is_for_owners_only: bool = False


def tell_everywhere(story: Story, app: App, news: News) -> Iterator[Notice]:
    """The owners first, then one portion of organizations after the other."""
    if story.is_first:
        owners = Draft(
            about=story.about,
            subject=f"{app_name(app)} {news.subject}",
            paragraphs=[news.happened, news.to_owners],
            link=f"/portal/apps/{app.id}",
            why=an_owner_of(app),
            quoted=news.quoted,
            quote=story.reason,
        )
        yield Notice(Owners(app.id), owners)
    for place in story.places:
        yield Notice(Administrators(place.organization_id), _to_administrators(story, app, news, place))


def _to_administrators(story: Story, app: App, news: News, place: Place) -> Draft:
    page = {"integration": "integrations", "bot": "bots"}.get(app.kind, "service-apps")
    return Draft(
        about=story.about,
        subject=f"{app_name(app)} {news.subject}",
        paragraphs=[news.happened, news.to_administrators],
        link=f"/hub/{page}" if app.is_bot else f"/hub/{page}/{app.id}",
        why=an_administrator_of(named(place.organization_name)),
        quoted=news.quoted,
        quote="" if news.reason_is_for_owners_only else story.reason,
    )
