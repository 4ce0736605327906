"""Bringing the demonstration's apps into the App Hub and before administrators, on the ways that every app takes."""

from collections.abc import Collection

from appanage.apphub import catalogue, drafts, pictures, reviews, submissions
from appanage.apphub.drafts import ListingText
from appanage.apphub.model import Listing, Submission
from appanage.apps import service as apps
from appanage.apps.drafts import AppDraft
from appanage.apps.model import App
from appanage.apps.rules import AppRules
from appanage.authorizations import requests, sharing
from appanage.cli.demo import pictures as drawn
from appanage.cli.demo.cast import CONTOSO, REVIEWER
from appanage.cli.demo.storefront import LISTINGS, REQUEST, REQUEST_BY, SHARED, DemoListing
from appanage.directory import queries as directory
from appanage.directory.model import Account, Organization
from appanage.storage import Transaction

_INSTRUCTIONS = (
    "Authorize the app in an organization of your own and open the landing page. It shows what it reads within a minute; "
    "nothing has to be set up."
)
_APPROVAL = "Small, clear, and it asks for no more than it needs."


def make_listings(
    tx: Transaction, rules: AppRules, *, reserved: Collection[str], machine_domain: str
) -> None:
    """And what is asked for and shared. `reserved` are the words that no name may use."""
    for one in LISTINGS:
        developer = _person(tx, one.developer)
        app = _make_app(tx, one, developer, rules)
        submission = submissions.submit(tx, app, by=developer, reserved=reserved)
        if not one.is_waiting:
            _list(tx, submission, _person(tx, REVIEWER), is_featured=one.is_featured)
        if one.is_asked_for:
            _ask(tx, app, machine_domain=machine_domain)
    _share(tx, rules)


def _ask(tx: Transaction, app: App, *, machine_domain: str) -> None:
    """A colleague of the administrators found the app."""
    by = _person(tx, REQUEST_BY)
    requests.request_for_organization(tx, app, by=by, message=REQUEST, machine_domain=machine_domain)


def _share(tx: Transaction, rules: AppRules) -> None:
    """A developer elsewhere sends an app that is in no catalogue."""
    by, there = _person(tx, SHARED.developer), tx.get_one(Organization, CONTOSO.id)
    draft = AppDraft(
        name=SHARED.name,
        description=SHARED.summary,
        contact_email=by.email,
        company_name=SHARED.company,
        scopes=list(SHARED.scopes),
        scope_reasons=SHARED.scopes,
    )
    app, _ = apps.create_client(tx, draft, by=by, rules=rules)
    sharing.share(tx, app.id, there, by=by, addressed_to=CONTOSO.domain, rules=rules, message=SHARED.message)


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
