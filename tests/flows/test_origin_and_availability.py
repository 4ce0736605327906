"""Where a request comes from, and what is said when the database does not answer."""

from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from appanage.storage import Database
from appanage.web.frame import origin_of
from support.world import World


def scope(*headers: tuple[str, str], peer: str = "127.0.0.1") -> dict[str, Any]:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    return {"type": "http", "headers": raw, "client": (peer, 1)}


@pytest.mark.parametrize(
    ("headers", "peer", "address"),
    [
        ([], "203.0.113.7", "203.0.113.7"),
        ([("X-Forwarded-For", "203.0.113.7")], "127.0.0.1", "203.0.113.7"),
        ([("X-Forwarded-For", "203.0.113.7")], "198.51.100.9", "198.51.100.9"),
        ([("X-Forwarded-For", "6.6.6.6, 203.0.113.7")], "127.0.0.1", "203.0.113.7"),
        ([("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "203.0.113.7")], "127.0.0.1", "203.0.113.7"),
        ([("X-Forwarded-For", "203.0.113.7, 127.0.0.1")], "127.0.0.1", "203.0.113.7"),
        ([("X-Forwarded-For", "<script>")], "127.0.0.1", "unknown"),
    ],
)
def test_only_what_a_trusted_proxy_says_of_its_peer_is_believed(
    headers: list[tuple[str, str]], peer: str, address: str
):
    """A client writes what it likes into the header; the proxy adds to it, in the same line or in one of its own."""
    assert origin_of(scope(*headers, peer=peer), frozenset({"127.0.0.1"})).address == address


@pytest.mark.parametrize("path", ["/v1/people/me", "/login", "/hub/service-apps"])
def test_without_the_database_the_answer_is_503_and_never_a_yes(
    client: TestClient, world: World, monkeypatch: pytest.MonkeyPatch, path: str
):
    """AUD-10."""
    headers = {"Authorization": f"Bearer {world.token(world.developer(world.organization()))}"}

    def gone(*_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("the server closed the connection"))

    monkeypatch.setattr(Database, "transaction", gone)
    answer = client.get(path, headers=headers)

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert "SELECT" not in answer.text


def test_introspection_without_the_database_says_nothing_about_the_token(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
):
    """AUD-10."""

    def gone(*_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("the server closed the connection"))

    monkeypatch.setattr(Database, "transaction", gone)
    form = {"client_id": "C", "client_secret": "s", "token": "t"}
    answer = client.post("/v1/introspect", data=form)

    assert answer.status_code == 503
    assert "active" not in answer.json()
