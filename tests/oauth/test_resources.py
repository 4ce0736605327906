"""Resource indicators (RFC 8707 §2.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appanage.oauth.errors import InvalidTarget
from appanage.oauth.resources import narrow_resource

RESOURCES = st.none() | st.sampled_from(["https://a.example", "https://a.example/", "https://b.example"])


@given(RESOURCES, RESOURCES)
def test_a_token_request_can_repeat_the_resource_and_never_change_it(granted: str | None, asked: str | None):
    """TOK-06."""
    if asked in {None, granted}:
        assert narrow_resource(granted, asked) == granted
    else:
        with pytest.raises(InvalidTarget):
            narrow_resource(granted, asked)
