"""Scopes as the protocol sees them: a set of names in one string (RFC 6749 §3.3)."""

from collections.abc import Collection, Iterable
from functools import lru_cache

from appanage.oauth.errors import InvalidScope

_MOST_NAMED = 10


def parse_scope(text: str) -> frozenset[str]:
    return frozenset(text.split(" ")) - {""}


def format_scope(names: Iterable[str]) -> str:
    return " ".join(sorted(set(names)))


@lru_cache(maxsize=1024)
def format_granted(names: frozenset[str]) -> str:
    """As `format_scope`, for what every token says: only few sets are ever granted, whatever strangers ask for."""
    return format_scope(names)


def name_some(names: Collection[str]) -> str:
    """Scopes in a sentence about what somebody asked for, who may have asked for ever so many."""
    named = sorted(names)
    more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    return format_scope(named[:_MOST_NAMED]) + more


def narrow(granted: Collection[str], requested: str | None) -> frozenset[str]:
    """The requested scopes, which may not exceed the granted ones; all of those when nothing is asked (RFC 6749 §6)."""
    if not granted:
        raise InvalidScope("Nothing is left of what was allowed.")
    if requested is None:
        return frozenset(granted)
    wanted = parse_scope(requested)
    excess = wanted - frozenset(granted)
    if excess:
        raise InvalidScope(f"Not granted: {name_some(excess)}.")
    return wanted or frozenset(granted)
