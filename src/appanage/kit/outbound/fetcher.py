"""The fetcher: one GET of a small document, and one sentence if it cannot be had."""

import re
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from ssl import SSLContext

import httpcore2
from httpcore2 import URL, ConnectionPool, Response

from appanage.kit.outbound.network import Deadline, JudgedNetwork, Resolve, addresses_of
from appanage.kit.outbound.ranges import Address, is_internal, is_public
from appanage.kit.outbound.refusal import NotFetched
from appanage.kit.outbound.target import Endpoint, OutboundPolicy, Reach, Target, read_target

_HEADERS = (
    ("Accept", "*/*"),
    ("Accept-Encoding", "identity"),
    ("Connection", "close"),
    ("User-Agent", "Appanage"),
)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")


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
        try:
            return self._get(target, largest, Deadline(within, self._clock))
        except (TimeoutError, httpcore2.TimeoutException) as cause:
            raise NotFetched(
                f"The host did not answer in full within {within.total_seconds():g} seconds."
            ) from cause
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as cause:
            raise NotFetched(
                "The host broke off or did not speak HTTP; check the address and try again."
            ) from cause

    def check(self, url: str) -> None:
        """Raises NotFetched for an address that nobody may be sent to, whatever is fetched here; calls nobody."""
        self._reach.require_elsewhere(read_target(url).endpoint)

    def _get(self, target: Target, largest: int, deadline: Deadline) -> Fetched:
        network = JudgedNetwork(self._resolve, self._rule_for(target.endpoint), deadline)
        host, port = target.endpoint
        url = URL(scheme="https", host=host, port=port, target=target.path)
        with (
            ConnectionPool(ssl_context=self._ssl_context, network_backend=network) as pool,
            pool.stream("GET", url, headers=_HEADERS) as response,
        ):
            return _read(response, largest)

    def _rule_for(self, endpoint: Endpoint) -> Callable[[Address], bool]:
        if not self._reach.lists(endpoint):
            return self._is_allowed
        return lambda address: self._is_allowed(address) or is_internal(address)

    @cached_property
    def _ssl_context(self) -> SSLContext:
        # Made at the first fetch: it reads a hundred certificates, which most commands never need.
        return self._given_ssl_context or httpcore2.default_ssl_context()


def _read(response: Response, largest: int) -> Fetched:
    _require_ok(response.status)
    if any(encoding.lower() != b"identity" for encoding in _values_of(b"content-encoding", response)):
        raise NotFetched("The address answers with compressed content; serve it without Content-Encoding.")
    if any(int(length) > largest for length in _values_of(b"content-length", response)):  # a number, says h11
        raise _too_large(largest)
    content_type = b"".join(_values_of(b"content-type", response)[:1])
    return Fetched(_content(response, largest), _media_type(content_type.decode("latin-1")))


def _values_of(name: bytes, response: Response) -> list[bytes]:
    return [value for given, value in response.headers if given.lower() == name]


def _require_ok(status: int) -> None:
    if status in _REDIRECTS:
        raise NotFetched("The address answers with a redirect; give the final address.")
    if status != 200:
        raise NotFetched(f"The address answers with status {status}; it must answer with 200.")


def _content(response: Response, largest: int) -> bytes:
    content = bytearray()
    for part in response.iter_stream():
        content += part
        if len(content) > largest:
            raise _too_large(largest)
    return bytes(content)


def _media_type(content_type: str) -> str:
    named = content_type.partition(";")[0].strip().lower()
    return named if _MEDIA_TYPE.fullmatch(named) else ""


def _too_large(largest: int) -> NotFetched:
    return NotFetched(
        f"The address answers with more than {largest:,} bytes, which are the most that are taken."
    )
