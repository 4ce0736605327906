"""The refresh token grant (RFC 6749 §6, RFC 9700 §4.14.2)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from appanage.oauth.errors import InvalidGrant, InvalidScope, InvalidTarget, OAuthError, ReusedToken
from appanage.oauth.refreshing import (
    RETRY_WINDOW,
    Refreshed,
    RefreshGrant,
    RefreshRequest,
    Renewal,
    Superseded,
    redeem,
)
from appanage.oauth.scopes import format_scope

NOW = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
BOTH = frozenset({"a:read", "b:read"})
SCOPES = st.frozensets(st.sampled_from(["a:read", "a:write", "b:read", "b:write"]))
GRANT = RefreshGrant(
    client_id="C1",
    approved=BOTH,
    expires_at=NOW + timedelta(days=90),
    revoked_at=None,
    authorization_ended_at=None,
    is_suspended=False,
)
RETRIED = Superseded(NOW - RETRY_WINDOW, is_predecessor=True)
TOO_LATE = Superseded(NOW - RETRY_WINDOW - timedelta(microseconds=1), is_predecessor=True)
GRANDPARENT = Superseded(NOW, is_predecessor=False)


def refresh(grant: RefreshGrant | None = GRANT, *, rotates: bool = False, **asked: Any) -> Refreshed:
    return redeem(grant, RefreshRequest(**asked), client_id="C1", rotates=rotates, now=NOW)


def test_a_refresh_gives_what_is_approved_now():
    assert refresh() == Refreshed(BOTH, None, Renewal.KEEP)


@pytest.mark.parametrize(
    "changes",
    [
        None,
        {"client_id": "C2"},
        {"expires_at": NOW},
        {"revoked_at": NOW - timedelta(days=1)},
        {"revoked_at": NOW, "superseded": RETRIED},
        {"authorization_ended_at": NOW},
        {"is_suspended": True},
        {"key_thumbprint": "key"},
        {"superseded": TOO_LATE},
        {"superseded": GRANDPARENT},
    ],
)
@pytest.mark.parametrize("rotates", [False, True])
def test_every_reason_to_refuse_reads_the_same(changes: dict[str, Any] | None, rotates: bool):
    """REV-01, REV-04, MACH-04, MACH-06."""
    with pytest.raises(InvalidGrant) as refused:
        refresh(None if changes is None else replace(GRANT, **changes), rotates=rotates)

    assert refused.value.description.startswith("The refresh token is invalid, expired or revoked.")


@given(SCOPES, SCOPES)
def test_a_refresh_can_only_narrow(approved: frozenset[str], wanted: frozenset[str]):
    """TOK-07: scope comparison is a set comparison; nothing is no token."""
    grant, scope = replace(GRANT, approved=approved), format_scope(wanted)
    if approved and wanted <= approved:
        assert refresh(grant, scope=scope).scopes == (wanted or approved)
    else:
        with pytest.raises(InvalidScope):
            refresh(grant, scope=scope)


@pytest.mark.parametrize(
    ("granted", "asked", "given_"),
    [(None, None, None), ("https://a.example", None, "https://a.example"), ("x:y", "x:y", "x:y")],
)
def test_the_resource_stays_what_it_was(granted: str | None, asked: str | None, given_: str | None):
    """TOK-06, RFC 8707 §2.2."""
    assert refresh(replace(GRANT, resource=granted), resource=asked).resource == given_


@pytest.mark.parametrize(
    ("granted", "asked"), [(None, "https://a.example"), ("https://a.example", "https://a.example/")]
)
def test_no_other_resource_comes_in_by_a_refresh(granted: str | None, asked: str):
    """TOK-06."""
    with pytest.raises(InvalidTarget):
        refresh(replace(GRANT, resource=granted), resource=asked)


@pytest.mark.parametrize(
    ("rotates", "superseded", "renewal"),
    [
        (False, None, Renewal.KEEP),
        (True, None, Renewal.ROTATE),
        (True, RETRIED, Renewal.REPEAT),
        (False, RETRIED, Renewal.REPEAT),
        (True, Superseded(NOW, is_predecessor=True), Renewal.REPEAT),
    ],
)
def test_what_becomes_of_the_token(rotates: bool, superseded: Superseded | None, renewal: Renewal):
    """REV-02, REV-03, design decision 9."""
    assert refresh(replace(GRANT, superseded=superseded), rotates=rotates).renewal is renewal


@pytest.mark.parametrize("superseded", [TOO_LATE, GRANDPARENT])
def test_a_late_repeat_and_one_of_a_grandparent_are_reuse(superseded: Superseded):
    """REV-02, REV-03."""
    with pytest.raises(ReusedToken):
        refresh(replace(GRANT, superseded=superseded), rotates=True)


@pytest.mark.parametrize(
    "changes",
    [{"revoked_at": NOW}, {"authorization_ended_at": NOW}, {"client_id": "C2"}, {"key_thumbprint": "key"}],
)
def test_reuse_by_who_could_not_refresh_at_all_ends_nothing(changes: dict[str, Any]):
    """REV-04: superseded and revoked are different states, and another client's repeat harms nobody."""
    with pytest.raises(InvalidGrant) as refused:
        refresh(replace(GRANT, superseded=TOO_LATE, **changes), rotates=True)

    assert not isinstance(refused.value, ReusedToken)


