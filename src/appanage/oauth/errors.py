"""The errors of the protocol, one class for each code of the RFCs."""

from collections.abc import Collection
from dataclasses import dataclass


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


class ReusedToken(InvalidGrant):
    """A code or refresh token that was spent is presented again: what was issued from it ends (RFC 9700 §4.14.2).

    `has_ended_some` tells that there was something left to end, which was then recorded.
    """

    def __init__(self, description: str, *, has_ended_some: bool = False) -> None:
        super().__init__(description)
        self.has_ended_some = has_ended_some


class InvalidScope(OAuthError):
    """RFC 6749 §5.2: the scope exceeds what was granted."""

    code = "invalid_scope"


class UnsupportedGrantType(OAuthError):
    code = "unsupported_grant_type"


class UnregisteredRedirect(InvalidRequest):
    """RFC 6749 §4.1.2.1: the redirect URL is missing or not the client's; answered as a page, nothing is redirected."""


class UnauthorizedClient(OAuthError):
    """RFC 6749 §4.1.2.1: the client may not use this way to a token."""

    code = "unauthorized_client"


class AccessDenied(OAuthError):
    """RFC 6749 §4.1.2.1, RFC 8628 §3.5: the person, or a policy, said no."""

    code = "access_denied"


class UnsupportedResponseType(OAuthError):
    """RFC 6749 §4.1.2.1: something else than an authorization code was asked for."""

    code = "unsupported_response_type"


class LoginRequired(OAuthError):
    """OpenID Connect Core §3.1.2.6: nobody may be asked (`prompt=none`), but somebody must sign in."""

    code = "login_required"


class AccountSelectionRequired(OAuthError):
    """OpenID Connect Core §3.1.2.6: nobody may be asked, but an account must be chosen."""

    code = "account_selection_required"


class ConsentRequired(OAuthError):
    """OpenID Connect Core §3.1.2.6: nobody may be asked, but not everything asked for was consented to."""

    code = "consent_required"


class InteractionRequired(OAuthError):
    """OpenID Connect Core §3.1.2.6: nobody may be asked, but this client must be looked at every time."""

    code = "interaction_required"


class RequestNotSupported(OAuthError):
    """RFC 9101 §7, OpenID Connect Core §3.1.2.6: there are no request objects here."""

    code = "request_not_supported"


class RequestUriNotSupported(OAuthError):
    """RFC 9101 §7, OpenID Connect Core §3.1.2.6: a `request_uri` must come from the endpoint for pushed requests."""

    code = "request_uri_not_supported"


class InvalidRequestUri(OAuthError):
    """RFC 9101 §7: the `request_uri` is unknown, expired, used or another client's (RFC 9126 §4)."""

    code = "invalid_request_uri"


class InvalidTarget(OAuthError):
    """RFC 8707 §2: the resource is malformed or none that tokens are issued for."""

    code = "invalid_target"


class InvalidDpopProof(OAuthError):
    """RFC 9449 §5 and §7.1: the DPoP proof is missing, malformed, not of this request, or of another key."""

    code = "invalid_dpop_proof"


class UseDpopNonce(OAuthError):
    """RFC 9449 §8: the proof must carry the nonce that comes with this answer."""

    code = "use_dpop_nonce"


class AuthorizationPending(OAuthError):
    """RFC 8628 §3.5: the person has not decided yet. The status is the one that clients of the platform wait for."""

    code = "authorization_pending"
    status = 428


class SlowDown(OAuthError):
    """RFC 8628 §3.5: not decided yet, and asked too soon; the interval grows by five seconds."""

    code = "slow_down"


class ExpiredToken(OAuthError):
    """RFC 8628 §3.5: the device code has expired."""

    code = "expired_token"


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


class InsufficientScope(OAuthError):
    """RFC 6750 §3.1: the token is good, but not for this; `scopes` are those that it would need."""

    code = "insufficient_scope"
    status = 403

    def __init__(self, description: str, *, scopes: Collection[str]) -> None:
        super().__init__(description)
        self.scopes = scopes


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal that must leave a trace, such as a spent code: returned, not raised, so that the trace is kept."""

    error: OAuthError


class InvalidToken(Exception):
    """An access token that is not valid here and now (RFC 6750 §3.1). The cause is for logs only."""


def all_errors() -> list[type[OAuthError]]:
    """The closed list, for the reference."""
    found = [OAuthError]
    for error in found:
        found.extend(error.__subclasses__())
    return found[1:]
