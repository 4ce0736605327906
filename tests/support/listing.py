"""Apps that are ready for the App Hub, and their way through review, told by the services themselves."""

import uuid
from collections.abc import Sequence
from typing import Any

from appanage.apphub import drafts, pictures, queries, reviews, submissions
from appanage.apphub.drafts import ListingText
from appanage.apphub.model import Submission
from appanage.apps import service as apps
from appanage.directory.model import Account
from appanage.directory.queries import find_account
from appanage.directory.roles import Role
from appanage.storage import Transaction
from support.uploads import picture
from support.world import MadeApp, World

REASONS = {
    "spark-admin:people_read": "To compare people with the HR system.",
    "spark-admin:people_write": "To create people on their first day.",
}
COMPLETE = ListingText(
    tagline="Keeps people in step with HR",
    description="## What it does\n\nIt **compares** people every night.",
    categories=("human-resources", "administration"),
    tags=("hr", "directory"),
    industry="all",
    languages=("en-US", "de-DE"),
    landing_url="https://sync.fabrikam.example/start",
    test_instructions="Authorize it in the sandbox, then add a person.",
)


def ready_app(world: World, developer: Account, *, text: ListingText = COMPLETE, **draft: Any) -> MadeApp:
    """A Service App of which nothing is missing; nothing is handed in."""
    described: dict[str, Any] = {
        "requested": False,
        "scope_reasons": REASONS,
        "company_name": "Fabrikam GmbH",
        "support_url": "https://sync.fabrikam.example/help",
        "privacy_url": "https://sync.fabrikam.example/privacy",
    }
    made = world.service_app(developer, **(described | draft))
    with world.deployment.transaction(world.origin) as tx:
        by = the(tx, developer)
        app = apps.get_to_change(tx, by, made.id, rules=world.deployment.app_rules)
        apps.set_logo(tx, app, picture(), by=by)
        drafts.save(tx, app, text, by=by)
        pictures.add(tx, app, picture(side=60), "The list of people", by=by)
    return made


def hand_in(world: World, made: MadeApp, **options: Any) -> Submission:
    """Its developer submits it."""
    with world.deployment.transaction(world.origin) as tx:
        by = the(tx, made.developer)
        app = apps.get_to_change(tx, by, made.id, rules=world.deployment.app_rules)
        reserved = world.deployment.settings.reserved_words
        return submissions.submit(tx, app, by=by, reserved=reserved, **options)


def reviewer(world: World) -> Account:
    """An App Reviewer of the operator."""
    return world.operators(Role.APP_REVIEWER)


def take(world: World, submission_id: uuid.UUID, by: Account) -> None:
    with world.deployment.transaction(world.origin) as tx:
        reviews.take(tx, submission_id, by=the(tx, by))


def approve(world: World, submission_id: uuid.UUID, by: Account) -> None:
    """Takes and approves it."""
    take(world, submission_id, by)
    with world.deployment.transaction(world.origin) as tx:
        reviews.approve(tx, submission_id, by=the(tx, by))


def list_for_everybody(world: World, developer: Account, **draft: Any) -> MadeApp:
    """An app that went all the way into the App Hub."""
    made = ready_app(world, developer, **draft)
    approve(world, hand_in(world, made).id, reviewer(world))
    return made


def state_of(world: World, submission_id: uuid.UUID) -> str:
    return one_submission(world, submission_id).state


def one_submission(world: World, submission_id: uuid.UUID) -> Submission:
    with world.deployment.transaction(world.origin) as tx:
        return queries.get_for_review(tx, submission_id)


def the(tx: Transaction, account: Account) -> Account:
    """The account in this transaction."""
    found = find_account(tx, account.id)
    assert found is not None
    return found


def sentences(findings: Sequence[dict[str, Any]]) -> list[str]:
    return [one["sentence"] for one in findings]
