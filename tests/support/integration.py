"""A client as its developer programs it by hand, and a person's way through sign-in and consent on its behalf."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from httpx2 import Client, Response
from sqlalchemy import select

from appanage.apps import queries as apps
from appanage.apps import service as app_service
from appanage.apps.drafts import draft_of
from appanage.apps.model import App, ClientProof
from appanage.apps.scopes import OPENID_SCOPES
from appanage.authorizations import consents
from appanage.authorizations.model import Authorization, RefreshToken
from appanage.directory import queries as directory
from appanage.directory.model import Account, Organization
from appanage.oauth.assertions import ASSERTION_TYPE
from appanage.oauth.dpop import TYPE as DPOP_TYPE
from appanage.oauth.dpop import token_hash
from appanage.signin import service as signin
from support.browser import Browser, Shown
from support.consenting import CHALLENGE, WayOut, allow, parameters_for, read_answer, way_out_of
from support.keys import KEYS, ClientKey, public, signed
from support.world import PASSWORD, MadeApp, World

AUTHORIZE, TOKEN, PAR = "/v1/authorize", "/v1/access_token", "/v1/par"
INTROSPECT, REVOKE, USERINFO = "/v1/introspect", "/v1/revoke", "/v1/userinfo"
DEVICE_AUTHORIZE, DEVICE_TOKEN = "/v1/device/authorize", "/v1/device/token"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"

# RFC 7636 appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
S256 = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
NO_PKCE = {"code_challenge": None, "code_challenge_method": None}


@dataclass
class OAuthClient:
    """Speaks the protocol as `made`. `key` signs its assertions; with `dpop` its requests prove possession of a key."""

    world: World
    http: Client
    made: MadeApp
    key: ClientKey = field(default_factory=lambda: KEYS["ES256"])
    dpop: ClientKey | None = None

    @property
    def client_id(self) -> str:
        return self.made.client_id

    @property
    def owner(self) -> Organization:
        """The organization of the app's developers, in whose audit log its refusals stand."""
        return self.made.app.organization

    @property
    def issuer(self) -> str:
        return self.world.deployment.settings.issuer

    def credentials(self) -> dict[str, str]:
        """What proves in the body who asks, in the way that the app is registered for."""
        if self.made.app.client_proof == ClientProof.KEY:
            return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": self.assertion()}
        named = {"client_id": self.client_id}
        return named if self.made.app.is_public else named | {"client_secret": self.made.secret}

    def assertion(self, *, key: ClientKey | None = None, alg: str = "ES256", **changes: Any) -> str:
        """A client assertion (RFC 7523 §3) with some claims changed; None leaves one out."""
        usual = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.issuer,
            "exp": int(self.now) + 60,
            "jti": str(uuid.uuid4()),
        }
        return signed({"alg": alg, "typ": "JWT"}, _without_none(usual | changes), key or self.key, alg)

    def proof(
        self,
        method: str,
        path: str,
        *,
        access_token: str | None = None,
        header: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        """A DPoP proof of a request (RFC 9449 §4.2) with some claims changed; None leaves one out."""
        key = self.dpop or KEYS["ES256"]
        usual = {
            "jti": str(uuid.uuid4()),
            "htm": method,
            "htu": self.world.deployment.settings.base_url + path,
            "iat": int(self.now),
            "nonce": self.nonce,
            "ath": token_hash(access_token) if access_token else None,
        }
        head = {"typ": DPOP_TYPE, "alg": "ES256", "jwk": public(key)} | dict(header or {})
        return signed(head, _without_none(usual | changes), key, "ES256")

    @property
    def now(self) -> float:
        return self.world.deployment.database.clock().timestamp()

    @property
    def nonce(self) -> str:
        return self.world.deployment.nonces.make(self.world.deployment.database.clock())

    def post(
        self, path: str, form: Mapping[str, str | None], *, headers: Mapping[str, str] | None = None
    ) -> Response:
        """A request of the client itself, with its credentials; a parameter that is None is left out."""
        sent = _without_none({**self.credentials(), **form})
        proven = {"DPoP": self.proof("POST", path)} if self.dpop else {}
        return self.http.post(path, data=sent, headers={**proven, **(headers or {})})

    def redeem(self, code: str, **changes: str | None) -> Response:
        """The authorization code grant (RFC 6749 §4.1.3)."""
        usual = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.made.app.redirect_urls[0],
            "code_verifier": VERIFIER,
        }
        return self.post(TOKEN, usual | changes)

    def refresh(self, refresh_token: str, **changes: str | None) -> Response:
        return self.post(TOKEN, {"grant_type": "refresh_token", "refresh_token": refresh_token, **changes})

    def poll(self, device_code: str, **changes: str | None) -> Response:
        return self.post(TOKEN, {"grant_type": DEVICE_CODE, "device_code": device_code, **changes})

    def introspect(self, token: str) -> dict[str, Any]:
        found: dict[str, Any] = self.post(INTROSPECT, {"token": token}).json()
        return found

    def revoke(self, token: str) -> Response:
        return self.post(REVOKE, {"token": token})

    def push(self, **changes: str | None) -> Response:
        return self.post(PAR, parameters_for(self.made.app, **changes))

    def call(self, path: str, access_token: str, *, scheme: str = "", method: str = "GET") -> Response:
        """A request with an access token, proven if the client has a key."""
        proven = {"DPoP": self.proof(method, path, access_token=access_token)} if self.dpop else {}
        scheme = scheme or ("DPoP" if self.dpop else "Bearer")
        return self.http.request(method, path, headers=proven | {"Authorization": f"{scheme} {access_token}"})

    def code(self, browser: Browser, **changes: str | None) -> str:
        """A code for whoever is signed in with the browser and has allowed the app, which needs no page at all."""
        return leave(browser, self.made, **changes).answer["code"]

    def tokens(self, browser: Browser, **changes: str | None) -> dict[str, Any]:
        """What a code of this browser is redeemed for."""
        redeemed = self.redeem(self.code(browser, **changes))
        assert redeemed.status_code == 200, redeemed.text
        body: dict[str, Any] = redeemed.json()
        return body


