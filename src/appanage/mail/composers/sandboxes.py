"""Letters about sandboxes, to the developer whose they are."""

from collections.abc import Iterator

from appanage.mail.composers.table import Composer
from appanage.mail.notices import Notice, People
from appanage.mail.story import Story, day
from appanage.mail.text import Draft, named

_WHY = "the sandbox is yours"


def created(story: Story) -> Iterator[Notice]:
    sandbox = story.sandbox
    if sandbox is None or not sandbox.is_open:
        return
    name = f"“{named(sandbox.organization.name)}”"
    draft = Draft(
        about=f"sandbox.created:{sandbox.organization_id}",  # it is recorded in both organizations
        subject=f"Your sandbox {name}",
        paragraphs=[
            f"Your sandbox {name} is ready. You are its Full Administrator as {sandbox.administrator.email}.",
            f"It ends on {day(sandbox.expires_at)} unless you extend it. You will be reminded.",
        ],
        link="/portal/sandboxes",
        why=_WHY,
    )
    yield Notice(People.of(sandbox.owner_id), draft)


def ended(story: Story) -> Iterator[Notice]:
    sandbox = story.sandbox
    if sandbox is None:
        return
    name = f"“{named(sandbox.organization.name)}”"
    draft = Draft(
        about=f"sandbox.ended:{sandbox.organization_id}",
        subject=f"Your sandbox {name} has ended",
        paragraphs=[
            f"Your sandbox {name} has ended. Its people cannot sign in any more, and what it authorized has ended.",
            "You can make another one.",
        ],
        link="/portal/sandboxes",
        why=_WHY,
    )
    yield Notice(People.of(sandbox.owner_id), draft)


SANDBOXES: dict[str, Composer] = {"sandbox.created": created, "sandbox.ended": ended}
