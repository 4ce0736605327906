"""What the browser does between the two halves of a client's flow."""

from urllib.parse import urlencode, urlsplit

from appanage.directory.model import Account
from support.browser import Browser
from support.integration import walk


def come_back(browser: Browser, person: Account, asked: str) -> str:
    """The address at which the browser arrives at the client again, after the person allowed what was asked."""
    way_out = walk(browser, person, urlsplit(asked).query)
    return f"{way_out.address}?{urlencode(way_out.answer)}"
