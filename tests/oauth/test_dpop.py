"""Proof of possession (RFC 9449)."""

import hmac
import json
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey, OKPKey

from appanage.oauth.dpop import (
    LONGEST,
    NONCE_LIFE,
    Nonces,
    Proof,
    read_proof,
    token_hash,
    verify,
)
from appanage.oauth.errors import InvalidDpopProof, UseDpopNonce
from appanage.oauth.jose import CLIENT_ALGORITHMS, public_key_of
from support.keys import KEYS, ClientKey, public, segment, signed

NOW = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
URL = "https://apps.example/v1/access_token"
KEY = KEYS["ES256"]
HEADER: dict[str, Any] = {"typ": "dpop+jwt", "alg": "ES256", "jwk": public(KEY)}
TOKEN = "an.access.token"

# RFC 6749 §5.2: what an error_description may be made of.
DESCRIPTION = re.compile(r"[\x20-\x21\x23-\x5B\x5D-\x7E]+")


def at(**later: float) -> float:
    return (NOW + timedelta(**later)).timestamp()


CLAIMS: dict[str, Any] = {"jti": "once", "htm": "POST", "htu": URL, "iat": int(at())}


def proof(
    header: Mapping[str, Any] = HEADER, key: ClientKey = KEY, alg: str = "ES256", **changes: Any
) -> str:
    """A sound proof with some claims changed; None leaves one out."""
    kept = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}
    return signed(header, kept, key, alg)


def check(
    text: str,
    *,
    url: str = URL,
    now: datetime = NOW,
    access_token: str | None = None,
    algorithms: Collection[str] = CLIENT_ALGORITHMS,
) -> Proof:
    return verify(text, method="POST", url=url, now=now, access_token=access_token, algorithms=algorithms)


def refused(text: str, **options: Any) -> str:
    with pytest.raises(InvalidDpopProof) as refusal:
        check(text, **options)

    assert DESCRIPTION.fullmatch(refusal.value.description)
    return refusal.value.description


def test_the_errors_are_those_of_the_rfc():
    """TOK-10: RFC 9449 §5, §8."""
    assert (InvalidDpopProof.code, InvalidDpopProof.status) == ("invalid_dpop_proof", 400)
    assert (UseDpopNonce.code, UseDpopNonce.status) == ("use_dpop_nonce", 400)


@pytest.mark.parametrize("algorithm", CLIENT_ALGORITHMS)
def test_a_proof_by_every_algorithm_offered_names_its_key(algorithm: str):
    """TOK-10."""
    key = KEYS[algorithm]
    text = proof({**HEADER, "alg": algorithm, "jwk": public(key)}, key, algorithm, nonce="n-1")

    assert check(text) == Proof(
        thumbprint=public_key_of(public(key), algorithms=CLIENT_ALGORITHMS).thumbprint,
        token_id="once",
        issued_at=NOW,
        expires_at=NOW + timedelta(seconds=60),
        nonce="n-1",
    )


def test_the_examples_of_the_rfc_hold():
    """RFC 9449 §4.1, §6.1, §7.1."""
    first = (
        "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJ"
        "oRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19."
        "eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwi"
        "aWF0IjoxNTYyMjYyNjE2fQ."
        "2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
    )
    found = check(first, url="https://server.example.com/token", now=datetime.fromtimestamp(1562262616, UTC))

    assert found.token_id == "-BwC3ESc6acc2lTc"
    assert found.thumbprint == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
    assert (
        token_hash("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU")
        == "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"
    )


