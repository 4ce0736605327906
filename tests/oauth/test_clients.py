"""Reading a client's credentials (RFC 6749 §2.3)."""

import base64
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appanage.oauth.clients import ClientAuthentication, ClientCredentials, read_credentials
from appanage.oauth.errors import InvalidClient, InvalidRequest

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


def basic(client_id: str, secret: str) -> str:
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


@given(TEXT, TEXT)
def test_both_halves_of_basic_are_form_decoded(client_id: str, secret: str):
    """RFC 6749 §2.3.1."""
    read = read_credentials(basic(client_id, secret), {})

    assert read == ClientCredentials(client_id, secret, ClientAuthentication.BASIC)


def test_credentials_in_the_body_are_read():
    read = read_credentials(None, {"client_id": "C1", "client_secret": "s"})

    assert read == ClientCredentials("C1", "s", ClientAuthentication.POST)


def test_two_methods_at_once_are_an_error():
    """CRED-10."""
    with pytest.raises(InvalidRequest):
        read_credentials(basic("C1", "s"), {"client_id": "C1", "client_secret": "s"})


def test_a_client_id_beside_basic_must_be_the_same():
    """CONS-11: identifiers in different places must agree."""
    assert read_credentials(basic("C1", "s"), {"client_id": "C1"}).client_id == "C1"
    with pytest.raises(InvalidRequest):
        read_credentials(basic("C1", "s"), {"client_id": "C2"})


@pytest.mark.parametrize(
    "header",
    ["Bearer x", "Basic", "Basic !!!", "Basic bm9jb2xvbg==", "Digest a", "", "Basic /w==", "Basic JTAwOmE="],
)
def test_unreadable_basic_credentials_ask_for_basic(header: str):
    with pytest.raises(InvalidClient) as refused:
        read_credentials(header, {})

    assert refused.value.used_basic


@pytest.mark.parametrize("parameters", [{}, {"client_id": "C1"}, {"client_secret": "s"}])
def test_without_credentials_there_is_no_client(parameters: dict[str, str]):
    """CRED-11."""
    with pytest.raises(InvalidClient) as refused:
        read_credentials(None, parameters)

    assert not refused.value.used_basic


def test_credentials_never_print_the_secret():
    """CRED-02."""
    assert "hidden" not in repr(ClientCredentials("C1", "hidden", ClientAuthentication.POST))
