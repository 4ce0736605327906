"""Authlib, which most programs in Python sign in with: its session of requests, and its OpenID Connect client."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest
from authlib.common.security import generate_token
from authlib.integrations.base_client import BaseApp, OAuth2Mixin, OAuthError, OpenIDMixin
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT

from appanage.apps.model import ClientProof
from appanage.directory.model import Account
from clients.returning import come_back
from support.browser import Browser
from support.consenting import way_out_of
from support.keys import KEYS
from support.world import CALLBACK, SIGNED_OUT, MadeApp, World

SCOPES = "openid profile email spark:people_read"
BASIC, POST, SIGNED, NONE = "client_secret_basic", "client_secret_post", "private_key_jwt", "none"
REGISTERED: dict[str, dict[str, Any]] = {
    BASIC: {"client_proof": ClientProof.SECRET},
    POST: {"client_proof": ClientProof.SECRET},
    SIGNED: {"key": KEYS["ES256"]},
    NONE: {"client_proof": ClientProof.NONE},
}


class OpenIDClient(OAuth2Mixin, OpenIDMixin, BaseApp):  # type: ignore[misc]  # it comes without types
    """As Authlib puts it together for each of its web frameworks."""

    client_cls = OAuth2Session


@pytest.fixture
def endpoints(live: World) -> dict[str, str]:
    """RFC 8414, where Authlib's session leaves it to the program to ask for them."""
    found: dict[str, str] = httpx2.get(
        f"{live.deployment.settings.issuer}/.well-known/oauth-authorization-server"
    ).json()
    return found


@pytest.fixture
def new_session(endpoints: dict[str, str]) -> Iterator[Callable[..., OAuth2Session]]:
    """Sessions of a client that proves itself by `method`, which is also how it has to be registered."""
    with ExitStack() as stack:

        def make(made: MadeApp, method: str = BASIC, **options: Any) -> OAuth2Session:
            session = OAuth2Session(
                made.client_id,
                KEYS["ES256"] if method == SIGNED else made.secret,
                token_endpoint_auth_method=method,
                revocation_endpoint_auth_method=method,
                redirect_uri=CALLBACK,
                scope=SCOPES,
                token_endpoint=endpoints["token_endpoint"],
                **options,
            )
            session.register_client_auth_method((SIGNED, sign_request))
            return stack.enter_context(session)

        yield make


@pytest.fixture
def sign_in(
    endpoints: dict[str, str], browser: Browser, lena: Account
) -> Callable[[OAuth2Session], dict[str, Any]]:
    def fetch(session: OAuth2Session, **more: str) -> dict[str, Any]:
        address, state = session.create_authorization_url(endpoints["authorization_endpoint"], **more)
        arrived = come_back(browser, lena, address)
        verifier = {"code_verifier": more["code_verifier"]} if "code_verifier" in more else {}
        fetched: dict[str, Any] = session.fetch_token(authorization_response=arrived, state=state, **verifier)
        return fetched

    return fetch


def sign_request(*request: Any) -> Any:
    """Authlib's own proof, made anew for every request and for a minute (RFC 7523 §3)."""
    return PrivateKeyJWT(alg="ES256", claims={"exp": int(time.time()) + 60})(*request)


@pytest.mark.parametrize("method", [BASIC, POST, SIGNED])
@pytest.mark.parametrize("pkce", ["without PKCE", "S256"])
def test_a_person_signs_in_and_the_app_acts_for_them(
    method: str,
    pkce: str,
    live: World,
    lena: Account,
    new_session: Callable[..., OAuth2Session],
    sign_in: Callable[..., dict[str, Any]],
):
    """RFC 6749 §2.3.1, §4.1, RFC 7523, RFC 7636."""
    made = live.integration(**REGISTERED[method])
    session = new_session(made, method, code_challenge_method="S256" if pkce == "S256" else None)
    tokens = sign_in(session, **({"code_verifier": generate_token(48)} if pkce == "S256" else {}))
    me = session.get(f"{live.deployment.settings.issuer}/people/me")

    assert tokens["token_type"] == "Bearer"
    assert set(tokens["scope"].split()) == set(SCOPES.split())
    assert me.json()["displayName"] == "Lena Vogt"


def test_a_public_client_signs_in_with_pkce(
    live: World, new_session: Callable[..., OAuth2Session], sign_in: Callable[..., dict[str, Any]]
):
    """RFC 7636, RFC 8252, with a refresh token that rotates."""
    session = new_session(live.integration(**REGISTERED[NONE]), NONE, code_challenge_method="S256")
    tokens = dict(sign_in(session, code_verifier=generate_token(48)))
    refreshed = session.refresh_token()

    assert refreshed["refresh_token"] != tokens["refresh_token"]
    assert session.get(f"{live.deployment.settings.issuer}/people/me").status_code == 200


