"""What introspection answers (RFC 7662 §2.2)."""

import uuid
from datetime import UTC, datetime, timedelta

from appanage.oauth.access_tokens import AccessClaims
from appanage.oauth.introspection import INACTIVE, of_access_token, of_refresh_token

NOW = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
CLAIMS = AccessClaims(
    issuer="https://apps.example/v1",
    audience="https://rooms.example/api",
    subject=uuid.UUID(int=1),
    client_id="C1",
    organization=uuid.UUID(int=2),
    authorization=uuid.UUID(int=3),
    scopes=frozenset({"a:read", "b:read"}),
    issued_at=NOW,
    expires_at=NOW + timedelta(hours=1),
    token_id="jti-1",
    family="family-1",
    key_thumbprint="key",
)


def test_an_access_token_is_told_with_the_scopes_that_still_hold():
    """CONS-04, MACH-07, RFC 9449 §6.2."""
    assert of_access_token(CLAIMS, scopes={"a:read"}, username="ada@people.example") == {
        "active": True,
        "token_type": "DPoP",
        "iss": "https://apps.example/v1",
        "aud": "https://rooms.example/api",
        "sub": str(uuid.UUID(int=1)),
        "client_id": "C1",
        "username": "ada@people.example",
        "org": str(uuid.UUID(int=2)),
        "azn": str(uuid.UUID(int=3)),
        "scope": "a:read",
        "iat": 1767607200,
        "exp": 1767610800,
        "jti": "jti-1",
        "cnf": {"jkt": "key"},
    }


def test_a_refresh_token_tells_its_kind():
    told = of_refresh_token(
        issuer="i", client_id="C1", subject="s", scopes=["b", "a"], issued_at=NOW, expires_at=NOW
    )

    assert (told["active"], told["token_type"], told["scope"]) == (True, "refresh_token", "a b")


def test_of_a_token_that_is_not_active_nothing_more_is_told():
    """TOK-15, RFC 7662 §2.2."""
    assert INACTIVE == {"active": False}
