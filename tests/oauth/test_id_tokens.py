"""ID tokens (OpenID Connect Core §2), and what is believed of one that comes back as a hint."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws

from appanage.oauth.access_tokens import key_id_of
from appanage.oauth.errors import InvalidRequest, InvalidToken
from appanage.oauth.id_tokens import LONGEST, Hint, IdClaims, read_hint, sign
from appanage.oauth.signing_keys import SigningKey, new_signing_key
from support.keys import KEYS, segment

NOW = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
ISSUER = "https://apps.example/v1"
KEY = new_signing_key("key-1", "RS256")
HEADER = {"alg": "RS256", "typ": "JWT", "kid": "key-1"}
CLAIMS = IdClaims(
    issuer=ISSUER,
    subject="ada",
    client_id="C1",
    organization="o-1",
    issued_at=NOW,
    expires_at=NOW + timedelta(hours=2),
    authenticated_at=NOW - timedelta(minutes=5),
    nonce="n-1",
    session="s-1",
)
TOKEN = sign(CLAIMS, KEY, access_token="an.access.token")
HINT = Hint(subject="ada", client_id="C1", session="s-1")


def part(token: str, number: int) -> dict[str, Any]:
    coded = token.split(".")[number]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4)))
    return found


def find_key(key_id: str) -> SigningKey | None:
    return KEY if key_id == "key-1" else None


def hint(token: str, *, issuer: str = ISSUER) -> Hint:
    return read_hint(token, find_key, issuer=issuer)


def by_us(payload: dict[str, Any], header: dict[str, Any] | None = None) -> str:
    """Genuinely signed with our key."""
    return jws.serialize_compact(
        header or HEADER, json.dumps(payload).encode(), KEY.key, algorithms=["RS256"]
    )


def test_it_says_who_signed_in_when_and_for_which_client():
    """STD-04, OpenID Connect Core §2, §3.1.3.6."""
    half = hashlib.sha256(b"an.access.token").digest()[:16]

    assert part(TOKEN, 0) == HEADER
    assert part(TOKEN, 1) == {
        "iss": ISSUER,
        "sub": "ada",
        "aud": "C1",
        "org": "o-1",
        "iat": 1767607200,
        "exp": 1767614400,
        "auth_time": 1767606900,
        "nonce": "n-1",
        "sid": "s-1",
        "at_hash": base64.urlsafe_b64encode(half).decode().rstrip("="),
    }


def test_in_another_profile_it_is_signed_with_rsassa_pss():
    """GOV-02: PS256, an RSA key of 2048 bits at least, and the at_hash of the same SHA-256."""
    key = new_signing_key("key-2", "PS256")
    token = sign(CLAIMS, key, access_token="an.access.token")

    assert part(token, 0) == {"alg": "PS256", "typ": "JWT", "kid": "key-2"}
    assert part(token, 1) == part(TOKEN, 1)
    assert len(base64.urlsafe_b64decode(f"{key.public['n']}==")) == 256
    assert read_hint(token, lambda _: key, issuer=ISSUER) == HINT


def test_a_key_of_one_algorithm_verifies_no_other():
    """TOK-03: RFC 8725 §3.1; the same RSA key would do for both."""
    as_pss = SigningKey("key-1", "PS256", KEY.key)

    with pytest.raises(InvalidRequest):
        read_hint(TOKEN, lambda _: as_pss, issuer=ISSUER)


def test_without_nonce_and_session_it_says_nothing_of_them():
    """STD-04."""
    token = sign(
        IdClaims(
            **{name: getattr(CLAIMS, name) for name in CLAIMS.__slots__} | {"nonce": None, "session": None}
        ),
        KEY,
        access_token="t",
    )

    assert part(token, 1).keys().isdisjoint({"nonce", "sid"})


def test_an_old_hint_still_says_whose_it_is():
    """OpenID Connect RP-Initiated Logout §2: expired or not."""
    assert hint(TOKEN) == HINT


@pytest.mark.parametrize(
    "header",
    [
        HEADER | {"alg": "none"},
        HEADER | {"alg": "HS256"},
        HEADER | {"alg": "PS256"},
        HEADER | {"typ": "at+jwt"},
        HEADER | {"typ": "logout+jwt"},
        {"alg": "RS256", "typ": "JWT"},
        {"alg": "RS256", "kid": "key-1"},
        HEADER | {"kid": "key-2"},
        HEADER | {"kid": 1},
        HEADER | {"kid": ["key-1"]},
        HEADER | {"jku": "https://evil.example/keys"},
        HEADER | {"jwk": KEY.public},
        HEADER | {"crit": ["exp"]},
    ],
)
def test_a_header_that_we_do_not_write_is_refused(header: dict[str, Any]):
    """TOK-03, STD-04."""
    _, payload, signature = TOKEN.split(".")

    with pytest.raises(InvalidRequest):
        hint(f"{segment(header)}.{payload}.{signature}")


def test_the_public_key_is_no_hmac_secret():
    """TOK-03, STD-04: algorithm confusion."""
    signed = f"{segment(HEADER | {'alg': 'HS256'})}.{TOKEN.split('.')[1]}"
    mac = hmac.digest(KEY.key.as_pem(private=False), signed.encode(), "sha256")

    with pytest.raises(InvalidRequest):
        hint(f"{signed}.{segment(mac)}")


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"iss": ISSUER, "sub": "ada"},
        {"iss": "https://other.example/v1", "sub": "ada", "aud": "C1"},
        {"iss": [ISSUER], "sub": "ada", "aud": "C1"},
    ],
)
def test_claims_of_the_wrong_shape_are_refused_even_when_signed(payload: dict[str, Any]):
    with pytest.raises(InvalidRequest):
        hint(by_us(payload))


def test_a_hint_of_another_key_is_refused():
    other = SigningKey("key-1", "RS256", new_signing_key("x", "RS256").key)

    with pytest.raises(InvalidRequest):
        hint(sign(CLAIMS, other, access_token="t"))


def test_an_access_token_is_no_hint():
    """TOK-03: one kind of token is never taken for another (RFC 8725 §3.11)."""
    key = new_signing_key("key-1")
    header = {"alg": "ES256", "typ": "at+jwt", "kid": "key-1"}
    payload = json.dumps({"iss": ISSUER, "sub": "ada", "aud": "C1"}).encode()
    token = jws.serialize_compact(header, payload, key.key, algorithms=["ES256"])

    with pytest.raises(InvalidRequest):
        read_hint(token, lambda _: key, issuer=ISSUER)


def test_an_id_token_is_no_access_token():
    """TOK-03."""
    with pytest.raises(InvalidToken):
        key_id_of(TOKEN)


@given(st.data())
def test_no_changed_character_passes(data: st.DataObject):
    """TOK-01. Four bits of the last one are not part of the signature."""
    place = data.draw(st.integers(0, len(TOKEN) - 2))
    other = data.draw(st.characters(codec="ascii").filter(lambda char: char != TOKEN[place]))

    with pytest.raises(InvalidRequest):
        hint(TOKEN[:place] + other + TOKEN[place + 1 :])


@given(st.text())
def test_no_text_does_more_than_be_refused(token: str):
    with pytest.raises(InvalidRequest):
        hint(token)


@pytest.mark.parametrize("token", ["." * 3000, "a." * 1500, "x" * (LONGEST + 1), "a.b", "a.b.c.d", ".."])
def test_size_and_shape_are_looked_at_before_anything_is_parsed(token: str):
    """TOK-04."""
    with pytest.raises(InvalidRequest):
        hint(token)


def test_a_clients_key_signs_no_id_token():
    with pytest.raises(InvalidRequest):
        hint(jws.serialize_compact(HEADER, b"{}", KEYS["PS256"], algorithms=["RS256"]))
