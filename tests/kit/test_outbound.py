"""The fetcher of addresses that developers supply (REG-09): what it fetches, and all that it does not."""

import errno
import gc
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appanage.kit.outbound import (
    Address,
    Fetched,
    Fetcher,
    NotFetched,
    OutboundPolicy,
    addresses_of,
    is_internal,
    is_public,
)
from support.https_server import Answer, Authority, Caller, Host, https_host

PUBLIC, LISTED, OFF = OutboundPolicy.PUBLIC, OutboundPolicy.LISTED, OutboundPolicy.OFF
HERE = IPv4Address("127.0.0.1")
NAME = "logo.example"
LARGEST = 10_000
SOON = timedelta(milliseconds=300)

Serve = Callable[[Answer], AbstractContextManager[Host]]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def serving(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    return authority.serving(NAME, tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def trusted(authority: Authority) -> ssl.SSLContext:
    return authority.trusted()


@pytest.fixture
def serve(serving: ssl.SSLContext) -> Serve:
    """Serves an answer as logo.example."""
    return lambda answer: https_host(serving, answer)


@pytest.fixture
def get(trusted: ssl.SSLContext, serve: Serve) -> Callable[..., Fetched]:
    """Fetches from logo.example, which gives this answer."""

    def fetch(*answer: bytes | Answer, within: timedelta = timedelta(seconds=5)) -> Fetched:
        with serve(lambda caller: _give(caller, answer)) as host:
            return fetcher_for(host, trusted).get(
                f"https://{NAME}:{host.port}/logo.png", largest=LARGEST, within=within
            )

    return fetch


def _give(caller: Caller, answer: Sequence[bytes | Answer]) -> None:
    for part in answer:
        if isinstance(part, bytes):
            caller.send(part)
        else:
            part(caller)


def fetcher_for(
    host: Host, trusted: ssl.SSLContext | None, *, policy: OutboundPolicy = PUBLIC, **changes: Any
) -> Fetcher:
    """One that may call logo.example here and nothing else on this machine."""
    here: dict[str, Any] = {"resolve": lambda _: [HERE], "is_allowed": lambda address: address == HERE}
    return Fetcher(policy, [f"{NAME}:{host.port}"], ssl_context=trusted, **(here | changes))


def resolving(*answers: str) -> tuple[Fetcher, list[str]]:
    """A fetcher as it is in production but for the resolver, which gives these addresses; and the names it was asked."""
    asked: list[str] = []

    def resolve(host: str) -> list[Address]:
        asked.append(host)
        return [ip_address(answer) for answer in answers]

    return Fetcher(PUBLIC, [], resolve=resolve), asked


@contextmanager
def refused(words: str) -> Iterator[None]:
    """What is done inside is refused by one public sentence with these words, which tells nothing of the inside."""
    with pytest.raises(NotFetched) as caught:
        yield
    sentence = caught.value.sentence

    assert words in sentence
    assert is_one_sentence(sentence)
    assert not tells_internals(sentence)


def is_one_sentence(text: str) -> bool:
    return bool(re.fullmatch(r"[A-Z]((?![.?!]\s)[^\n])*\.", text))


def tells_internals(text: str) -> bool:
    return any(word in text for word in ("127.", "10.", "::", "Errno", "Error", "ssl", "Traceback", "h11"))


OK = b"HTTP/1.1 200 OK\r\n"
PNG = b"\x89PNG..."


# What is fetched


def test_a_document_is_fetched_with_its_media_type(get):
    """REG-09."""
    fetched = get(OK, b"Content-Type: image/PNG; a=b\r\nContent-Length: 7\r\n\r\n", PNG)

    assert fetched == Fetched(PNG[:7], "image/png")


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        OK + b"Connection: close\r\n\r\nabc",
        b"HTTP/1.0 200 OK\r\n\r\nabc",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK + b"Content-Length: 3\r\n\r\nabc",
        OK + b"Content-Encoding: Identity\r\nContent-Length: 3\r\n\r\nabc",
        OK + b"Content-Type: \xff/<script>\r\nContent-Length: 3\r\n\r\nabc",
    ],
    ids=["chunked", "until the end", "HTTP/1.0", "early hints", "identity", "unusable type"],
)
def test_a_document_is_fetched_however_it_is_framed(get, answer):
    """REG-09."""
    assert get(answer) == Fetched(b"abc", "")


