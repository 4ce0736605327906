"""Proof Key for Code Exchange (RFC 7636)."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appanage.oauth.pkce import PLAIN, S256, challenge_of, challenge_problem, matches

# RFC 7636 appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

VERIFIERS = st.text(string.ascii_letters + string.digits + "-._~", min_size=43, max_size=128)


def test_the_example_of_the_rfc_matches():
    """RFC 7636 appendix B."""
    assert challenge_of(VERIFIER) == CHALLENGE
    assert matches(VERIFIER, challenge=CHALLENGE, method=S256)
    assert challenge_problem(CHALLENGE) == ""


@given(VERIFIERS)
def test_a_verifier_matches_what_was_made_of_it(verifier: str):
    assert challenge_problem(challenge_of(verifier), S256) == ""
    assert matches(verifier, challenge=challenge_of(verifier), method=S256)
    assert challenge_problem(verifier, PLAIN) == ""
    assert matches(verifier, challenge=verifier, method=PLAIN)


@given(VERIFIERS, st.one_of(VERIFIERS, st.text()), st.sampled_from([S256, PLAIN]))
def test_no_other_verifier_matches(verifier: str, other: str, method: str):
    """AUTHZ-02."""
    challenge = challenge_of(verifier) if method == S256 else verifier

    assert matches(other, challenge=challenge, method=method) == (other == verifier)


@pytest.mark.parametrize(
    "verifier",
    [
        pytest.param(None, id="missing"),
        pytest.param("", id="empty"),
        pytest.param("a" * 42, id="too short"),
        pytest.param("a" * 129, id="too long"),
        pytest.param("a" * 42 + " ", id="a blank"),
        pytest.param("a" * 43 + "\n", id="a line end"),
        pytest.param("a" * 42 + "+", id="a reserved character"),
        pytest.param("a" * 42 + "ä", id="not ASCII"),
        pytest.param("a" * 42 + "\ud800", id="half a surrogate pair"),
    ],
)
@pytest.mark.parametrize("method", [S256, PLAIN])
def test_a_verifier_of_another_form_never_matches(verifier: str | None, method: str):
    """AUTHZ-02: even where the challenge is the very same text."""
    assert not matches(verifier, challenge=verifier or "", method=method)


@pytest.mark.parametrize("method", ["", "s256", "S512", "PLAIN", "none"])
def test_an_unknown_method_never_matches(method: str):
    """AUTHZ-01."""
    assert not matches(VERIFIER, challenge=CHALLENGE, method=method)
    assert not matches(VERIFIER, challenge=VERIFIER, method=method)


def test_the_challenge_itself_is_no_verifier_of_it():
    """AUTHZ-03: a digest cannot be passed off as plain."""
    assert not matches(CHALLENGE, challenge=CHALLENGE, method=S256)
    assert not matches(VERIFIER, challenge=CHALLENGE, method=PLAIN)


@pytest.mark.parametrize(
    "challenge",
    [
        pytest.param("", id="empty"),
        pytest.param(CHALLENGE[:-1], id="too short"),
        pytest.param(CHALLENGE + "A", id="too long"),
        pytest.param(CHALLENGE + "=", id="padded"),
        pytest.param(CHALLENGE[:-1] + "N", id="a last digit no encoder writes"),
        pytest.param(CHALLENGE[:-2] + "+M", id="plain base64"),
        pytest.param(CHALLENGE[:-2] + "~M", id="unreserved but no base64url"),
        pytest.param(CHALLENGE + "\n", id="a line end"),
        pytest.param("é" * 43, id="not ASCII"),
    ],
)
def test_an_s256_challenge_is_a_digest_in_base64url(challenge: str):
    """AUTHZ-01."""
    assert "SHA-256" in challenge_problem(challenge, S256)


@pytest.mark.parametrize(
    "challenge", ["", "a" * 42, "a" * 129, "a" * 42 + " ", "a" * 42 + "%", "é" * 43, "a" * 43 + "\n"]
)
def test_a_plain_challenge_has_the_form_of_a_verifier(challenge: str):
    """AUTHZ-01."""
    assert "43 to 128" in challenge_problem(challenge, PLAIN)


def test_what_is_said_about_a_challenge_never_repeats_it():
    for method in (S256, PLAIN):
        assert "<script>" not in challenge_problem("<script>", method)
