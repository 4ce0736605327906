"""Text helpers."""

import re
import unicodedata

_NOT_IN_SLUG = re.compile(r"[^a-z0-9]+")


def slug(text: str, *, limit: int = 40) -> str:
    """`text` as lower-case ASCII words joined by hyphens; may be empty."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return _NOT_IN_SLUG.sub("-", plain).strip("-")[:limit].strip("-")


def one_line(text: str) -> str:
    """`text` without control characters, any stretch of blanks or line ends being one blank."""
    return " ".join("".join(" " if unicodedata.category(char) == "Cc" else char for char in text).split())


def has_control_characters(text: str, *, allow: str = "") -> bool:
    return any(unicodedata.category(char) == "Cc" and char not in allow for char in text)


def count_of(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