def test_a_document_may_be_as_large_as_the_limit(get):
    """REG-09."""
    fetched = get(OK, b"Content-Length: %d\r\n\r\n" % LARGEST, b"x" * LARGEST)

    assert len(fetched.content) == LARGEST


def test_a_request_carries_no_credentials_and_nothing_from_the_environment(
    serve, trusted, monkeypatch, tmp_path
):
    """REG-09: no cookies, not even those that the host has set; no netrc; no proxy."""
    netrc = tmp_path / ".netrc"
    netrc.write_text(f"machine {NAME} login somebody password something")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    answer = OK + b"Set-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
    with serve(lambda caller: caller.send(answer)) as host:
        fetcher = fetcher_for(host, trusted)
        for _ in range(2):
            fetcher.get(f"https://{NAME}:{host.port}/a/b?c=%20d#e", largest=LARGEST)

    assert host.requests == 2 * [
        f"GET /a/b?c=%20d HTTP/1.1\r\nHost: {NAME}:{host.port}\r\nAccept: */*\r\n\
Accept-Encoding: identity\r\nConnection: close\r\nUser-Agent: Appanage\r\n\r\n"
    ]
    assert host.names == [NAME, NAME]  # the certificate is asked for by name
    assert host.connections == 2  # none is kept


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_a_proxy_in_the_environment_is_not_used(serve, trusted, monkeypatch, variable):
    """REG-09: a proxy would resolve and connect by itself."""
    with (
        serve(lambda caller: caller.send(OK, b"Content-Length: 2\r\n\r\nok")) as host,
        https_host(None, lambda caller: caller.send(b"HTTP/1.1 200 OK\r\n\r\n")) as proxy,
    ):
        monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
        fetched = fetcher_for(host, trusted).get(f"https://{NAME}:{host.port}", largest=LARGEST)

    assert fetched.content == b"ok"
    assert proxy.connections == 0


def test_the_next_address_is_tried_when_the_first_is_dead(serve, trusted):
    """REG-09: only among those that were judged."""
    dead = IPv4Address("127.0.53.7")
    with serve(lambda caller: caller.send(OK, b"Content-Length: 2\r\n\r\nok")) as host:
        fetcher = fetcher_for(
            host, trusted, resolve=lambda _: [dead, HERE], is_allowed=lambda address: address.is_loopback
        )
        fetched = fetcher.get(f"https://{NAME}:{host.port}", largest=LARGEST)

    assert fetched.content == b"ok"


