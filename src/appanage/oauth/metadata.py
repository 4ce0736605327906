"""What the server tells about itself: made from what is switched on, so that nothing else can be advertised."""

from collections.abc import Collection
from typing import Any

from appanage.oauth.access_tokens import ALGORITHM
from appanage.oauth.clients import ClientAuthentication


def authorization_server(
    *, issuer: str, grant_types: Collection[str], scopes: Collection[str]
) -> dict[str, Any]:
    """Authorization server metadata (RFC 8414 §2)."""
    methods = [method.value for method in ClientAuthentication]
    return {
        "issuer": issuer,
        "token_endpoint": f"{issuer}/access_token",
        "introspection_endpoint": f"{issuer}/introspect",
        "revocation_endpoint": f"{issuer}/revoke",
        "jwks_uri": f"{issuer}/verification",
        "scopes_supported": sorted(scopes),
        "response_types_supported": [],
        "grant_types_supported": sorted(grant_types),
        "token_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
    }


def protected_resource(*, issuer: str, resource: str, scopes: Collection[str], name: str) -> dict[str, Any]:
    """Protected resource metadata (RFC 9728 §2)."""
    return {
        "resource": resource,
        "resource_name": name,
        "authorization_servers": [issuer],
        "jwks_uri": f"{issuer}/verification",
        "scopes_supported": sorted(scopes),
        "bearer_methods_supported": ["header"],
        "resource_signing_alg_values_supported": [ALGORITHM],
    }
