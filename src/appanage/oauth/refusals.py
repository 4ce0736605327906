"""How a protected resource refuses (RFC 6750 §3, RFC 9449 §7.1, RFC 9728 §5.1)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from appanage.oauth.bearer import Scheme, challenge
from appanage.oauth.errors import InsufficientScope, InvalidDpopProof, InvalidToken, OAuthError, UseDpopNonce

NO_TOKEN = "The request requires a valid access token set in the Authorization request header."


@dataclass(frozen=True, slots=True)
class Resource:
    """A protected resource as its challenges describe it.

    `metadata` is the address of its own, None where it publishes none that we know of; `algorithms` are those of DPoP
    proofs.
    """

    realm: str
    metadata: str | None
    algorithms: Collection[str]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused request: the `scheme` is the one that its challenge asks for."""

    status: int
    code: str
    sentence: str
    scheme: Scheme
    challenge: str

    def body(self, tracking_id: str) -> dict[str, Any]:
        """Both families of error bodies at once: RFC 6749 §5.2 and the platform's."""
        return {
            "error": self.code,
            "error_description": self.sentence,
            "message": self.sentence,
            "errors": [{"description": self.sentence}],
            "trackingId": tracking_id,
        }


def refuse(
    error: InvalidToken | OAuthError, *, authorization: Sequence[bytes], resource: Resource
) -> Refusal:
    """The refusal of a request with these Authorization headers.

    Why a token is not valid is nothing that its bearer should learn; and who sent none is only asked for one
    (RFC 6750 §3.1).
    """
    given = authorization[0] if authorization else b""
    scheme = Scheme.DPOP if given.lower().startswith(b"dpop ") else Scheme.BEARER
    code, sentence = _explained(error)
    asked = challenge(
        realm=resource.realm,
        metadata=resource.metadata,
        algorithms=resource.algorithms,
        error=code if given or isinstance(error, OAuthError) else None,
        description=sentence,
        scopes=error.scopes if isinstance(error, InsufficientScope) else (),
        scheme=scheme,
    )
    return Refusal(_status_of(error), code, sentence, scheme, asked)


def _explained(error: InvalidToken | OAuthError) -> tuple[str, str]:
    return (error.code, error.description) if isinstance(error, OAuthError) else ("invalid_token", NO_TOKEN)


def _status_of(error: InvalidToken | OAuthError) -> int:
    """A proof that is not good is 400 at the token endpoint, but 401 where a token is presented (RFC 9449 §7.1)."""
    if isinstance(error, InvalidToken | InvalidDpopProof | UseDpopNonce):
        return 401
    return error.status