# Addresses as they are written


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://logo.example/", "must begin with https://"),
        ("ftp://logo.example/", "must begin with https://"),
        ("file:///etc/passwd", "must begin with https://"),
        ("gopher://logo.example:70/_", "must begin with https://"),
        ("//logo.example/", "must begin with https://"),
        ("logo.example", "must begin with https://"),
        ("https://somebody@logo.example/", "user name"),
        ("https://somebody:something@logo.example/", "user name"),
        ("https://logo.example:443@10.0.0.1/", "user name"),
        ("https://@logo.example/", "user name"),
        ("https://", "name a host"),
        ("https:///logo.png", "name a host"),
        ("https:logo.example", "name a host"),
        ("https://.logo.example/", "name a host"),
        ("https://logo..example/", "name a host"),
        ("https://logo.example./", "name a host"),
        ("https://-logo.example/", "name a host"),
        ("https://logo_.example/", "name a host"),
        ("https://logo%2eexample/", "name a host"),
        ("https://" + "a" * 64 + ".example/", "name a host"),
        ("https://" + "a." * 127 + "example/", "name a host"),
        ("https://[::1/", "must be a URL"),
        ("https://logo.example:x/", "must be a URL"),
        ("https://logo.example:65536/", "must be a URL"),
        ("https://logo.example:0/", "port 443"),
        ("https://logo.example:22/", "port 443"),
        ("https://logo.example:8443/", "port 443"),
        ("", "characters of URLs"),
        (" https://logo.example/", "characters of URLs"),
        ("https://logo.example/a b", "characters of URLs"),
        ("https://logo.example/\r\nX-Injected: a", "characters of URLs"),
        ("https://lo\tgo.example/", "characters of URLs"),
        ("https://logo.example\\@10.0.0.1/", "characters of URLs"),
        ("https://lögo.example/", "characters of URLs"),
        ("https://ⓛogo.example/", "characters of URLs"),
        ("https://１２７.0.0.1/", "characters of URLs"),
        ("https://logo。example/", "characters of URLs"),
        ("https://logo.example/" + "a" * 2048, "at most 2,048"),
    ],
)
def test_an_address_that_is_not_plainly_a_host_by_https_is_refused_before_anybody_is_asked(url, words):
    """REG-09: scheme, user information, port, and everything that two readers could read differently."""
    fetcher, asked = resolving("10.0.0.1")  # where a wrong turn would end
    with refused(words):
        fetcher.get(url, largest=LARGEST)

    assert asked == []


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f.1",
        "0x7f000001",
        "0X7F.0.0.0x1",
        "0177.0.0.1",
        "017700000001",
        "0",
        "0x",
        "127.0.0.1.",
        "1.2.3.4.5",
        "logo.1",
        "8.8.8.8",
        "169.254.169.254",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[fe80::1%25eth0]",
        "[v1.fe80]",
        "[2606:4700::1111]",
    ],
)
def test_an_ip_address_is_no_host_in_whatever_spelling(host):
    """REG-09."""
    fetcher, asked = resolving("10.0.0.1")  # where a wrong turn would end
    with refused("address must"):
        fetcher.get(f"https://{host}/", largest=LARGEST)

    assert asked == []


# Addresses as they resolve

