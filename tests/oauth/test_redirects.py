"""Redirect URLs (RFC 6749 §3.1.2, RFC 8252 §7, RFC 9700 §2.1 and §4.1)."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from appanage.oauth.errors import UnregisteredRedirect
from appanage.oauth.redirects import (
    LONGEST,
    is_loopback,
    match,
    names_its_owner,
    registration_problem,
    shown_host,
)

CALLBACK = "https://app.example.com/oauth/callback"
WITH_QUERY = "https://app.example.com/cb?tenant=1"
LOOPBACKS = ("http://127.0.0.1:8400/cb", "http://[::1]:8400/cb", "http://localhost:8400/cb")
REGISTERED = (CALLBACK, WITH_QUERY, *LOOPBACKS)

GOOD = (
    CALLBACK,
    WITH_QUERY,
    "https://app.example.com",
    "https://app.example.com:8443/cb",
    "https://App.Example.com/cb",
    "https://xn--mnchen-3ya.example/cb",
    "https://192.0.2.7/cb",
    "https://[2001:db8::1]:8443/cb",
    "https://app.example.com/a%20b;v=1",
    "https://app.example.com/@me",
    *LOOPBACKS,
    "http://localhost",
    "http://localhost/cb?x=1",
)
PRIVATE_USE = (
    "com.example.app:/cb",
    "com.example.app:/cb?x=1",
    "com.example.app://oauth",
    "com.example.app:///cb",
    "myapp://response",
    "msauth.com.example://auth",
)
BAD = {
    "empty": "",
    "a path": "/cb",
    "no scheme": "app.example.com/cb",
    "no scheme, with port": "localhost:8080/cb",
    "network path": "//app.example.com/cb",
    "no host": "https:///cb",
    "no slashes": "https:app.example.com/cb",
    "one slash": "https:/app.example.com/cb",
    "http": "http://app.example.com/cb",
    "http in capitals": "HTTP://app.example.com/cb",
    "http on a private address": "http://192.168.0.1/cb",
    "http on a name that starts like loopback": "http://localhost.attacker.test/cb",
    "http on an address that starts like loopback": "http://127.0.0.1.attacker.test/cb",
    "http on every address": "http://0.0.0.0/cb",
    "fragment": "https://app.example.com/cb#top",
    "bare fragment sign": "https://app.example.com/cb#",
    "user": "https://user@app.example.com/cb",
    "user and password": "https://user:pass@app.example.com/cb",
    "loopback as user": "http://localhost:80@attacker.test/cb",
    "loopback as user of an address": "http://127.0.0.1:80@attacker.test/cb",
    "empty user": "https://@app.example.com/cb",
    "user of an app": "com.example.app://user@host/cb",
    "wildcard host": "https://*.example.com/cb",
    "wildcard path": "https://app.example.com/*",
    "wildcard scheme": "*://app.example.com/cb",
    "blank": "https://app.example.com/a b",
    "leading blank": " https://app.example.com/cb",
    "trailing line end": "https://app.example.com/cb\n",
    "tab": "https://app.exam\tple.com/cb",
    "CR and LF": "https://app.example.com/cb\r\nSet-Cookie: a=b",
    "NUL": "https://app.example.com/\0",
    "delete": "https://app.example.com/\x7f",
    "letters beyond ASCII": "https://münchen.example/cb",
    "full-width dot": "https://app\uff0eexample.com/cb",
    "backslash": "https://app.example.com\\@attacker.test/cb",
    "backslash path": "https:\\\\app.example.com",
    "angle bracket": "https://app.example.com/<script>",
    "quote": 'https://app.example.com/"',
    "half an escape": "https://app.example.com/%2",
    "escape of nothing": "https://app.example.com/%zz",
    "escaped host": "https://app%2eexample.com/cb",
    "empty port": "https://app.example.com:/cb",
    "port of letters": "https://app.example.com:https/cb",
    "port zero": "https://app.example.com:0/cb",
    "port past the last": "https://app.example.com:65536/cb",
    "two ports": "https://app.example.com:1:2/cb",
    "empty label": "https://app..example.com/cb",
    "trailing dot": "https://app.example.com./cb",
    "label starts with a hyphen": "https://-app.example.com/cb",
    "label too long": f"https://{'a' * 64}.example.com/cb",
    "name too long": f"https://{'a.' * 127}example.com/cb",
    "underscore": "https://my_app.example.com/cb",
    "short IPv4": "http://127.1/cb",
    "octal IPv4": "http://0177.0.0.1/cb",
    "decimal IPv4": "http://2130706433/cb",
    "hexadecimal IPv4": "https://0x7f000001/cb",
    "IPv4 with too much": "https://1.2.3.4.5/cb",
    "open bracket": "https://[::1/cb",
    "no IPv6": "https://[::g]/cb",
    "IPv6 with a zone": "https://[fe80::1%25ab]/cb",
    "after the bracket": "http://[::1].attacker.test/cb",
    "bracket in the path": "https://app.example.com/cb[0]",
    "javascript": "javascript:alert(1)",
    "javascript with slashes": "javascript://app.example.com/%0aalert(1)",
    "javascript in mixed case": "JavaScript:/alert(1)",
    "data": "data:/text/html,x",
    "file": "file:///etc/passwd",
    "vbscript": "vbscript:/x",
    "blob": "blob:/https://app.example.com/x",
    "about": "about:/blank",
    "view-source": "view-source:/https://app.example.com/",
    "ws": "ws://app.example.com/cb",
    "wss": "wss://app.example.com/cb",
    "ftp": "ftp://app.example.com/cb",
    "mailto": "mailto:/a@example.com",
    "tel": "tel:/123",
    "intent": "intent://cb#Intent;end",
    "intent without fragment": "intent://cb",
    "a program of the system": "ms-msdt:/id",
    "an extension": "chrome-extension://abc/cb",
    "no slash after the scheme": "com.example.app:cb",
    "scheme alone": "com.example.app:",
    "scheme starts with a digit": "1app://cb",
    "too long": f"https://app.example.com/{'a' * LONGEST}",
    "code in the query": "https://app.example.com/cb?code=1",
    "state in the query": "https://app.example.com/cb?a=1&state=",
    "escaped iss in the query": "com.example.app:/cb?%69ss=x",
}


@st.composite
def mutations(draw: st.DrawFn, urls: Sequence[str]) -> str:
    """One of `urls` with some characters put in, taken out or replaced at one place."""
    url = draw(st.sampled_from(urls))
    at = draw(st.integers(0, len(url)))
    put_in = draw(st.text(max_size=2) | st.text("@:/?#[]%.\\*0aA", max_size=3))
    return url[:at] + put_in + url[at + draw(st.integers(0, 3)) :]


@pytest.mark.parametrize("is_public", [True, False], ids=["public", "confidential"])
@pytest.mark.parametrize("url", GOOD)
def test_web_addresses_and_the_own_device_can_be_registered(url: str, is_public: bool):
    assert registration_problem(url, is_public=is_public) == ""


@pytest.mark.parametrize("url", PRIVATE_USE)
def test_a_scheme_of_its_own_is_for_public_clients(url: str):
    """RFC 8252 §7.1."""
    assert registration_problem(url, is_public=True) == ""
    assert "public client" in registration_problem(url, is_public=False)


@pytest.mark.parametrize("is_public", [True, False], ids=["public", "confidential"])
@pytest.mark.parametrize("url", BAD.values(), ids=BAD)
def test_what_cannot_be_registered(url: str, is_public: bool):
    """REG-02."""
    problem = registration_problem(url, is_public=is_public)

    assert problem.endswith(".")
    assert "\n" not in problem


@given(mutations([*GOOD, *PRIVATE_USE]), st.booleans())
def test_what_can_be_registered_is_one_line_of_ascii_with_one_reading(url: str, is_public: bool):
    """REG-02: nothing that a parser of URLs and a browser could understand differently."""
    if registration_problem(url, is_public=is_public):
        return
    parts = urlsplit(url)

    assert re.fullmatch(r"[!-~]+", url)
    assert not parts.fragment
    assert parts.username is None
    assert parts.scheme not in {"javascript", "data", "file", "blob"}
    if parts.scheme in {"http", "https"}:
        assert parts.hostname
        assert parts.scheme == "https" or is_loopback(url)


@pytest.mark.parametrize("is_public", [True, False], ids=["public", "confidential"])
@pytest.mark.parametrize("url", [*REGISTERED, "com.example.app:/cb"])
def test_a_registered_url_matches_itself(url: str, is_public: bool):
    assert match((*REGISTERED, "com.example.app:/cb"), url, is_public=is_public) == url


NEAR_MISSES = {
    "more query": f"{CALLBACK}?x=1",
    "other query": "https://app.example.com/cb?tenant=2",
    "longer query": f"{WITH_QUERY}&x=1",
    "query left out": "https://app.example.com/cb",
    "empty query": f"{CALLBACK}?",
    "path parameter": f"{CALLBACK};x=1",
    "trailing slash": f"{CALLBACK}/",
    "longer path": f"{CALLBACK}/x",
    "shorter path": "https://app.example.com/oauth",
    "climbing path": f"{CALLBACK}/../../attacker",
    "encoded climbing path": f"{CALLBACK}/%2e%2e/attacker",
    "case of the path": "https://app.example.com/oauth/Callback",
    "case of the host": "https://APP.example.com/oauth/callback",
    "case of the scheme": "HTTPS://app.example.com/oauth/callback",
    "encoded letter": "https://app.example.com/oauth/%63allback",
    "http": "http://app.example.com/oauth/callback",
    "default port": "https://app.example.com:443/oauth/callback",
    "other port": "https://app.example.com:8443/oauth/callback",
    "sub-domain": "https://evil.app.example.com/oauth/callback",
    "parent domain": "https://example.com/oauth/callback",
    "host with more in front": "https://evilapp.example.com/oauth/callback",
    "host with more behind": "https://app.example.com.attacker.test/oauth/callback",
    "trailing dot": "https://app.example.com./oauth/callback",
    "user": "https://app.example.com@attacker.test/oauth/callback",
    "own user": "https://user@app.example.com/oauth/callback",
    "fragment": f"{CALLBACK}#x",
    "bare fragment sign": f"{CALLBACK}#",
    "blank behind": f"{CALLBACK} ",
    "blank in front": f" {CALLBACK}",
    "line end": f"{CALLBACK}\n",
    "tab": "https://app.example.com/oauth/call\tback",
    "backslash": "https://app.example.com\\oauth\\callback",
    "two registered ones": f"{CALLBACK} {WITH_QUERY}",
    "empty": "",
    "loopback, other path": "http://127.0.0.1:8400/cb2",
    "loopback, other query": "http://127.0.0.1:8400/cb?x=1",
    "loopback, other scheme": "https://127.0.0.1:8400/cb",
    "loopback, case of the host": "http://LOCALHOST:8400/cb",
    "loopback, other address": "http://127.0.0.2:8400/cb",
    "loopback, other spelling": "http://[0:0:0:0:0:0:0:1]:8400/cb",
    "loopback, port of letters": "http://127.0.0.1:x/cb",
    "loopback, empty port": "http://127.0.0.1:/cb",
    "loopback, port past the last": "http://127.0.0.1:65536/cb",
    "loopback, as user": "http://127.0.0.1:80@attacker.test/cb",
    "loopback, in a name": "http://127.0.0.1.attacker.test/cb",
    "loopback, after the bracket": "http://[::1]x:8400/cb",
    "loopback, line end": "http://127.0.0.1:8401/cb\n",
}


@pytest.mark.parametrize("is_public", [True, False], ids=["public", "confidential"])
@pytest.mark.parametrize("requested", NEAR_MISSES.values(), ids=NEAR_MISSES)
def test_a_near_miss_is_not_registered(requested: str, is_public: bool):
    """REG-01."""
    with pytest.raises(UnregisteredRedirect):
        match(REGISTERED, requested, is_public=is_public)


@given(mutations(REGISTERED))
def test_no_mutation_of_a_registered_url_matches(requested: str):
    """REG-01."""
    assume(requested not in REGISTERED)
    with pytest.raises(UnregisteredRedirect):
        match(REGISTERED, requested, is_public=False)


@given(mutations(REGISTERED))
def test_of_a_native_app_only_the_port_of_its_device_may_differ(requested: str):
    """REG-01, RFC 8252 §7.3."""
    assume(requested not in REGISTERED)
    differs_in_port = re.fullmatch(
        r"http://(127\.0\.0\.1|\[::1\]|localhost)(:[1-9][0-9]{0,4})?/cb", requested, re.ASCII
    )
    try:
        matched = match(REGISTERED, requested, is_public=True)
    except UnregisteredRedirect:
        assert not differs_in_port or int((differs_in_port[2] or ":1")[1:]) > 65535
    else:
        assert differs_in_port
        assert matched == requested


@pytest.mark.parametrize("port", ["", ":1", ":80", ":8401", ":65535"])
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_a_native_app_listens_on_any_port(host: str, port: str):
    """RFC 8252 §7.3."""
    requested = f"http://{host}{port}/cb"

    assert match(LOOPBACKS, requested, is_public=True) == requested
    with pytest.raises(UnregisteredRedirect):
        match(LOOPBACKS, requested, is_public=False)


@pytest.mark.parametrize(
    ("registered", "requested"),
    [
        ("https://localhost:8443/cb", "https://localhost:8444/cb"),
        ("http://intranet.example/cb", "http://intranet.example:81/cb"),
    ],
    ids=["https", "kept from before the rule"],
)
def test_any_port_means_http_on_the_own_device(registered: str, requested: str):
    """REG-01, RFC 8252 §7.3."""
    with pytest.raises(UnregisteredRedirect):
        match((registered,), requested, is_public=True)


def test_one_loopback_does_not_stand_for_another():
    with pytest.raises(UnregisteredRedirect):
        match(("http://127.0.0.1/cb",), "http://localhost/cb", is_public=True)


def test_it_may_be_left_out_if_exactly_one_is_registered():
    """RFC 6749 §3.1.2.3."""
    assert match((CALLBACK,), None, is_public=False) == CALLBACK


@pytest.mark.parametrize("registered", [(), REGISTERED], ids=["none", "several"])
def test_it_may_not_be_left_out_otherwise(registered: tuple[str, ...]):
    with pytest.raises(UnregisteredRedirect, match="left out"):
        match(registered, None, is_public=False)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (CALLBACK, "app.example.com"),
        ("https://App.Example.com:8443/cb", "app.example.com:8443"),
        ("https://app.example.com?x=@bank.example", "app.example.com"),
        ("http://[::1]:8400/cb", "[::1]:8400"),
        ("com.example.app:/cb", "com.example.app"),
        ("myapp://bank.example", "myapp"),
    ],
)
def test_the_consent_page_shows_where_the_browser_goes(url: str, shown: str):
    """CONS-01."""
    assert shown_host(url) == shown


@pytest.mark.parametrize("url", [*LOOPBACKS, "http://127.0.0.9/cb", "https://localhost/cb"])
def test_the_own_device_is_nobodys_name(url: str):
    """RFC 8252 §8.6."""
    assert is_loopback(url)
    assert not names_its_owner(url)


def test_a_web_address_names_its_owner_and_an_apps_scheme_does_not():
    """RFC 8252 §8.6."""
    assert names_its_owner(CALLBACK)
    assert not is_loopback(CALLBACK)
    assert not names_its_owner("com.example.app:/cb")
    assert not is_loopback("com.example.app://localhost/cb")
