"""Scopes as the protocol sees them: a set of names in one string (RFC 6749 §3.3)."""

from collections.abc import Collection, Iterable
from functools import lru_cache

from appanage.oauth.errors import InvalidScope


def parse_scope(text: str) -> frozenset[str]:
    return frozenset(text.split(" ")) - {""}


def format_scope(names: Iterable[str]) -> str:
    return _formatted(frozenset(names))


def narrow(granted: Collection[str], requested: str | None) -> frozenset[str]:
    """The requested scopes, which may not exceed the granted ones; all of those when nothing is asked (RFC 6749 §6)."""
    if not granted:
        raise InvalidScope("Nothing is left of what was allowed.")
    if requested is None:
        return frozenset(granted)
    wanted = parse_scope(requested)
    excess = wanted - frozenset(granted)
    if excess:
        raise InvalidScope(f"Not granted: {format_scope(excess)}.")
    return wanted or frozenset(granted)


@lru_cache(maxsize=1024)
def _formatted(names: frozenset[str]) -> str:
    return " ".join(sorted(names))
