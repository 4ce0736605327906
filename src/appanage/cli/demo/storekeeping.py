"""Bringing the demonstration's apps into the App Hub, on the way that every app takes: drafted, handed in, reviewed."""

from collections.abc import Collection

from appanage.apphub import catalogue, drafts, pictures, reviews, submissions
from appanage.apphub.drafts import ListingText
from appanage.apphub.model import Listing, Submission
from appanage.apps import service as apps
from appanage.apps.drafts import AppDraft
from appanage.apps.model import App
from appanage.apps.rules import AppRules
from appanage.cli.demo import pictures as drawn
from appanage.cli.demo.cast import REVIEWER
from appanage.cli.demo.storefront import LISTINGS, DemoListing
from appanage.directory import queries as directory
from appanage.directory.model import Account
from appanage.storage import Transaction

_INSTRUCTIONS = (
    "Authorize the app in an organization of your own and open the landing page. It shows what it reads within a minute; "
    "nothing has to be set up."
)
_APPROVAL = "Small, clear, and it asks for no more than it needs."


def make_listings(tx: Transaction, rules: AppRules, *, reserved: Collection[str]) -> None:
    """`reserved` are the words that no name may use."""
    for one in LISTINGS:
        developer = _person(tx, one.developer)
        app = _make_app(tx, one, developer, rules)
        submission = submissions.submit(tx, app, by=developer, reserved=reserved)
        if not one.is_waiting:
            _list(tx, submission, _person(tx, REVIEWER), is_featured=one.is_featured)


def _make_app(tx: Transaction, one: DemoListing, developer: Account, rules: AppRules) -> App:
    draft = AppDraft(
        kind=one.kind,
        name=one.name,
        description=one.summary,
        contact_email=developer.email,
        company_name=one.company,
        support_url=f"{one.site}/help",
        privacy_url=f"{one.site}/privacy",
        scopes=list(one.scopes),
        optional_scopes=one.optional,
        scope_reasons=one.scopes,
        redirect_urls=one.redirects,
    )
    app, _ = apps.create_client(tx, draft, by=developer, rules=rules)
    apps.set_logo(tx, app, drawn.logo(one.name), by=developer)
    drafts.save(tx, app, _text(one), by=developer)
    picture = drawn.screenshot(one.name, list(one.scopes.values()))
    pictures.add(tx, app, picture, f"The first page of {one.name}: {one.tagline}.", by=developer)
    return app


def _text(one: DemoListing) -> ListingText:
    return ListingText(
        tagline=one.tagline,
        description=one.description,
        categories=one.categories,
        tags=one.tags,
        industry=one.industry,
        languages=one.languages,
        landing_url=one.site,
        test_instructions=_INSTRUCTIONS,
    )


def _list(tx: Transaction, submission: Submission, reviewer: Account, *, is_featured: bool) -> None:
    reviews.take(tx, submission.id, by=reviewer)
    reviews.tick(tx, submission.id, reviews.CHECKLIST, by=reviewer, number=submission.number)
    reviews.approve(tx, submission.id, _APPROVAL, by=reviewer)
    if is_featured:
        catalogue.feature(tx, tx.get_one(Listing, submission.app_id), True, by=reviewer)


def _person(tx: Transaction, email: str) -> Account:
    found = directory.find_person_by_email(tx, email)
    assert found is not None, f"{email} is one of the demonstration's people"
    return found
