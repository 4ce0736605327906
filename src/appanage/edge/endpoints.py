"""The hot endpoints: how each finds its answer beside the ordinary way, by the same rules."""

import asyncio
from asyncio import Future
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.concurrency import run_in_threadpool

from appanage.api.person_bodies import READERS, own_body
from appanage.authorizations.clients import KnownClient
from appanage.authorizations.desk import CodeAttempt, RefreshAttempt
from appanage.authorizations.tokens import TokenPair
from appanage.authorizations.verification import Verified
from appanage.deployment import Deployment
from appanage.edge.allowances import is_counted
from appanage.edge.messages import Answer, Headers, HotRequest
from appanage.edge.questions import Found, about_token, key_of
from appanage.kit.metrics import ANSWERED
from appanage.kit.origin import internal_origin
from appanage.kit.secrets import Prefix
from appanage.oauth.bearer import Scheme, headers_named, read_token, require_bound
from appanage.oauth.clients import read_credentials
from appanage.oauth.errors import InvalidToken, OAuthError, Refused
from appanage.oauth.forward_auth import decide, read_demand, require_audience
from appanage.oauth.parameters import read_form
from appanage.web.oauth.back_channel import ANY_SITE, NOT_STORED
from appanage.web.oauth.forward_auth import holder_of
from appanage.web.oauth.inspection import describe
from appanage.web.oauth.token import redemption_of, refresh_request_of

NO_BODY = 0
FORM = 8192  # bytes: more than any token request of ours, and little to hold

_KEYS_AT_MOST = timedelta(minutes=1)


class Endpoint:
    """One hot endpoint. What it does not answer itself goes the ordinary way.

    `largest_body`: a request with a longer one goes that way at once. `remembers`: the same question has the same
    answer; `asks_with` names the headers that are part of it, beside the credentials, and `asks_in_query` says whether
    the query is: where it is not, none is expected. `finds`: its `find` is a way of its own to the answer, as is an
    `ask` that is overridden. `captures`: the ordinary way's answer about the token in the Authorization header may be
    remembered, too; of answers to a `counts` endpoint each is counted for its account.
    """

    largest_body = NO_BODY
    remembers = True
    asks_with: Collection[bytes] = ()
    asks_in_query = False
    finds = False
    captures = False
    counts = False

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._settings = deployment.settings
        self.answered = ANSWERED.labels(type(self).__name__)

    def key_of(self, request: HotRequest) -> bytes | None:
        """The key of what is remembered; None for a request that is not answered from memory."""
        if not self.remembers or (request.query and not self.asks_in_query):
            return None
        return key_of(request, self.asks_with)

    def ask(self, request: HotRequest) -> "Future[Any] | None":
        """What is to come, of which `found` makes the answer; None where only the ordinary way leads to it."""
        return asyncio.ensure_future(self.find(request)) if self.finds else None

    def found(self, outcome: Any) -> Found | None:
        """The answer, if it is an ordinary yes."""
        result: Found | None = outcome
        return result

    async def find(self, request: HotRequest) -> Found | None:
        """As `ask` and `found` in one. Raises Busy."""
        del request
        return None

    async def basis(self, request: HotRequest) -> Found | None:
        """What an answer that is captured rests on; the answer in it is empty."""
        verified = await self._bearer(request)
        if verified is None:
            return None
        found = about_token(Answer(200, ()), verified)
        return found.counted_for(verified.account_id) if self.counts else found

    async def _bearer(self, request: HotRequest) -> Verified | None:
        """What the token in the Authorization header is worth now; None if there is any doubt. Raises Busy."""
        try:
            presented = read_token(headers_named(b"authorization", request.headers))
            if presented is None or presented.scheme is not Scheme.BEARER:
                return None
            verified = await self._verified(presented.token)
            if verified is not None and verified.claims is not None:
                require_bound(presented, verified.claims.key_thumbprint, None)
        except InvalidToken:
            return None
        return verified

    async def _verified(self, token: str) -> Verified | None:
        """Raises InvalidToken."""
        if token.startswith(_OPAQUE):
            return await run_in_threadpool(self._opaque, token)
        now = self._deployment.database.clock()
        claims = self._deployment.verifier.known_claims(token, now)
        standing = await self._deployment.desk.standing(claims.authorization) if claims else None
        return Verified.by_claims(claims, standing, now) if claims and standing else None

    def _opaque(self, token: str) -> Verified | None:
        """None as well when the database does not answer, which is the ordinary way's to say."""
        with suppress(OperationalError, PoolTimeout), self._deployment.transaction(internal_origin()) as tx:
            return Verified.by_caller(self._deployment.verifier.caller_of(tx, token), tx.now)
        return None

    def _known_client(self, request: HotRequest, parameters: Mapping[str, str]) -> KnownClient | None:
        """The client, if it proved itself by this secret a moment ago. Raises OAuthError."""
        given = headers_named(b"authorization", request.headers)
        if len(given) > 1 or request.query or not self._deployment.freshness.is_fresh:
            return None
        credentials = read_credentials(given[0].decode("latin-1") if given else None, parameters)
        return self._deployment.known_clients.recall(credentials, self._deployment.database.clock())

    def _form(self, request: HotRequest) -> Mapping[str, str]:
        types = headers_named(b"content-type", request.headers)
        return read_form(request.body, types[0].decode("latin-1") if len(types) == 1 else "")


