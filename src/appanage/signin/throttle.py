"""Counting failures: so many in a window, then wait. Never per account alone, which would be a lock-out weapon."""

from datetime import timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil
from time import time

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.strategies import MovingWindowRateLimiter

from appanage.kit.errors import TooMany
from appanage.settings import IN_MEMORY, Settings
from appanage.signin.counters import Counters, MovingWindows
from appanage.signin.shared_counters import SharedCounters

WINDOW = timedelta(minutes=15)

# Of 20⁸ codes a handful is alive at a time: at this pace a guess takes for ever.
_USER_CODES_PER_ACCOUNT = 20
_USER_CODES_PER_SOURCE = 200
_FETCHES_PER_ACCOUNT = 20  # a minute: each may keep a thread waiting for a slow host
_ADDRESSES_PER_ACCOUNT = 20  # in a quarter of an hour: each tells whether an organization is there


class Throttle:
    """The limits of one deployment; counted in memory, or in a store that several machines share."""

    def __init__(self, settings: Settings) -> None:
        self._storage = _storage(settings.limits_storage)
        self._limiter = MovingWindowRateLimiter(self._storage)
        minutes = int(WINDOW.total_seconds() // 60)
        self._account = RateLimitItemPerMinute(
            settings.signin_failures_per_account, minutes, "signin-account"
        )
        self._source = RateLimitItemPerMinute(settings.signin_failures_per_source, minutes, "signin-source")
        self._client = RateLimitItemPerMinute(settings.client_failures_per_client, 1, "client")
        self._clients = RateLimitItemPerMinute(settings.client_failures_per_source, 1, "client-source")
        self._user_codes = RateLimitItemPerMinute(_USER_CODES_PER_ACCOUNT, minutes, "user-code-account")
        self._user_codes_here = RateLimitItemPerMinute(_USER_CODES_PER_SOURCE, minutes, "user-code-source")
        self._beginnings = RateLimitItemPerMinute(settings.beginnings_per_source, 1, "beginnings")
        self._traces = RateLimitItemPerMinute(settings.traces_per_source, 1, "traces")
        self._fetches = RateLimitItemPerMinute(_FETCHES_PER_ACCOUNT, 1, "fetches")
        self._addresses = RateLimitItemPerMinute(_ADDRESSES_PER_ACCOUNT, minutes, "addresses")
        self._requests = RateLimitItemPerMinute(settings.requests_per_minute, 1, "requests")
        self._visits = RateLimitItemPerMinute(settings.visits_per_source, 1, "visits")

    @property
    def is_shared(self) -> bool:
        """Whether it counts in a store for all processes together, for which it may have to wait."""
        return isinstance(self._storage, SharedCounters)

    def answers(self) -> bool:
        """Whether the store answers. While it does not, each process counts by itself."""
        return self._storage.check()

    def count_signin_attempt(self, email: str, source: str) -> None:
        """Raises TooMany after too many attempts for this address from here, or wrong passwords from here at all.

        The attempt is counted before the password is looked at, so that many at the same moment gain nothing.
        """
        self._require(self._source, network_of(source))
        if not self._limiter.hit(self._account, _named(email), network_of(source)):
            raise self._too_many(self._account, _named(email), network_of(source))

    def signin_failed(self, email: str, source: str) -> int:
        """Counts one wrong password; returns how many tries are left."""
        self._limiter.hit(self._source, network_of(source))
        return self._limiter.get_window_stats(self._account, _named(email), network_of(source)).remaining

    def signin_succeeded(self, email: str, source: str) -> None:
        self._limiter.clear(self._account, _named(email), network_of(source))

    def count_user_code_attempt(self, account: str, source: str) -> None:
        """Counts one code of a device that a person enters, right or wrong; raises TooMany (RFC 8628 §5.1).

        A right one does not clear the count: whoever guesses could enter a code of their own in between.
        """
        for item, identifier in ((self._user_codes, account), (self._user_codes_here, network_of(source))):
            if not self._limiter.hit(item, identifier):
                raise self._too_many(item, identifier)

    def require_client_allowed(self, client_id: str, source: str) -> None:
        """Raises TooMany after too many wrong secrets for this client from here, or for any (checklist CRED-12)."""
        self._require(self._clients, network_of(source))
        self._require(self._client, client_id[:100], network_of(source))

    def client_failed(self, client_id: str, source: str) -> None:
        self._limiter.hit(self._clients, network_of(source))
        self._limiter.hit(self._client, client_id[:100], network_of(source))

    def count_beginning(self, source: str) -> None:
        """Counts a way to consent that is begun without anybody being known; raises TooMany after too many from here."""
        if not self._limiter.hit(self._beginnings, network_of(source)):
            raise self._too_many(self._beginnings, network_of(source))

    def allows_trace(self, source: str) -> bool:
        """Whether one more refusal from here is recorded: a flood must not fill the audit log."""
        return self._limiter.hit(self._traces, network_of(source))

    def count_fetch(self, account: str) -> None:
        """Counts one address that we call for an account; raises TooMany."""
        if not self._limiter.hit(self._fetches, account):
            raise self._too_many(self._fetches, account)

    def count_address(self, account: str) -> None:
        """Counts one organization that a person names by its id or domain, right or wrong; raises TooMany."""
        if not self._limiter.hit(self._addresses, account):
            raise self._too_many(self._addresses, account)

    def count_request(self, account: str, *, times: int = 1) -> None:
        """Counts API requests; raises TooMany when the account made too many. Keyed on a verified account."""
        if not self._limiter.hit(self._requests, account, cost=times):
            raise self._too_many(self._requests, account)

    def count_visit(self, source: str) -> None:
        """Counts one look at what everybody may see, by nobody in particular; raises TooMany after too many from here."""
        if not self._limiter.hit(self._visits, network_of(source)):
            raise self._too_many(self._visits, network_of(source))

    def _require(self, item: RateLimitItem, *identifiers: str) -> None:
        if not self._limiter.test(item, *identifiers):
            raise self._too_many(item, *identifiers)

    def _too_many(self, item: RateLimitItem, *identifiers: str) -> TooMany:
        wait = max(1, ceil(self._limiter.get_window_stats(item, *identifiers).reset_time - time()))
        message = f"Too many attempts. Try again in {wait} seconds."
        return TooMany(message, retry_after=timedelta(seconds=wait))


def _named(email: str) -> str:
    """No address is longer, whatever is sent."""
    return email[:254].lower()


def _storage(url: str) -> MovingWindows:
    return Counters() if url == IN_MEMORY else SharedCounters(url)


def network_of(source: str) -> str:
    """The address that counts: of IPv6 the network, since whoever has one address there has 2**64."""
    try:
        address = ip_address(source)
    except ValueError:
        return source
    return str(ip_network((address, 64), strict=False)) if isinstance(address, IPv6Address) else source