@pytest.mark.parametrize(
    ("header", "part"),
    [
        pytest.param({"typ": "JWT"}, "typ", id="typ JWT"),
        pytest.param({"typ": "at+jwt"}, "typ", id="typ of an access token"),
        pytest.param({"typ": None}, "typ", id="typ null"),
        pytest.param({"typ": ["dpop+jwt"]}, "typ", id="typ in a list"),
        pytest.param({"alg": "none"}, "alg", id="alg none"),
        pytest.param({"alg": "HS256"}, "alg", id="alg HS256"),
        pytest.param({"alg": "RS256"}, "alg", id="alg RS256"),
        pytest.param({"alg": "es256"}, "alg", id="alg in small letters"),
        pytest.param({"alg": "ES384"}, "signature", id="alg of another curve"),
        pytest.param({"alg": "PS256"}, "signature", id="alg of another type"),
        pytest.param({"alg": "EdDSA"}, "signature", id="alg EdDSA on P-256"),
        pytest.param({"alg": 1}, "signed JWT", id="alg that is a number"),
        pytest.param({"jwk": None}, "jwk", id="no jwk"),
        pytest.param({"jwk": "text"}, "jwk", id="jwk that is a text"),
        pytest.param({"jwk": [public(KEY)]}, "jwk", id="jwk in a list"),
        pytest.param({"jwk": {}}, "jwk", id="an empty jwk"),
        pytest.param({"jwk": KEY.as_dict(private=True)}, "private", id="the private key"),
        pytest.param({"jwk": public(KEY, d="AAAA")}, "private", id="something private"),
        pytest.param({"jwk": OctKey.generate_key(256).as_dict()}, "jwk", id="a symmetric key"),
        pytest.param({"jwk": public(OKPKey.generate_key("Ed448"))}, "jwk", id="Ed448"),
        pytest.param({"jwk": public(ECKey.generate_key("P-521"))}, "jwk", id="P-521"),
        pytest.param({"jwk": public(KEY, use="enc")}, "jwk", id="a key for encryption"),
        pytest.param({"jwk": public(KEY, alg="RS256")}, "jwk", id="a key for another algorithm"),
        pytest.param({"jwk": public(ECKey.generate_key("P-256"))}, "signature", id="another key"),
        pytest.param({"crit": ["new"], "new": 1}, "signed JWT", id="crit"),
        pytest.param({"crit": []}, "signed JWT", id="an empty crit"),
        pytest.param({"b64": False, "crit": ["b64"]}, "signed JWT", id="unencoded payload"),
        pytest.param({"jku": "https://evil.example/keys"}, "signed JWT", id="jku"),
        pytest.param({"x5u": "https://evil.example/cert"}, "signed JWT", id="x5u"),
        pytest.param({"x5c": ["AAAA"]}, "signed JWT", id="x5c"),
    ],
)
def test_a_header_that_does_not_hold_is_refused_by_name(header: dict[str, Any], part: str):
    """TOK-10, TOK-03."""
    assert part in refused(proof({**HEADER, **header}))


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        pytest.param({"jti": None}, "jti", id="no jti"),
        pytest.param({"jti": ""}, "jti", id="an empty jti"),
        pytest.param({"jti": 1}, "jti", id="a jti that is a number"),
        pytest.param({"jti": "a" * 257}, "jti", id="a jti too long"),
        pytest.param({"jti": "a\0b"}, "jti", id="a jti with NUL"),
        pytest.param({"jti": "a\udfff"}, "jti", id="a jti with half a surrogate pair"),
        pytest.param({"htm": None}, "htm", id="no htm"),
        pytest.param({"htm": "GET"}, "htm", id="another method"),
        pytest.param({"htm": "post"}, "htm", id="the method in small letters"),
        pytest.param({"htm": ["POST"]}, "htm", id="htm in a list"),
        pytest.param({"htu": None}, "htu", id="no htu"),
        pytest.param({"htu": 1}, "htu", id="htu that is a number"),
        pytest.param({"htu": [URL]}, "htu", id="htu in a list"),
        pytest.param({"iat": None}, "iat", id="no iat"),
        pytest.param({"iat": "now"}, "iat", id="iat that is a text"),
        pytest.param({"iat": True}, "iat", id="iat that is true"),
        pytest.param({"iat": 10**30}, "iat", id="iat beyond time"),
        pytest.param({"iat": float("-inf")}, "iat", id="iat that is infinite"),
        pytest.param({"iat": int(at(seconds=-60))}, "iat", id="iat a minute ago"),
        pytest.param({"iat": int(at(seconds=61))}, "iat", id="iat more than a minute ahead"),
        pytest.param({"iat": int(at(hours=-48))}, "iat", id="iat two days ago"),
        pytest.param({"nonce": ""}, "nonce", id="an empty nonce"),
        pytest.param({"nonce": 1}, "nonce", id="a nonce that is a number"),
        pytest.param({"nonce": "n" * 257}, "nonce", id="a nonce too long"),
    ],
)
def test_claims_that_do_not_hold_are_refused_by_name(changes: dict[str, Any], part: str):
    """TOK-10."""
    assert part in refused(proof(**changes))


