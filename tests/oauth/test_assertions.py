"""Client authentication by a signed assertion (RFC 7523 §3)."""

import hmac
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, RSAKey

from appanage.oauth.assertions import LONGEST, ClientAssertion, client_of, verify
from appanage.oauth.errors import InvalidClient
from appanage.oauth.jose import CLIENT_ALGORITHMS, public_key_of
from support.keys import KEYS, ClientKey, public, segment, signed

NOW = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
ISSUER = "https://apps.example/v1"
AUDIENCES = {ISSUER, f"{ISSUER}/access_token"}
KEY = KEYS["ES256"]
STRANGER = ECKey.generate_key("P-256")
JWK = public(KEY, kid="key-1")
HEADER: dict[str, Any] = {"alg": "ES256", "kid": "key-1"}


def at(**later: float) -> int:
    return int((NOW + timedelta(**later)).timestamp())


CLAIMS: dict[str, Any] = {
    "iss": "C1",
    "sub": "C1",
    "aud": ISSUER,
    "jti": "once",
    "iat": at(),
    "exp": at(minutes=5),
}


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a sound assertion with some changed; None leaves one out."""
    return {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}


def assertion(
    header: Mapping[str, Any] = HEADER, key: ClientKey = KEY, alg: str = "ES256", **changes: Any
) -> str:
    return signed(header, claims(**changes), key, alg)


def check(
    text: str,
    keys: Sequence[Mapping[str, Any]] = (JWK,),
    *,
    now: datetime = NOW,
    algorithms: Collection[str] = CLIENT_ALGORITHMS,
) -> ClientAssertion:
    return verify(text, keys, client_id="C1", audiences=AUDIENCES, now=now, algorithms=algorithms)


def refused(text: str, keys: Sequence[Mapping[str, Any]] = (JWK,), **options: Any) -> str:
    """The private cause of a refusal, whose public sentence is always the same (CRED-12)."""
    with pytest.raises(InvalidClient) as refusal:
        check(text, keys, **options)

    assert refusal.value.description == "Client authentication failed."
    assert not refusal.value.used_basic
    assert isinstance(refusal.value.__cause__, ValueError)
    return str(refusal.value.__cause__)


@pytest.mark.parametrize("algorithm", CLIENT_ALGORITHMS)
def test_a_client_proves_itself_with_every_algorithm_offered(algorithm: str):
    """CRED-06."""
    key = KEYS[algorithm]
    text = assertion({"alg": algorithm}, key, algorithm)

    assert client_of(text) == "C1"
    assert check(text, [public(key)]) == ClientAssertion(
        client_id="C1",
        token_id="once",
        expires_at=NOW + timedelta(minutes=5),
        key_thumbprint=public_key_of(public(key), algorithms=CLIENT_ALGORITHMS).thumbprint,
    )


@pytest.mark.parametrize(
    "header",
    [
        pytest.param({"alg": "ES256"}, id="no kid"),
        pytest.param({"alg": "ES256", "kid": "key-1"}, id="the kid"),
        pytest.param({"alg": "ES256", "kid": "unheard of"}, id="another kid"),
        pytest.param(
            {"alg": "ES256", "kid": public_key_of(JWK, algorithms=CLIENT_ALGORITHMS).thumbprint},
            id="the thumbprint as kid",
        ),
        pytest.param({"alg": "ES256", "kid": 1}, id="a kid that is a number"),
        pytest.param({"alg": "ES256", "typ": "JWT"}, id="typ JWT"),
        pytest.param({"alg": "ES256", "typ": "jwt"}, id="typ jwt"),
        pytest.param({"alg": "ES256", "typ": "client-authentication+jwt"}, id="typ of its own"),
        pytest.param(
            {"alg": "ES256", "x5t": "abc", "cty": "x", "new": 1}, id="members without a meaning here"
        ),
    ],
)
def test_what_a_header_may_say(header: dict[str, Any]):
    assert check(assertion(header)).token_id == "once"


def test_the_key_that_kid_names_is_the_one():
    """CRED-08: even when another registered key would do."""
    keys = [public(KEY, kid="old"), public(STRANGER, kid="new")]

    assert check(assertion({"alg": "ES256", "kid": "new"}, STRANGER), keys).client_id == "C1"
    assert "not signed" in refused(assertion({"alg": "ES256", "kid": "old"}, STRANGER), keys)


def test_one_key_that_is_no_longer_accepted_does_not_lock_the_client_out():
    keys = [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}, {"kty": "EC"}, JWK]

    assert check(assertion(), keys).token_id == "once"


@pytest.mark.parametrize("audience", [ISSUER, f"{ISSUER}/access_token", [ISSUER]])
def test_the_audience_is_this_server_alone(audience: object):
    """CRED-06."""
    assert check(assertion(aud=audience)).client_id == "C1"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"iss": None}, "iss", id="no iss"),
        pytest.param({"sub": None}, "sub", id="no sub"),
        pytest.param({"iss": "C2"}, "iss and sub differ", id="iss of another client"),
        pytest.param({"sub": "C2"}, "iss and sub differ", id="sub of another client"),
        pytest.param({"iss": "C2", "sub": "C2"}, "another client", id="another client"),
        pytest.param({"iss": ["C1"], "sub": ["C1"]}, "iss", id="iss that is a list"),
        pytest.param({"iss": "c1", "sub": "c1"}, "another client", id="the client in other letters"),
        pytest.param({"aud": None}, "audience", id="no aud"),
        pytest.param({"aud": "https://other.example/v1"}, "audience", id="another server"),
        pytest.param({"aud": ISSUER + "/"}, "audience", id="nearly this server"),
        pytest.param({"aud": []}, "audience", id="an empty list"),
        pytest.param({"aud": [ISSUER, "https://other.example/v1"]}, "audience", id="this server and another"),
        pytest.param({"aud": [ISSUER, ISSUER]}, "audience", id="this server twice"),
        pytest.param({"aud": [[ISSUER]]}, "audience", id="a list in a list"),
        pytest.param({"aud": {ISSUER: 1}}, "audience", id="an object"),
        pytest.param({"jti": None}, "jti", id="no jti"),
        pytest.param({"jti": ""}, "jti", id="an empty jti"),
        pytest.param({"jti": 1}, "jti", id="a jti that is a number"),
        pytest.param({"jti": "a" * 257}, "jti", id="a jti too long"),
        pytest.param({"jti": "a\0b"}, "jti", id="a jti with NUL"),
        pytest.param({"jti": "a\ud800"}, "jti", id="a jti with half a surrogate pair"),
        pytest.param({"exp": None}, "exp", id="no exp"),
        pytest.param({"exp": at()}, "expired", id="just expired"),
        pytest.param({"exp": at(minutes=6, seconds=1)}, "too long", id="a long life"),
        pytest.param({"exp": at(hours=48)}, "too long", id="a life of two days"),
        pytest.param({"exp": str(at(minutes=1))}, "exp", id="exp that is a text"),
        pytest.param({"exp": True}, "exp", id="exp that is true"),
        pytest.param({"exp": 10**30}, "exp", id="exp beyond time"),
        pytest.param({"exp": float("inf")}, "exp", id="exp that is infinite"),
        pytest.param({"exp": float("nan")}, "exp", id="exp that is no number"),
        pytest.param({"iat": at(seconds=61)}, "iat", id="iat in the future"),
        pytest.param({"nbf": at(seconds=61)}, "nbf", id="nbf in the future"),
        pytest.param({"iat": "now"}, "iat", id="iat that is a text"),
        pytest.param({"nbf": [1]}, "nbf", id="nbf that is a list"),
    ],
)
def test_claims_that_do_not_hold_are_refused_even_when_signed(changes: dict[str, Any], reason: str):
    """CRED-06, CRED-07: nothing long-lived is ever handed on to be remembered."""
    assert reason in refused(assertion(**changes))


def test_clocks_may_differ_by_a_minute():
    """TEN-06."""
    text = assertion(iat=at(seconds=59.5), nbf=at(seconds=60), exp=at(minutes=6))

    assert check(text).expires_at == NOW + timedelta(minutes=6)
    assert "expired" in refused(text, now=NOW + timedelta(minutes=6))


@pytest.mark.parametrize(
    "member",
    [
        pytest.param({"jku": "https://evil.example/keys"}, id="jku"),
        pytest.param({"x5u": "https://evil.example/cert"}, id="x5u"),
        pytest.param({"x5c": ["AAAA"]}, id="x5c"),
        pytest.param({"jwk": public(STRANGER)}, id="jwk"),
        pytest.param({"crit": ["exp"], "exp": 1}, id="crit"),
        pytest.param({"crit": []}, id="an empty crit"),
        pytest.param({"b64": False, "crit": ["b64"]}, id="unencoded payload"),
        pytest.param({"b64": True}, id="b64"),
        pytest.param({"typ": "dpop+jwt"}, id="a DPoP proof"),
        pytest.param({"typ": "at+jwt"}, id="an access token"),
        pytest.param({"typ": None}, id="a type that is null"),
        pytest.param({"typ": ["JWT"]}, id="a type that is a list"),
    ],
)
@pytest.mark.parametrize("key", [KEY, STRANGER], ids=["by the client", "by a stranger"])
def test_a_header_brings_no_key_and_changes_no_meaning(member: dict[str, Any], key: ClientKey):
    """CRED-08, TOK-03."""
    refused(assertion({**HEADER, **member}, key))


@pytest.mark.parametrize("key", [STRANGER, ECKey.generate_key("P-256")])
def test_another_key_under_the_same_kid_is_refused(key: ClientKey):
    """CRED-08."""
    assert "not signed" in refused(assertion(HEADER, key))


def test_without_a_registered_key_nobody_is_known():
    """CRED-11."""
    assert "not signed" in refused(assertion(), [])


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
@pytest.mark.parametrize("signature", ["", "AAAA"])
def test_no_signature_is_no_proof(algorithm: str, signature: str):
    """TOK-03."""
    refused(f"{segment({'alg': algorithm})}.{segment(CLAIMS)}.{signature}")


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512", "ES256", "PS256"])
@pytest.mark.parametrize("name", ["ES256", "PS256", "EdDSA"])
def test_the_public_key_is_no_hmac_secret(name: str, algorithm: str):
    """TOK-03: algorithm confusion."""
    key = KEYS[name]
    signing_input = f"{segment({'alg': algorithm})}.{segment(CLAIMS)}"
    for secret in (
        key.as_pem(),
        key.as_der(),
        json.dumps(public(key)).encode(),
        public(key).get("x", "n").encode(),
    ):
        mac = hmac.digest(secret, signing_input.encode(), "sha256")
        refused(f"{signing_input}.{segment(mac)}", [public(key)])


def test_an_algorithm_that_does_not_fit_the_key_is_refused():
    """TOK-03: RFC 8725 §3.1."""
    rsa = KEYS["PS256"]

    for algorithm in ("RS256", "PS384"):
        assert "not signed" in refused(assertion({"alg": algorithm}, rsa, algorithm), [public(rsa)])
    assert "not signed" in refused(assertion({"alg": "PS256"}, rsa, "RS256"), [public(rsa)])
    assert "not signed" in refused(assertion({"alg": "ES384"}))
    assert "not signed" in refused(
        assertion({"alg": "RS256"}, RSAKey.generate_key(2048), "RS256"), [public(rsa)]
    )


def test_a_stricter_profile_narrows_the_algorithms():
    """GOV-02."""
    assert "not signed" in refused(assertion(), algorithms=["PS256"])
    assert "not signed" in refused(assertion({"alg": "none"}), algorithms=["none", "HS256"])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("..", id="three empty segments"),
        pytest.param("a.b", id="two segments"),
        pytest.param("a.b.c.d", id="four segments"),
        pytest.param("." * 3000, id="many segments"),
        pytest.param("a" * (LONGEST + 1), id="too long"),
        pytest.param(f"{segment(HEADER)}.{segment({'a': 'x' * LONGEST})}.AAAA", id="claims too long"),
        pytest.param(f"{segment({'a': 'x' * LONGEST})}.{segment(CLAIMS)}.AAAA", id="a header too long"),
        pytest.param(f"{segment(HEADER)}.{segment('[' * 2900)}.AAAA", id="deep nesting"),
        pytest.param(f"{segment('[' * 2900)}.{segment(CLAIMS)}.AAAA", id="a header of deep nesting"),
        pytest.param("e.e.e", id="no base64url"),
        pytest.param(signed("[]", CLAIMS, KEY, "ES256"), id="a header that is a list"),
        pytest.param(signed(HEADER, "[]", KEY, "ES256"), id="claims that are a list"),
        pytest.param(signed({}, CLAIMS, KEY, "ES256"), id="no alg"),
        pytest.param(signed({"alg": 1}, CLAIMS, KEY, "ES256"), id="alg that is a number"),
        pytest.param(signed("\ud800", CLAIMS, KEY, "ES256"), id="a header that is no text"),
        pytest.param(assertion() + "\n", id="a line end behind"),
        pytest.param(" " + assertion(), id="a blank before"),
        pytest.param(assertion() + "=", id="padding"),
        pytest.param(assertion().replace(".", ".ä", 1), id="not ASCII"),
    ],
)
def test_size_and_shape_are_looked_at_before_anything_else(text: str):
    """TOK-04."""
    refused(text)
    with pytest.raises(InvalidClient, match=r"^Client authentication failed\.$"):
        client_of(text)


def test_a_repeated_name_is_refused():
    """RFC 7519 §4: two readers could see two clients."""
    twice = json.dumps(CLAIMS)[:-1] + ', "sub": "C2"}'

    refused(signed(HEADER, twice, KEY, "ES256"))
    refused(signed('{"alg":"ES256","alg":"none"}', CLAIMS, KEY, "ES256"))


@given(st.data())
def test_no_changed_character_passes(data: st.DataObject):
    """CRED-06, TOK-01."""
    text = data.draw(st.sampled_from(SAMPLES))
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda char: char != text[place]))

    refused(text[:place] + other + text[place + 1 :], ALL_KEYS)


@given(st.data())
def test_no_shortened_assertion_passes(data: st.DataObject):
    """TOK-01."""
    text = data.draw(st.sampled_from(SAMPLES))

    refused(text[: data.draw(st.integers(0, len(text) - 1))], ALL_KEYS)


@given(st.text())
def test_no_text_does_more_than_be_refused(text: str):
    with pytest.raises(InvalidClient):
        client_of(text)


SAMPLES = [assertion({"alg": name}, KEYS[name], name) for name in ("ES256", "ES384", "EdDSA")]
ALL_KEYS = [public(KEYS[name]) for name in ("ES256", "ES384", "EdDSA")]
