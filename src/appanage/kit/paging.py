"""Paging by a cursor that holds the last row's sort key, so that a page costs the same wherever it stands."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from appanage.kit.errors import Invalid

_LONGEST = 4000  # room for the longest name in the widest letters

Key = tuple[str, ...]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows of a list; `next_cursor` is None on the last page."""

    items: Sequence[T]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class PageRequest:
    """At most `size` rows after the row that `cursor` names."""

    size: int = 100
    cursor: str | None = None

    @property
    def after(self) -> Key | None:
        return decode_cursor(self.cursor) if self.cursor else None


def encode_cursor(key: Key) -> str:
    return base64.urlsafe_b64encode(json.dumps(key, ensure_ascii=False).encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> Key:
    if len(cursor) > _LONGEST:
        raise unknown_cursor()
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, RecursionError) as cause:
        raise unknown_cursor() from cause
    if not isinstance(key, list) or not all(_is_storable(part) for part in key):
        raise unknown_cursor()
    return tuple(key)


def _is_storable(part: object) -> bool:
    """Whether PostgreSQL can compare with it: text without NUL and without half a surrogate pair."""
    return isinstance(part, str) and not any(char == "\0" or "\ud800" <= char <= "\udfff" for char in part)


def unknown_cursor() -> Invalid:
    return Invalid(
        "The cursor is not one that this list gave out. Start again without it.",
        fields={"cursor": "Unknown cursor."},
    )
