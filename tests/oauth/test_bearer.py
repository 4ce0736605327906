"""Bearer tokens in requests (RFC 6750 §2.1, RFC 9110 §11)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appanage.oauth.bearer import basic_challenge, challenge, read_bearer
from appanage.oauth.errors import InvalidToken


@pytest.mark.parametrize("scheme", [b"Bearer", b"bearer", b"BEARER", b"bEaReR"])
def test_the_scheme_may_be_written_in_any_case(scheme: bytes):
    """TOK-09."""
    assert read_bearer([scheme + b" abc.def-ghi_jkl~mno+pqr/stu=="]) == "abc.def-ghi_jkl~mno+pqr/stu=="


def test_no_header_is_no_token():
    assert read_bearer([]) is None


@pytest.mark.parametrize(
    "headers",
    [
        [b"Bearer\tabc"],
        [b"Bearer  abc"],
        [b"Bearer abc "],
        [b"Bearer abc def"],
        [b"Bearer abc,Bearer def"],
        [b"Bearer"],
        [b"Bearer "],
        [b"abc"],
        [b"Basic abc"],
        [b"Bearer a\xffc"],
        [b"Bearer " + b"a" * 9000],
        [b"Bearer abc", b"Bearer abc"],
        [b"Bearer abc", b"Basic def"],
    ],
)
def test_everything_else_is_refused(headers: list[bytes]):
    """TOK-08, TOK-09."""
    with pytest.raises(InvalidToken):
        read_bearer(headers)


@given(st.text(), st.text())
def test_a_challenge_can_carry_nothing_that_breaks_out_of_it(realm: str, description: str):
    header = challenge(
        realm=realm, metadata="https://a.example/m", error="invalid_token", description=description
    )

    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 8


def test_a_challenge_names_the_missing_scopes():
    """STD-02."""
    header = challenge(
        realm="A", metadata="https://a.example/m", error="insufficient_scope", scopes=["b", "a"]
    )

    assert header == (
        'Bearer realm="A", resource_metadata="https://a.example/m", error="insufficient_scope", '
        'error_description="", scope="a b"'
    )


def test_a_basic_challenge_parses():
    assert basic_challenge('A "b"') == 'Basic realm="A b", charset="UTF-8"'
