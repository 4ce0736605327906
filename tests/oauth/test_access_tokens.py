"""Access tokens (RFC 9068) against the attacks of RFC 8725."""

import base64
import hmac
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from appanage.oauth.access_tokens import LONGEST, AccessClaims, key_id_of, sign, verify
from appanage.oauth.errors import InvalidToken
from appanage.oauth.signing_keys import (
    SigningKey,
    import_signing_key,
    new_signing_key,
)

NOW = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
ISSUER = "https://apps.example/v1"
KEY = new_signing_key("key-1")


def claims(**changes: Any) -> AccessClaims:
    values: dict[str, Any] = {
        "issuer": ISSUER,
        "audience": ISSUER,
        "subject": uuid.UUID(int=1),
        "client_id": "C1",
        "organization": uuid.UUID(int=2),
        "authorization": uuid.UUID(int=3),
        "scopes": frozenset({"spark-admin:people_read"}),
        "issued_at": NOW,
        "expires_at": NOW + timedelta(days=14),
        "token_id": "jti-1",
        "family": "family-1",
    }
    return AccessClaims(**(values | changes))


def check(token: str, key: SigningKey = KEY, *, now: datetime = NOW, audience: str = ISSUER) -> AccessClaims:
    """As the verifier does it: the header first, then signature and claims."""
    if key_id_of(token) != key.key_id:
        raise InvalidToken("unknown key")
    return verify(token, key, issuer=ISSUER, audiences={audience}, now=now)


def part(token: str, number: int) -> dict[str, Any]:
    segment = token.split(".")[number]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    return found


def encoded(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def test_a_token_says_what_rfc_9068_wants_and_both_app_and_organization():
    """TOK-02, MACH-07."""
    token = sign(claims(), KEY)

    assert part(token, 0) == {"alg": "ES256", "typ": "at+jwt", "kid": "key-1"}
    assert part(token, 1) == {
        "iss": ISSUER,
        "aud": ISSUER,
        "sub": str(uuid.UUID(int=1)),
        "client_id": "C1",
        "org": str(uuid.UUID(int=2)),
        "realm": str(uuid.UUID(int=2)),
        "azn": str(uuid.UUID(int=3)),
        "scope": "spark-admin:people_read",
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 14 * 86400,
        "jti": "jti-1",
        "fam": "family-1",
    }
    assert check(token) == claims()


@given(st.sets(st.from_regex(r"[a-z-]{1,12}:[a-z_]{1,20}", fullmatch=True), max_size=20))
def test_every_set_of_scopes_reads_back(scopes: set[str]):
    assert check(sign(claims(scopes=frozenset(scopes)), KEY)).scopes == scopes


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "typ": "at+jwt", "kid": "key-1"},
        {"alg": "HS256", "typ": "at+jwt", "kid": "key-1"},
        {"alg": "RS256", "typ": "at+jwt", "kid": "key-1"},
        {"alg": "ES256", "typ": "JWT", "kid": "key-1"},
        {"alg": "ES256", "kid": "key-1"},
        {"alg": "ES256", "typ": "at+jwt"},
        {"alg": "ES256", "typ": "at+jwt", "kid": 1},
        {"alg": "ES256", "typ": "at+jwt", "kid": "key-1", "jku": "https://evil.example/keys"},
        {"alg": "ES256", "typ": "at+jwt", "kid": "key-1", "x5u": "https://evil.example/cert"},
        {"alg": "ES256", "typ": "at+jwt", "kid": "key-1", "jwk": KEY.public},
        {"alg": "ES256", "typ": "at+jwt", "kid": "key-1", "crit": ["exp"]},
        {"alg": "ES256", "typ": "at+jwt", "kid": "key-1", "b64": False},
    ],
)
def test_a_header_that_we_do_not_write_is_refused_before_any_signature(header: dict[str, Any]):
    """TOK-03, CRED-08."""
    _, payload, signature = sign(claims(), KEY).split(".")

    with pytest.raises(InvalidToken):
        check(f"{encoded(header)}.{payload}.{signature}")


def test_the_public_key_is_no_hmac_secret():
    """TOK-03: algorithm confusion."""
    payload = sign(claims(), KEY).split(".")[1]
    for algorithm in ("HS256", "ES256"):
        signed = f"{encoded({'alg': algorithm, 'typ': 'at+jwt', 'kid': 'key-1'})}.{payload}"
        mac = hmac.digest(KEY.key.as_pem(private=False), signed.encode(), "sha256")
        forged = f"{signed}.{base64.urlsafe_b64encode(mac + mac).decode().rstrip('=')}"

        with pytest.raises(InvalidToken):
            check(forged)


