"""Redirect URLs: which ones may be registered, and which registered one a request means."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import parse_qsl

from appanage.oauth.errors import UnregisteredRedirect

LONGEST = 2000  # characters

# What a URL consists of (RFC 3986 §2), less the fragment's sign and the wildcard.
_PLAIN = re.compile(r"(?:[A-Za-z0-9._~:/?\[\]@!$&'()+,;=-]|%[0-9A-Fa-f]{2})+")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_USERINFO = re.compile(r"[^/?]*//[^/?]*@")
_WEB = re.compile(
    r"(?P<scheme>(?i:https?))://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<rest>(?:[/?][^\[\]]*)?)",
    re.ASCII,
)
_PRIVATE_USE = re.compile(r"[^:/?]+:/[^\[\]]*")
_HOST_NAME = re.compile(r"(?:(?!-)[a-z0-9-]{1,63}(?<!-)\.)*(?!-)[a-z0-9-]{1,63}(?<!-)")
_ENDS_IN_A_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")

# Schemes that run code, read files, leave the browser's rules or belong to somebody else's program.
_NOT_PRIVATE_USE = re.compile(
    "about|android-app|blob|callto|cid|content|data|dav|dict|dns|facetime|feed|file|filesystem|ftps?|geo|git|gopher"
    "|imap|intent|ip[fn]s|ircs?|itms(?:-.*)?|jar|javascript|ldaps?|livescript|magnet|mailto|market|mid|mms|mocha|news"
    "|nfs|nntp|pop|res|resource|rtsp|search(?:-.*)?|sftp|shell|sips?|skype|smb|sms|smsto|ssh|steam|tel|telnet|turns?"
    "|urn|vbscript|view-source|wais|webcal|wss?|xmpp|(?:chrome|edge|microsoft-edge|moz|ms|safari|x-apple)(?:-.*)?"
)

_LOOPBACK = IPv6Address("::1")

# What the answer brings; a second one of the same name would leave it to the client which to believe.
_ANSWER = frozenset({"code", "error", "error_description", "error_uri", "iss", "state"})


@dataclass(frozen=True, slots=True)
class _WebUrl:
    """The parts of an http or https URL as they are written: put together again they are the same text."""

    scheme: str
    host: str
    port: str | None
    rest: str

    @property
    def is_loopback(self) -> bool:
        if self.host.startswith("["):
            return IPv6Address(self.host[1:-1]) == _LOOPBACK
        host = self.host.lower()
        return host == "localhost" or (_is_ipv4(host) and IPv4Address(host).is_loopback)

    @property
    def is_plain_http(self) -> bool:
        return self.scheme.lower() == "http"


def registration_problem(url: str, *, is_public: bool) -> str:
    """Why `url` cannot be a redirect URL, in one sentence; empty when it can (checklist REG-02).

    Sources: RFC 6749 §3.1.2, RFC 8252 §7, RFC 9700 §2.1 and §4.1.
    """
    return _text_problem(url) or _address_problem(url, is_public=is_public) or _query_problem(url)


def match(registered: Sequence[str], requested: str | None, *, is_public: bool) -> str:
    """The URL to redirect to: equal to a registered one, character for character (RFC 9700 §2.1, checklist REG-01).

    It may be left out when only one is registered (RFC 6749 §3.1.2.3). Raises UnregisteredRedirect.
    """
    if requested is None:
        return _the_only(registered)
    if requested in registered:
        return requested
    if is_public and any(_differs_in_port_only(url, requested) for url in registered):
        return requested
    raise UnregisteredRedirect(
        "The redirect_uri is not registered for this app. It must equal a registered one, character for character."
    )


def shown_host(url: str) -> str:
    """Where the browser goes next, for people: host and port, or the scheme that opens an app on the device."""
    found = _web_url(url)
    if found is None:
        return _scheme(url)
    return found.host.lower() + (f":{found.port}" if found.port else "")


def is_loopback(url: str) -> bool:
    """Whether `url` leads back to the person's own device."""
    found = _web_url(url)
    return found is not None and found.is_loopback


def names_its_owner(url: str) -> bool:
    """Whether only the client's owner can receive there: any program on a device can take the rest (RFC 8252 §8.6)."""
    return _scheme(url) == "https" and not is_loopback(url)


def _text_problem(url: str) -> str:
    if len(url) > LONGEST:
        return f"A redirect URL has at most {LONGEST:,} characters."
    if "#" in url:
        return "A redirect URL has no fragment: leave out the # and what follows."
    if "*" in url:
        return "A redirect URL has no wildcard: register each URL in full."
    if not _PLAIN.fullmatch(url):
        return "Write the whole URL in ASCII and percent-encode every character that a URL cannot contain."
    if _USERINFO.match(url):
        return "A redirect URL names no user: leave out the @ and what is in front of it."
    return ""


def _address_problem(url: str, *, is_public: bool) -> str:
    scheme = _scheme(url)
    if scheme in {"http", "https"}:
        return _web_problem(url)
    if _NOT_PRIVATE_USE.fullmatch(scheme):
        return f"The scheme {scheme} cannot be redirected to; use https."
    if not scheme or not _PRIVATE_USE.fullmatch(url):
        return "Write the whole URL, such as https://app.example.com/callback."
    if not is_public:
        return f"Only a public client can be called by a scheme of its own, such as {scheme}; use https."
    return ""


def _web_problem(url: str) -> str:
    found = _web_url(url)
    if found is None:
        return "The host or the port of this URL cannot be read."
    if found.is_plain_http and not found.is_loopback:
        return "Use https; http is only for the person's own device: localhost, 127.0.0.1 or [::1]."
    return ""


def _query_problem(url: str) -> str:
    names = {name for name, _ in parse_qsl(url.partition("?")[2], keep_blank_values=True)}
    if names & _ANSWER:
        return f"The query cannot contain {min(names & _ANSWER)}: the answer brings a parameter of this name."
    return ""


def _the_only(registered: Sequence[str]) -> str:
    if len(registered) != 1:
        raise UnregisteredRedirect(
            "redirect_uri can be left out only if exactly one is registered for the app."
        )
    return registered[0]


def _differs_in_port_only(registered: str, requested: str) -> bool:
    """A native app listens on whatever port is free (RFC 8252 §7.3)."""
    known, asked = _web_url(registered), _web_url(requested)
    if known is None or asked is None or not (asked.is_plain_http and asked.is_loopback):
        return False
    return replace(asked, port=known.port) == known


def _web_url(url: str) -> _WebUrl | None:
    # Not urlsplit: it drops characters, and what stands between an IPv6 address and its port.
    found = _WEB.fullmatch(url)
    if found is None or not _is_host(found["host"].lower()) or int(found["port"] or 1) > 65535:
        return None
    return _WebUrl(**found.groupdict())


def _is_host(host: str) -> bool:
    if host.startswith("["):
        return _is_ipv6(host[1:-1])
    # A browser reads every host that ends in a number as an IPv4 address, also 127.1 and 0x7f000001.
    if _ENDS_IN_A_NUMBER.fullmatch(host):
        return _is_ipv4(host)
    return len(host) <= 253 and _HOST_NAME.fullmatch(host) is not None


def _is_ipv4(host: str) -> bool:
    try:
        IPv4Address(host)
    except AddressValueError:
        return False
    return True


def _is_ipv6(host: str) -> bool:
    try:
        IPv6Address(host)
    except AddressValueError:
        return False
    return True


def _scheme(url: str) -> str:
    found = _SCHEME.match(url)
    return found[1].lower() if found else ""
