"""The authorization code grant (RFC 6749 §4.1.3): what a code is bound to."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appanage.oauth import pkce
from appanage.oauth.codes import CodeGrant, CodeRedemption, redeem
from appanage.oauth.errors import InvalidGrant, InvalidTarget, OAuthError

NOW = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
CALLBACK = "https://app.example.com/cb"
RESOURCE = "https://rooms.example/api"
VERIFIER = "v" * 43

BARE = CodeGrant(
    redirect_uri=CALLBACK,
    redirect_uri_was_given=True,
    code_challenge=None,
    code_challenge_method=None,
    key_thumbprint=None,
    resource=None,
    expires_at=NOW + timedelta(seconds=60),
    is_usable=True,
)
PROTECTED = replace(BARE, code_challenge=pkce.challenge_of(VERIFIER), code_challenge_method="S256")
PRESENTED = CodeRedemption(redirect_uri=CALLBACK, code_verifier=None, resource=None, key_thumbprint=None)
VERIFIED = replace(PRESENTED, code_verifier=VERIFIER)


@pytest.mark.parametrize(
    ("grant", "presented"),
    [
        (BARE, PRESENTED),
        (PROTECTED, VERIFIED),
        (replace(PROTECTED, code_challenge=VERIFIER, code_challenge_method="plain"), VERIFIED),
        (replace(BARE, redirect_uri_was_given=False), replace(PRESENTED, redirect_uri=None)),
        (replace(BARE, redirect_uri_was_given=False), PRESENTED),
        (replace(BARE, key_thumbprint="key"), replace(PRESENTED, key_thumbprint="key")),
        (BARE, replace(PRESENTED, key_thumbprint="key")),
    ],
)
def test_a_code_is_good_for_whom_it_was_made_for(grant: CodeGrant, presented: CodeRedemption):
    assert redeem(grant, presented, now=NOW) is None


def test_a_code_without_a_challenge_is_worth_nothing_to_a_client_that_must_have_one():
    """AUTHZ-01: also when the developer made it a public client, or strict, after the code was made."""
    with pytest.raises(InvalidGrant):
        redeem(replace(BARE, needs_challenge=True), PRESENTED, now=NOW)

    assert redeem(replace(PROTECTED, needs_challenge=True), VERIFIED, now=NOW) is None


@pytest.mark.parametrize("asked", [None, RESOURCE])
def test_the_tokens_are_for_the_resource_of_the_request(asked: str | None):
    """TOK-06, RFC 8707 §2.2."""
    grant, presented = replace(BARE, resource=RESOURCE), replace(PRESENTED, resource=asked)

    assert redeem(grant, presented, now=NOW) == RESOURCE


@pytest.mark.parametrize("granted", [None, "https://other.example/"])
def test_no_other_resource_comes_in_with_the_code(granted: str | None):
    """AUTHZ-05, TOK-06."""
    with pytest.raises(InvalidTarget):
        redeem(replace(BARE, resource=granted), replace(PRESENTED, resource=RESOURCE), now=NOW)


@pytest.mark.parametrize(
    ("grant", "presented"),
    [
        pytest.param({"expires_at": NOW}, {}, id="expired"),
        pytest.param({"is_usable": False}, {}, id="of what has ended"),
        pytest.param({}, {"redirect_uri": None}, id="without redirect_uri"),
        pytest.param({}, {"redirect_uri": CALLBACK + "/"}, id="another redirect_uri"),
        pytest.param(
            {"redirect_uri_was_given": False}, {"redirect_uri": CALLBACK + "?"}, id="one that was never given"
        ),
        pytest.param({}, {"code_verifier": None}, id="without verifier"),
        pytest.param({}, {"code_verifier": ""}, id="empty verifier"),
        pytest.param({}, {"code_verifier": "w" * 43}, id="wrong verifier"),
        pytest.param({}, {"code_verifier": VERIFIER + "v"}, id="longer verifier"),
        pytest.param({}, {"code_verifier": pkce.challenge_of(VERIFIER)}, id="the challenge as verifier"),
        pytest.param({"code_challenge_method": "plain"}, {}, id="downgraded method"),
        pytest.param({"code_challenge_method": "none"}, {}, id="unknown method"),
        pytest.param({"code_challenge": None}, {}, id="a verifier where there was no challenge"),
        pytest.param({"code_challenge": ""}, {"code_verifier": ""}, id="two empty texts"),
        pytest.param({"key_thumbprint": "key"}, {}, id="without the key"),
        pytest.param({"key_thumbprint": "key"}, {"key_thumbprint": "other"}, id="another key"),
    ],
)
def test_one_binding_that_differs_is_enough(grant: Mapping[str, Any], presented: Mapping[str, Any]):
    """AUTHZ-02, AUTHZ-03, AUTHZ-05."""
    with pytest.raises(InvalidGrant):
        redeem(replace(PROTECTED, **grant), replace(VERIFIED, **presented), now=NOW)


GRANTS = st.builds(
    CodeGrant,
    redirect_uri=st.sampled_from([CALLBACK, CALLBACK + "2"]),
    redirect_uri_was_given=st.booleans(),
    code_challenge=st.sampled_from([None, VERIFIER, pkce.challenge_of(VERIFIER)]),
    code_challenge_method=st.sampled_from([None, "plain", "S256"]),
    key_thumbprint=st.sampled_from([None, "key"]),
    resource=st.sampled_from([None, RESOURCE]),
    expires_at=st.sampled_from([NOW, NOW + timedelta(seconds=1)]),
    is_usable=st.booleans(),
)
REDEMPTIONS = st.builds(
    CodeRedemption,
    redirect_uri=st.sampled_from([None, CALLBACK]),
    code_verifier=st.sampled_from([None, VERIFIER, "w" * 43]),
    resource=st.sampled_from([None, RESOURCE]),
    key_thumbprint=st.sampled_from([None, "key", "other"]),
)


@given(GRANTS, REDEMPTIONS)
def test_whoever_breaks_a_rule_gets_no_token(grant: CodeGrant, presented: CodeRedemption):
    """Every combination of what may be wrong."""
    challenge, verifier = grant.code_challenge, presented.code_verifier
    made = verifier and (pkce.challenge_of(verifier) if grant.code_challenge_method == "S256" else verifier)
    keeps = [
        grant.expires_at > NOW and grant.is_usable,
        presented.redirect_uri == grant.redirect_uri
        or (presented.redirect_uri is None and not grant.redirect_uri_was_given),
        challenge == made,
        grant.key_thumbprint in {None, presented.key_thumbprint},
        presented.resource in {None, grant.resource},
    ]
    try:
        resource = redeem(grant, presented, now=NOW)
    except OAuthError:
        assert not all(keeps)
    else:
        assert all(keeps)
        assert resource == grant.resource