@pytest.mark.parametrize("method", [BASIC, POST, SIGNED])
def test_tokens_are_refreshed_looked_into_and_revoked(
    method: str,
    live: World,
    endpoints: dict[str, str],
    lena: Account,
    new_session: Callable[..., OAuth2Session],
    sign_in: Callable[..., dict[str, Any]],
):
    """RFC 6749 §6, RFC 7009, RFC 7662."""
    session = new_session(live.integration(**REGISTERED[method]), method)
    first = dict(sign_in(session))
    second = dict(session.refresh_token())
    alive = session.introspect_token(endpoints["introspection_endpoint"], token=second["access_token"])
    revoked = session.revoke_token(endpoints["revocation_endpoint"], token=second["refresh_token"])
    dead = session.introspect_token(endpoints["introspection_endpoint"], token=second["access_token"])

    assert second["access_token"] != first["access_token"]
    assert second["refresh_token"] == first["refresh_token"]
    assert alive.json()["active"]
    assert alive.json()["username"] == lena.email
    assert revoked.status_code == 200
    assert dead.json() == {"active": False}
    assert session.get(f"{live.deployment.settings.issuer}/people/me").status_code == 401
    with pytest.raises(OAuthError) as refused:
        session.refresh_token()
    assert refused.value.error == "invalid_grant"


def test_an_expired_token_is_refreshed_on_the_way(
    live: World, new_session: Callable[..., OAuth2Session], sign_in: Callable[..., dict[str, Any]]
):
    """RFC 6749 §6."""
    session = new_session(live.integration())
    first = dict(sign_in(session))
    session.token = first | {"expires_at": int(time.time()) - 1}
    me = session.get(f"{live.deployment.settings.issuer}/people/me")

    assert me.status_code == 200
    assert session.token["access_token"] != first["access_token"]


def test_an_assertion_that_would_live_for_an_hour_is_refused(
    live: World, new_session: Callable[..., OAuth2Session], sign_in: Callable[..., dict[str, Any]]
):
    """CRED-06, CRED-07: that is Authlib's default, so programs that sign have to name a shorter life."""
    session = new_session(live.integration(**REGISTERED[SIGNED]), SIGNED)
    session.register_client_auth_method(PrivateKeyJWT(alg="ES256"))

    with pytest.raises(OAuthError) as refused:
        sign_in(session)
    assert refused.value.error == "invalid_client"


def test_a_service_app_fetches_tokens_for_an_organization_by_itself(
    live: World, new_session: Callable[..., OAuth2Session]
):
    """RFC 6749 §4.4."""
    organization = live.organization()
    made = live.service_app(live.developer(organization))
    live.authorize(made, live.full_admin(organization))
    session = new_session(made)
    session.scope = None
    session.fetch_token(organization=live.organization_id(organization))

    assert session.get(f"{live.deployment.settings.issuer}/people").status_code == 200


def test_a_web_site_signs_people_in_and_out(live: World, browser: Browser, lena: Account):
    """OpenID Connect Core §3.1, OpenID Connect Discovery, OpenID Connect RP-Initiated Logout."""
    made = live.integration()
    site = OpenIDClient(
        framework=None,
        client_id=made.client_id,
        client_secret=made.secret,
        server_metadata_url=f"{live.deployment.settings.issuer}/.well-known/openid-configuration",
        client_kwargs={"scope": SCOPES, "code_challenge_method": "S256"},
    )
    begun = site.create_authorization_url(CALLBACK, prompt="login")
    arrived = come_back(browser, lena, begun["url"])
    tokens = site.fetch_access_token(
        CALLBACK, authorization_response=arrived, state=begun["state"], code_verifier=begun["code_verifier"]
    )
    claims = site.parse_id_token(tokens, nonce=begun["nonce"])
    person = site.userinfo(token=tokens)
    leaving = site.create_logout_url(SIGNED_OUT, id_token_hint=tokens["id_token"])
    browser.get(leaving["url"])
    way_out = way_out_of(browser.submit("/oauth/sign-out"))

    assert claims["sub"] == person["sub"] == str(lena.id)
    assert claims["auth_time"]
    assert person["email"] == lena.email
    assert way_out.address == SIGNED_OUT
    assert way_out.answer == {"state": leaving["state"]}
