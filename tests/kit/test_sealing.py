"""Sealing: nothing is read under another key, in another place, or altered."""

import pytest

from appanage.kit.sealing import Unsealable, derive_key, seal, unseal

KEY = derive_key(b"a deployment's secret", "this purpose")


def test_what_is_sealed_opens_under_the_same_key_and_context():
    assert unseal(KEY, seal(KEY, b"value", b"row 1"), b"row 1") == b"value"


@pytest.mark.parametrize(
    ("key", "context"),
    [
        (derive_key(b"a deployment's secret", "another purpose"), b"row 1"),
        (derive_key(b"another secret", "this purpose"), b"row 1"),
        (KEY, b"row 2"),
    ],
)
def test_another_key_purpose_or_row_opens_nothing(key: bytes, context: bytes):
    with pytest.raises(Unsealable):
        unseal(key, seal(KEY, b"value", b"row 1"), context)


def test_an_altered_or_truncated_value_opens_nothing():
    sealed = seal(KEY, b"value")

    for broken in (sealed[:-1], sealed[:5], b"", sealed[:-1] + bytes([sealed[-1] ^ 1])):
        with pytest.raises(Unsealable):
            unseal(KEY, broken)
