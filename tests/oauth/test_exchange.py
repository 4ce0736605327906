"""Token exchange (RFC 8693): a client makes less of a token, and never more."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from appanage.oauth.access_tokens import AccessClaims
from appanage.oauth.errors import InvalidGrant, InvalidRequest, InvalidScope, InvalidTarget
from appanage.oauth.exchange import ACCESS_TOKEN, ExchangeRequest, Narrowed, narrowed, read
from appanage.oauth.scopes import format_scope

NOW = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
API, ROOMS = "https://apps.example/v1", "https://rooms.example/api"
BOTH = frozenset({"a:read", "b:read"})
SCOPES = st.frozensets(st.sampled_from(["a:read", "a:write", "b:read"]))
ASKED = {"subject_token": "t", "subject_token_type": ACCESS_TOKEN}

CLAIMS = AccessClaims(
    issuer=API,
    audience=API,
    subject=uuid.UUID(int=1),
    client_id="C1",
    organization=uuid.UUID(int=2),
    authorization=uuid.UUID(int=3),
    scopes=BOTH,
    issued_at=NOW,
    expires_at=NOW + timedelta(days=14),
    token_id="jti-1",
)


def narrow(
    claims: AccessClaims = CLAIMS,
    *,
    scope: str | None = None,
    resource: str | None = None,
    usable: frozenset[str] = BOTH,
    key: str | None = None,
) -> Narrowed:
    request = ExchangeRequest("t", scope, resource)
    return narrowed(claims, request, client_id="C1", usable=usable, resources=[ROOMS], key_thumbprint=key)


def test_a_request_is_read():
    """RFC 8693 §2.1."""
    assert read(ASKED) == ExchangeRequest("t", None, None)
    assert read(ASKED | {"scope": "a", "resource": ROOMS, "requested_token_type": ACCESS_TOKEN}) == (
        ExchangeRequest("t", "a", ROOMS)
    )


def test_a_request_on_its_way_never_prints_the_token():
    """TOK-13."""
    assert "canary" not in repr(ExchangeRequest("canary", None, None))


@pytest.mark.parametrize(
    "changes",
    [
        {"subject_token": None},
        {"subject_token_type": None},
        {"subject_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
        {"subject_token_type": "urn:ietf:params:oauth:token-type:jwt"},
        {"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
        {"requested_token_type": "urn:ietf:params:oauth:token-type:id_token"},
        {"actor_token": "t"},
        {"actor_token_type": ACCESS_TOKEN},
        {"audience": "C2"},
    ],
)
def test_what_there_is_none_of_is_refused(changes: dict[str, str | None]):
    """TOK-16: no other tokens, and nobody in another's name."""
    asked = {name: value for name, value in (ASKED | changes).items() if value is not None}

    with pytest.raises(InvalidRequest):
        read(asked)


def test_asked_for_nothing_it_keeps_what_is_usable_now():
    assert narrow(usable=frozenset({"a:read"})) == Narrowed(frozenset({"a:read"}), API)


@given(usable=SCOPES, wanted=SCOPES)
def test_scopes_only_get_fewer(usable: frozenset[str], wanted: frozenset[str]):
    """TOK-07, TOK-16: a comparison of sets; nothing is no token."""
    if usable and wanted <= usable:
        assert narrow(usable=usable, scope=format_scope(wanted)).scopes == (wanted or usable)
    else:
        with pytest.raises(InvalidScope):
            narrow(usable=usable, scope=format_scope(wanted))


def test_a_resource_that_was_allowed_may_be_named():
    """TOK-06."""
    assert narrow(resource=ROOMS).audience == ROOMS
    assert narrow(replace(CLAIMS, audience=ROOMS)).audience == ROOMS
    with pytest.raises(InvalidTarget):
        narrow(resource="https://other.example/")


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"client_id": "C2"}, None),
        ({"source": "jti-0"}, None),
        ({"key_thumbprint": "key"}, None),
        ({"key_thumbprint": "key"}, "other"),
        ({"client_id": "C2", "key_thumbprint": "key"}, "key"),
    ],
)
def test_a_token_of_another_client_a_narrowed_and_an_unproven_one_are_refused(
    changes: dict[str, Any], key: str | None
):
    """TOK-11, TOK-16."""
    with pytest.raises(InvalidGrant):
        narrow(replace(CLAIMS, **changes), key=key)


def test_a_proof_may_bind_what_was_not_bound():
    assert narrow(key="key").scopes == BOTH
    assert narrow(replace(CLAIMS, key_thumbprint="key"), key="key").scopes == BOTH
