"""What the server tells about itself: made from what is switched on, so that nothing else can be advertised."""

from collections.abc import Collection, Mapping
from typing import Any

from appanage.oauth import pkce, userinfo
from appanage.oauth.authorization import Prompt, Server
from appanage.oauth.clients import ClientAuthentication
from appanage.oauth.responses import ResponseMode
from appanage.oauth.signing_keys import ACCESS_TOKEN_ALGORITHM


def authorization_server(
    *,
    server: Server,
    endpoints: Mapping[str, str],
    grant_types: Collection[str],
    scopes: Collection[str],
    client_algorithms: Collection[str],
    id_token_algorithm: str,
    documentation: str | None = None,
) -> dict[str, Any]:
    """Metadata of the authorization server and OpenID provider (RFC 8414 §2, OpenID Connect Discovery §3).

    `endpoints` are the addresses by their names in the metadata. A client that authenticates can do so in every way at
    every endpoint for clients, but a public one cannot introspect. `client_algorithms` are those of its signatures.
    """
    methods = [method.value for method in ClientAuthentication]
    confidential = [method for method in methods if method != ClientAuthentication.NONE]
    algorithms = list(client_algorithms)
    return {
        "issuer": server.issuer,
        **endpoints,
        "scopes_supported": sorted({*scopes, *server.openid_scopes}),
        "response_types_supported": ["code"],
        "response_modes_supported": [mode.value for mode in ResponseMode],
        "grant_types_supported": sorted(grant_types),
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "introspection_endpoint_auth_methods_supported": confidential,
        "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "code_challenge_methods_supported": [pkce.S256] + ([pkce.PLAIN] if server.allows_plain else []),
        "authorization_response_iss_parameter_supported": True,
        "require_pushed_authorization_requests": False,
        "dpop_signing_alg_values_supported": algorithms,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [id_token_algorithm],
        "claim_types_supported": ["normal"],
        "claims_supported": [*userinfo.CLAIMS, "auth_time", "nonce", "at_hash", "sid", "org"],
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "prompt_values_supported": [prompt.value for prompt in Prompt],
        "protected_resources": [server.issuer],
    } | ({"service_documentation": documentation} if documentation else {})


def protected_resource(
    *, issuer: str, resource: str, scopes: Collection[str], client_algorithms: Collection[str], name: str
) -> dict[str, Any]:
    """Protected resource metadata (RFC 9728 §2)."""
    return {
        "resource": resource,
        "resource_name": name,
        "authorization_servers": [issuer],
        "jwks_uri": f"{issuer}/verification",
        "scopes_supported": sorted(scopes),
        "bearer_methods_supported": ["header"],
        "resource_signing_alg_values_supported": [ACCESS_TOKEN_ALGORITHM],
        "dpop_signing_alg_values_supported": list(client_algorithms),
        "dpop_bound_access_tokens_required": False,
    }
