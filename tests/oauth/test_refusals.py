"""How a protected resource refuses (RFC 6750 §3, RFC 9449 §7.1, RFC 9728 §5.1)."""

import pytest

from appanage.oauth.bearer import Scheme
from appanage.oauth.errors import (
    InsufficientScope,
    InvalidDpopProof,
    InvalidRequest,
    InvalidToken,
    MethodNotAllowed,
    OAuthError,
    UseDpopNonce,
)
from appanage.oauth.refusals import NO_TOKEN, Refusal, Resource, refuse

RESOURCE = Resource("A", "https://a.example/m", ["ES256"])


def refused(error: InvalidToken | OAuthError, *authorization: bytes) -> Refusal:
    return refuse(error, authorization=authorization, resource=RESOURCE)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidToken("why"), 401, "invalid_token"),
        (InvalidDpopProof("x"), 401, "invalid_dpop_proof"),
        (UseDpopNonce("x"), 401, "use_dpop_nonce"),
        (InsufficientScope("x", scopes=["a"]), 403, "insufficient_scope"),
        (InvalidRequest("x"), 400, "invalid_request"),
        (MethodNotAllowed("x"), 405, "invalid_request"),
    ],
)
def test_every_error_has_its_status_and_says_its_code(
    error: InvalidToken | OAuthError, status: int, code: str
):
    """STD-02."""
    found = refused(error, b"Bearer x")

    assert (found.status, found.code) == (status, code)
    assert f'error="{code}"' in found.challenge
    assert found.body("T")["error"] == code
    assert found.body("T")["trackingId"] == "T"


def test_who_sent_no_token_is_only_asked_for_one():
    """RFC 6750 §3.1."""
    found = refused(InvalidToken("no token"))

    assert found.challenge == 'Bearer realm="A", resource_metadata="https://a.example/m"'
    assert found.body("T")["error"] == "invalid_token"


def test_why_a_token_is_not_valid_is_not_told():
    found = refused(InvalidToken("expired"), b"Bearer x")

    assert found.sentence == NO_TOKEN
    assert "expired" not in found.challenge + str(found.body("T"))


@pytest.mark.parametrize("given", [b"DPoP x", b"dpop x", b"DPOP "])
def test_who_proves_possession_is_asked_for_a_proof(given: bytes):
    """RFC 9449 §7.1."""
    found = refused(InvalidToken("x"), given, b"Bearer x")

    assert found.scheme is Scheme.DPOP
    assert found.challenge.startswith('DPoP realm="A"')
    assert 'algs="ES256"' in found.challenge


def test_the_missing_scopes_are_named():
    found = refused(InsufficientScope("x", scopes=["b", "a"]), b"Bearer x")

    assert 'scope="a b"' in found.challenge


def test_nobody_is_sent_to_metadata_that_there_are_not():
    """RFC 9728 §5.1."""
    found = refuse(InvalidToken("x"), authorization=[], resource=Resource("A", None, ["ES256"]))

    assert found.challenge == 'Bearer realm="A"'