NOT_PUBLIC = [
    "0.0.0.0",  # noqa: S104
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.9",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",  # IPv4-compatible, which ended with RFC 4291
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",  # IPv4-translated (SIIT)
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::10.0.0.1",
    "64:ff9b:1:808:8:800::",  # 8.8.8.8 beneath a prefix of 48 bits: which prefix it is cannot be known
    "64:ff9b:1:0:a:0:800:0",  # 10.0.0.8 beneath one of 64 bits, 8.0.0.0 beneath one of 96
    "64:ff9b:2::8.8.8.8",
    "100::1",
    "2001::1",
    "2001:0:808:808:0:0:f5ff:fffe",  # Teredo by 8.8.8.8 to 10.0.0.1
    "2001:0:a00:1:0:0:f7f7:f7f7",  # Teredo by 10.0.0.1 to 8.8.8.8
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a00:1::1",
    "2002:a9fe:a9fe::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd12:3456:789a::1",
    "fe80::1",
    "fe80::1%eth0",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
IS_PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "192.169.0.0",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::8.8.8.8",
    "64:ff9b:1:fffe::8.8.8.8",
    "2001:0:808:808:0:0:f7f7:f7f7",  # Teredo by 8.8.8.8 to 8.8.8.8
    "2001:4860:4860::8888",
    "2002:808:808::1",
    "2606:4700:4700::1111",
    "2a00:1450:4001::1",
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_what_is_no_hosts_on_the_internet_is_not_public(address):
    """REG-09."""
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", IS_PUBLIC)
def test_what_is_a_hosts_on_the_internet_is_public(address):
    """REG-09."""
    assert is_public(ip_address(address))


IPV4 = st.ip_addresses(v=4)
CARRIERS: list[Callable[[int], int]] = [
    lambda ipv4: (0xFFFF << 32) | ipv4,
    lambda ipv4: (0x2002 << 112) | (ipv4 << 80) | 1,
    lambda ipv4: (0x0064_FF9B << 96) | ipv4,
    lambda ipv4: (0x0064_FF9B_0001 << 80) | ipv4,
    lambda ipv4: (0x2001_0000 << 96) | (ipv4 << 64) | (ipv4 ^ 0xFFFF_FFFF),
]


@given(IPV4, st.sampled_from(CARRIERS))
def test_an_address_that_carries_another_is_judged_by_that_one(ipv4, carrier):
    """REG-09: mapped, 6to4, NAT64, Teredo."""
    carrying = IPv6Address(carrier(int(ipv4)))

    assert is_public(carrying) == is_public(ipv4)
    assert is_internal(carrying) == is_internal(ipv4)


@given(st.ip_addresses() | st.sampled_from(NOT_PUBLIC).map(ip_address))
def test_no_special_address_is_public_and_none_is_both_public_and_internal(address):
    """REG-09."""
    special = (
        address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_private
        or address.is_reserved
        or address.is_unspecified
    )
    carries = isinstance(address, IPv6Address) and (
        address.teredo or address.sixtofour or address in ip_network("64:ff9b::/32") or address.ipv4_mapped
    )

    assert not (is_public(address) and is_internal(address))
    if special and not carries:
        assert not is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_a_name_that_leads_to_no_public_address_is_refused(address):
    """REG-09: loopback, private, link-local, metadata, mapped, translated."""
    fetcher, asked = resolving(address)
    with refused("cannot be reached on the public internet"):
        fetcher.get("https://logo.example/", largest=LARGEST)

    assert asked == [NAME]


@pytest.mark.parametrize(
    "answers",
    [[HERE, "10.0.0.1"], ["::1", HERE], [*[HERE] * 9, "169.254.169.254"], [HERE, "::ffff:10.0.0.1"]],
)
def test_one_forbidden_address_among_allowed_ones_is_enough_to_refuse_all(answers):
    """REG-09."""
    fetcher = Fetcher(
        PUBLIC,
        [],
        resolve=lambda _: [ip_address(answer) for answer in answers],
        is_allowed=lambda address: address == HERE,
    )
    with refused("cannot be reached on the public internet"):
        fetcher.get("https://logo.example/", largest=LARGEST)


def test_what_the_systems_own_resolver_says_is_judged_as_well():
    """REG-09."""
    with refused("cannot be reached on the public internet"):
        Fetcher(PUBLIC, []).get("https://localhost/", largest=LARGEST)


def test_the_systems_resolver_tells_each_address_once():
    assert HERE in addresses_of("localhost")
    assert len(addresses_of("localhost")) == len(set(addresses_of("localhost")))


def test_a_name_that_answers_otherwise_the_second_time_is_asked_once(serve, trusted):
    """REG-09: DNS rebinding. What was judged is what is called."""
    answers = iter([[HERE], [IPv4Address("127.0.53.7")], [IPv4Address("10.0.0.1")]])
    asked: list[str] = []

    def resolve(host: str) -> Sequence[Address]:
        asked.append(host)
        return next(answers)

    with serve(lambda caller: caller.send(OK, b"Content-Length: 2\r\n\r\nok")) as host:
        fetched = fetcher_for(host, trusted, resolve=resolve).get(
            f"https://{NAME}:{host.port}/", largest=LARGEST
        )

    assert fetched.content == b"ok"
    assert asked == [NAME]


def test_a_name_that_turns_private_is_refused_the_next_time(serve, trusted):
    """REG-09: DNS rebinding between two fetches."""
    answers = iter([[HERE], [IPv4Address("169.254.169.254")]])
    with serve(lambda caller: caller.send(OK, b"Content-Length: 2\r\n\r\nok")) as host:
        fetcher = fetcher_for(host, trusted, resolve=lambda _: next(answers))
        fetcher.get(f"https://{NAME}:{host.port}/", largest=LARGEST)
        with refused("cannot be reached on the public internet"):
            fetcher.get(f"https://{NAME}:{host.port}/", largest=LARGEST)

    assert host.connections == 1


def test_of_a_thousand_addresses_only_a_few_are_tried(trusted):
    """REG-09: nobody is made to knock at a thousand doors."""
    many = [IPv4Address("127.0.53.0") + place for place in range(200)]
    with https_host(None, lambda _: None) as host:
        fetcher = fetcher_for(host, trusted, resolve=lambda _: [*many, HERE], is_allowed=lambda _: True)
        with refused("accepts no connection"):
            fetcher.get(f"https://{NAME}:{host.port}/", largest=LARGEST)

    assert host.connections == 0


@pytest.mark.parametrize(
    "failure", [socket.gaierror(socket.EAI_NONAME, "unknown"), OSError(errno.EIO, "broken")]
)
def test_a_name_that_is_not_found_is_refused(failure):
    """REG-09."""

    def resolve(_: str) -> Sequence[Address]:
        raise failure

    with refused("cannot be reached on the public internet"):
        Fetcher(PUBLIC, [], resolve=resolve).get("https://logo.example/", largest=LARGEST)


def test_a_name_without_addresses_is_refused():
    """REG-09."""
    fetcher, _ = resolving()
    with refused("cannot be reached on the public internet"):
        fetcher.get("https://logo.example/", largest=LARGEST)


# What the operator allows

UNLISTED = "https://logo.example/"
LISTED_HERE = "https://files.example/"
LISTED_PORT = "https://files.example:8443/"
OTHER_PORT = "https://files.example:9443/"
SUBDOMAIN = "https://a.files.example/"
PARENT = "https://example/"


@pytest.mark.parametrize(
    ("policy", "url", "words"),
    [
        (PUBLIC, UNLISTED, "accepts no connection"),
        (PUBLIC, SUBDOMAIN, "accepts no connection"),
        (PUBLIC, LISTED_HERE, "accepts no connection"),
        (PUBLIC, LISTED_PORT, "accepts no connection"),
        (PUBLIC, LISTED_PORT.upper().replace("HTTPS", "https"), "accepts no connection"),
        (PUBLIC, OTHER_PORT, "port 443"),
        (LISTED, LISTED_HERE, "accepts no connection"),
        (LISTED, LISTED_HERE.upper(), "accepts no connection"),
        (LISTED, "https://files.example:443/", "accepts no connection"),
        (LISTED, LISTED_PORT, "accepts no connection"),
        (LISTED, OTHER_PORT, "not among those"),
        (LISTED, UNLISTED, "not among those"),
        (LISTED, SUBDOMAIN, "not among those"),
        (LISTED, PARENT, "not among those"),
        (OFF, UNLISTED, "fetches nothing"),
        (OFF, LISTED_HERE, "fetches nothing"),
        (OFF, LISTED_PORT, "fetches nothing"),
    ],
)
def test_the_policy_decides_whom_the_platform_calls(policy, url, words):
    """REG-09: who may be called is only not there; the others are not even looked up."""
    asked: list[str] = []

    def resolve(host: str) -> Sequence[Address]:
        asked.append(host)
        return [IPv4Address("127.0.53.7")]

    fetcher = Fetcher(
        policy, ["Files.Example", "files.example:8443"], resolve=resolve, is_allowed=lambda _: True
    )
    with refused(words):
        fetcher.get(url, largest=LARGEST)

    assert bool(asked) == (words == "accepts no connection")


@pytest.mark.parametrize(
    ("policy", "hosts", "is_on"),
    [
        (PUBLIC, [], True),
        (PUBLIC, [NAME], True),
        (LISTED, [], False),
        (LISTED, [NAME], True),
        (OFF, [], False),
        (OFF, [NAME], False),
    ],
)
def test_fetching_is_on_when_anything_can_be_fetched(policy, hosts, is_on):
    """REG-09."""
    assert Fetcher(policy, hosts).is_on is is_on


def test_listing_no_host_is_as_good_as_switching_off():
    """REG-09."""
    with refused("fetches nothing"):
        Fetcher(LISTED, []).get("https://logo.example/", largest=LARGEST)


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "*",
        "*.example",
        "https://logo.example",
        "logo.example/",
        "logo.example:",
        "logo.example:0",
        "logo.example:65536",
        "logo.example:x",
        "lögo.example",
        "10.0.0.1",
        "::1",
        "[::1]:443",
    ],
)
def test_an_entry_that_is_no_host_is_an_error_at_once(entry):
    """REG-09: a list that means something else than it seems to must not be served by."""
    with pytest.raises(ValueError, match="neither a host name nor one with a port"):
        Fetcher(LISTED, [entry])


