"""openid-client, which most programs in JavaScript sign in with, as it comes from npm and in a process of node."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from appanage.apps.model import ClientProof
from appanage.directory.model import Account
from clients.node_app import NodeApp, Refused, app_on_node
from clients.returning import come_back
from support.browser import Browser
from support.consenting import way_out_of
from support.integration import walk
from support.keys import KEYS
from support.world import CALLBACK, SIGNED_OUT, MadeApp, World

SCOPES = "openid profile email spark:people_read"
WITH_SECRET = {"client_proof": ClientProof.SECRET}
WITH_KEY = {"key": KEYS["ES256"]}
PUBLIC = {"client_proof": ClientProof.NONE}


@pytest.fixture
def app() -> Iterator[NodeApp]:
    with app_on_node() as app:
        yield app


@pytest.fixture
def issuer(live: World) -> str:
    return live.deployment.settings.issuer


def discover(
    app: NodeApp, issuer: str, made: MadeApp, method: str = "client_secret_basic", **options: Any
) -> Any:
    key = KEYS["ES256"].as_dict(private=True)
    proof = {"method": method, "secret": made.secret, "key": key}
    return app.do("discover", issuer=issuer, clientId=made.client_id, proof=proof, **options)


def sign_in(
    app: NodeApp, browser: Browser, person: Account, *, pushed: bool = False, **parameters: str
) -> Any:
    """The whole flow; the library checks state, nonce, issuer, and the ID token with the key set."""
    usual = {"redirect_uri": CALLBACK, "scope": SCOPES}
    asked = app.do("ask", parameters=usual | parameters, pushed=pushed)
    return app.do("answer", url=come_back(browser, person, asked))


def status_of(url: str, tokens: Any, scheme: str = "Bearer") -> int:
    return httpx2.get(url, headers={"Authorization": f"{scheme} {tokens['access_token']}"}).status_code


@pytest.mark.parametrize(
    ("method", "registered"),
    [
        ("client_secret_basic", WITH_SECRET),
        ("client_secret_post", WITH_SECRET),
        ("private_key_jwt", WITH_KEY),
        ("none", PUBLIC),
    ],
)
def test_a_person_signs_in_and_the_app_acts_for_them(
    method: str,
    registered: dict[str, Any],
    app: NodeApp,
    issuer: str,
    live: World,
    browser: Browser,
    lena: Account,
):
    """RFC 6749 §4.1, RFC 7636, RFC 7523, RFC 9207, OpenID Connect Core §3.1, OpenID Connect Discovery."""
    discover(app, issuer, live.integration(**registered), method)

    tokens = sign_in(app, browser, lena)
    person = app.do("userinfo", subject=tokens["claims"]["sub"])
    me = app.do("call", url=f"{issuer}/people/me")
    refreshed = app.do("refresh")

    assert tokens["claims"]["sub"] == str(lena.id)
    assert set(tokens["scope"].split()) == set(SCOPES.split())
    assert person["name"] == "Lena Vogt"
    assert person["email"] == lena.email
    assert (me["status"], me["body"]["displayName"]) == (200, "Lena Vogt")
    assert refreshed["access_token"] != tokens["access_token"]


def test_the_metadata_is_found_the_way_of_oauth_too(app: NodeApp, issuer: str, live: World):
    """RFC 8414 §3."""
    made = live.integration()

    assert discover(app, issuer, made, algorithm="oauth2") == discover(app, issuer, made, algorithm="oidc")


def test_an_answer_that_is_not_of_this_issuer_is_not_believed(
    app: NodeApp, issuer: str, live: World, browser: Browser, lena: Account
):
    """RFC 9207 §2.4: the metadata promises `iss`, so the library takes no answer without the right one."""
    discover(app, issuer, live.integration())
    asked = app.do("ask", parameters={"redirect_uri": CALLBACK, "scope": SCOPES})
    arrived = httpx2.URL(come_back(browser, lena, asked))

    with pytest.raises(Refused):
        app.do("answer", url=str(arrived.copy_remove_param("iss")))
    with pytest.raises(Refused):
        app.do("answer", url=str(arrived.copy_set_param("iss", "https://elsewhere.example/v1")))
    assert app.do("answer", url=str(arrived))["claims"]["iss"] == issuer


def test_what_is_revoked_is_worth_nothing(
    app: NodeApp, issuer: str, live: World, browser: Browser, lena: Account
):
    """RFC 7009, RFC 7662."""
    discover(app, issuer, live.integration())
    sign_in(app, browser, lena)
    before = app.do("introspect", token="access_token")
    app.do("revoke", token="refresh_token")

    assert before["active"]
    assert before["username"] == lena.email
    assert app.do("introspect", token="access_token") == {"active": False}
    assert app.do("introspect", token="refresh_token") == {"active": False}
    with pytest.raises(Refused) as refused:
        app.do("refresh")
    assert refused.value.error == "invalid_grant"


def test_a_pushed_request_leaves_nothing_in_the_address(
    app: NodeApp, issuer: str, live: World, browser: Browser, lena: Account
):
    """RFC 9126, with a client that must push its requests."""
    made = live.integration(pushes_requests=True)
    discover(app, issuer, made)
    asked = app.do("ask", parameters={"redirect_uri": CALLBACK, "scope": SCOPES}, pushed=True)
    tokens = app.do("answer", url=come_back(browser, lena, asked))

    assert set(httpx2.URL(asked).params) == {"client_id", "request_uri"}
    assert tokens["claims"]["sub"] == str(lena.id)


def test_tokens_are_bound_to_the_key_of_the_app(
    app: NodeApp, issuer: str, live: World, browser: Browser, lena: Account
):
    """RFC 9449: the library learns the nonce from the first refusal, at the token endpoint and at the API alike."""
    discover(app, issuer, live.integration(), dpop=True)
    tokens = sign_in(app, browser, lena)
    person = app.do("userinfo", subject=str(lena.id))
    me = app.do("call", url=f"{issuer}/people/me")
    refreshed = app.do("refresh")

    assert tokens["token_type"].lower() == refreshed["token_type"].lower() == "dpop"
    assert person["sub"] == str(lena.id)
    assert me["status"] == 200
    assert app.do("introspect", token="access_token")["cnf"]["jkt"]
    assert status_of(f"{issuer}/people/me", refreshed) == 401
    assert status_of(f"{issuer}/userinfo", refreshed) == 401
    assert status_of(f"{issuer}/people/me", refreshed, "DPoP") == 401


def test_an_app_in_strict_mode_has_every_proof_at_once(
    app: NodeApp, issuer: str, live: World, browser: Browser, lena: Account
):
    """RFC 9700: a key for the client, a key for its tokens, and a request that nobody else can have made."""
    made = live.integration(key=KEYS["ES256"], is_strict=True, pushes_requests=True)
    discover(app, issuer, made, "private_key_jwt", dpop=True)
    tokens = sign_in(app, browser, lena, pushed=True)
    refreshed = app.do("refresh")

    assert tokens["expires_in"] <= 3600
    assert refreshed["refresh_token"] != tokens["refresh_token"]
    assert app.do("call", url=f"{issuer}/people/me")["status"] == 200


def test_the_answer_may_come_as_a_form(
    app: NodeApp, issuer: str, live: World, browser: Browser, lena: Account
):
    """OAuth 2.0 Form Post Response Mode."""
    discover(app, issuer, live.integration())
    parameters = {"redirect_uri": CALLBACK, "scope": SCOPES, "response_mode": "form_post"}
    asked = app.do("ask", parameters=parameters)
    way_out = walk(browser, lena, httpx2.URL(asked).query.decode())
    tokens = app.do("answer", url=way_out.address, fields=way_out.answer)

    assert way_out.address == CALLBACK
    assert tokens["claims"]["sub"] == str(lena.id)


def test_whoever_is_signed_in_and_has_allowed_it_sees_no_page(
    app: NodeApp, issuer: str, live: World, browser: Browser, lena: Account
):
    """OpenID Connect Core §3.1.2.1: prompt=none, before and after the person came by."""
    discover(app, issuer, live.integration())

    with pytest.raises(Refused) as refused:
        sign_in(app, browser, lena, prompt="none")
    sign_in(app, browser, lena)
    again = sign_in(app, browser, lena, prompt="none", max_age="600")

    assert refused.value.error == "login_required"
    assert again["claims"]["sub"] == str(lena.id)
    assert again["claims"]["auth_time"]


def test_a_device_is_connected_in_a_browser(
    app: NodeApp, issuer: str, live: World, browser: Browser, lena: Account
):
    """RFC 8628."""
    discover(app, issuer, live.integration())
    begun = app.do("beginDevice", parameters={"scope": SCOPES})
    browser.sign_in(lena)
    browser.get(begun["verification_uri_complete"])
    browser.submit("/verify")
    browser.submit("/verify/", {"decision": "allow"})
    tokens = app.do("pollDevice")

    assert set(tokens["scope"].split()) == set(SCOPES.split())
    assert app.do("call", url=f"{issuer}/people/me")["body"]["displayName"] == "Lena Vogt"


def test_a_service_app_fetches_tokens_for_an_organization_by_itself(app: NodeApp, issuer: str, live: World):
    """RFC 6749 §4.4."""
    organization = live.organization()
    made = live.service_app(live.developer(organization))
    live.authorize(made, live.full_admin(organization))
    discover(app, issuer, made)
    fetched = app.do("clientCredentials", parameters={"organization": live.organization_id(organization)})
    people = app.do("call", url=f"{issuer}/people")

    assert "refresh_token" not in fetched
    assert people["status"] == 200
    assert {one["orgId"] for one in people["body"]["items"]} == {live.organization_id(organization)}


def test_a_token_is_exchanged_for_a_lesser_one(
    app: NodeApp, issuer: str, live: World, browser: Browser, lena: Account
):
    """RFC 8693."""
    discover(app, issuer, live.integration())
    sign_in(app, browser, lena)
    access_token = "urn:ietf:params:oauth:token-type:access_token"
    lesser = app.do("exchange", parameters={"subject_token_type": access_token, "scope": "spark:people_read"})

    assert lesser["scope"] == "spark:people_read"
    assert lesser["issued_token_type"] == access_token
    assert status_of(f"{issuer}/people/me", lesser) == 200
    assert status_of(f"{issuer}/userinfo", lesser) == 403


def test_the_app_signs_the_person_out(
    app: NodeApp, issuer: str, live: World, browser: Browser, lena: Account
):
    """OpenID Connect RP-Initiated Logout."""
    discover(app, issuer, live.integration())
    sign_in(app, browser, lena)
    address = app.do("signOut", parameters={"post_logout_redirect_uri": SIGNED_OUT, "state": "s1"})
    browser.get(address)
    way_out = way_out_of(browser.submit("/oauth/sign-out"))

    assert (way_out.address, way_out.answer) == (SIGNED_OUT, {"state": "s1"})
    assert browser.get("/account").heading == "Sign in"
