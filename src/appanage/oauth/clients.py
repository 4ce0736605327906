"""How a client proves who it is (RFC 6749 §2.3)."""

import base64
import binascii
from collections.abc import Mapping
from enum import StrEnum
from typing import Any
from urllib.parse import unquote_plus

from msgspec import Struct

from appanage.oauth.assertions import ASSERTION_TYPE, client_of
from appanage.oauth.errors import InvalidClient, InvalidRequest


class ClientAuthentication(StrEnum):
    """The methods of the metadata (RFC 8414 §2)."""

    BASIC = "client_secret_basic"
    POST = "client_secret_post"
    PRIVATE_KEY_JWT = "private_key_jwt"
    NONE = "none"


class ClientCredentials(Struct, frozen=True):
    """What a request presents; not yet compared with anything. `proof` is the secret or the assertion."""

    client_id: str
    method: ClientAuthentication
    proof: str = ""

    def __repr__(self) -> str:
        return f"ClientCredentials({self.client_id!r}, {self.method!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("client_id", self.client_id), ("method", self.method)]

    @property
    def used_basic(self) -> bool:
        return self.method == ClientAuthentication.BASIC


def read_credentials(authorization: str | None, parameters: Mapping[str, str]) -> ClientCredentials:
    """The credentials of a request, presented in one way only (RFC 6749 §2.3, checklist CRED-10).

    A `client_id` in the body beside Basic or an assertion is tolerated when it is the same one. Without a secret or an
    assertion it is the name of a public client.
    """
    ways = (authorization is not None) + ("client_secret" in parameters) + _has_assertion(parameters)
    if ways > 1:
        raise InvalidRequest(
            "Authenticate the client once: by the Authorization header, by client_secret in the body, or by an assertion."
        )
    credentials = _read(authorization, parameters)
    if parameters.get("client_id", credentials.client_id) != credentials.client_id:
        raise InvalidRequest("The client_id in the body is not the one that the credentials name.")
    return credentials


def _read(authorization: str | None, parameters: Mapping[str, str]) -> ClientCredentials:
    if authorization is not None:
        return _from_basic(authorization)
    if _has_assertion(parameters):
        return _from_assertion(parameters)
    if "client_id" not in parameters:
        raise InvalidClient(
            "Send client_id, and prove it by client_secret, HTTP Basic or a client_assertion."
        )
    if "client_secret" in parameters:
        secret = parameters["client_secret"]
        return ClientCredentials(parameters["client_id"], ClientAuthentication.POST, secret)
    return ClientCredentials(parameters["client_id"], ClientAuthentication.NONE)


def _has_assertion(parameters: Mapping[str, str]) -> bool:
    return "client_assertion" in parameters or "client_assertion_type" in parameters


def _from_assertion(parameters: Mapping[str, str]) -> ClientCredentials:
    """RFC 7521 §4.2."""
    if parameters.get("client_assertion_type") != ASSERTION_TYPE or "client_assertion" not in parameters:
        raise InvalidRequest(f"Send client_assertion with the client_assertion_type {ASSERTION_TYPE}.")
    assertion = parameters["client_assertion"]
    return ClientCredentials(client_of(assertion), ClientAuthentication.PRIVATE_KEY_JWT, assertion)


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
    return ClientCredentials(client_id, ClientAuthentication.BASIC, secret)
