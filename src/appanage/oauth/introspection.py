"""The answer of the introspection endpoint (RFC 7662 §2.2)."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from appanage.oauth.access_tokens import AccessClaims
from appanage.oauth.scopes import format_scope

INACTIVE: dict[str, Any] = {"active": False}


def of_access_token(claims: AccessClaims, *, scopes: Collection[str], username: str | None) -> dict[str, Any]:
    """`scopes` are those that still hold, which may be fewer than the token was issued with."""
    return {
        "active": True,
        "token_type": "DPoP" if claims.key_thumbprint else "Bearer",
        "iss": claims.issuer,
        "aud": claims.audience,
        "sub": str(claims.subject),
        "client_id": claims.client_id,
        "org": str(claims.organization),
        "azn": str(claims.authorization),
        "scope": format_scope(scopes),
        "iat": int(claims.issued_at.timestamp()),
        "exp": int(claims.expires_at.timestamp()),
        "jti": claims.token_id,
    } | _optional(claims, username)


def _optional(claims: AccessClaims, username: str | None) -> dict[str, Any]:
    known = {
        "username": username,
        "cnf": {"jkt": claims.key_thumbprint} if claims.key_thumbprint else None,
    }
    return {name: value for name, value in known.items() if value}


def of_refresh_token(
    *,
    issuer: str,
    client_id: str,
    subject: str,
    scopes: Collection[str],
    issued_at: datetime,
    expires_at: datetime,
) -> dict[str, Any]:
    return {
        "active": True,
        "token_type": "refresh_token",
        "iss": issuer,
        "sub": subject,
        "client_id": client_id,
        "scope": format_scope(scopes),
        "iat": int(issued_at.timestamp()),
        "exp": int(expires_at.timestamp()),
    }
