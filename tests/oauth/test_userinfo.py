"""Claims about a person (OpenID Connect Core §5.1, §5.4)."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appanage.oauth.userinfo import CLAIMS, Person, claims_of

ADA = Person(
    subject="0001",
    name="Ada Lovelace",
    given_name="Ada",
    family_name="Lovelace",
    nickname="Countess",
    picture="https://people.example/ada.png",
    zoneinfo="Europe/London",
    updated_at=datetime(2026, 1, 5, 10, 0, tzinfo=UTC),
    email="ada@people.example",
    email_verified=False,
    phone_number="+44 20 0000",
    address={"street_address": "12 St James's Square", "locality": "London", "region": ""},
)
NOBODY = replace(
    ADA,
    given_name="",
    family_name="",
    nickname="",
    picture="",
    zoneinfo="",
    phone_number="",
    address={"street_address": "", "locality": ""},
)
BY_SCOPE = {
    "openid": {"sub"},
    "profile": {"name", "given_name", "family_name", "nickname", "picture", "zoneinfo", "updated_at"},
    "email": {"email", "email_verified"},
    "phone": {"phone_number"},
    "address": {"address"},
    "spark:people_read": set(),
}


@given(st.sets(st.sampled_from(sorted(BY_SCOPE))))
def test_every_scope_opens_its_own_claims_and_no_others(scopes: set[str]):
    """OpenID Connect Core §5.4."""
    expected = {"sub"}.union(*(BY_SCOPE[scope] for scope in scopes))

    assert set(claims_of(ADA, scopes)) == expected


def test_the_claims_have_the_types_of_the_standard():
    """OpenID Connect Core §5.1, §5.1.1."""
    claims = claims_of(ADA, BY_SCOPE)

    assert claims["updated_at"] == 1767607200
    assert claims["email_verified"] is False
    assert claims["address"] == {"street_address": "12 St James's Square", "locality": "London"}


def test_what_is_not_known_is_left_out():
    """OpenID Connect Core §5.3.2."""
    assert set(claims_of(NOBODY, BY_SCOPE)) == {"sub", "name", "updated_at", "email", "email_verified"}


def test_the_metadata_names_every_claim_there_is():
    """STD-01."""
    assert set(claims_of(ADA, BY_SCOPE)) == set(CLAIMS)
    assert len(CLAIMS) == len(set(CLAIMS))


@pytest.mark.parametrize("scopes", [[], ["PROFILE"], ["profile "], ["profil"]])
def test_scopes_are_compared_literally(scopes: list[str]):
    assert claims_of(ADA, scopes) == {"sub": "0001"}