def go(browser: Browser, made: MadeApp, **changes: str | None) -> Response:
    """The browser comes from the app; the bare answer of the authorization endpoint."""
    query = urlencode(parameters_for(made.app, **changes))
    return browser.client.get(f"{AUTHORIZE}?{query}", follow_redirects=False)


def leave(browser: Browser, made: MadeApp, **changes: str | None) -> WayOut:
    """Where the browser is sent at once, with the answer."""
    answer = go(browser, made, **changes)
    assert answer.status_code == 302, answer.text[:600]
    assert answer.headers["location"].startswith(made.app.redirect_urls[0]), answer.headers["location"]
    return read_answer(answer.headers["location"])


def walk(browser: Browser, person: Account, query: Mapping[str, str] | str) -> WayOut:
    """The whole way of a person who allows whatever is asked: sign-in, account and consent, as far as they come up."""
    asked = query if isinstance(query, str) else urlencode(query)
    answer = browser.client.get(f"{AUTHORIZE}?{asked}", follow_redirects=False)
    if answer.status_code == 302 and not answer.headers["location"].startswith("/"):
        return read_answer(answer.headers["location"])
    page = browser.get(answer.headers["location"]) if answer.status_code == 302 else Shown(answer)
    if page.forms("/login"):
        page = browser.submit("/login", {"email": person.email, "password": PASSWORD})
    if page.heading == "Choose an account":
        page = browser.submit("/oauth/authorize/")
    if page.forms("/oauth/authorize/"):
        page = browser.submit("/oauth/authorize/", {"decision": "allow"})
    return way_out_of(page)


def sign_in_quickly(world: World, browser: Browser, person: Account) -> Browser:
    """A signed-in browser without the sign-in page, for stories that begin after it."""
    with world.deployment.transaction(world.origin) as tx:
        signed_in = signin._start_session(tx, tx.merge(person, load=False))
    browser.client.cookies.set("appanage", signed_in.cookie.reveal(), domain="localhost.local")
    return browser


def connect(world: World, made: MadeApp, person: Account, *scopes: str) -> uuid.UUID:
    """The person has allowed the app these scopes at some earlier time, or all that it may ask for."""
    return allow(world, made.app, person, *(scopes or (*made.app.scopes, *OPENID_SCOPES))).id


def register(world: World, made: MadeApp, **changes: Any) -> None:
    """The developer changes what is registered for the app."""
    with world.deployment.transaction(world.origin) as tx:
        app = apps.get_app(tx, made.id)
        app_service.update(tx, app, replace(draft_of(app), **changes), by=app.creator)
        made.app = app


def suspend(world: World, found: App | Organization) -> None:
    with world.deployment.transaction(world.origin) as tx:
        tx.merge(found).suspended_at = tx.now


def withdraw(world: World, made: MadeApp, person: Account) -> None:
    """The person disconnects the app."""
    longest = world.deployment.settings.lifetimes.access_token
    with world.deployment.transaction(world.origin) as tx:
        by = directory.get_account(tx, person.organization_id, person.id)
        current = consents.find(tx, apps.get_app(tx, made.id), by)
        assert current is not None
        consents.withdraw(tx, current, by=by, longest_token=longest)


def families(world: World, made: MadeApp) -> list[RefreshToken]:
    """The refresh tokens that the app was ever given."""
    query = select(RefreshToken).join(Authorization, Authorization.id == RefreshToken.authorization_id)
    with world.deployment.transaction(world.origin) as tx:
        return list(tx.scalars(query.where(Authorization.app_id == made.id)))


def is_dead(client: OAuthClient, body: Mapping[str, Any]) -> bool:
    """Whether nothing of a token response works any more, wherever it is presented."""
    access, refresh = body["access_token"], body["refresh_token"]
    calls = [client.call("/v1/people/me", access), client.call(USERINFO, access), client.refresh(refresh)]
    told = [] if client.made.app.is_public else [client.introspect(access), client.introspect(refresh)]
    return [one.status_code for one in calls] == [401, 401, 400] and all(
        one == {"active": False} for one in told
    )


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