def test_a_bound_token_is_refreshed_by_its_key_only():
    """REV-01, RFC 9449 §5."""
    bound = replace(GRANT, key_thumbprint="key")

    assert refresh(bound, key_thumbprint="key").renewal is Renewal.KEEP
    with pytest.raises(InvalidGrant):
        refresh(bound, key_thumbprint="other")


def test_a_token_that_is_not_bound_may_come_with_a_proof():
    """A confidential client binds each access token to the key of its request."""
    assert refresh(key_thumbprint="key").scopes == BOTH


@given(
    changes=st.fixed_dictionaries(
        {},
        optional={
            "client_id": st.sampled_from(["C1", "C2"]),
            "expires_at": st.sampled_from([NOW, NOW + timedelta(seconds=1)]),
            "revoked_at": st.none() | st.just(NOW),
            "authorization_ended_at": st.none() | st.just(NOW),
            "is_suspended": st.booleans(),
            "key_thumbprint": st.sampled_from([None, "key"]),
            "superseded": st.sampled_from([None, RETRIED, TOO_LATE, GRANDPARENT]),
            "resource": st.sampled_from([None, "x:y"]),
        },
    ),
    asked=st.builds(
        RefreshRequest,
        scope=st.sampled_from([None, "a:read", "a:write"]),
        resource=st.sampled_from([None, "x:y"]),
        key_thumbprint=st.sampled_from([None, "key", "other"]),
    ),
    rotates=st.booleans(),
)
def test_whoever_breaks_a_rule_gets_no_token(changes: dict[str, Any], asked: RefreshRequest, rotates: bool):
    """Every combination of what may be wrong."""
    grant = replace(GRANT, **changes)
    breaks = [
        grant.client_id != "C1",
        grant.expires_at <= NOW,
        grant.revoked_at is not None,
        grant.authorization_ended_at is not None,
        grant.is_suspended,
        grant.key_thumbprint not in {None, asked.key_thumbprint},
        grant.superseded in {TOO_LATE, GRANDPARENT},
        asked.scope == "a:write",
        asked.resource not in {None, grant.resource},
    ]
    try:
        redeem(grant, asked, client_id="C1", rotates=rotates, now=NOW)
    except OAuthError:
        assert any(breaks)
    else:
        assert not any(breaks)


def test_of_very_many_scopes_that_were_not_granted_a_few_are_named():
    """TEN-03: a refusal is short, whatever was asked."""
    asked = RefreshRequest(scope=format_scope(f"x:{number:04}" for number in range(1000)))

    with pytest.raises(InvalidScope) as refusal:
        redeem(GRANT, asked, client_id="C1", rotates=False, now=NOW)

    assert refusal.value.description.endswith("x:0009 and 990 more.")
