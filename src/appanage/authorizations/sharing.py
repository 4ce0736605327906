"""A developer sends an app that is not in the App Hub to one organization, whose administrators decide on it.

The organization is named by its id or by a verified domain. Whatever reaches none is answered alike, and nobody learns
more of an organization than that until its administrators have decided.
"""

import uuid

from appanage.apps.model import App
from appanage.apps.rules import AppRules
from appanage.authorizations import deciding, request_queries
from appanage.authorizations.model import AuthorizationRequest, RequestOrigin
from appanage.authorizations.requests import (
    SHARED_AGAIN_AFTER,
    ask,
    get_to_request,
    record_for_developers,
)
from appanage.directory import sandboxes
from appanage.directory.domains import find_organization_by_domain
from appanage.directory.model import Account, Organization
from appanage.kit.errors import Conflict, Invalid, NotFound
from appanage.kit.ids import Kind, PublicIds
from appanage.storage import Transaction

UNREACHED = "No organization can be reached by this. Ask its administrators for its organization ID, or for a verified domain."
_LONGEST_ADDRESS = 253


def get_addressee(
    tx: Transaction, ids: PublicIds, words: str, *, field: str = "organization"
) -> Organization:
    """The organization that an id in either form or a verified domain names. Raises Invalid, always with one sentence.

    One without administrators is not reached either. The caller counts the attempt (`Throttle.count_address`).
    """
    found = _find(tx, ids, words.strip()) if len(words) <= _LONGEST_ADDRESS else None
    if found is None or found.is_free or found.suspended_at is not None:
        raise Invalid(UNREACHED, code="organization_not_reached", fields={field: UNREACHED})
    return found


def share(
    tx: Transaction,
    app_id: uuid.UUID,
    organization: Organization,
    *,
    by: Account,
    addressed_to: str,
    rules: AppRules,
    message: str = "",
) -> AuthorizationRequest:
    """Asks another organization; a repeat is a reminder. Its administrators see the app, which stays private otherwise.

    Raises NotFound for an app that is not the person's, Invalid for the message, and Conflict for the own organization,
    for an app of a sandbox, too soon, after it was declined not long ago, and when there is nothing to ask for.
    """
    app = get_to_request(tx, by, app_id, organization.id, rules=rules)
    sandboxes.require_none(tx, app.organization, "its apps stay in it, since nobody vouches for its name.")
    deciding.require_short(message, "message")
    _require_elsewhere(app, organization)
    _require_not_declined(tx, app, organization)
    asked = ask(
        tx,
        app,
        organization,
        by=by,
        origin=RequestOrigin.SHARE,
        message=message,
        addressed_to=addressed_to.strip(),
    )
    record_for_developers(tx, "app.shared", asked, by=by)
    return asked


def _find(tx: Transaction, ids: PublicIds, words: str) -> Organization | None:
    try:
        return tx.get(Organization, ids.decode(Kind.ORGANIZATION, words))
    except NotFound:
        return find_organization_by_domain(tx, words)


def _require_elsewhere(app: App, organization: Organization) -> None:
    if organization.id == app.organization_id:
        sentence = "This is your own organization: ask its administrators with Request admin authorization."
        raise Conflict(sentence, code="own_organization")


def _require_not_declined(tx: Transaction, app: App, organization: Organization) -> None:
    """Whoever of the owners asked then: administrators who said no are left alone for a while."""
    declined_at = request_queries.share_declined_at(tx, app, organization.id)
    if declined_at is None or tx.now >= declined_at + SHARED_AGAIN_AFTER:
        return
    sentence = (
        f"Its administrators declined on {declined_at:%Y-%m-%d}. "
        f"You can share {app.name} with them again from {declined_at + SHARED_AGAIN_AFTER:%Y-%m-%d} on."
    )
    raise Conflict(sentence, code="share_declined")
