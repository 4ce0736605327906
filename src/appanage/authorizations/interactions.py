"""Interactions: what is remembered of an authorization request while a person signs in and decides."""

import uuid
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select, update

from appanage.apps.model import App
from appanage.authorizations import consents
from appanage.authorizations.clients import may_still_ask, registered
from appanage.authorizations.model import Authorization, Interaction
from appanage.directory.model import Account
from appanage.kit.secrets import digest
from appanage.oauth import redirects
from appanage.oauth.authorization import AuthorizationRequest
from appanage.oauth.errors import UnregisteredRedirect
from appanage.oauth.steps import Standing, may_be_remembered
from appanage.signin.model import BrowserSession
from appanage.storage import Transaction
from appanage.storage.expiry import Expiry

EXPIRY = Expiry(Interaction, Interaction.expires_at)
_REPEATED_WITHIN = timedelta(seconds=10)


def begin(
    tx: Transaction, app: App, request: AuthorizationRequest, *, cookie: str, lifetime: timedelta
) -> Interaction:
    """Keeps a valid request for the browser with this cookie."""
    interaction = Interaction(
        id=uuid.uuid4(),
        browser_digest=digest(cookie),
        app_id=app.id,
        app=app,
        request=request.as_json(),
        began_at=tx.now,
        expires_at=tx.now + lifetime,
    )
    tx.add(interaction)
    tx.flush()
    return interaction


def find(
    tx: Transaction, interaction_id: uuid.UUID, *, cookie: str, or_just_allowed: bool = False
) -> Interaction | None:
    """The interaction if it is this browser's, still open and not too old (checklist AUTHZ-12)."""
    is_open: ColumnElement[bool] = Interaction.decided_at.is_(None)
    if or_just_allowed:
        is_open |= Interaction.allowed_at > tx.now - _REPEATED_WITHIN
    query = select(Interaction).where(
        Interaction.id == interaction_id,
        Interaction.browser_digest == digest(cookie),
        Interaction.expires_at > tx.now,
        is_open,
    )
    found = tx.scalar(query)
    return found if found is not None and _is_still_possible(found) else None


def _is_still_possible(interaction: Interaction) -> bool:
    """Whether the request would still be accepted from this app (checklist REG-05)."""
    app, request = interaction.app, request_of(interaction)
    try:
        redirects.match(app.redirect_urls, request.redirect_uri, is_public=app.is_public)
    except UnregisteredRedirect:
        return False
    rules = registered(app, is_strict=app.is_strict)
    is_protected = request.code_challenge is not None or not rules.requires_pkce
    return is_protected and may_still_ask(app, request.scopes)


def rebind(tx: Transaction, *, old_cookie: str, new_cookie: str) -> None:
    """Follows the browser over a sign-in, which gives it a new cookie (checklist SES-06)."""
    followed = update(Interaction).where(
        Interaction.browser_digest == digest(old_cookie), Interaction.decided_at.is_(None)
    )
    tx.execute(followed.values(browser_digest=digest(new_cookie)))


def choose(interaction: Interaction, account: Account) -> None:
    """The person picked the account to go on with (OpenID Connect Core §3.1.2.1, `select_account`)."""
    interaction.chosen_account_id = account.id


def decide(tx: Transaction, interaction: Interaction, *, allowed: bool) -> bool:
    """Ends the interaction. Of different decisions the first one counts; False for every other (checklist CONS-09).

    To allow twice is to allow once: of a double click the browser only sees the second answer.
    """
    deciding = update(Interaction).where(Interaction.id == interaction.id, Interaction.decided_at.is_(None))
    first = tx.scalar(
        deciding.values(decided_at=tx.now, allowed_at=tx.now if allowed else None).returning(Interaction.id)
    )
    tx.refresh(interaction)
    return first is not None or (allowed and _was_just_allowed(interaction, tx.now))


def _was_just_allowed(interaction: Interaction, now: datetime) -> bool:
    return interaction.allowed_at is not None and now - interaction.allowed_at < _REPEATED_WITHIN


def request_of(interaction: Interaction) -> AuthorizationRequest:
    return AuthorizationRequest.from_json(interaction.request)


def standing_of(
    tx: Transaction, app: App, request: AuthorizationRequest, session: BrowserSession | None
) -> Standing:
    """What is known of the person in the browser when a request arrives."""
    current = consents.find(tx, app, session.account) if session else None
    return _standing(app, request, session, current, has_chosen=False)


def standing(tx: Transaction, interaction: Interaction, session: BrowserSession | None) -> Standing:
    """What is known of the person in the browser at this point of the interaction."""
    current = consents.find(tx, interaction.app, session.account) if session else None
    has_chosen = session is not None and interaction.chosen_account_id == session.account_id
    return _standing(interaction.app, request_of(interaction), session, current, has_chosen=has_chosen)


def _standing(
    app: App,
    request: AuthorizationRequest,
    session: BrowserSession | None,
    current: Authorization | None,
    *,
    has_chosen: bool,
) -> Standing:
    return Standing(
        authenticated_at=session.authenticated_at if session else None,
        has_chosen=has_chosen,
        consented=current.consented_at(request.resource) if current else None,
        may_be_remembered=may_be_remembered(request.redirect_uri, is_public=app.is_public),
    )
