"""Answers are ready to be sent, and every request has a name."""

from itertools import islice
from uuid import UUID

import pytest

from appanage.edge.messages import Answer, lines, tracking_ids


def test_an_answer_begins_with_its_status_and_its_headers() -> None:
    answer = Answer(403, ((b"WWW-Authenticate", b"Bearer"), (b"x-auth-scope", b"")), b"{}")

    assert answer.wire == (
        b"HTTP/1.1 403 Forbidden\r\nwww-authenticate: Bearer\r\nx-auth-scope: \r\ncontent-length: 2\r\n"
    )


def test_an_answer_without_a_body_says_so() -> None:
    assert Answer(200, ()).wire == b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n"


@pytest.mark.parametrize(
    "header",
    [
        (b"x-note", b"one\r\nx-other: two"),
        (b"x-note", b"one\n"),
        (b"x-note", b"one\0"),
        (b"x-note: a\r\nx-other", b"two"),
        (b"x note", b"one"),
        (b"", b"one"),
    ],
)
def test_a_header_that_would_be_two_is_refused(header: tuple[bytes, bytes]) -> None:
    with pytest.raises(ValueError, match="cannot be sent"):
        lines((header,))


def test_tracking_ids_are_uuids_in_capitals_and_never_the_same() -> None:
    ids = [id_.decode() for source in (tracking_ids(), tracking_ids()) for id_ in islice(source, 1000)]

    assert len(set(ids)) == 2000
    assert all(id_ == f"APN_{UUID(id_.removeprefix('APN_'))}".upper() for id_ in ids)
