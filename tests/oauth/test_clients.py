"""Reading a client's credentials (RFC 6749 §2.3)."""

import base64
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appanage.oauth.assertions import ASSERTION_TYPE
from appanage.oauth.clients import ClientAuthentication, ClientCredentials, read_credentials
from appanage.oauth.errors import InvalidClient, InvalidRequest
from support.keys import KEYS, signed

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
ASSERTED = {
    "client_assertion_type": ASSERTION_TYPE,
    "client_assertion": signed({"alg": "ES256"}, {"iss": "C1", "sub": "C1"}, KEYS["ES256"], "ES256"),
}


def basic(client_id: str, secret: str) -> str:
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


@given(TEXT, TEXT)
def test_both_halves_of_basic_are_form_decoded(client_id: str, secret: str):
    """RFC 6749 §2.3.1."""
    read = read_credentials(basic(client_id, secret), {})

    assert read == ClientCredentials(client_id, ClientAuthentication.BASIC, secret)


def test_credentials_in_the_body_are_read():
    read = read_credentials(None, {"client_id": "C1", "client_secret": "s"})

    assert read == ClientCredentials("C1", ClientAuthentication.POST, "s")


def test_an_assertion_names_its_client():
    """RFC 7521 §4.2: client_id may be left out."""
    read = read_credentials(None, ASSERTED)

    assert read == ClientCredentials("C1", ClientAuthentication.PRIVATE_KEY_JWT, ASSERTED["client_assertion"])
    assert read_credentials(None, ASSERTED | {"client_id": "C1"}) == read


def test_a_client_id_alone_is_the_name_of_a_public_client():
    read = read_credentials(None, {"client_id": "C1"})

    assert read == ClientCredentials("C1", ClientAuthentication.NONE)
    assert not read.used_basic


@pytest.mark.parametrize(
    ("header", "parameters"),
    [
        (basic("C1", "s"), {"client_secret": "s"}),
        (basic("C1", "s"), {"client_id": "C1", "client_secret": "s"}),
        (basic("C1", "s"), ASSERTED),
        (None, ASSERTED | {"client_secret": "s"}),
        (basic("C1", "s"), ASSERTED | {"client_secret": "s"}),
        (basic("C1", "s"), {"client_assertion": "x"}),
        (basic("C1", "s"), {"client_assertion_type": ASSERTION_TYPE}),
    ],
)
def test_two_methods_at_once_are_an_error(header: str | None, parameters: dict[str, str]):
    """CRED-10."""
    with pytest.raises(InvalidRequest, match="once"):
        read_credentials(header, parameters)


@pytest.mark.parametrize(
    "changes",
    [
        {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"},
        {"client_assertion_type": ASSERTION_TYPE.upper()},
        {"client_assertion_type": None},
        {"client_assertion": None},
    ],
)
def test_an_assertion_comes_with_its_type(changes: dict[str, str | None]):
    sent = {name: value for name, value in (ASSERTED | changes).items() if value is not None}

    with pytest.raises(InvalidRequest, match="client_assertion"):
        read_credentials(None, sent)


@pytest.mark.parametrize("assertion", ["x", "a.b.c", "." * 3000, "e30.e30.AA"])
def test_an_unreadable_assertion_is_no_client(assertion: str):
    """CRED-06."""
    with pytest.raises(InvalidClient):
        read_credentials(None, ASSERTED | {"client_assertion": assertion})


def test_a_client_id_beside_basic_must_be_the_same():
    """CONS-11: identifiers in different places must agree."""
    assert read_credentials(basic("C1", "s"), {"client_id": "C1"}).client_id == "C1"
    for header, parameters in ((basic("C1", "s"), {}), (None, ASSERTED)):
        with pytest.raises(InvalidRequest, match="not the one"):
            read_credentials(header, parameters | {"client_id": "C2"})


@pytest.mark.parametrize(
    "header",
    [
        "Bearer x",
        "Basic",
        "Basic !!!",
        "Basic bm9jb2xvbg==",
        "Digest a",
        "",
        "Basic /w==",
        "Basic JTAwOmE=",
        "Basic QzE6JTAw",
    ],
)
def test_unreadable_basic_credentials_ask_for_basic(header: str):
    with pytest.raises(InvalidClient) as refused:
        read_credentials(header, {})

    assert refused.value.used_basic


@pytest.mark.parametrize("parameters", [{}, {"client_secret": "s"}, {"grant_type": "refresh_token"}])
def test_without_credentials_there_is_no_client(parameters: dict[str, str]):
    """CRED-11."""
    with pytest.raises(InvalidClient) as refused:
        read_credentials(None, parameters)

    assert not refused.value.used_basic


def test_credentials_never_print_the_secret():
    """CRED-02."""
    assert "hidden" not in repr(ClientCredentials("C1", ClientAuthentication.POST, "hidden"))