class Introspection(Endpoint):
    """RFC 7662."""

    largest_body = FORM
    asks_with = (b"content-type",)
    finds = True

    async def find(self, request: HotRequest) -> Found | None:
        try:
            parameters = self._form(request)
            client = self._known_client(request, parameters)
            verified = await self._verified(parameters.get("token", "")) if client else None
        except (OAuthError, InvalidToken):
            return None
        if client is None or client.is_public or verified is None:
            return None
        body = describe(verified, client_id=client.client_id)
        return about_token(
            json_answer(body, _INTROSPECTION), verified, rests_on=client.rests_on, until=client.until
        )


class ForwardAuth(Endpoint):
    """A proxy asks about a request."""

    asks_with = (b"x-required-scope",)
    asks_in_query = True
    finds = True
    captures = True

    async def find(self, request: HotRequest) -> Found | None:
        settings = self._settings
        # The use of a personal or bot token is noted, so the ordinary way answers, and is captured.
        if is_opaque(request):
            return None
        verified = await self._bearer(request)
        if verified is None:
            return None
        try:
            demand = read_demand(
                request.query, request.headers, issuer=settings.issuer, resources=settings.resources
            )
            holder = holder_of(verified, settings)
            require_audience(holder, demand)
            identity = decide(holder, demand)
        except (OAuthError, InvalidToken):
            return None
        if isinstance(identity, Refused):
            return None
        return about_token(Answer(200, _NOT_STORED + headers_of(identity)), verified)


class OwnPerson(Endpoint):
    """`GET /v1/people/me`, as the API says it."""

    finds = True
    captures = True
    counts = True

    async def find(self, request: HotRequest) -> Found | None:
        # The use of a personal or bot token is noted, so the ordinary way answers, and is captured.
        if request.query or is_opaque(request):
            return None
        verified = await self._bearer(request)
        if verified is None or not self._may_ask(verified):
            return None
        if not await is_counted(self._deployment.throttle, str(verified.account_id)):
            return None
        person = await self._deployment.desk.account(verified.account_id)
        if person is None:
            return None
        ids, client_id = self._deployment.ids, verified.client_id
        body = own_body(ids, person, scopes=verified.scopes, client_id=client_id)
        written = body.model_dump_json(by_alias=True, exclude_none=True).encode()
        return about_token(Answer(200, _API, written), verified).counted_for(verified.account_id)

    def _may_ask(self, verified: Verified) -> bool:
        is_for_us = verified.claims is not None and verified.claims.audience == self._settings.issuer
        return is_for_us and not verified.scopes.isdisjoint(READERS)


