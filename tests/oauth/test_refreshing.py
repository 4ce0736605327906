"""The refresh token grant (RFC 6749 §6)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appanage.oauth.errors import InvalidGrant, InvalidScope
from appanage.oauth.refreshing import RefreshGrant, redeem
from appanage.oauth.scopes import format_scope

NOW = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
SCOPES = st.frozensets(st.sampled_from(["a:read", "a:write", "b:read", "b:write"]))


def grant(**changes: Any) -> RefreshGrant:
    values: dict[str, Any] = {
        "client_id": "C1",
        "approved": frozenset({"a:read", "b:read"}),
        "expires_at": NOW + timedelta(days=90),
        "revoked_at": None,
        "authorization_ended_at": None,
        "is_suspended": False,
    }
    return RefreshGrant(**(values | changes))


def test_a_refresh_gives_what_is_approved_now():
    assert redeem(grant(), client_id="C1", scope=None, now=NOW) == {"a:read", "b:read"}


@pytest.mark.parametrize(
    "presented",
    [
        None,
        grant(client_id="C2"),
        grant(expires_at=NOW),
        grant(revoked_at=NOW - timedelta(days=1)),
        grant(authorization_ended_at=NOW),
        grant(is_suspended=True),
    ],
)
def test_every_reason_to_refuse_reads_the_same(presented: RefreshGrant | None):
    """REV-01, MACH-04, MACH-06."""
    with pytest.raises(InvalidGrant) as refused:
        redeem(presented, client_id="C1", scope=None, now=NOW)

    assert refused.value.description.startswith("The refresh token is invalid, expired or revoked.")


@given(SCOPES, SCOPES)
def test_a_refresh_can_only_narrow(approved: frozenset[str], wanted: frozenset[str]):
    """TOK-07: scope comparison is a set comparison."""
    ask = format_scope(wanted)
    if wanted <= approved:
        assert redeem(grant(approved=approved), client_id="C1", scope=ask, now=NOW) == (wanted or approved)
    else:
        with pytest.raises(InvalidScope):
            redeem(grant(approved=approved), client_id="C1", scope=ask, now=NOW)
