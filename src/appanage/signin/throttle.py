"""Counting failures: so many in a window, then wait. Never per account alone, which would be a lock-out weapon."""

from datetime import timedelta
from math import ceil
from time import time

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter

from appanage.kit.errors import TooMany
from appanage.settings import Settings

WINDOW = timedelta(minutes=15)


class Throttle:
    """The limits of one deployment; counted in memory, or in a store that several machines share."""

    def __init__(self, settings: Settings) -> None:
        self._limiter = MovingWindowRateLimiter(storage_from_string(settings.limits_storage))
        minutes = int(WINDOW.total_seconds() // 60)
        self._account = RateLimitItemPerMinute(
            settings.signin_failures_per_account, minutes, "signin-account"
        )
        self._source = RateLimitItemPerMinute(settings.signin_failures_per_source, minutes, "signin-source")
        self._client = RateLimitItemPerMinute(settings.client_failures_per_source, 1, "client-source")
        self._requests = RateLimitItemPerMinute(settings.requests_per_minute, 1, "requests")

    def require_signin_allowed(self, email: str, source: str) -> None:
        """Raises TooMany after too many wrong passwords for this address from here, or from here at all."""
        self._require(self._account, email.lower(), source)
        self._require(self._source, source)

    def signin_failed(self, email: str, source: str) -> int:
        """Counts one failure; returns how many tries are left."""
        self._limiter.hit(self._account, email.lower(), source)
        self._limiter.hit(self._source, source)
        return self._limiter.get_window_stats(self._account, email.lower(), source).remaining

    def signin_succeeded(self, email: str, source: str) -> None:
        self._limiter.clear(self._account, email.lower(), source)

    def require_client_allowed(self, client_id: str, source: str) -> None:
        """Raises TooMany after too many wrong secrets for this client from here (checklist CRED-12)."""
        self._require(self._client, client_id[:100], source)

    def client_failed(self, client_id: str, source: str) -> None:
        self._limiter.hit(self._client, client_id[:100], source)

    def count_request(self, account: str) -> None:
        """Counts one API request; raises TooMany when the account made too many. Keyed on a verified account."""
        if not self._limiter.hit(self._requests, account):
            raise self._too_many(self._requests, account)

    def _require(self, item: RateLimitItem, *identifiers: str) -> None:
        if not self._limiter.test(item, *identifiers):
            raise self._too_many(item, *identifiers)

    def _too_many(self, item: RateLimitItem, *identifiers: str) -> TooMany:
        wait = max(1, ceil(self._limiter.get_window_stats(item, *identifiers).reset_time - time()))
        message = f"Too many attempts. Try again in {wait} seconds."
        return TooMany(message, retry_after=timedelta(seconds=wait))
