"""The fetcher: one GET of a small document, and one sentence if it cannot be had."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from ssl import SSLContext

from appanage.kit.outbound.bounds import Deadline, Resolve, addresses_of
from appanage.kit.outbound.ranges import Address, is_internal, is_public
from appanage.kit.outbound.target import Endpoint, OutboundPolicy, Reach, read_target


@dataclass(frozen=True, slots=True)
class Fetched:
    """`media_type` is what the host says, in lower case and without parameters; empty if it says nothing usable."""

    content: bytes
    media_type: str


class Fetcher:
    """Fetches from addresses that developers supply, so that nobody reaches by it what they could not reach themselves.

    Made once for a deployment. `hosts` are those that its operator names, as `host` (port 443) or `host:port`, in any
    case, without their subdomains: under LISTED nothing else is called; under PUBLIC they are exceptions. A host that
    is named may lie in a private network, as inside a boundary it usually does, but never on loopback, link-local or
    metadata addresses. All others must be public and are called at port 443 only: what listens elsewhere is seldom
    meant for strangers. Hosts are written as names, never as IP addresses, which have too many spellings and no
    certificates. Raises ValueError for an entry of `hosts` that is no such name.

    Every fetch makes a connection of its own, without cookies, credentials, proxies or anything else from the
    environment but the trusted authorities (SSL_CERT_FILE, SSL_CERT_DIR), unless `ssl_context` brings its own.
    """

    def __init__(
        self,
        policy: OutboundPolicy,
        hosts: Collection[str],
        *,
        resolve: Resolve = addresses_of,
        is_allowed: Callable[[Address], bool] = is_public,
        ssl_context: SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reach = Reach(policy, hosts)
        self._resolve = resolve
        self._is_allowed = is_allowed
        self._given_ssl_context = ssl_context
        self._clock = clock

    @property
    def is_on(self) -> bool:
        """Whether anything can be fetched at all."""
        return self._reach.is_on

    def get(self, url: str, *, largest: int, within: timedelta = timedelta(seconds=5)) -> Fetched:
        """The document at `url`, of at most `largest` bytes, if it is answered with 200 and not compressed.

        Redirects are not followed. `within` is the time for all of it: resolving, connecting, TLS and reading.
        Raises NotFetched.
        """
        target = read_target(url)
        self._reach.require(target.endpoint)
        self._reach.require_elsewhere(target.endpoint)
        # Imported with the first fetch: most processes never make one, and all would hold an HTTP client for it.
        from appanage.kit.outbound.exchange import get
        from appanage.kit.outbound.network import JudgedNetwork

        deadline = Deadline(within, self._clock)
        network = JudgedNetwork(self._resolve, self._rule_for(target.endpoint), deadline)
        return Fetched(*get(target, network, self._ssl_context, largest=largest, within=within))

    def check(self, url: str) -> None:
        """Raises NotFetched for an address that nobody may be sent to, whatever is fetched here; calls nobody."""
        self._reach.require_elsewhere(read_target(url).endpoint)

    def _rule_for(self, endpoint: Endpoint) -> Callable[[Address], bool]:
        if not self._reach.lists(endpoint):
            return self._is_allowed
        return lambda address: self._is_allowed(address) or is_internal(address)

    @cached_property
    def _ssl_context(self) -> SSLContext:
        # Made at the first fetch: it reads a hundred certificates, which most commands never need.
        from httpcore2 import default_ssl_context

        return self._given_ssl_context or default_ssl_context()
