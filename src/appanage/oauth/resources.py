"""Resource indicators (RFC 8707): which server a token is for."""

from appanage.oauth.errors import InvalidTarget


def narrow_resource(granted: str | None, requested: str | None) -> str | None:
    """The resource of a token: the one that was granted, which a token request may only repeat (checklist TOK-06)."""
    if requested is None or requested == granted:
        return granted
    raise InvalidTarget("The resource is not the one that was asked for in the authorization request.")