ORGANIZATIONS_OWN = [
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "fd12:3456:789a::1",
    "::ffff:10.0.0.1",
]
NOBODYS = [
    "127.0.0.1",
    "::1",
    "0.0.0.0",  # noqa: S104
    "::",
    "169.254.169.254",
    "169.254.0.1",
    "fe80::1",
    "100.100.100.200",
    "fd00:ec2::254",
    "168.63.129.16",
    "224.0.0.1",
    "ff02::1",
    "255.255.255.255",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::169.254.169.254",
    "2002:7f00:1::1",
    "192.0.2.1",
    "fec0::1",
]


@pytest.mark.parametrize("address", ORGANIZATIONS_OWN)
def test_private_networks_are_internal(address):
    """REG-09."""
    assert is_internal(ip_address(address))


@pytest.mark.parametrize("policy", [PUBLIC, LISTED])
def test_a_listed_host_may_lie_in_a_private_network(policy, serve, trusted):
    """REG-09: inside a boundary it usually does. Judged are both addresses; answering is the one that is here."""
    with serve(lambda caller: caller.send(OK, b"Content-Length: 2\r\n\r\nok")) as host:
        fetcher = fetcher_for(host, trusted, policy=policy, resolve=lambda _: [HERE, IPv4Address("10.0.0.1")])
        fetched = fetcher.get(f"https://{NAME}:{host.port}/", largest=LARGEST)

    assert fetched.content == b"ok"


