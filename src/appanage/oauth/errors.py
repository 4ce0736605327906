"""The errors of the protocol, one class for each code of the RFCs."""


class OAuthError(Exception):
    """An answer of an OAuth endpoint (RFC 6749 §5.2): `code`, the HTTP `status`, and one public sentence."""

    code = "server_error"
    status = 400

    def __init__(self, description: str) -> None:
        super().__init__(description)
        self.description = description


class InvalidRequest(OAuthError):
    """RFC 6749 §5.2: a parameter is missing, repeated, unsupported or malformed."""

    code = "invalid_request"


class InvalidClient(OAuthError):
    """RFC 6749 §5.2: client authentication failed. `used_basic` tells that a Basic challenge must be sent."""

    code = "invalid_client"
    status = 401

    def __init__(self, description: str, *, used_basic: bool = False) -> None:
        super().__init__(description)
        self.used_basic = used_basic


class InvalidGrant(OAuthError):
    """RFC 6749 §5.2: what was presented as a grant is invalid, expired, revoked or another client's."""

    code = "invalid_grant"


class InvalidScope(OAuthError):
    """RFC 6749 §5.2: the scope exceeds what was granted."""

    code = "invalid_scope"


class UnsupportedGrantType(OAuthError):
    code = "unsupported_grant_type"


class UnsupportedMediaType(InvalidRequest):
    """OAuth endpoints take form bodies only (RFC 6749 appendix B)."""

    status = 415


class MethodNotAllowed(InvalidRequest):
    """The endpoint takes POST only (RFC 6749 §3.2, RFC 7662 §2.1, RFC 7009 §2.1)."""

    status = 405


class TooManyRequests(OAuthError):
    """Too many failures; `retry_after` in whole seconds."""

    code = "temporarily_unavailable"
    status = 429

    def __init__(self, description: str, *, retry_after: int) -> None:
        super().__init__(description)
        self.retry_after = retry_after


class InvalidToken(Exception):
    """An access token that is not valid here and now (RFC 6750 §3.1). The cause is for logs only."""


def all_errors() -> list[type[OAuthError]]:
    """The closed list, for the reference."""
    found = [OAuthError]
    for error in found:
        found.extend(error.__subclasses__())
    return found[1:]
