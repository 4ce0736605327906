"""The requests that are measured."""

from base64 import b64encode
from collections.abc import Sequence

import hello
from load import Case, Request, get, post
from measuring import CONNECTIONS
from scene import Customer

HELLO = "`GET /`"
INTROSPECTION = "Introspection, cache hit"
ME = "`GET /v1/people/me`"
FORWARD_AUTH = "Forward-auth, `GET /v1/authz`"
REFRESH = "Refresh grant, ES256, durable"
KEY_SET = "Key set"
HEALTH = "`GET /healthz`"
INTROSPECTION_MISS = "Introspection, no cache holds it"
ME_MISS = "`GET /v1/people/me`, no cache holds it"
REFRESH_MISS = "Refresh grant, no cache holds it"
PEER_INTROSPECTION = "Introspection"
PEER_REFRESH = "Refresh grant"
PEOPLE = "`GET /v1/people?max=20`, the ordinary path"


def of_hello() -> Case:
    return Case(HELLO, [get("/")] * CONNECTIONS, hello.BODY.decode())


def of_platform(customers: Sequence[Customer]) -> list[Case]:
    """There are as many customers as connections, and each is the app of another organization."""
    people = Case(
        PEOPLE, [_called("/v1/people?max=20", one) for one in customers], '"displayName":"Person 20"'
    )
    return [
        Case(HEALTH, [get("/healthz")], ""),
        Case(KEY_SET, [get("/v1/verification")], '"kid"'),
        introspection(customers),
        me(customers),
        forward_auth(customers),
        refresh(customers),
        people,
    ]


def introspection(customers: Sequence[Customer], name: str = INTROSPECTION) -> Case:
    return Case(name, [_introspected(one) for one in customers], '"active":true')


def me(customers: Sequence[Customer], name: str = ME) -> Case:
    return Case(name, [_called("/v1/people/me", one) for one in customers], '"displayName":')


def forward_auth(customers: Sequence[Customer], name: str = FORWARD_AUTH) -> Case:
    return Case(name, [_called("/v1/authz", one) for one in customers], "x-auth-account: ")


def refresh(customers: Sequence[Customer], name: str = REFRESH) -> Case:
    return Case(name, [_refreshed(one) for one in customers], '"access_token"')


def _introspected(customer: Customer) -> Request:
    return post("/v1/introspect", {"token": customer.access_token}, _proven(customer))


def _refreshed(customer: Customer) -> Request:
    form = {"grant_type": "refresh_token", "refresh_token": customer.refresh_token}
    return post("/v1/access_token", form, _proven(customer))


def _called(path: str, customer: Customer) -> Request:
    return get(path, {"Authorization": f"Bearer {customer.access_token}"})


def _proven(customer: Customer) -> dict[str, str]:
    return basic(customer.client_id, customer.client_secret)


def basic(client_id: str, client_secret: str) -> dict[str, str]:
    credentials = b64encode(f"{client_id}:{client_secret}".encode()).decode()
    return {"Authorization": f"Basic {credentials}"}