@pytest.mark.parametrize("key", [ECKey.generate_key("P-256"), RSAKey.generate_key(2048)])
@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "PS256"])
def test_another_key_under_our_kid_is_refused(key: Any, algorithm: str):
    """TOK-03."""
    with pytest.raises(InvalidToken):
        check(sign(claims(), KEY), SigningKey("key-1", algorithm, key))


def test_the_key_for_id_tokens_verifies_no_access_token():
    """TOK-03: one key has one purpose (RFC 8725 §3.11)."""
    with pytest.raises(InvalidToken):
        check(sign(claims(), KEY), SigningKey("key-1", "RS256", KEY.key))


def test_a_bound_token_names_its_key_and_a_narrowed_one_whom_and_what_it_comes_from():
    """TOK-10, TOK-16: RFC 9449 §6.1, RFC 8693 §4.1."""
    made = claims(key_thumbprint="thumb", actor="C2", source="jti-0", family=None)
    payload = part(sign(made, KEY), 1)

    assert (payload["cnf"], payload["act"], payload["src"]) == ({"jkt": "thumb"}, {"sub": "C2"}, "jti-0")
    assert "fam" not in payload
    assert check(sign(made, KEY)) == made


@pytest.mark.parametrize(
    ("changes", "now"),
    [
        ({"issuer": "https://other.example/v1"}, NOW),
        ({"audience": "https://other.example/v1"}, NOW),
        ({"audience": f"{ISSUER}/"}, NOW),
        ({}, NOW + timedelta(days=14)),
        ({"issued_at": NOW + timedelta(minutes=2)}, NOW),
    ],
)
def test_another_issuer_or_audience_an_expired_and_a_future_token_are_refused(
    changes: dict[str, Any], now: datetime
):
    """TOK-03, TOK-06."""
    with pytest.raises(InvalidToken):
        check(sign(claims(**changes), KEY), now=now)


def test_clocks_may_differ_by_a_minute():
    """TEN-06."""
    assert check(sign(claims(issued_at=NOW + timedelta(seconds=59)), KEY)).token_id == "jti-1"


@given(st.data())
def test_no_changed_character_passes(data: st.DataObject):
    """TOK-01, TOK-03."""
    token = sign(claims(), KEY)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda char: char != token[place]))
    changed = token[:place] + other + token[place + 1 :]

    with pytest.raises(InvalidToken):
        check(changed)


@given(st.text())
def test_no_text_does_more_than_be_refused(token: str):
    with pytest.raises(InvalidToken):
        key_id_of(token)


@pytest.mark.parametrize("token", ["." * 3000, "a." * 1500, "x" * (LONGEST + 1), "a.b", "a.b.c.d", ".."])
def test_size_and_shape_are_looked_at_before_anything_is_parsed(token: str):
    """TOK-04."""
    with pytest.raises(InvalidToken):
        key_id_of(token)


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"iss": ISSUER},
        {**part(sign(claims(), KEY), 1), "exp": "tomorrow"},
        {**part(sign(claims(), KEY), 1), "exp": True},
        {**part(sign(claims(), KEY), 1), "sub": "somebody"},
        {**part(sign(claims(), KEY), 1), "aud": ["a", "b"]},
        {**part(sign(claims(), KEY), 1), "exp": 10**30},
        {**part(sign(claims(), KEY), 1), "scope": None},
        {**part(sign(claims(), KEY), 1), "cnf": "thumb"},
        {**part(sign(claims(), KEY), 1), "cnf": {}},
        {**part(sign(claims(), KEY), 1), "act": []},
    ],
)
def test_claims_of_the_wrong_shape_are_refused_even_when_signed(payload: dict[str, Any]):
    header = {"alg": "ES256", "typ": "at+jwt", "kid": "key-1"}
    token = jws.serialize_compact(header, json.dumps(payload).encode(), KEY.key, algorithms=["ES256"])

    with pytest.raises(InvalidToken):
        check(token)


def test_a_token_may_be_for_any_of_the_resources_that_are_known():
    """TOK-06."""
    token = sign(claims(audience="https://rooms.example/api"), KEY)
    audiences = {ISSUER, "https://rooms.example/api"}

    assert verify(token, KEY, issuer=ISSUER, audiences=audiences, now=NOW).audience.startswith(
        "https://rooms"
    )


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "PS256"])
def test_the_key_set_shows_no_private_part(algorithm: str):
    """TOK-14."""
    made = new_signing_key("key-2", algorithm)
    members = {"kty", "crv", "x", "y"} if algorithm == "ES256" else {"kty", "n", "e"}

    assert set(made.public) == members | {"kid", "use", "alg"}
    assert (made.public["alg"], made.public["kid"]) == (algorithm, "key-2")


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "PS256"])
def test_a_key_that_is_kept_reads_back(algorithm: str):
    made = new_signing_key("key-2", algorithm)

    assert import_signing_key("key-2", algorithm, made.key.as_pem(private=True)).public == made.public
