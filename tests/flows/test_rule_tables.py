"""Properties of the rule tables, end to end: whoever breaks a MUST gets neither a code nor a token.

Most of it is asked of the pure functions, one after the other as the endpoints ask them; the rest through the front door.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey

from appanage.apps.model import ClientProof
from appanage.deployment import Deployment
from appanage.oauth import codes, pkce, refreshing
from appanage.oauth.authorization import AuthorizationRequest, Client, RedirectableError, Server, read
from appanage.oauth.codes import CodeGrant, CodeRedemption
from appanage.oauth.errors import OAuthError
from appanage.oauth.jose import public_key_of
from appanage.oauth.refreshing import RefreshGrant, RefreshRequest
from appanage.oauth.scopes import format_scope
from appanage.oauth.steps import Standing, Step, next_step
from flows.conftest import PATIENT
from support.consenting import CHALLENGE, allow, read_answer
from support.integration import VERIFIER, go
from support.keys import KEYS, public
from support.refusals import state
from support.world import CALLBACK

NOW = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
API, ROOMS = "https://apps.example/v1", "https://rooms.example/api"
NAMES = ("a:read", "a:write", "b:read", "openid", "email")
SCOPES = st.frozensets(st.sampled_from(NAMES))
SERVER = Server(
    issuer=API,
    resources=frozenset({API, ROOMS}),
    allows_plain=False,
    openid_scopes=frozenset({"openid", "email"}),
)

# A browser costs more than a function, so the front door is asked less often.
through_the_front_door = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def deployment(new_deployment: Callable[..., Deployment]) -> Deployment:
    return new_deployment(**PATIENT)


class Way:
    """The whole way of one person and one app, by the functions that the endpoints call."""

    def __init__(self, client: Client, consented: frozenset[str]) -> None:
        self.client = client
        self.standing = Standing(authenticated_at=NOW, consented=consented, may_be_remembered=True)

    def code(self, parameters: dict[str, str]) -> AuthorizationRequest | None:
        """The request that a code is issued for at once, or None."""
        try:
            request = read(parameters, self.client, SERVER)
            step = next_step(request, self.standing, began_at=NOW + timedelta(seconds=1), now=NOW)
        except (OAuthError, RedirectableError):
            return None
        return request if step is Step.ISSUE else None


@given(
    registered=SCOPES,
    consented=SCOPES,
    asked=SCOPES,
    refreshed=SCOPES,
    left=SCOPES,
    prompt=st.sampled_from([None, "none"]),
)
def test_no_token_ever_has_a_scope_that_was_not_registered_consented_to_and_asked_for(
    registered: frozenset[str],
    consented: frozenset[str],
    asked: frozenset[str],
    refreshed: frozenset[str],
    left: frozenset[str],
    prompt: str | None,
) -> None:
    """TOK-07, CONS-02: from the request to the refresh, a comparison of sets at every step."""
    client = Client("C1", False, True, True, (CALLBACK,), registered, False, False)
    story = Way(client, consented)
    parameters = {"client_id": "C1", "response_type": "code", "scope": format_scope(asked)}
    request = story.code(parameters | ({"prompt": prompt} if prompt else {}))

    assert (request is not None) == (bool(asked) and asked <= (registered | SERVER.openid_scopes) & consented)

    if request is None:
        return
    grant = RefreshGrant("C1", request.scopes & left, NOW + timedelta(days=90), None, None, False)
    try:
        wanted = format_scope(refreshed) or None
        token = refreshing.redeem(grant, RefreshRequest(scope=wanted), client_id="C1", rotates=False, now=NOW)
    except OAuthError:
        assert not refreshed <= request.scopes & left or not request.scopes & left
    else:
        assert token.scopes <= registered | SERVER.openid_scopes
        assert token.scopes <= consented & asked & left
        assert not refreshed or token.scopes == refreshed


@given(
    is_public=st.booleans(),
    challenge=st.sampled_from([None, CHALLENGE, "short", VERIFIER]),
    method=st.sampled_from([None, "S256", "plain"]),
    verifier=st.sampled_from([None, VERIFIER, CHALLENGE, "w" * 43]),
    asked_resource=st.sampled_from([None, ROOMS, "https://other.example"]),
    named_resource=st.sampled_from([None, ROOMS]),
    redirect_uri=st.sampled_from([None, CALLBACK, CALLBACK + "/"]),
    presented_uri=st.sampled_from([None, CALLBACK, CALLBACK + "/"]),
)
def test_a_token_needs_that_everything_fits_together(
    is_public: bool,
    challenge: str | None,
    method: str | None,
    verifier: str | None,
    asked_resource: str | None,
    named_resource: str | None,
    redirect_uri: str | None,
    presented_uri: str | None,
) -> None:
    """AUTHZ-01 to AUTHZ-05, TOK-06."""
    client = Client("C1", is_public, True, True, (CALLBACK,), frozenset({"a:read"}), is_public, False)
    optional = {
        "code_challenge": challenge,
        "code_challenge_method": method,
        "resource": asked_resource,
        "redirect_uri": redirect_uri,
    }
    parameters = {"client_id": "C1", "response_type": "code", "scope": "a:read"}
    request = Way(client, frozenset({"a:read"})).code(
        parameters | {name: value for name, value in optional.items() if value is not None}
    )
    presented = CodeRedemption(presented_uri, verifier, named_resource, None)
    keeps = [
        (challenge, method) in {(CHALLENGE, "S256")} | (set() if is_public else {(None, None)}),
        asked_resource in {None, ROOMS},
        redirect_uri in {None, CALLBACK},
        presented_uri == CALLBACK or (presented_uri is None and redirect_uri is None),
        verifier == (VERIFIER if challenge else None),
        named_resource in {None, asked_resource},
    ]

    assert is_redeemed(request, presented) == all(keeps)


def is_redeemed(request: AuthorizationRequest | None, presented: CodeRedemption) -> bool:
    if request is None:
        return False
    grant = CodeGrant(
        redirect_uri=request.redirect_uri,
        redirect_uri_was_given=request.redirect_uri_was_given,
        code_challenge=request.code_challenge,
        code_challenge_method=request.code_challenge_method,
        key_thumbprint=request.dpop_thumbprint,
        resource=request.resource,
        expires_at=NOW + timedelta(seconds=60),
        is_usable=True,
    )
    try:
        codes.redeem(grant, presented, now=NOW)
    except OAuthError:
        return False
    return True


# For each parameter values that break no rule, and values of which each breaks one.
GOOD: dict[str, list[str | None]] = {
    "response_type": ["code"],
    "redirect_uri": [None, CALLBACK],
    "scope": ["spark:people_read", "openid", "openid spark:rooms_read spark:people_read"],
    "state": [None, "s"],
    "response_mode": [None, "query"],
    "prompt": [None, "none"],
    "max_age": [None, "3600"],
    "nonce": [None, "n"],
    "resource": [None, "http://localhost:8080/v1"],
    "code_challenge_method": ["S256"],
    "code_challenge": [CHALLENGE],
    "unknown": [None, "1"],
}
BAD: dict[str, list[str | None]] = {
    "client_id": [None, "C1", ""],
    "response_type": [None, "token", "code token", "CODE"],
    "redirect_uri": [f"{CALLBACK}/", "https://evil.example/", "javascript:alert(1)"],
    "scope": [None, " ", "spark:people_write", "spark:people_read nonsense"],
    "response_mode": ["fragment", "web_message"],
    "prompt": ["create", "none login"],
    "max_age": ["soon", "-1"],
    "resource": ["https://rooms.example", "x"],
    "code_challenge_method": ["plain", None, "s256"],
    "code_challenge": ["short", None],
    "request": ["e30.e30."],
    "request_uri": ["https://evil.example", "urn:ietf:params:oauth:request_uri:x"],
    "state": ["s" * 2001],
}


@st.composite
def requests(draw: st.DrawFn) -> tuple[dict[str, str | None], bool]:
    """The changes that a request makes, and whether one of them breaks a rule."""
    changes = {name: draw(st.sampled_from(values)) for name, values in GOOD.items()}
    broken = draw(st.lists(st.sampled_from(sorted(BAD)), max_size=2, unique=True))
    return changes | {name: draw(st.sampled_from(BAD[name])) for name in broken}, bool(broken)


@through_the_front_door
@given(drawn=requests())
def test_a_request_that_breaks_a_rule_brings_no_code(
    world: Any, panel: Any, at_desk: Any, drawn: tuple[dict[str, str | None], bool]
) -> None:
    """Of a person who is signed in and has allowed everything, so that only the rules are between app and code."""
    changes, is_broken = drawn
    before = state(world)
    answer = go(at_desk, panel.made, **changes)

    location = answer.headers.get("location", "")
    assert answer.status_code in ({302, 400} if is_broken else {302})
    assert location == "" or location.startswith(f"{CALLBACK}?")
    assert ("code" in read_answer(location).answer if location else False) == (not is_broken)
    assert not is_broken or state(world) == before


THIEF = ECKey.generate_key("P-256")
THUMBPRINT = public_key_of(public(KEYS["ES256"]), algorithms=["ES256"]).thumbprint


@through_the_front_door
@given(
    is_public=st.booleans(),
    with_pkce=st.booleans(),
    names_redirect=st.booleans(),
    names_key=st.booleans(),
    redirect=st.sampled_from([None, CALLBACK, CALLBACK + "/"]),
    verifier=st.sampled_from([None, VERIFIER, "w" * 43]),
    key=st.sampled_from([None, "own", "other"]),
    by_owner=st.booleans(),
)
def test_a_redemption_that_breaks_a_rule_brings_no_token(
    world: Any,
    desk: Any,
    panel: Any,
    at_desk: Any,
    is_public: bool,
    with_pkce: bool,
    names_redirect: bool,
    names_key: bool,
    redirect: str | None,
    verifier: str | None,
    key: str | None,
    by_owner: bool,
) -> None:
    """AUTHZ-02 to AUTHZ-05: all bindings of a code at once."""
    owner, stranger = (panel, desk) if is_public else (desk, panel)
    has_challenge = with_pkce or is_public
    code = owner.code(
        at_desk,
        redirect_uri=CALLBACK if names_redirect else None,
        dpop_jkt=THUMBPRINT if names_key else None,
        **({} if has_challenge else {"code_challenge": None, "code_challenge_method": None}),
    )
    presenting = replace(
        owner if by_owner else stranger, dpop={None: None, "own": KEYS["ES256"], "other": THIEF}[key]
    )
    answer = presenting.redeem(code, redirect_uri=redirect, code_verifier=verifier)
    keeps = [
        by_owner,
        redirect == CALLBACK or (redirect is None and not names_redirect),
        verifier == (VERIFIER if has_challenge else None),
        not names_key or key == "own",
    ]

    assert (answer.status_code == 200) == all(keeps), answer.text
    assert ("access_token" in answer.json()) == all(keeps)


REGISTERED = ("spark:people_read", "spark:rooms_read", "spark:rooms_write", "openid", "email")


@through_the_front_door
@given(
    rounds=st.lists(
        st.tuples(st.frozensets(st.sampled_from(REGISTERED), min_size=1), st.booleans()),
        min_size=2,
        max_size=4,
    )
)
def test_consent_is_asked_for_exactly_what_is_new(
    world: Any, new_client: Any, at_desk: Any, lena: Any, rounds: list[tuple[frozenset[str], bool]]
) -> None:
    """CONS-02: a person allows this, then that; asked again is only who asks for more."""
    one = new_client(connected=False, client_proof=ClientProof.SECRET)
    allowed: frozenset[str] = frozenset()
    for asked, agrees in rounds:
        answer = go(at_desk, one.made, scope=format_scope(asked))
        is_asked = answer.headers["location"].startswith("/oauth/authorize/")

        assert is_asked == (not asked <= allowed)
        if is_asked and agrees:
            allow(world, one.made.app, lena, *asked)
            allowed |= asked
        elif not is_asked:
            code = read_answer(answer.headers["location"]).answer["code"]
            assert set(one.redeem(code).json()["scope"].split()) == asked


def test_the_story_uses_the_pairs_of_the_standard() -> None:
    assert pkce.challenge_of(VERIFIER) == CHALLENGE