@pytest.mark.parametrize("policy", [PUBLIC, LISTED])
@pytest.mark.parametrize("address", NOBODYS)
def test_a_listed_host_is_never_on_this_machine_or_a_metadata_service(policy, address):
    """REG-09: loopback, link-local, multicast, unspecified."""
    fetcher = Fetcher(policy, [NAME], resolve=lambda _: [ip_address(address)])
    with refused("cannot be reached on the public internet"):
        fetcher.get("https://logo.example/", largest=LARGEST)


def test_an_unlisted_host_beside_a_listed_one_gains_nothing():
    """REG-09."""
    fetcher = Fetcher(PUBLIC, ["files.example"], resolve=lambda _: [IPv4Address("10.0.0.1")])
    with refused("cannot be reached on the public internet"):
        fetcher.get("https://logo.example/", largest=LARGEST)


# Hosts that are not who they say, or do not answer as they should


@pytest.mark.parametrize(
    ("certified", "valid_for"),
    [
        ("other.example", timedelta(days=1)),
        ("127.0.0.1.example", timedelta(days=1)),
        (NAME, timedelta(days=-1)),
    ],
    ids=["another host's", "an address's", "expired"],
)
def test_a_host_without_a_valid_certificate_for_its_name_is_refused(
    authority: Authority, trusted, tmp_path: Path, certified, valid_for
):
    """REG-09."""
    certificate = authority.serving(certified, tmp_path, valid_for=valid_for)
    with (
        https_host(certificate, lambda caller: caller.send(OK, b"\r\n")) as host,
        refused("needs a valid certificate"),
    ):
        fetcher_for(host, trusted).get(f"https://{NAME}:{host.port}/", largest=LARGEST)

    assert host.requests == []


def test_a_certificate_of_an_unknown_authority_is_refused(serve, authority: Authority):
    """REG-09: by an authority of one's own, and by those that the system trusts."""
    with serve(lambda caller: caller.send(OK, b"\r\n")) as host:
        for trusting in (Authority().trusted(), None):
            with refused("needs a valid certificate"):
                fetcher_for(host, trusting).get(f"https://{NAME}:{host.port}/", largest=LARGEST)

    assert host.requests == []


