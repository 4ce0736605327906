"""Cursors survive everything that a client may do to them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appanage.kit.errors import Invalid
from appanage.kit.paging import decode_cursor, encode_cursor


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), max_size=4))
def test_a_cursor_reads_back(parts: list[str]):
    assert decode_cursor(encode_cursor(tuple(parts))) == tuple(parts)


@pytest.mark.parametrize(
    "cursor", ["x", "!!", "bnVsbA", "WzFd", "eyJhIjoxfQ", "é", "WyJcdTAwMDAiXQ", "W1tbW1tbW1tb" * 500]
)
def test_a_cursor_that_was_never_given_out_is_refused(cursor: str):
    with pytest.raises(Invalid):
        decode_cursor(cursor)


@given(st.text())
def test_no_text_is_more_than_refused(cursor: str):
    with contextlib.suppress(Invalid):
        decode_cursor(cursor)
