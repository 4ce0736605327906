"""Apps that are listed in the App Hub, without the way there."""

import uuid
from dataclasses import replace
from typing import Any

from appanage.apphub import catalogue
from appanage.apphub.content import Content, ListingFacts, PictureFacts
from appanage.apphub.model import Listing, ListingPicture, Submission, SubmissionState
from appanage.apps import versions
from appanage.apps.model import App, Visibility
from support.uploads import picture
from support.world import MadeApp, World

FACTS = ListingFacts(
    kind="service_app",
    tagline="Keeps people in step with HR",
    description="Compares **people** every night.",
    categories=("human-resources",),
    tags=("hr",),
    industry="all",
    languages=("en-US",),
    video_url=None,
    landing_url="https://sync.fabrikam.example/start",
    support_url="https://sync.fabrikam.example/help",
    privacy_url="https://sync.fabrikam.example/privacy",
    contact_email="help@fabrikam.example",
    test_instructions="A secret between developers and reviewers.",
    test_organization_id=None,
)


def put_up(
    world: World, made: MadeApp, *, number: int = 1, with_picture: bool = False, **said: Any
) -> Listing:
    """Lists the app as it is, as if a reviewer had approved it a moment ago; `said` are facts of the listing."""
    with world.deployment.transaction(world.origin) as tx:
        app = tx.get_one(App, made.id)
        pictures = []
        if with_picture:
            shown = ListingPicture(
                id=uuid.uuid4(),
                app_id=app.id,
                alternative="A list of people",
                media_type="image/png",
                width=60,
                height=60,
                content=picture(side=60),
                digest="d" * 32,
                added_at=tx.now,
            )
            tx.add(shown)
            pictures.append(PictureFacts.of(shown))
        facts = replace(FACTS, kind=app.kind, **said)
        submission = Submission(
            id=uuid.uuid4(),
            app_id=app.id,
            app=app,
            number=number,
            state=SubmissionState.APPROVED.value,
            content=Content(versions.reviewed_facts(app), facts, pictures).as_json(),
            submitted_by=app.created_by,
            submitted_by_name="Dana Kim",
            submitted_at=tx.now,
            decided_at=tx.now,
        )
        tx.add(submission)
        app.visibility = Visibility.PUBLIC.value
        tx.flush()
        return catalogue.publish(tx, submission)