def test_a_host_that_speaks_no_tls_is_refused(trusted):
    """REG-09."""
    with (
        https_host(None, lambda caller: caller.send(OK, b"Content-Length: 2\r\n\r\nok")) as host,
        refused("needs a valid certificate"),
    ):
        fetcher_for(host, trusted).get(f"https://{NAME}:{host.port}/", largest=LARGEST)


def test_a_host_that_refuses_the_connection_is_told_so(trusted):
    """REG-09."""
    with https_host(None, lambda _: None) as host:
        pass
    with refused("accepts no connection"):
        fetcher_for(host, trusted).get(f"https://{NAME}:{host.port}/", largest=LARGEST)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", [b"http://10.0.0.1/", b"https://logo.example/b", b"/b"])
def test_a_redirect_is_not_followed(serve, trusted, status, location):
    """REG-09: wherever it leads."""
    answer = b"HTTP/1.1 %d Elsewhere\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % (status, location)
    with serve(lambda caller: caller.send(answer)) as host, refused("answers with a redirect"):
        fetcher_for(host, trusted).get(f"https://{NAME}:{host.port}/", largest=LARGEST)

    assert host.connections == 1


@pytest.mark.parametrize("status", [201, 204, 206, 300, 304, 400, 401, 403, 404, 407, 418, 500, 503, 599])
def test_only_status_200_is_an_answer(get, status):
    """REG-09."""
    with refused(f"answers with status {status}"):
        get(b"HTTP/1.1 %d Something\r\nContent-Length: 0\r\n\r\n" % status)


@pytest.mark.parametrize("encoding", [b"gzip", b"br", b"x-gzip", b"deflate", b"identity, gzip", b"", b"GZIP"])
def test_compressed_content_is_refused(get, encoding):
    """REG-09: a small answer must not unpack to a large one."""
    with refused("compressed"):
        get(OK, b"Content-Encoding: %s\r\nContent-Length: 2\r\n\r\nok" % encoding)


def test_content_that_is_compressed_beside_another_header_is_refused(get):
    """REG-09."""
    with refused("compressed"):
        get(OK, b"Content-Encoding: gzip\r\nContent-Encoding: identity\r\nContent-Length: 2\r\n\r\nok")


TOO_LARGE = "more than 10,000 bytes"


@pytest.mark.parametrize("length", [LARGEST + 1, 10**12, 10**19])
def test_a_document_that_says_it_is_too_large_is_refused_before_it_is_read(get, length):
    """REG-09."""
    with refused(TOO_LARGE):
        get(OK, b"Content-Length: %d\r\n\r\n" % length)


@pytest.mark.parametrize(
    "framing",
    [
        b"Connection: close\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n186A0\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n186A0\r\n",
    ],
    ids=["until the end", "chunked", "chunked with a length that lies"],
)
def test_a_document_that_turns_out_too_large_is_refused(get, framing):
    """REG-09."""
    with refused(TOO_LARGE):
        get(OK, framing, b"x" * 100_000)


@pytest.mark.parametrize(
    "answer",
    [
        (OK + b"\r\n", b"x" * 1000),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"3E8\r\n" + b"x" * 1000 + b"\r\n"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    ],
    ids=["until the end", "chunks", "tiny chunks"],
)
def test_a_document_without_end_is_refused(get, answer):
    """REG-09."""
    beginning, part = answer
    with refused(TOO_LARGE):
        get(beginning, lambda caller: caller.send_for_ever(part))


def test_more_than_a_length_that_lies_is_not_read(get):
    """REG-09."""
    fetched = get(OK, b"Content-Length: 3\r\n\r\nabc" + b"x" * 100_000)

    assert fetched.content == b"abc"


NOT_HTTP = "broke off or did not speak HTTP"


