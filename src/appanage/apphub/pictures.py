"""Screenshots of a listing: decoded and drawn anew, described in words, kept as long as a version shows them."""

import hashlib
import uuid
from collections.abc import Sequence

from sqlalchemy import select

from appanage.apphub.model import ListingPicture, Submission
from appanage.apps import logos
from appanage.apps import queries as apps
from appanage.apps.model import App, AppLogo, ProposedLogo
from appanage.apps.records import record
from appanage.directory.model import Account
from appanage.kit.errors import Conflict, Invalid, NotFound
from appanage.kit.text import one_line
from appanage.storage import Transaction

MOST = 5
LARGEST = 1000 * 1024  # with the form around it less than the largest request
LONGEST_ALTERNATIVE = 300
_LARGEST_SIDE = 2560
_SIDE = 1600


def list_pictures(tx: Transaction, app: App) -> Sequence[ListingPicture]:
    """Those of the draft in the order in which they were added, without their pixels."""
    query = select(ListingPicture).where(ListingPicture.app_id == app.id, ListingPicture.removed_at.is_(None))
    return list(tx.scalars(query.order_by(ListingPicture.added_at, ListingPicture.id)))


def get_picture(tx: Transaction, app: App, picture_id: uuid.UUID) -> ListingPicture:
    """One of the app's, whether it is in the draft or in a version."""
    found = tx.get(ListingPicture, picture_id)
    if found is None or found.app_id != app.id:
        raise _no_such_picture()
    return found


def get_submitted(tx: Transaction, submission: Submission, picture_id: uuid.UUID) -> ListingPicture:
    """One that was handed in with this version; the app's other ones are not for who looks at it."""
    if all(one["id"] != str(picture_id) for one in submission.content["pictures"]):
        raise _no_such_picture()
    return get_picture(tx, submission.app, picture_id)


def find_logo(tx: Transaction, submission: Submission) -> AppLogo | ProposedLogo | None:
    """The picture of the logo that was handed in: by now the live one, or one that waits. None if neither has it."""
    app, logo = submission.app, submission.content["app"]["logo"]
    digest = logo["digest"] if logo else None
    if not digest:
        return None
    return (
        apps.find_logo(tx, app.id) if digest == app.logo_digest else apps.find_proposed_logo(tx, app, digest)
    )


def add(tx: Transaction, app: App, content: bytes, alternative: str, *, by: Account) -> ListingPicture:
    """Adds a screenshot to the draft; the app is locked.

    Raises Invalid when it is not a picture that we take or nothing says what it shows, and Conflict when there are enough.
    """
    alternative = one_line(alternative)
    _require_described(alternative)
    if len(content) > LARGEST:
        raise _refused(
            f"The screenshot has {len(content) // 1024:,} KiB; at most {LARGEST // 1024:,} KiB are taken."
        )
    if len(list_pictures(tx, app)) >= MOST:
        raise Conflict(
            f"A listing has at most {MOST} screenshots. Remove one first.", code="too_many_screenshots"
        )
    drawn = logos.redraw(content, side=_SIDE, largest_side=_LARGEST_SIDE, what="screenshot", refused=_refused)
    picture = ListingPicture(
        app_id=app.id,
        alternative=alternative,
        media_type="image/png",
        width=drawn.width,
        height=drawn.height,
        content=drawn.content,
        digest=hashlib.sha256(drawn.content).hexdigest()[:16],
        added_at=tx.now,
    )
    tx.add(picture)
    tx.flush()
    record(tx, "listing.drafted", app, by=by, data={"fields": ["screenshots"], "added": str(picture.id)})
    return picture


def remove(tx: Transaction, app: App, picture_id: uuid.UUID, *, by: Account) -> None:
    """Takes a screenshot out of the draft; the app is locked. It is gone unless a version shows it."""
    picture = get_picture(tx, app, picture_id)
    if picture.removed_at is not None:
        raise _no_such_picture()
    if _is_in_a_version(tx, picture):
        picture.removed_at = tx.now
    else:
        tx.delete(picture)
    record(tx, "listing.drafted", app, by=by, data={"fields": ["screenshots"], "removed": str(picture_id)})


def _is_in_a_version(tx: Transaction, picture: ListingPicture) -> bool:
    shows = Submission.content.bool_op("@>")({"pictures": [{"id": str(picture.id)}]})
    query = select(Submission.id).where(Submission.app_id == picture.app_id, shows)
    return tx.scalar(query.limit(1)) is not None


def _require_described(alternative: str) -> None:
    sentence = ""
    if not alternative:
        sentence = "Say in words what the screenshot shows, for people who cannot see it."
    elif len(alternative) > LONGEST_ALTERNATIVE:
        sentence = (
            f"The words have {len(alternative)} characters; at most {LONGEST_ALTERNATIVE} are possible."
        )
    if sentence:
        raise Invalid(sentence, code="screenshot_refused", fields={"alternative": sentence})


def _no_such_picture() -> NotFound:
    return NotFound("There is no screenshot with this id.", code="screenshot_not_found")


def _refused(sentence: str) -> Invalid:
    return Invalid(sentence, code="screenshot_refused", fields={"screenshot": sentence})
