"""The device grant (RFC 8628): the code that a person types, and what a device's poll is answered with."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from appanage.oauth.errors import AccessDenied, AuthorizationPending, ExpiredToken, InvalidGrant, SlowDown

INTERVAL = timedelta(seconds=2)
BACK_OFF = timedelta(seconds=5)  # what each SlowDown adds to the interval (RFC 8628 §3.5)

# A device that keeps to its interval is never too soon, however unevenly the network carries its requests.
_JITTER = timedelta(milliseconds=500)

# No vowels, so no words; no digits, so no look-alikes (RFC 8628 §6.1). 20⁸ codes are 34 bits.
USER_CODE = "BCDFGHJKLMNPQRSTVWXZ"
_LENGTH = 8
_FAIR = 256 - 256 % len(USER_CODE)

_SEPARATORS = re.compile(r"[\s\u2010-\u2015\u2212_.-]+")  # hyphens also as keyboards correct them
_TIDY = re.compile(f"[{USER_CODE}]{{{_LENGTH}}}")
_LONGEST = 64  # characters of what is typed


@dataclass(frozen=True, slots=True)
class DeviceGrant:
    """A device code as it is kept; `last_polled_at` is the poll before this one."""

    client_id: str
    expires_at: datetime
    interval: timedelta
    last_polled_at: datetime | None
    approved_at: datetime | None
    denied_at: datetime | None
    spent_at: datetime | None


def new_user_code(entropy: Callable[[int], bytes]) -> str:
    """A fresh code as it is shown: XXXX-XXXX."""
    letters = ""
    while len(letters) < _LENGTH:
        # Bytes past the last full round of letters are thrown away: no letter is likelier than another.
        letters += "".join(USER_CODE[byte % len(USER_CODE)] for byte in entropy(_LENGTH) if byte < _FAIR)
    return _shown(letters[:_LENGTH])


def tidy_user_code(text: str) -> str | None:
    """What was typed, as `new_user_code` writes it; None when it cannot be a code."""
    if len(text) > _LONGEST:
        return None
    letters = _SEPARATORS.sub("", text).upper()
    return _shown(letters) if _TIDY.fullmatch(letters) else None


def poll(grant: DeviceGrant | None, *, client_id: str, now: datetime) -> None:
    """Returns when the token may be issued and otherwise raises what RFC 8628 §3.5 answers.

    InvalidGrant, AccessDenied and ExpiredToken are final. With AuthorizationPending the caller keeps the time of this
    poll, with SlowDown also an interval longer by BACK_OFF.
    """
    if grant is None or grant.client_id != client_id or grant.spent_at is not None:
        raise InvalidGrant("The device code is unknown, used, or another client's. Ask for a new one.")
    if grant.denied_at is not None:
        raise AccessDenied("The person declined the request.")
    if grant.expires_at <= now:
        raise ExpiredToken("The device code has expired. Ask for a new one.")
    if grant.approved_at is None:
        raise _too_soon_or_pending(grant, now)


def _too_soon_or_pending(grant: DeviceGrant, now: datetime) -> SlowDown | AuthorizationPending:
    if grant.last_polled_at is not None and now < grant.last_polled_at + grant.interval - _JITTER:
        return SlowDown(f"Wait {BACK_OFF.seconds} seconds longer between two requests.")
    return AuthorizationPending("The person has not decided yet. Ask again after the interval.")


def _shown(letters: str) -> str:
    return f"{letters[:4]}-{letters[4:]}"