class UserInfo(Endpoint):
    """OpenID Connect Core §5.3, as the ordinary way says it."""

    captures = True


class KeySet(Endpoint):
    """RFC 7517, as the ordinary way says it; nobody presents a token, so it is one question."""

    captures = True

    def key_of(self, request: HotRequest) -> bytes | None:
        return b"the key set" if super().key_of(request) else None

    async def basis(self, request: HotRequest) -> Found | None:
        del request
        until = self._deployment.database.clock() + _KEYS_AT_MOST
        return Found(Answer(200, ()), ("signing_keys:",), until)


class Token(Endpoint):
    """The token endpoint: refreshes and redemptions by clients that are known, in groups."""

    largest_body = FORM
    remembers = False

    def ask(self, request: HotRequest) -> "Future[TokenPair | None] | None":
        if headers_named(b"dpop", request.headers):
            return None
        try:
            parameters = self._form(request)
            client = self._known_client(request, parameters)
            if client is None or self._deployment.issuer.is_strict(client):
                return None
            return self._ask_desk(client, parameters)
        except OAuthError:
            return None

    def found(self, outcome: TokenPair | None) -> Found | None:
        if outcome is None:
            return None
        return Found(json_answer(outcome.as_response(), _TOKEN), (), outcome.now)

    def _ask_desk(
        self, client: KnownClient, parameters: Mapping[str, str]
    ) -> "Future[TokenPair | None] | None":
        desk, settings = self._deployment.desk, self._settings
        match parameters.get("grant_type"):
            case "refresh_token" if parameters.get("refresh_token", "").startswith(Prefix.REFRESH_TOKEN):
                asked = refresh_request_of(parameters, settings, key_thumbprint=None)
                return desk.refresh(RefreshAttempt(client.client_id, parameters["refresh_token"], asked))
            case "authorization_code" if parameters.get("code", "").startswith(Prefix.AUTHORIZATION_CODE):
                presented = redemption_of(parameters, settings, key_thumbprint=None)
                return desk.redeem(CodeAttempt(client.client_id, parameters["code"], presented))
        return None


def is_opaque(request: HotRequest) -> bool:
    """Whether a personal or bot token is presented."""
    return any(prefix.encode() in value for _, value in request.headers for prefix in _OPAQUE)


def json_answer(body: Mapping[str, Any], headers: Headers) -> Answer:
    return Answer(200, headers, msgspec.json.encode(body))


def headers_of(named: Mapping[str, str]) -> Headers:
    return tuple((name.lower().encode(), value.encode("latin-1")) for name, value in named.items())


_OPAQUE = (Prefix.PERSONAL_TOKEN.value, Prefix.BOT_TOKEN.value)
_JSON = {"Content-Type": "application/json"}
_NOT_STORED = headers_of(NOT_STORED)
_INTROSPECTION = headers_of(NOT_STORED | _JSON)
_API = headers_of(_JSON | {"Cache-Control": "no-store"})
_TOKEN = headers_of(NOT_STORED | ANY_SITE | _JSON)


def hot_endpoints(deployment: Deployment) -> Mapping[tuple[str, str], Endpoint]:
    """By exact method and path."""
    token, forward_auth, user_info = Token(deployment), ForwardAuth(deployment), UserInfo(deployment)
    return {
        ("POST", "/v1/access_token"): token,
        ("POST", "/idb/oauth2/v1/access_token"): token,
        ("POST", "/v1/introspect"): Introspection(deployment),
        ("GET", "/v1/authz"): forward_auth,
        ("POST", "/v1/authz"): forward_auth,
        ("GET", "/v1/people/me"): OwnPerson(deployment),
        ("GET", "/v1/userinfo"): user_info,
        ("POST", "/v1/userinfo"): user_info,
        ("GET", "/v1/verification"): KeySet(deployment),
    }
