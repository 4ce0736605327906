"""What letters look like: plain text of 72 columns, in which names and other people's words are only ever data."""

import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from appanage.settings import Brand

WIDTH = 72
LONGEST_NAME = 60
LONGEST_QUOTE = 1000
_DIRECTIONS = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_UNFIT = frozenset({"Cc", "Cs", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Draft:
    """What a letter says, addressed to nobody yet.

    `about` names what it tells of, so that nobody is told twice; `quote` is what `quoted` wrote; `link` is the path of
    the page to go to, and `why` continues “You get this letter because …”.
    """

    about: str
    subject: str
    paragraphs: Sequence[str]
    link: str
    why: str
    quoted: str = ""
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What every letter of a deployment has."""

    brand: Brand
    base_url: str
    support_email: str | None = None


def named(text: str, limit: int = LONGEST_NAME) -> str:
    """A name on one line, without control characters or signs that turn the direction of reading, and cut."""
    line = " ".join(_without_unfit(text, instead=" ").split())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def in_header(text: str, limit: int = LONGEST_NAME) -> str:
    """As `named`, for a header: no encoded word (RFC 2047) in it, which would be read as other text than it is."""
    return named(text, limit).replace("=?", "= ?")


def body_of(draft: Draft, head: Letterhead) -> str:
    """The letter as it is read."""
    return "\n\n".join(filled for filled in _parts(draft, head) if filled) + "\n"


def subject_of(draft: Draft) -> str:
    return named(draft.subject, 200)


def _parts(draft: Draft, head: Letterhead) -> Iterator[str]:
    yield from map(_filled, draft.paragraphs)
    quote = _quotation(draft.quote)
    if quote:
        yield _filled(f"{draft.quoted}:")
        yield quote
    yield f"{head.base_url}{draft.link}"
    ask = f" Questions: {head.support_email}." if head.support_email else ""
    why = f"You get this letter from {named(head.brand.product)} because {draft.why}. Nobody reads answers to it."
    yield f"--\n{_filled(why + ask)}"


def _filled(paragraph: str) -> str:
    one_line = _without_unfit(paragraph, instead=" ")
    return textwrap.fill(one_line, WIDTH, break_long_words=False, break_on_hyphens=False)


def _quotation(text: str) -> str:
    """Somebody's own words, which nobody takes for ours: each line is marked."""
    text = text.strip()
    if len(text) > LONGEST_QUOTE:
        text = f"{text[: LONGEST_QUOTE - 1].rstrip()}…"
    lines = (_without_unfit(line, instead=" ") for line in text.splitlines())
    return "\n".join(
        textwrap.fill(line, WIDTH, initial_indent="> ", subsequent_indent="> ", break_on_hyphens=False) or ">"
        for line in lines
    )


def _without_unfit(text: str, *, instead: str) -> str:
    kept = (instead if unicodedata.category(char) in _UNFIT else char for char in text)
    return "".join(char for char in kept if char not in _DIRECTIONS)
