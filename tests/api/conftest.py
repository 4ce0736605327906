"""A caller of the API who checks what every answer must keep."""

from collections.abc import Callable
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from api.contract import check_refusal


class Caller:
    """Calls with one token. Every call says which status it expects; the last response stays to be looked at."""

    def __init__(self, client: TestClient, token: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._last: Response | None = None

    @property
    def response(self) -> Response:
        assert self._last is not None, "call first"
        return self._last

    def get(self, path: str, status: int = 200, **options: Any) -> Any:
        return self.send("GET", path, status, **options)

    def post(self, path: str, body: Any = None, status: int = 200, **options: Any) -> Any:
        return self.send("POST", path, status, json=body, **options)

    def put(self, path: str, body: Any, status: int = 200) -> Any:
        return self.send("PUT", path, status, json=body)

    def patch(self, path: str, body: Any, status: int = 200) -> Any:
        return self.send("PATCH", path, status, json=body)

    def delete(self, path: str, status: int = 204) -> Any:
        return self.send("DELETE", path, status)

    def send(self, method: str, path: str, status: int, **options: Any) -> Any:
        headers = self._headers | options.pop("headers", {})
        address = path if path.startswith("http") else f"/v1{path}"
        response = self._last = self._client.request(method, address, headers=headers, **options)
        assert response.status_code == status, (
            f"{response.status_code} for {method} {path}: {response.text[:800]}"
        )
        if status >= 400:
            check_refusal(response)
        if status == 204:
            assert response.content == b""
            return None
        return response.json() if response.headers["content-type"].startswith("application/json") else None

    def pages(self, path: str) -> list[Any]:
        """The items of every page, as a client gathers them by following the Link header."""
        items = []
        following: str | None = path
        while following:
            page = self.get(following)["items"]
            assert page or following == path, "an empty page after the first"
            items += page
            following = self.response.links.get("next", {}).get("url")
        return items


Calling = Callable[[str], Caller]


@pytest.fixture
def calling(client: TestClient) -> Calling:
    """Makes callers: `calling(token)`."""
    return lambda token: Caller(client, token)
