"""The refresh token grant (RFC 6749 §6)."""

from dataclasses import dataclass
from datetime import datetime

from appanage.oauth.errors import InvalidGrant
from appanage.oauth.scopes import narrow


@dataclass(frozen=True, slots=True)
class RefreshGrant:
    """A refresh token as it is kept. `approved` are the scopes that may be used at this moment."""

    client_id: str
    approved: frozenset[str]
    expires_at: datetime
    revoked_at: datetime | None
    authorization_ended_at: datetime | None
    is_suspended: bool


def redeem(grant: RefreshGrant | None, *, client_id: str, scope: str | None, now: datetime) -> frozenset[str]:
    """The scopes of the new access token. Every reason to refuse reads the same, so that none can be told apart."""
    if grant is None or grant.client_id != client_id:
        raise _refused()
    if grant.revoked_at is not None or grant.authorization_ended_at is not None or grant.is_suspended:
        raise _refused()
    if grant.expires_at <= now:
        raise _refused()
    return narrow(grant.approved, scope)


def _refused() -> InvalidGrant:
    return InvalidGrant(
        "The refresh token is invalid, expired or revoked. Fetch new tokens, and check that the organization "
        "still authorizes the app."
    )
