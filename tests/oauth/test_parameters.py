"""Reading form bodies (RFC 6749 §3.1, §3.2, appendix B)."""

import contextlib
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appanage.oauth.errors import InvalidRequest, UnsupportedMediaType
from appanage.oauth.parameters import FORM, MOST, each_once, parse, parse_lists, read_form, require

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@given(st.dictionaries(TEXT, TEXT))
def test_what_a_client_encodes_is_what_is_read(parameters: dict[str, str]):
    assert read_form(urlencode(parameters).encode(), FORM) == parameters


@given(st.binary())
def test_no_bytes_do_more_than_be_refused(body: bytes):
    """AUTHZ-15."""
    with contextlib.suppress(InvalidRequest):
        read_form(body, FORM)


@pytest.mark.parametrize("body", [b"a=1&a=2", b"a=1&a=1", b"a=&a=1", b"a=1&%61=2"])
def test_a_repeated_parameter_is_an_error(body: bytes):
    """REG-04."""
    with pytest.raises(InvalidRequest, match="repeated"):
        read_form(body, FORM)


@pytest.mark.parametrize("body", [b"a=%00", b"a=%ff", b"\xff=1", b"a=b\x00c"])
def test_nul_and_invalid_utf8_are_refused(body: bytes):
    """AUTHZ-15."""
    with pytest.raises(InvalidRequest):
        read_form(body, FORM)


def test_a_parameter_without_a_value_counts_as_left_out():
    parameters = read_form(b"grant_type=&scope", FORM)

    assert parameters == {}
    with pytest.raises(InvalidRequest, match="grant_type is missing"):
        require(parameters, "grant_type")


@pytest.mark.parametrize("media_type", ["application/json", "", "text/plain", "multipart/form-data"])
def test_other_media_types_are_415(media_type: str):
    """AUTHZ-15."""
    with pytest.raises(UnsupportedMediaType) as refused:
        read_form(b"a=1", media_type)

    assert refused.value.status == 415


def test_a_charset_beside_the_media_type_is_fine():
    assert read_form(b"a=1", "application/x-www-form-urlencoded; charset=UTF-8") == {"a": "1"}


def test_a_query_is_read_like_a_form():
    assert parse(b"scope=a+b%20c&state=%C3%A4") == {"scope": "a b c", "state": "\u00e4"}


@pytest.mark.parametrize("name", ["client_id", "a" * 65, "\u00e4", "a\r\nb", '"'])
def test_the_error_repeats_no_strange_name(name: str):
    """AUD-08."""
    with pytest.raises(InvalidRequest) as refused:
        each_once({name: ["1", "2"]})

    assert refused.value.description.isascii()
    assert refused.value.description.isprintable()
    assert len(refused.value.description) < 120


def test_lists_keep_every_value_in_its_order():
    assert parse_lists(b"a=1&b=2&a=3&=x&&") == {"a": ["1", "3"], "b": ["2"]}


def test_there_are_only_so_many_parameters():
    """TOK-04 in spirit: the size is looked at before anything is parsed."""
    with pytest.raises(InvalidRequest, match="more than"):
        parse(b"&" * (MOST + 1))