@given(st.integers(-60, 59))
def test_a_proof_is_remembered_for_as_long_as_it_could_be_used_again(age: int):
    """TOK-10, CRED-07: and never for longer than two minutes."""
    text = proof(iat=int(at(seconds=-age)))
    found = check(text)

    assert NOW < found.expires_at <= NOW + timedelta(minutes=2)
    assert check(text, now=found.expires_at - timedelta(milliseconds=1)) == found
    assert "iat" in refused(text, now=found.expires_at)


SAME = [
    pytest.param("https://apps.example/v1/access_token", id="the same"),
    pytest.param("HTTPS://apps.example/v1/access_token", id="scheme in capitals"),
    pytest.param("https://APPS.Example/v1/access_token", id="host in capitals"),
    pytest.param("https://apps.example:443/v1/access_token", id="the default port"),
    pytest.param("https://apps.example:/v1/access_token", id="an empty port"),
    pytest.param("https://apps.example/v1/access%5Ftoken", id="an escape that is not needed"),
    pytest.param("https://apps.example/v1/access%5ftoken", id="an escape in small digits"),
    pytest.param("https://apps.example/v1/access_token?a=1", id="a query"),
    pytest.param("https://apps.example/v1/access_token#part", id="a fragment"),
    pytest.param("https://apps.example/v1/access_token/", id="a final slash"),
]


@pytest.mark.parametrize("url", SAME)
def test_one_url_may_be_written_in_many_ways(url: str):
    """TOK-10: RFC 9449 §4.3, RFC 3986 §6.2.2, §6.2.3."""
    assert check(proof(htu=url)).token_id == "once"
    assert check(proof(), url=url).token_id == "once"


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("", id="nothing"),
        pytest.param("/v1/access_token", id="a path"),
        pytest.param("//apps.example/v1/access_token", id="no scheme"),
        pytest.param("http://apps.example/v1/access_token", id="another scheme"),
        pytest.param("http://apps.example:443/v1/access_token", id="another scheme on the same port"),
        pytest.param("ftp://apps.example/v1/access_token", id="an unknown scheme"),
        pytest.param("https://evil.example/v1/access_token", id="another host"),
        pytest.param("https://apps.example.evil.example/v1/access_token", id="a longer host"),
        pytest.param("https://apps.example./v1/access_token", id="a host with a final dot"),
        pytest.param("https://apps.example@evil.example/v1/access_token", id="the host as a user"),
        pytest.param("https://me@apps.example/v1/access_token", id="a user"),
        pytest.param("https://@apps.example/v1/access_token", id="an empty user"),
        pytest.param("https://apps.example:8443/v1/access_token", id="another port"),
        pytest.param("https://apps.example:0/v1/access_token", id="port 0"),
        pytest.param("https://apps.example:x/v1/access_token", id="no port"),
        pytest.param("https://apps.example:99999/v1/access_token", id="a port beyond ports"),
        pytest.param("https://[::1/v1/access_token", id="half an IPv6 address"),
        pytest.param("https:///v1/access_token", id="no host"),
        pytest.param("https://apps.example", id="no path"),
        pytest.param("https://apps.example/v1/introspect", id="another path"),
        pytest.param("https://apps.example/v1/ACCESS_TOKEN", id="the path in capitals"),
        pytest.param("https://apps.example/v1/access_token;x=1", id="a path parameter"),
        pytest.param("https://apps.example/v1//access_token", id="two slashes"),
        pytest.param("https://apps.example/v1%2Faccess_token", id="an escaped slash"),
        pytest.param("https://apps.example/v1/x/../access_token", id="dots as segments"),
        pytest.param("https://apps.example/v1/access_token ", id="a blank behind"),
        pytest.param("https://apps.example/v1/access_\ttoken", id="a tab"),
        pytest.param("https://apps.example\\v1\\access_token", id="backslashes"),
        pytest.param("https://äpps.example/v1/access_token", id="not ASCII"),
        pytest.param("https://apps.example/v1/access_token\ud800", id="half a surrogate pair"),
    ],
)
def test_another_url_is_refused(url: str):
    """TOK-10."""
    assert "htu" in refused(proof(htu=url))


