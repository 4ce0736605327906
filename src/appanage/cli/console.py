"""What a command says: results on standard output, everything else on standard error."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class Problem(Exception):
    """Something that the operator can put right; `sentence` says what, `exit_code` is 2 for a wrong call."""

    def __init__(self, sentence: str, *, exit_code: int = 1) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.exit_code = exit_code


def say(text: str = "") -> None:
    """A result, for people and programs."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def remark(text: str) -> None:
    """Something beside the result."""
    sys.stderr.write(f"{text}\n")


@contextmanager
def progress(text: str) -> Iterator[None]:
    """Shows that something is going on, on a terminal only."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield
