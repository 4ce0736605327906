"""Targets: what a URL names, and whether the operator's policy lets it be called."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Self
from urllib.parse import SplitResult, urlsplit

from appanage.kit.outbound.refusal import NotFetched, not_reachable

HTTPS = 443
_LONGEST = 2048
# RFC 3986 §2: no blanks, control characters, backslashes or letters beyond ASCII, which readers take differently.
_OF_A_URL = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
# One label, or one of the domains for names of a machine or network of one's own (RFC 6761, 6762; ICANN's .internal).
_LOCAL = re.compile(r"\A[^.]+\Z|(\A|\.)(localhost|local|internal|home\.arpa)\Z")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


class OutboundPolicy(StrEnum):
    """Which hosts the platform calls: any public one, only those that its operator lists, or none."""

    PUBLIC = "public"
    LISTED = "listed"
    OFF = "off"


class Endpoint(NamedTuple):
    host: str
    port: int

    @classmethod
    def listed(cls, entry: str) -> Self:
        """What an operator lists: `host`, which means its port 443, or `host:port`. Raises ValueError."""
        host, colon, port = entry.lower().partition(":")
        if not is_host_name(host) or (colon and not _is_port(port)):
            raise ValueError(
                f"{entry!r} is neither a host name nor one with a port, as files.example.com:8443 is."
            )
        return cls(host, int(port) if colon else HTTPS)


@dataclass(frozen=True, slots=True)
class Target:
    endpoint: Endpoint
    path: str  # with the query


class Reach:
    """How far the platform reaches: the operator's policy and list.

    A listed host is called at the port of its entry only, and it may lie in a private network; `example.com` does not
    stand for its subdomains. Every other host is called at port 443 only, where a service expects strangers.
    """

    def __init__(self, policy: OutboundPolicy, hosts: Collection[str]) -> None:
        self._policy = policy
        self._listed = frozenset(Endpoint.listed(entry) for entry in hosts)

    @property
    def is_on(self) -> bool:
        return self._policy is OutboundPolicy.PUBLIC or (
            self._policy is OutboundPolicy.LISTED and bool(self._listed)
        )

    def lists(self, endpoint: Endpoint) -> bool:
        return endpoint in self._listed

    def require_elsewhere(self, endpoint: Endpoint) -> None:
        """Raises NotFetched for a name that means something else on every network, unless the operator lists it."""
        if not self.lists(endpoint) and _LOCAL.search(endpoint.host):
            raise not_reachable()

    def require(self, endpoint: Endpoint) -> None:
        """Raises NotFetched when the policy keeps the platform from calling `endpoint`."""
        if not self.is_on:
            raise NotFetched(
                "This platform fetches nothing from other hosts; its operator has switched that off."
            )
        if self.lists(endpoint):
            return
        if self._policy is OutboundPolicy.LISTED:
            raise NotFetched(
                "The host is not among those that this platform fetches from; ask its operator to list it, or use another."
            )
        if endpoint.port != HTTPS:
            raise NotFetched(
                "The address must use port 443; ask the operator of this platform to list another one."
            )


def read_target(url: str) -> Target:
    """Reads the URL once, strictly, so that nobody later can read another host out of it. Raises NotFetched."""
    parts = _split(url)
    if parts.scheme != "https":
        raise NotFetched("The address must begin with https://.")
    if "@" in parts.netloc:
        raise NotFetched("The address must not contain a user name or a password.")
    host = parts.hostname or ""
    if "[" in parts.netloc or not is_host_name(host):  # `hostname` drops brackets, whatever stands in them
        raise NotFetched("The address must name a host, such as files.example.com, and not an IP address.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(Endpoint(host, _port(parts)), path)


def is_host_name(host: str) -> bool:
    """Whether `host` is a name in lower-case ASCII and no IP address in any spelling, such as 0x7f.1 or 2130706433.

    By the rule of browsers, what ends in a number is an address (WHATWG URL §3.5).
    """
    return bool(_NAME.fullmatch(host)) and not _NUMBER.fullmatch(host.rpartition(".")[2])


def _is_port(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9]{1,5}", text)) and 0 < int(text) < 65536


def _split(url: str) -> SplitResult:
    if len(url) > _LONGEST:
        raise NotFetched(f"The address must have at most {_LONGEST:,} characters.")
    if not _OF_A_URL.fullmatch(url):
        raise NotFetched(
            "The address must consist of the characters of URLs; percent-encode others, and write a host name in ASCII (xn--)."
        )
    try:
        return urlsplit(url)
    except ValueError as cause:
        raise _malformed() from cause


def _port(parts: SplitResult) -> int:
    try:
        return HTTPS if parts.port is None else parts.port
    except ValueError as cause:
        raise _malformed() from cause


def _malformed() -> NotFetched:
    return NotFetched("The address must be a URL such as https://files.example.com/logo.png.")
