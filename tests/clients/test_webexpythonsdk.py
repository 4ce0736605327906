"""webexpythonsdk's helper for access tokens, unmodified but for the address (tests/flows has the rest of it)."""

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from webexpythonsdk import ApiError, WebexAPI

from appanage.directory.model import Account
from clients.returning import come_back
from support.browser import Browser
from support.world import CALLBACK, MadeApp, World


@pytest.fixture
def made(live: World) -> MadeApp:
    return live.integration()


@pytest.fixture
def code(live: World, made: MadeApp, browser: Browser, lena: Account) -> str:
    """What the person's browser brings to the program, which shows the address of its developer's page as it is."""
    asked = {
        "client_id": made.client_id,
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": " ".join(made.app.scopes),
        "state": "set_state_here",
    }
    arrived = come_back(browser, lena, f"{live.deployment.settings.issuer}/authorize?{urlencode(asked)}")
    return parse_qs(urlsplit(arrived).query)["code"][0]


def connected(live: World, made: MadeApp, code: str) -> WebexAPI:
    """The library redeems the code by itself, and keeps the access token."""
    return WebexAPI(
        client_id=made.client_id,
        client_secret=made.secret,
        oauth_code=code,
        redirect_uri=CALLBACK,
        base_url=f"{live.deployment.settings.issuer}/",
    )


def test_a_code_makes_the_program_the_person(live: World, made: MadeApp, code: str, lena: Account):
    """RFC 6749 §4.1, without PKCE."""
    me = connected(live, made, code).people.me()

    assert me.displayName == "Lena Vogt"
    assert me.emails == [lena.email]
    assert me.type == "person"


def test_the_helper_fetches_and_refreshes_tokens(live: World, made: MadeApp, code: str, lena: Account):
    """RFC 6749 §6, by a client that repeats nothing but the refresh token."""
    helper = WebexAPI(
        access_token=live.token(lena), base_url=f"{live.deployment.settings.issuer}/"
    ).access_tokens
    fetched = helper.get(made.client_id, made.secret, code, CALLBACK)
    refreshed = helper.refresh(made.client_id, made.secret, fetched.refresh_token)

    assert refreshed.access_token != fetched.access_token
    assert refreshed.refresh_token == fetched.refresh_token
    assert refreshed.expires_in == pytest.approx(14 * 24 * 3600, abs=60)
    assert refreshed.refresh_token_expires_in == pytest.approx(90 * 24 * 3600, abs=60)


def test_a_code_counts_once(live: World, made: MadeApp, code: str):
    """RFC 6749 §4.1.2: and whoever redeemed it first loses what they got."""
    first = connected(live, made, code)
    with pytest.raises(ApiError) as refused:
        connected(live, made, code)

    assert refused.value.status_code == 400
    with pytest.raises(ApiError) as ended:
        first.people.me()
    assert ended.value.status_code == 401
