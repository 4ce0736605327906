"""Clients that others wrote, unmodified, against a real server; and the person whom they send to it."""

from collections.abc import Iterator

import pytest
from httpx2 import Client

from appanage.directory.model import Account
from support.browser import Browser
from support.world import PASSWORD, World


@pytest.fixture
def lena(live: World) -> Account:
    return live.person(live.organization("Northwind Traders"), name="Lena Vogt", password=PASSWORD)


@pytest.fixture
def browser(live_url: str) -> Iterator[Browser]:
    """A browser that speaks to the server over the network."""
    with Client(base_url=live_url, follow_redirects=True) as http:
        yield Browser(http)
