"""Authorization responses (RFC 6749 §4.1.2, RFC 9207)."""

from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appanage.oauth.authorization import AuthorizationRequest, RedirectableError
from appanage.oauth.errors import AccessDenied, InvalidScope, OAuthError, all_errors
from appanage.oauth.responses import AuthorizationResponse, ResponseMode, failure, location, success

ISSUER = "https://apps.example/v1"
REQUEST = AuthorizationRequest(
    client_id="C1",
    redirect_uri="https://app.example.com/cb",
    redirect_uri_was_given=True,
    response_mode=ResponseMode.QUERY,
    scopes=frozenset({"a:read"}),
    state="s-1",
)
URLS = [
    "https://app.example.com/cb",
    "https://app.example.com",
    "https://app.example.com/cb?",
    "https://app.example.com/cb?tenant=1&x=%2F",
    "https://app.example.com/cb?tenant=1&",
    "http://[::1]:8400/cb?a=b=c",
    "com.example.app:/cb",
    "myapp://response",
]
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def test_a_code_goes_back_with_state_and_issuer():
    """AUTHZ-06."""
    response = success("c-1", to=REQUEST, issuer=ISSUER)

    assert response.redirect_uri == REQUEST.redirect_uri
    assert response.mode == ResponseMode.QUERY
    assert response.parameters == {"code": "c-1", "state": "s-1", "iss": ISSUER}


def test_an_error_goes_back_with_state_and_issuer():
    """AUTHZ-06."""
    response = failure(AccessDenied("The person declined."), to=REQUEST, issuer=ISSUER)

    assert response.parameters == {
        "error": "access_denied",
        "error_description": "The person declined.",
        "state": "s-1",
        "iss": ISSUER,
    }


def test_the_error_that_refused_a_request_knows_where_to_go():
    """AUTHZ-06."""
    refused = RedirectableError(
        InvalidScope("No."), redirect_uri=URLS[0], response_mode=ResponseMode.FORM_POST, state=None
    )
    response = failure(refused.error, to=refused, issuer=ISSUER)

    assert response.mode == ResponseMode.FORM_POST
    assert response.parameters == {"error": "invalid_scope", "error_description": "No.", "iss": ISSUER}


def test_without_a_state_none_goes_back():
    """RFC 6749 §4.1.2; an empty one is one."""
    without, empty = replace(REQUEST, state=None), replace(REQUEST, state="")

    assert "state" not in success("c-1", to=without, issuer=ISSUER).parameters
    assert success("c-1", to=empty, issuer=ISSUER).parameters["state"] == ""


@pytest.mark.parametrize("kind", [kind for kind in all_errors() if kind.__init__ is OAuthError.__init__])
def test_every_error_names_the_issuer(kind: type[OAuthError]):
    """AUTHZ-06."""
    parameters = failure(kind("No."), to=REQUEST, issuer=ISSUER).parameters

    assert (parameters["error"], parameters["iss"]) == (kind.code, ISSUER)


@given(TEXT)
def test_a_description_has_only_the_characters_of_one(description: str):
    """RFC 6749 §4.1.2.1: %x20-21 / %x23-5B / %x5D-7E."""
    sent = failure(InvalidScope(description), to=REQUEST, issuer=ISSUER).parameters["error_description"]

    assert set(sent) <= {chr(code) for code in range(0x20, 0x7F)} - {'"', "\\"}


@given(st.sampled_from(URLS), TEXT, st.none() | TEXT)
def test_the_answer_is_added_to_the_query_that_is_there(url: str, code: str, state: str | None):
    response = success(code, to=replace(REQUEST, redirect_uri=url, state=state), issuer=ISSUER)
    before, after = urlsplit(url), urlsplit(location(response))
    earlier = parse_qsl(before.query, keep_blank_values=True)

    assert after[:3] == before[:3]
    assert "&&" not in after.query
    assert after.fragment == ""
    assert parse_qsl(after.query, keep_blank_values=True) == [*earlier, *response.parameters.items()]


@given(st.sampled_from(URLS), TEXT, TEXT)
def test_a_location_is_one_line_of_printable_ascii(url: str, description: str, state: str):
    """No header can be smuggled in, by state or otherwise."""
    to = replace(REQUEST, redirect_uri=url, state=state)
    sent = location(failure(InvalidScope(description), to=to, issuer=ISSUER))

    assert sent.isascii()
    assert sent.isprintable()
    assert " " not in sent


def test_blanks_are_percent_encoded():
    """Not every app on a device reads a plus as a blank."""
    sent = location(success("a b", to=REQUEST, issuer=ISSUER))

    assert sent == f"{REQUEST.redirect_uri}?code=a%20b&state=s-1&iss=https%3A%2F%2Fapps.example%2Fv1"


@pytest.mark.parametrize(
    "url", ["", "https://x.test/\r\nA: b", "https://x.test/a b", "https://x.test/#", "https://ü.test/"]
)
def test_no_answer_goes_to_what_could_not_have_been_registered(url: str):
    """REG-02."""
    with pytest.raises(ValueError, match="not a redirect URL"):
        AuthorizationResponse(url, ResponseMode.QUERY, {})