@pytest.mark.parametrize(
    ("url", "written"),
    [
        pytest.param("http://127.0.0.1:80", "http://127.0.0.1/", id="an empty path"),
        pytest.param("http://[::1]:8000/a", "HTTP://[::1]:8000/a", id="an IPv6 address"),
        pytest.param("https://a.example/%c3%a4", "https://a.example/%C3%A4", id="an escape that is needed"),
        pytest.param("https://a.example/%7Eme", "https://a.example/~me", id="a tilde"),
    ],
)
def test_equal_urls_are_equal_from_either_side(url: str, written: str):
    assert check(proof(htu=written), url=url) == check(proof(htu=url), url=written)


@given(st.text(st.characters(codec="ascii"), max_size=40))
def test_normal_form_joins_nothing_but_spellings(path: str):
    """A path without an escape, a query or a fragment is equal to itself alone."""
    plain = re.sub(r"[^!-~]|[%?#]", "", path)
    url = f"https://apps.example/{plain}"

    assert check(proof(htu=url), url=url).token_id == "once"
    assert "htu" in refused(proof(htu=f"{url}x"), url=url)


def test_a_url_of_ours_that_is_none_matches_nothing():
    assert "htu" in refused(proof(htu="nonsense"), url="nonsense")


def test_a_proof_beside_a_token_carries_its_hash():
    """TOK-10: RFC 9449 §4.3, §7."""
    assert check(proof(ath=token_hash(TOKEN)), access_token=TOKEN).token_id == "once"
    assert "ath" in refused(proof(), access_token=TOKEN)
    assert "ath" in refused(proof(ath=""), access_token=TOKEN)
    assert "ath" in refused(proof(ath=[token_hash(TOKEN)]), access_token=TOKEN)
    assert "ath" in refused(proof(ath=token_hash(TOKEN) + "="), access_token=TOKEN)
    assert "ath" in refused(proof(ath=token_hash("another.access.token")), access_token=TOKEN)
    assert check(proof(ath="whatever")).token_id == "once"


@pytest.mark.parametrize("algorithm", ["HS256", "ES256", "PS256"])
def test_the_public_key_is_no_hmac_secret(algorithm: str):
    """TOK-03: algorithm confusion."""
    for name in ("ES256", "PS256", "EdDSA"):
        header = {"typ": "dpop+jwt", "alg": algorithm, "jwk": public(KEYS[name])}
        signing_input = f"{segment(header)}.{segment(CLAIMS)}"
        for secret in (KEYS[name].as_pem(), json.dumps(public(KEYS[name])).encode()):
            mac = hmac.digest(secret, signing_input.encode(), "sha256")
            refused(f"{signing_input}.{segment(mac)}")
            refused(f"{signing_input}.{segment(mac + mac)}")


def test_a_key_with_a_long_exponent_costs_nothing():
    """TOK-04: whoever presents a key chooses how long its verification takes."""
    slow = public(KEYS["PS256"], e=public(KEYS["PS256"])["n"])

    assert "jwk" in refused(proof({**HEADER, "alg": "PS256", "jwk": slow}, KEYS["PS256"], "PS256"))


