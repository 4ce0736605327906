"""The refresh token grant (RFC 6749 §6): the same token again for a confidential client, the next for a public one."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from msgspec import Struct

from appanage.oauth.errors import InvalidGrant, ReusedToken
from appanage.oauth.resources import narrow_resource
from appanage.oauth.scopes import narrow

RETRY_WINDOW = timedelta(seconds=30)
"""For so long the repeat of a rotated token is taken for the retry of a lost answer (design decision 9)."""


@dataclass(frozen=True, slots=True)
class Superseded:
    """The presented token was rotated away. `is_predecessor`: its successor is the one that is good now."""

    at: datetime
    is_predecessor: bool


class RefreshGrant(Struct, frozen=True):
    """A refresh token as it is kept. `approved` are the scopes that may be used at this moment."""

    client_id: str
    approved: frozenset[str]
    expires_at: datetime
    revoked_at: datetime | None
    authorization_ended_at: datetime | None
    is_suspended: bool
    key_thumbprint: str | None = None
    resource: str | None = None
    superseded: Superseded | None = None


class RefreshRequest(Struct, frozen=True):
    """What a token request presents beside the refresh token."""

    scope: str | None = None
    resource: str | None = None
    key_thumbprint: str | None = None


class Renewal(Enum):
    """What becomes of the refresh token."""

    KEEP = "keep"  # the same value with its expiry renewed
    ROTATE = "rotate"  # a successor takes its place
    REPEAT = "repeat"  # the successor that was given already, once more


class Refreshed(Struct, frozen=True):
    scopes: frozenset[str]
    resource: str | None
    renewal: Renewal


def redeem(
    grant: RefreshGrant | None,
    request: RefreshRequest,
    *,
    client_id: str,
    rotates: bool,
    now: datetime,
) -> Refreshed:
    """What the new access token may do. Every reason to refuse reads the same, so that none can be told apart.

    Raises InvalidGrant, InvalidScope, InvalidTarget; ReusedToken when the whole family must end (RFC 9700 §4.14.2).
    """
    if grant is None or grant.client_id != client_id or not _is_alive(grant, now):
        raise InvalidGrant(REFUSED)
    # Whoever lacks the key is not the client that was given the token (RFC 9449 §5, checklist REV-01).
    if grant.key_thumbprint is not None and request.key_thumbprint != grant.key_thumbprint:
        raise InvalidGrant(REFUSED)
    renewal = _renewal(grant.superseded, rotates=rotates, now=now)
    scopes = narrow(grant.approved, request.scope)
    return Refreshed(scopes, narrow_resource(grant.resource, request.resource), renewal)


def _is_alive(grant: RefreshGrant, now: datetime) -> bool:
    ended = grant.revoked_at is not None or grant.authorization_ended_at is not None
    return not ended and not grant.is_suspended and grant.expires_at > now


def _renewal(superseded: Superseded | None, *, rotates: bool, now: datetime) -> Renewal:
    if superseded is None:
        return Renewal.ROTATE if rotates else Renewal.KEEP
    if superseded.is_predecessor and now - superseded.at <= RETRY_WINDOW:
        return Renewal.REPEAT
    raise ReusedToken(REFUSED)


REFUSED = "The refresh token is invalid, expired or revoked. Fetch new tokens, and check that the app is still authorized."
