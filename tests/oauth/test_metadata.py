"""The metadata documents (RFC 8414 §2, OpenID Connect Discovery §3, RFC 9728 §2)."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest

from appanage.oauth import metadata
from appanage.oauth.authorization import Server

SERVER = Server(
    issuer="https://apps.example/v1",
    resources=frozenset({"https://apps.example/v1"}),
    allows_plain=False,
    openid_scopes=frozenset({"openid", "email"}),
)
ENDPOINTS = {"token_endpoint": "https://apps.example/v1/access_token"}


def document(server: Server = SERVER, **options: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {"client_algorithms": ["ES256", "PS256"], "id_token_algorithm": "RS256"}
    return metadata.authorization_server(
        server=server,
        endpoints=ENDPOINTS,
        grant_types=["refresh_token", "b"],
        scopes=["a:read"],
        **usual | options,
    )


def resource_document(client_algorithms: Collection[str] = ("ES256",)) -> dict[str, Any]:
    return metadata.protected_resource(
        issuer=SERVER.issuer,
        resource="https://apps.example/v1",
        scopes=["b", "a"],
        client_algorithms=client_algorithms,
        name="Appanage",
    )


def test_the_document_is_made_of_what_it_is_told():
    """STD-01."""
    found = document()

    assert found["issuer"] == SERVER.issuer
    assert found["token_endpoint"] == ENDPOINTS["token_endpoint"]
    assert found["grant_types_supported"] == ["b", "refresh_token"]
    assert found["scopes_supported"] == ["a:read", "email", "openid"]
    assert found["response_types_supported"] == ["code"]
    assert found["authorization_response_iss_parameter_supported"] is True


@pytest.mark.parametrize(("allows_plain", "methods"), [(False, ["S256"]), (True, ["S256", "plain"])])
def test_plain_is_told_only_where_it_works(allows_plain: bool, methods: list[str]):
    """STD-01, AUTHZ-01."""
    found = document(replace(SERVER, allows_plain=allows_plain))

    assert found["code_challenge_methods_supported"] == methods


def test_the_algorithms_of_the_profile_are_offered_and_no_others():
    """STD-04, GOV-02, RFC 8725 §3.1."""
    found = document(client_algorithms=("ES384",), id_token_algorithm="PS256")
    offered = {name: values for name, values in found.items() if "_alg_values_" in name}
    resource = resource_document(client_algorithms=("ES384",))

    assert len(offered) == 5
    assert offered.pop("id_token_signing_alg_values_supported") == ["PS256"]
    assert all(values == ["ES384"] for values in offered.values())
    assert resource["dpop_signing_alg_values_supported"] == ["ES384"]


def test_no_public_client_introspects():
    """TOK-15."""
    found = document()

    assert "none" in found["token_endpoint_auth_methods_supported"]
    assert "none" not in found["introspection_endpoint_auth_methods_supported"]


def test_documentation_is_named_where_there_is_some():
    assert "service_documentation" not in document()
    assert document(documentation="https://d.example")["service_documentation"] == "https://d.example"


def test_the_document_of_the_resource():
    """STD-02."""
    found = resource_document()

    assert found["authorization_servers"] == [SERVER.issuer]
    assert found["scopes_supported"] == ["a", "b"]
    assert found["bearer_methods_supported"] == ["header"]
    assert found["resource_signing_alg_values_supported"] == ["ES256"]
