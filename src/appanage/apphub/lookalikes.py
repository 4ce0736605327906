"""Names that look alike: their skeletons are equal (UTS #39, checklist REG-12)."""

import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

_ALSO_ALIKE = str.maketrans({"0": "o", "1": "l", "i": "l", "|": "l", "!": "l", "5": "s", "$": "s", "@": "a"})
_PAIRS = (("rn", "m"), ("vv", "w"))
_NOT_LETTERS = re.compile(r"[\W_]+")


def skeleton(name: str) -> str:
    """What is left of a name when letters that look alike are one, without capitals, accents, and all that is no letter.

    Two names with the same skeleton are easily taken for each other. It goes further than the skeleton of UTS #39, in
    which capitals and digits stay what they are; it is never shown.
    """
    return "".join(words(name))


def words(name: str) -> list[str]:
    """The skeleton of each word."""
    return [_alike(word) for word in _NOT_LETTERS.split(_plain(name)) if word]


def _plain(name: str) -> str:
    letters = (one for one in unicodedata.normalize("NFKD", name) if not unicodedata.combining(one))
    looked_up = "".join(_table().get(one, one) for one in letters)
    return looked_up.casefold().translate(_ALSO_ALIKE)


def _alike(word: str) -> str:
    for two, one in _PAIRS:
        word = word.replace(two, one)
    return word


@cache
def _table() -> Mapping[str, str]:
    """Letters and digits of all scripts, by the ASCII one that they look like."""
    lines = (files(__package__) / "lookalikes.txt").read_text(encoding="utf-8").splitlines()
    return {letter: line[0] for line in lines for letter in line[2:]}
