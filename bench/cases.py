"""The requests that are measured."""

from base64 import b64encode
from collections.abc import Sequence
from urllib.parse import urlencode

from hello import BODY
from load import Case
from scene import Customer

HELLO = "Bare uvicorn, hello world"


def hello(connections: int) -> Case:
    return Case(HELLO, [_get("/")] * connections, BODY)


def of_platform(customers: Sequence[Customer]) -> list[Case]:
    """Each connection is the app of another customer, as it would be in production."""
    return [
        Case("Key set", [_get("/v1/verification") for _ in customers], b'"kid"'),
        Case("Introspection of an access token", [_introspect(one) for one in customers], b'"active":true'),
        Case("`GET /v1/people/me`", [_call("/v1/people/me", one) for one in customers], b'"type":"appuser"'),
        Case(
            "`GET /v1/people?max=20`",
            [_call("/v1/people?max=20", one) for one in customers],
            b'"displayName":"Person 20"',
        ),
        Case("Refresh, a durable commit", [_refresh(one) for one in customers], b'"access_token"'),
    ]


def _introspect(customer: Customer) -> bytes:
    token = customer.tokens.access_token.reveal()
    return _post("/v1/introspect", customer, {"token": token})


def _refresh(customer: Customer) -> bytes:
    token = customer.tokens.refresh_token.reveal()
    return _post("/v1/access_token", customer, {"grant_type": "refresh_token", "refresh_token": token})


def _call(path: str, customer: Customer) -> bytes:
    return _get(path, f"Authorization: Bearer {customer.tokens.access_token.reveal()}")


def _post(path: str, customer: Customer, parameters: dict[str, str]) -> bytes:
    body = urlencode(parameters)
    credentials = f"{customer.client_id}:{customer.client_secret.reveal()}".encode()
    headers = (
        f"Authorization: Basic {b64encode(credentials).decode()}",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
    )
    return _request("POST", path, headers, body)


def _get(path: str, *headers: str) -> bytes:
    return _request("GET", path, headers, "")


def _request(method: str, path: str, headers: Sequence[str], body: str) -> bytes:
    lines = (f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *headers, "", body)
    return "\r\n".join(lines).encode("ascii")