def test_a_stricter_profile_narrows_the_algorithms():
    """GOV-02."""
    assert "one of PS256, ES384." in refused(proof(), algorithms=["PS256", "ES384"])
    assert "signature" in refused(proof({**HEADER, "alg": "none"}), algorithms=["none", "ES256"])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("a.b", id="two segments"),
        pytest.param("a.b.c.d", id="four segments"),
        pytest.param("a" * (LONGEST + 1), id="too long"),
        pytest.param(proof(padding="x" * LONGEST), id="claims too long"),
        pytest.param(f"{segment('[' * 2900)}.e30.AAAA", id="deep nesting"),
        pytest.param(signed({**HEADER, "x": "y"} | {"alg": None}, CLAIMS, KEY, "ES256"), id="no alg"),
        pytest.param(signed(HEADER, "[]", KEY, "ES256"), id="claims that are a list"),
        pytest.param(
            signed(HEADER, json.dumps(CLAIMS)[:-1] + ',"htm":"GET"}', KEY, "ES256"), id="a name twice"
        ),
        pytest.param(proof() + "\n", id="a line end behind"),
        pytest.param(proof() + "=", id="padding"),
    ],
)
def test_size_and_shape_are_looked_at_before_anything_else(text: str):
    """TOK-04."""
    assert "signed JWT" in refused(text)


SAMPLES = [
    proof({**HEADER, "alg": name, "jwk": public(KEYS[name])}, KEYS[name], name) for name in ("ES256", "EdDSA")
]


@given(st.data())
def test_no_changed_character_passes(data: st.DataObject):
    """TOK-10, TOK-01."""
    text = data.draw(st.sampled_from(SAMPLES))
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda char: char != text[place]))

    refused(text[:place] + other + text[place + 1 :])


@given(st.text())
def test_no_text_does_more_than_be_refused(text: str):
    refused(text)


def test_the_header_is_read_once():
    """TOK-10: RFC 9449 §4.3."""
    assert read_proof([]) is None
    assert read_proof([b"a.b.c"]) == "a.b.c"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([b"a.b.c", b"a.b.c"], id="the same twice"),
        pytest.param([b"a.b.c", b""], id="a proof and nothing"),
        pytest.param([b"a.b.\xe4"], id="not ASCII"),
        pytest.param([b"a" * (LONGEST + 1)], id="too long"),
    ],
)
def test_no_other_headers_are_read(headers: list[bytes]):
    """TOK-10."""
    with pytest.raises(InvalidDpopProof):
        read_proof(headers)


@given(st.binary())
def test_no_bytes_do_more_than_be_refused(header: bytes):
    with pytest.raises(InvalidDpopProof):
        check(read_proof([header]) or "")


@given(st.integers(0, 4_000_000_000), st.integers(-900, 900))
def test_a_nonce_lives_for_minutes_and_is_known_to_every_node(moment: int, seconds: int):
    """TOK-10, TEN-06: RFC 9449 §8."""
    made_at = datetime.fromtimestamp(moment, UTC)
    mine, another_node = Nonces(b"key"), Nonces(b"key")
    is_current = another_node.is_current(mine.make(made_at), made_at + timedelta(seconds=seconds))

    if -60 <= seconds <= 150:
        assert is_current
    if seconds >= NONCE_LIFE.total_seconds() or seconds <= -300:
        assert not is_current


@pytest.mark.parametrize("nonce", [None, "", "x", "ä", "\ud800", Nonces(b"other key").make(NOW)])
def test_no_other_nonce_is_current(nonce: str | None):
    """TOK-10."""
    assert not Nonces(b"key").is_current(nonce, NOW)


def test_a_nonce_says_nothing_and_its_key_is_never_printed():
    """RFC 9449 §8.1: characters of a nonce; CRED-02."""
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", Nonces(b"key").make(NOW))
    assert "canary" not in repr(Nonces(b"canary"))