@pytest.mark.parametrize(
    ("beginning", "part"),
    [
        (OK, b"X-Header: value\r\n"),
        (OK + b"X-Header: ", b"x" * 1000),
        (b"", b"x" * 1000),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0" * 1000),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X-Trailer: value\r\n"),
    ],
    ids=["headers", "a header", "a status line", "a chunk's size", "trailers"],
)
def test_headers_without_end_are_refused(get, beginning, part):
    """REG-09."""
    with refused(NOT_HTTP):
        get(beginning, lambda caller: caller.send_for_ever(part))


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00\xff\x00\xff",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"220 smtp.example ESMTP\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        OK[:9],
        OK,
        OK + b"Content-Length: 10\r\n\r\nabc",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nabcde\r\n",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        OK + b"Content-Length: -1\r\n\r\n",
        OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
        OK + b"Header without a colon\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
    ],
)
def test_what_is_not_a_whole_answer_in_http_is_refused(get, answer):
    """REG-09: silence, garbage, other protocols, truncated and contradictory answers."""
    with refused(NOT_HTTP):
        get(answer)


# Time

LATE = "did not answer in full within 0.3 seconds"


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"HTTP/1.1 ",
        OK,
        OK + b"X-Header: ",
        OK + b"Content-Length: 9999\r\n\r\n",
        OK + b"Connection: close\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n270F\r\n",
    ],
)
def test_a_host_that_drips_is_given_up_when_its_time_is_over(get, beginning):
    """REG-09: each byte is in time, the whole is not."""
    began = time.monotonic()
    with refused(LATE):
        get(beginning, lambda caller: caller.send_for_ever(b"1", pause=0.02), within=SOON)

    assert time.monotonic() - began < 3


def test_a_host_that_announces_an_answer_for_ever_is_given_up(get):
    """REG-09: interim answers count against the time."""
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    with refused(LATE):
        get(lambda caller: caller.send_for_ever(hints), within=SOON)


def test_a_host_that_drips_while_tls_begins_is_given_up(trusted):
    """REG-09: a record of TLS that never becomes whole."""

    def drip(caller: Caller) -> None:
        caller.send(b"\x16\x03\x03\x3f\xff")
        caller.send_for_ever(b"\x02", pause=0.02)

    with https_host(None, drip) as host, refused(LATE):
        fetcher_for(host, trusted).get(f"https://{NAME}:{host.port}/", largest=LARGEST, within=SOON)


def test_a_resolver_that_hangs_is_given_up():
    """REG-09."""
    released = threading.Event()

    def resolve(_: str) -> Sequence[Address]:
        released.wait(20)
        return []

    began = time.monotonic()
    with refused(LATE):
        Fetcher(PUBLIC, [], resolve=resolve).get("https://logo.example/", largest=LARGEST, within=SOON)
    released.set()

    assert time.monotonic() - began < 3


def test_time_is_spent_once_for_all_steps(serve, trusted):
    """REG-09: what resolving took is not there for the rest."""
    now = [0.0]

    def resolve(_: str) -> Sequence[Address]:
        now[0] += 5
        return [HERE]

    with serve(lambda caller: caller.send(OK, b"Content-Length: 2\r\n\r\nok")) as host:
        fetcher = fetcher_for(host, trusted, resolve=resolve, clock=lambda: now[0])
        with refused("did not answer in full within 5 seconds"):
            fetcher.get(f"https://{NAME}:{host.port}/", largest=LARGEST)

    assert host.connections == 0


@pytest.mark.parametrize("readings", range(1, 7))
def test_at_whatever_step_time_runs_out_the_connection_is_closed(serve, trusted, readings):
    """REG-09: a socket that is left open is a warning, and warnings are errors."""
    clock = iter([0.0] * readings)
    with serve(lambda caller: caller.send(OK, b"Content-Length: 2\r\n\r\nok")) as host:
        fetcher = fetcher_for(host, trusted, clock=lambda: next(clock, 10.0))
        with refused("did not answer in full within 5 seconds"):
            fetcher.get(f"https://{NAME}:{host.port}/", largest=LARGEST)
    gc.collect()
