"""Tokens in requests (RFC 6750 §2.1, RFC 9449 §7.1, RFC 9110 §11)."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appanage.oauth.bearer import (
    Presented,
    Scheme,
    basic_challenge,
    challenge,
    headers_named,
    read_token,
    require_bound,
)
from appanage.oauth.errors import InvalidToken

TOKEN = "abc.def-ghi_jkl~mno+pqr/stu=="


@pytest.mark.parametrize(
    ("written", "scheme"),
    [
        *((one, Scheme.BEARER) for one in (b"Bearer", b"bearer", b"BEARER", b"bEaReR")),
        *((one, Scheme.DPOP) for one in (b"DPoP", b"dpop", b"DPOP", b"dPoP")),
    ],
)
def test_the_scheme_may_be_written_in_any_case(written: bytes, scheme: Scheme):
    """TOK-09."""
    assert read_token([written + b" " + TOKEN.encode()]) == Presented(scheme, TOKEN)


def test_no_header_is_no_token():
    assert read_token([]) is None


def test_a_token_on_its_way_never_prints_itself():
    """TOK-13."""
    assert TOKEN not in repr(Presented(Scheme.BEARER, TOKEN))


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
        [b"Bearer abc", b"DPoP def"],
        [b"DPoP\tabc"],
        [b"DPoP  abc"],
        [b"DPoP abc, Bearer def"],
        [b" Bearer abc"],
        [b"Bearer abc\n"],
        [b"Bearer =abc"],
        [b"BearerDPoP abc"],
        [b"Bearer+DPoP abc"],
        [b""],
    ],
)
def test_everything_else_is_refused(headers: list[bytes]):
    """TOK-08, TOK-09."""
    with pytest.raises(InvalidToken):
        read_token(headers)


@given(st.binary())
def test_no_bytes_do_more_than_be_refused(header: bytes):
    """TOK-09."""
    with suppress(InvalidToken):
        found = read_token([header])
        assert found is not None
        assert header.lower() == f"{found.scheme} {found.token}".encode().lower()


def test_every_header_of_the_name_is_looked_at():
    """TOK-08: a second one is not hidden behind the first."""
    sent = [(b"authorization", b"Bearer a"), (b"accept", b"*/*"), (b"authorization", b"Bearer b")]

    assert headers_named(b"authorization", sent) == [b"Bearer a", b"Bearer b"]


@pytest.mark.parametrize(
    ("scheme", "bound_to", "proven", "is_accepted"),
    [
        (Scheme.BEARER, None, None, True),
        (Scheme.DPOP, "key", "key", True),
        (Scheme.BEARER, "key", None, False),
        (Scheme.BEARER, "key", "key", False),
        (Scheme.BEARER, None, "key", False),
        (Scheme.DPOP, "key", None, False),
        (Scheme.DPOP, "key", "other", False),
        (Scheme.DPOP, None, None, False),
        (Scheme.DPOP, None, "key", False),
    ],
)
def test_scheme_token_and_proof_belong_together(
    scheme: Scheme, bound_to: str | None, proven: str | None, is_accepted: bool
):
    """TOK-11: RFC 9449 §7.1, §7.2."""
    presented = Presented(scheme, TOKEN)
    if is_accepted:
        require_bound(presented, bound_to, proven)
    else:
        with pytest.raises(InvalidToken):
            require_bound(presented, bound_to, proven)


@given(st.text(), st.text())
def test_a_challenge_can_carry_nothing_that_breaks_out_of_it(realm: str, description: str):
    header = challenge(
        realm=realm,
        metadata="https://a.example/m",
        algorithms=["ES256"],
        error="invalid_token",
        description=description,
    )

    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 8


def test_a_challenge_names_the_missing_scopes():
    """STD-02."""
    header = challenge(
        realm="A",
        metadata="https://a.example/m",
        algorithms=["ES256"],
        error="insufficient_scope",
        scopes=["b", "a"],
    )

    assert header == (
        'Bearer realm="A", resource_metadata="https://a.example/m", error="insufficient_scope", '
        'error_description="", scope="a b"'
    )


def test_a_challenge_for_a_proof_names_the_algorithms():
    """STD-02: RFC 9449 §7.1."""
    header = challenge(
        realm="A", metadata="https://a.example/m", algorithms=["ES256", "PS256"], scheme=Scheme.DPOP
    )

    assert header == 'DPoP realm="A", resource_metadata="https://a.example/m", algs="ES256 PS256"'


def test_a_basic_challenge_parses():
    assert basic_challenge('A "b"') == 'Basic realm="A b", charset="UTF-8"'
