"""What is listed in the App Hub: an approved version becomes an app's public page, and may be taken out again."""

from sqlalchemy import select, text

from appanage import events
from appanage.apphub.content import Content
from appanage.apphub.model import Listing, Submission
from appanage.apps.model import App, Visibility
from appanage.apps.queries import is_owner
from appanage.directory import queries as directory
from appanage.directory.model import Account
from appanage.directory.roles import Role
from appanage.kit.errors import Conflict, Invalid, NotFound, NotPermitted
from appanage.kit.ids import parse_uuid
from appanage.kit.text import slug
from appanage.storage import Transaction

_LONGEST_SLUG = 80
_LONGEST_REASON = 500
_NO_REVIEWER = "Only App Reviewers of the operator decide what the App Hub shows."


def publish(tx: Transaction, submission: Submission) -> Listing:
    """Shows the version that was approved, in place of the one before it. The address of the page stays for ever."""
    app, content = submission.app, Content.read(submission.content)
    listing = tx.get(Listing, app.id) or _new_listing(tx, app, content)
    said = content.listing
    listing.submission_id = submission.id
    listing.name, listing.company_name = content.app["name"], _company(app, content)
    listing.tagline, listing.description = said.tagline, said.description
    listing.categories, listing.tags = list(said.categories), list(said.tags)
    listing.industry, listing.languages = said.industry, list(said.languages)
    listing.updated_at, listing.unlisted_at = tx.now, None
    tx.add(listing)
    tx.flush()
    return listing


def hold_names(tx: Transaction) -> None:
    """Lets one version at a time be approved, until the commit: its name and its address are compared with all others.

    One lock for all, since the address of one name with a number can be that of another. It comes before the app.
    """
    tx.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('listing names', 0))"))


def unlist(tx: Transaction, app: App, *, by: Account, reason: str) -> Listing:
    """Takes an app out of the App Hub. Organizations that authorized it keep what they authorized; what others asked for or
    proposed rests. It is another version of the app: who looked at it as a reviewed one looks again (checklist CONS-03).

    Its own organization's administrators still see it. For its owners and for App Reviewers. Raises NotPermitted, Invalid
    without a reason, Conflict if it is not listed. Whoever acts is looked at once the app is locked (checklist CONS-06).
    """
    tx.refresh(app, with_for_update={"key_share": True, "of": App})
    if app.deleted_at is not None:
        raise NotFound(f"{app.name} was deleted meanwhile. Nobody finds it in the App Hub any more.")
    _require_owner_or_reviewer(tx, app, by)
    _require_reason(reason)
    listing = _lock_listing(tx, app)
    if app.visibility == Visibility.PUBLIC:
        app.visibility = Visibility.ORGANIZATION.value
        app.version += 1
        app.edition += 1
    listing.unlisted_at, listing.is_featured = tx.now, False
    _record(tx, "listing.removed", listing, by, reason=reason.strip())
    return listing


def feature(tx: Transaction, listing: Listing, is_featured: bool, *, by: Account) -> None:
    """Shows an app among the first, or no more. Raises NotPermitted for who is no App Reviewer by now."""
    require_reviewer(tx, by)
    listing = _lock_listing(tx, listing.app)
    if listing.is_featured == is_featured:
        return
    listing.is_featured = is_featured
    _record(tx, "listing.featured" if is_featured else "listing.unfeatured", listing, by)


def require_reviewer(tx: Transaction, by: Account) -> Account:
    """The reviewer as they are now, locked until the commit (checklist CONS-06)."""
    fresh = directory.find_account_for_update(tx, by.id)
    if fresh is None or not is_reviewer(fresh):
        raise NotPermitted(_NO_REVIEWER, code="role_missing", roles=[Role.APP_REVIEWER.label])
    return fresh


def is_reviewer(account: Account) -> bool:
    return account.is_person and account.is_active and account.runs_the_platform_as(Role.APP_REVIEWER)


def _require_owner_or_reviewer(tx: Transaction, app: App, by: Account) -> None:
    if not is_owner(tx, app.id, by):
        require_reviewer(tx, by)
        return
    fresh = directory.find_account_for_update(tx, by.id)
    if fresh is None or not fresh.is_active:
        raise NotPermitted("Your account cannot act any more.", code="inactive")


def _new_listing(tx: Transaction, app: App, content: Content) -> Listing:
    name = content.app["name"]
    free = _free_slug(tx, f"{name} {_company(app, content)}")
    return Listing(app_id=app.id, app=app, slug=free, kind=app.kind, listed_at=tx.now)


def _company(app: App, content: Content) -> str:
    """As the developer says; who says nothing speaks for their organization."""
    return content.app["companyName"] or app.organization.name


def _free_slug(tx: Transaction, words: str) -> str:
    """Words that no other page has for its address, if need be with a number (platform reference §1.2, `friendlyId`)."""
    wanted = slug(words, limit=_LONGEST_SLUG) or "app"
    if parse_uuid(wanted):
        wanted = f"app-{wanted}"  # else it would read as an app's id
    hold_names(tx)
    alike = select(Listing.slug).where(Listing.slug.like(f"{wanted}%"))
    taken = set(tx.scalars(alike))
    numbered = (f"{wanted}-{number}" for number in range(2, len(taken) + 3))
    return next(one for one in (wanted, *numbered) if one not in taken)


def _lock_listing(tx: Transaction, app: App) -> Listing:
    query = select(Listing).where(Listing.app_id == app.id, Listing.unlisted_at.is_(None))
    found = tx.scalar(query.with_for_update(of=Listing).execution_options(populate_existing=True))
    if found is None:
        raise Conflict(f"{app.name} is not in the App Hub.", code="not_listed")
    return found


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise Invalid("Say why.", fields={"reason": "Say why; its developers read it."})
    if len(reason) > _LONGEST_REASON:
        sentence = f"The reason has {len(reason)} characters; at most {_LONGEST_REASON} are possible."
        raise Invalid(sentence, fields={"reason": sentence})


def _record(tx: Transaction, type_: str, listing: Listing, by: Account, **data: str) -> None:
    """In the log of the organization whose app it is."""
    app = listing.app
    events.record(
        tx,
        type_,
        organization_id=app.organization_id,
        actor=by.as_actor(),
        target=app.as_target(),
        app_id=app.id,
        data=data,
    )
