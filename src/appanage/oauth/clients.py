"""How a client proves who it is (RFC 6749 §2.3)."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote_plus

from appanage.oauth.errors import InvalidClient, InvalidRequest


class ClientAuthentication(StrEnum):
    """The methods of the metadata (RFC 8414 §2)."""

    BASIC = "client_secret_basic"
    POST = "client_secret_post"


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """What a request presents; not yet compared with anything."""

    client_id: str
    secret: str
    method: ClientAuthentication

    @property
    def used_basic(self) -> bool:
        return self.method == ClientAuthentication.BASIC

    def __repr__(self) -> str:
        return f"ClientCredentials({self.client_id!r}, …, {self.method.value!r})"


def read_credentials(authorization: str | None, parameters: Mapping[str, str]) -> ClientCredentials:
    """The credentials of a request: in the body or by Basic, never both (RFC 6749 §2.3).

    A `client_id` in the body beside Basic is tolerated when it is the same one.
    """
    if authorization is None:
        return _from_body(parameters)
    credentials = _from_basic(authorization)
    if "client_secret" in parameters:
        raise InvalidRequest("Authenticate the client once: by the Authorization header or in the body.")
    if parameters.get("client_id", credentials.client_id) != credentials.client_id:
        raise InvalidRequest("The client_id in the body is not the one in the Authorization header.")
    return credentials


def _from_body(parameters: Mapping[str, str]) -> ClientCredentials:
    if "client_id" not in parameters or "client_secret" not in parameters:
        raise InvalidClient("Send client_id and client_secret, in the body or by HTTP Basic.")
    return ClientCredentials(parameters["client_id"], parameters["client_secret"], ClientAuthentication.POST)


def _from_basic(authorization: str) -> ClientCredentials:
    """Both halves are form-encoded before they are joined (RFC 6749 §2.3.1)."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise InvalidClient("The Authorization header of a client uses the scheme Basic.", used_basic=True)
    try:
        client_id, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError) as cause:
        raise InvalidClient("The Basic credentials cannot be read.", used_basic=True) from cause
    client_id, secret = unquote_plus(client_id), unquote_plus(secret)
    if not colon or "\0" in client_id + secret:
        raise InvalidClient("The Basic credentials cannot be read.", used_basic=True)
    return ClientCredentials(client_id, secret, ClientAuthentication.BASIC)
