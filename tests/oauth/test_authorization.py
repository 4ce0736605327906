"""Authorization requests (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2) against their table of rules."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appanage.oauth import authorization, errors
from appanage.oauth.authorization import (
    AFTER_REDIRECT,
    BEFORE_REDIRECT,
    LONGEST_STATE,
    OF_A_DEVICE,
    AuthorizationRequest,
    Client,
    DeviceRequest,
    RedirectableError,
    Server,
    read,
    read_device,
)
from appanage.oauth.responses import ResponseMode
from appanage.oauth.scopes import format_scope

CALLBACK = "https://app.example.com/cb"
API = "https://apps.example/v1"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # RFC 7636 appendix B
THUMBPRINT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"  # RFC 9449 §10
LIKE_PLAIN = "a" * 50

CLIENT = Client(
    client_id="C1",
    is_public=False,
    is_active=True,
    may_use_code=True,
    redirect_urls=(CALLBACK,),
    scopes=frozenset({"spark:all", "spark:people_read", "meeting:schedules_read"}),
    requires_pkce=False,
    requires_pushed_request=False,
)
PUBLIC = replace(CLIENT, is_public=True, requires_pkce=True)
SERVER = Server(
    issuer=API,
    resources=frozenset({API}),
    allows_plain=False,
    openid_scopes=frozenset({"openid", "profile", "email"}),
)
OLD_CLIENTS = replace(SERVER, allows_plain=True)
FEW = {
    "client_id": "C1",
    "response_type": "code",
    "redirect_uri": CALLBACK,
    "scope": "spark:people_read",
    "state": "s-1",
}
PKCE = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}


def ask(*without: str, **changes: str) -> dict[str, str]:
    return {name: value for name, value in (FEW | changes).items() if name not in without}


def refusal(
    parameters: Mapping[str, str], client: Client | None = CLIENT, server: Server = SERVER, **options: Any
) -> errors.OAuthError:
    """The error that is told by a redirect, which leads to the registered URL only."""
    with pytest.raises(RedirectableError) as refused:
        read(parameters, client, server, **options)

    assert refused.value.redirect_uri == CALLBACK
    return refused.value.error


def test_a_request_is_read():
    request = read(
        ask(
            scope="openid spark:people_read spark:people_read",
            response_mode="form_post",
            nonce="n-1",
            prompt="login consent",
            max_age="600",
            login_hint="ada@example.com",
            resource=API,
            dpop_jkt=THUMBPRINT,
            **PKCE,
        ),
        CLIENT,
        SERVER,
    )

    assert request == AuthorizationRequest(
        client_id="C1",
        redirect_uri=CALLBACK,
        redirect_uri_was_given=True,
        response_mode=ResponseMode.FORM_POST,
        scopes=frozenset({"openid", "spark:people_read"}),
        state="s-1",
        code_challenge=CHALLENGE,
        code_challenge_method="S256",
        nonce="n-1",
        prompts=frozenset({"login", "consent"}),
        max_age=600,
        login_hint="ada@example.com",
        resource=API,
        dpop_thumbprint=THUMBPRINT,
    )


def test_little_has_to_be_said():
    """RFC 6749 §4.1.1."""
    request = read(ask("redirect_uri", "state"), CLIENT, SERVER)

    assert request == AuthorizationRequest(
        client_id="C1",
        redirect_uri=CALLBACK,
        redirect_uri_was_given=False,
        response_mode=ResponseMode.QUERY,
        scopes=frozenset({"spark:people_read"}),
    )


def test_what_nobody_knows_is_ignored():
    """RFC 6749 §3.1."""
    assert read(ask(self_contained_token="True", foo="bar"), CLIENT, SERVER) == read(ask(), CLIENT, SERVER)


WORKS = {
    "openid scopes without registration": (ask(scope="openid profile email"), CLIENT, SERVER),
    "an openid scope without openid": (ask(scope="email spark:people_read"), CLIENT, SERVER),
    "openid without nonce": (ask(scope="openid"), CLIENT, SERVER),
    "PKCE of a confidential client": (ask(**PKCE), CLIENT, SERVER),
    "PKCE of a public client": (ask(**PKCE), PUBLIC, SERVER),
    "plain where the setting allows it": (
        ask(code_challenge=LIKE_PLAIN, code_challenge_method="plain"),
        CLIENT,
        OLD_CLIENTS,
    ),
    "plain by default where the setting allows it": (ask(code_challenge=LIKE_PLAIN), CLIENT, OLD_CLIENTS),
    "prompt none": (ask(prompt="none"), CLIENT, SERVER),
    "blanks in prompt": (ask(prompt=" login  consent "), CLIENT, SERVER),
    "max_age zero": (ask(max_age="0"), CLIENT, SERVER),
    "the longest state": (ask(state="s" * LONGEST_STATE), CLIENT, SERVER),
    "a port of the own device": (
        ask(redirect_uri="http://127.0.0.1:53412/cb", **PKCE),
        replace(PUBLIC, redirect_urls=("http://127.0.0.1/cb",)),
        SERVER,
    ),
}


@pytest.mark.parametrize(("parameters", "client", "server"), WORKS.values(), ids=WORKS)
def test_what_is_accepted(parameters: dict[str, str], client: Client, server: Server):
    request = read(parameters, client, server)

    assert request.redirect_uri == parameters["redirect_uri"]
    assert (request.code_challenge is None) == (request.code_challenge_method is None)


def test_a_challenge_without_method_is_plain():
    """RFC 7636 §4.3."""
    assert read(ask(code_challenge=LIKE_PLAIN), CLIENT, OLD_CLIENTS).code_challenge_method == "plain"


REFUSED = {
    "no response type": (ask("response_type"), errors.InvalidRequest),
    "implicit": (ask(response_type="token"), errors.UnsupportedResponseType),
    "implicit of OpenID": (ask(response_type="id_token token"), errors.UnsupportedResponseType),
    "hybrid": (ask(response_type="code id_token"), errors.UnsupportedResponseType),
    "response type in capitals": (ask(response_type="Code"), errors.UnsupportedResponseType),
    "unknown response mode": (ask(response_mode="web_message"), errors.InvalidRequest),
    "fragment": (ask(response_mode="fragment"), errors.InvalidRequest),
    "state too long": (ask(state="s" * (LONGEST_STATE + 1)), errors.InvalidRequest),
    "request object": (ask(request="eyJ"), errors.RequestNotSupported),
    "request object by reference": (ask(request_uri="https://x.test/"), errors.RequestUriNotSupported),
    "challenge too short": (ask(**PKCE | {"code_challenge": CHALLENGE[:-1]}), errors.InvalidRequest),
    "challenge too long": (ask(**PKCE | {"code_challenge": CHALLENGE + "A"}), errors.InvalidRequest),
    "challenge that is no digest": (ask(**PKCE | {"code_challenge": CHALLENGE + "="}), errors.InvalidRequest),
    "challenge empty": (ask(**PKCE | {"code_challenge": ""}), errors.InvalidRequest),
    "plain": (ask(code_challenge=LIKE_PLAIN, code_challenge_method="plain"), errors.InvalidRequest),
    "plain by default": (ask(code_challenge=LIKE_PLAIN), errors.InvalidRequest),
    "method in other case": (ask(**PKCE | {"code_challenge_method": "s256"}), errors.InvalidRequest),
    "unknown method": (ask(**PKCE | {"code_challenge_method": "S512"}), errors.InvalidRequest),
    "method without challenge": (ask(code_challenge_method="S256"), errors.InvalidRequest),
    "plain without challenge": (ask(code_challenge_method="plain"), errors.InvalidRequest),
    "no scope": (ask("scope"), errors.InvalidScope),
    "empty scope": (ask(scope="  "), errors.InvalidScope),
    "scope not registered": (ask(scope="spark:people_read spark:rooms_read"), errors.InvalidScope),
    "scope in other case": (ask(scope="Spark:people_read"), errors.InvalidScope),
    "beginning of a scope": (ask(scope="spark:people"), errors.InvalidScope),
    "wildcard scope": (ask(scope="spark:*"), errors.InvalidScope),
    "scopes with a tab": (ask(scope="spark:all\tspark:people_read"), errors.InvalidScope),
    "scopes with a comma": (ask(scope="spark:all,spark:people_read"), errors.InvalidScope),
    "scope of other letters": (ask(scope="spark:people_réad"), errors.InvalidScope),
    "resource unknown": (ask(resource="https://other.example/"), errors.InvalidTarget),
    "resource relative": (ask(resource="/v1"), errors.InvalidTarget),
    "resource with fragment": (ask(resource=f"{API}#x"), errors.InvalidTarget),
    "resource with slash": (ask(resource=f"{API}/"), errors.InvalidTarget),
    "prompt unknown": (ask(prompt="create"), errors.InvalidRequest),
    "prompt in capitals": (ask(prompt="LOGIN"), errors.InvalidRequest),
    "prompt none and more": (ask(prompt="none login"), errors.InvalidRequest),
    "max_age negative": (ask(max_age="-1"), errors.InvalidRequest),
    "max_age fraction": (ask(max_age="1.5"), errors.InvalidRequest),
    "max_age empty": (ask(max_age=""), errors.InvalidRequest),
    "max_age word": (ask(max_age="never"), errors.InvalidRequest),
    "max_age of other digits": (ask(max_age="\u0661"), errors.InvalidRequest),
    "max_age with a line end": (ask(max_age="1\n"), errors.InvalidRequest),
    "max_age huge": (ask(max_age="9" * 5000), errors.InvalidRequest),
    "nonce too long": (ask(nonce="n" * 513), errors.InvalidRequest),
    "login_hint too long": (ask(login_hint="a" * 255), errors.InvalidRequest),
    "thumbprint too short": (ask(dpop_jkt=THUMBPRINT[:-1]), errors.InvalidRequest),
    "thumbprint padded": (ask(dpop_jkt=THUMBPRINT + "="), errors.InvalidRequest),
    "thumbprint with stray bits": (ask(dpop_jkt=THUMBPRINT[:-1] + "J"), errors.InvalidRequest),
}


@pytest.mark.parametrize(("parameters", "kind"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(parameters: dict[str, str], kind: type[errors.OAuthError]):
    """AUTHZ-01, REG-06, TOK-07."""
    assert type(refusal(parameters)) is kind


@pytest.mark.parametrize("parameters", [row[0] for row in REFUSED.values()], ids=REFUSED)
@pytest.mark.parametrize("redirect_uri", ["https://attacker.test/cb", f"{CALLBACK}/", f"{CALLBACK}?x=1"])
def test_no_error_is_told_to_an_unregistered_redirect_url(parameters: dict[str, str], redirect_uri: str):
    """REG-03."""
    with pytest.raises(errors.UnregisteredRedirect):
        read(parameters | {"redirect_uri": redirect_uri}, CLIENT, SERVER)


@pytest.mark.parametrize("parameters", [row[0] for row in REFUSED.values()], ids=REFUSED)
@pytest.mark.parametrize("client", [None, replace(CLIENT, is_active=False), replace(CLIENT, client_id="C2")])
def test_no_error_is_told_in_the_name_of_a_client_that_is_not_good(
    parameters: dict[str, str], client: Client | None
):
    """REG-03, CONS-12: whether the app is unknown, suspended or another one reads the same."""
    with pytest.raises(errors.InvalidRequest) as refused:
        read(parameters, client, SERVER)

    assert type(refused.value) is errors.InvalidRequest
    assert refused.value.description == "There is no app with this client_id, or it is not in use."


@pytest.mark.parametrize("client", [None, CLIENT])
def test_without_client_id_there_is_no_client(client: Client | None):
    """REG-03."""
    with pytest.raises(errors.InvalidRequest, match="client_id is missing"):
        read(ask("client_id"), client, SERVER)


def test_an_empty_client_id_is_no_client():
    """REG-03."""
    with pytest.raises(errors.InvalidRequest, match="no app"):
        read(ask(client_id=""), None, SERVER)


def test_a_public_client_must_use_pkce():
    """AUTHZ-01, RFC 9700 §2.1.1."""
    assert "code_challenge" in refusal(ask(), PUBLIC).description


@pytest.mark.parametrize("challenge", [{}, {"code_challenge_method": "plain"}], ids=["default", "named"])
def test_a_client_that_must_use_pkce_cannot_use_plain_even_where_the_setting_allows_it(
    challenge: dict[str, str],
):
    """AUTHZ-01."""
    refused = refusal(ask(code_challenge=LIKE_PLAIN, **challenge), PUBLIC, OLD_CLIENTS)

    assert "S256" in refused.description


def test_a_service_app_cannot_send_people_here():
    """REG-05."""
    assert type(refusal(ask(), replace(CLIENT, may_use_code=False))) is errors.UnauthorizedClient


def test_who_must_push_must_push():
    """AUTHZ-07, RFC 9126 §6."""
    client = replace(CLIENT, requires_pushed_request=True)

    assert "push" in refusal(ask(), client).description
    assert read(ask(), client, SERVER, was_pushed=True) == read(ask(), CLIENT, SERVER)


def test_the_error_names_the_scopes_that_are_not_registered_and_no_others():
    refused = refusal(ask(scope="spark:people_read spark:rooms_read openid audit:events_read"))

    assert refused.description == "Not registered for this app: audit:events_read spark:rooms_read."


def test_the_error_names_only_so_many():
    refused = refusal(ask(scope=" ".join(f"scope:{number:03}" for number in range(500))))

    assert refused.description.endswith("scope:009 and 490 more.")
    assert len(refused.description) < 200


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (None, ResponseMode.QUERY),
        ("query", ResponseMode.QUERY),
        ("form_post", ResponseMode.FORM_POST),
        ("fragment", ResponseMode.QUERY),
    ],
)
def test_an_error_travels_as_the_code_would(asked: str | None, answered: ResponseMode):
    with pytest.raises(RedirectableError) as refused:
        read(ask("scope", **({"response_mode": asked} if asked else {})), CLIENT, SERVER)

    assert refused.value.response_mode == answered
    assert refused.value.state == "s-1"


def test_a_state_that_is_too_long_is_not_brought_back():
    with pytest.raises(RedirectableError) as refused:
        read(ask(state="s" * (LONGEST_STATE + 1)), CLIENT, SERVER)

    assert refused.value.state is None


def test_the_first_rule_that_is_broken_answers():
    """Two wrong things each: the earlier rule of the table speaks."""
    assert type(refusal(ask("scope", request="x"))) is errors.RequestNotSupported
    assert type(refusal(ask("scope", response_type="token"))) is errors.UnsupportedResponseType
    assert type(refusal(ask("scope", **PKCE | {"code_challenge": "x"}))) is errors.InvalidRequest
    assert type(refusal(ask("scope", resource="x"))) is errors.InvalidScope
    assert type(refusal(ask(resource="x", prompt="x"))) is errors.InvalidTarget


def test_no_rule_is_written_and_then_forgotten():
    """Each is in one of the tables, once, and says in its name what holds afterwards."""
    rules = [*BEFORE_REDIRECT, *AFTER_REDIRECT]
    written = {
        name
        for name, value in vars(authorization).items()
        if getattr(value, "__annotations__", {}).keys() == {"asked", "return"} and not name.startswith("_")
    }

    assert {rule.__name__ for rule in rules} == written
    assert len(rules) == len(written)


# For each parameter some values that break no rule, and some of which each breaks one.
GOOD: dict[str, list[str | None]] = {
    "client_id": ["C1"],
    "redirect_uri": [None, CALLBACK],
    "response_type": ["code"],
    "response_mode": [None, "query", "form_post"],
    "state": [None, "s-1", "ä&=\r\n"],
    "scope": ["spark:all", "openid", "spark:all openid email spark:people_read"],
    "prompt": [None, "none", "login", "select_account consent"],
    "max_age": [None, "0", "86400"],
    "resource": [None, API],
    "nonce": [None, "n-1"],
    "login_hint": [None, "ada@example.com"],
    "dpop_jkt": [None, THUMBPRINT],
    "request": [None],
    "request_uri": [None],
}
WRONG: dict[str, list[str | None]] = {
    "client_id": [None, "C2", "c1"],
    "redirect_uri": [f"{CALLBACK}/", "https://attacker.test/cb", "javascript:alert(1)"],
    "response_type": [None, "token", "code id_token", "code "],
    "response_mode": ["fragment", "jwt", "QUERY"],
    "state": ["s" * (LONGEST_STATE + 1)],
    "scope": [None, " ", "spark:all audit:events_read", "SPARK:ALL", 'spark:all "', "openid\nspark:all"],
    "prompt": ["none login", "create", "None"],
    "max_age": ["-1", "1e3", " 1", "9" * 10],
    "resource": ["https://other.example/", f"{API}#", "x"],
    "nonce": ["n" * 513],
    "login_hint": ["a" * 255],
    "dpop_jkt": ["x", THUMBPRINT + "\n"],
    "request": ["eyJ"],
    "request_uri": ["urn:ietf:params:oauth:request_uri:x"],
}
CHALLENGES = [None, CHALLENGE, LIKE_PLAIN, "", "a" * 42, "a" * 129, CHALLENGE + "\n"]
METHODS = [None, "S256", "plain", "none", "s256"]


@st.composite
def requests(draw: st.DrawFn) -> tuple[dict[str, str], bool]:
    """Parameters, and whether one of them, taken alone, breaks a rule."""
    wrong = draw(st.frozensets(st.sampled_from(sorted(WRONG)), max_size=2))
    chosen = {name: draw(st.sampled_from((WRONG if name in wrong else GOOD)[name])) for name in GOOD}
    chosen |= {
        "code_challenge": draw(st.sampled_from(CHALLENGES)),
        "code_challenge_method": draw(st.sampled_from(METHODS)),
    }
    return {name: value for name, value in chosen.items() if value is not None}, bool(wrong)


def keeps_pkce(parameters: Mapping[str, str], client: Client, server: Server) -> bool:
    """RFC 7636 and our rules about it, told a second way."""
    match parameters.get("code_challenge"), parameters.get("code_challenge_method"):
        case None, None:
            return not client.requires_pkce
        case value, "S256":
            return value == CHALLENGE
        case value, None | "plain":
            allowed = server.allows_plain and not client.requires_pkce
            return allowed and value in {CHALLENGE, LIKE_PLAIN}
    return False


@given(requests(), st.booleans(), st.booleans(), st.booleans())
def test_no_request_that_breaks_a_rule_is_read(
    drawn: tuple[dict[str, str], bool],
    requires_pkce: bool,
    allows_plain: bool,
    must_push: bool,
):
    """AUTHZ-01, REG-03: it ends as a page or as an error for the registered URL, never as a request."""
    parameters, is_wrong = drawn
    client = replace(CLIENT, requires_pkce=requires_pkce, requires_pushed_request=must_push)
    server = replace(SERVER, allows_plain=allows_plain)
    keeps_all = not is_wrong and keeps_pkce(parameters, client, server) and not must_push
    try:
        request = read(parameters, client, server)
    except RedirectableError:
        assert parameters.get("redirect_uri", CALLBACK) == CALLBACK
        assert not keeps_all
    except errors.OAuthError:
        assert parameters.get("redirect_uri") != CALLBACK or parameters.get("client_id") != "C1"
        assert not keeps_all
    else:
        assert keeps_all
        assert request.redirect_uri == CALLBACK


@given(
    st.dictionaries(
        st.sampled_from([*GOOD, "code_challenge", "code_challenge_method"]),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    )
)
def test_no_text_does_more_than_be_refused(parameters: dict[str, str]):
    """AUTHZ-15."""
    with pytest.raises((errors.OAuthError, RedirectableError)):
        read({**FEW, "scope": "unknown", **parameters} | {"response_mode": "x"}, CLIENT, SERVER)


SCOPES = st.frozensets(st.sampled_from(["a:read", "a:write", "a", "b:read", "openid", "email"]))


@given(SCOPES, SCOPES, SCOPES)
def test_scopes_are_compared_as_sets(
    asked: frozenset[str], registered: frozenset[str], openid: frozenset[str]
):
    """TOK-07."""
    client, server = replace(CLIENT, scopes=registered), replace(SERVER, openid_scopes=openid)
    parameters = ask(scope=format_scope(asked))
    if asked and asked <= registered | openid:
        assert read(parameters, client, server).scopes == asked
    else:
        assert type(refusal(parameters, client, server)) is errors.InvalidScope


TEXT = st.text(max_size=20)
OPTIONAL = st.none() | TEXT


@given(
    st.builds(
        AuthorizationRequest,
        client_id=TEXT,
        redirect_uri=TEXT,
        redirect_uri_was_given=st.booleans(),
        response_mode=st.sampled_from(ResponseMode),
        scopes=SCOPES,
        state=OPTIONAL,
        code_challenge=OPTIONAL,
        code_challenge_method=OPTIONAL,
        nonce=OPTIONAL,
        prompts=st.frozensets(st.sampled_from(["none", "login", "consent", "select_account"])),
        max_age=st.none() | st.integers(0),
        login_hint=OPTIONAL,
        resource=OPTIONAL,
        dpop_thumbprint=OPTIONAL,
    )
)
def test_a_request_survives_being_kept(request_: AuthorizationRequest):
    kept = json.dumps(request_.as_json())

    assert AuthorizationRequest.from_json(json.loads(kept)) == request_


class TestDevices:
    """Device authorization requests (RFC 8628 §3.1)."""

    def test_a_request_is_read(self):
        asked = {"scope": "openid spark:people_read spark:people_read", "resource": API, "client_id": "C1"}

        assert read_device(asked, CLIENT, SERVER) == DeviceRequest(
            frozenset({"openid", "spark:people_read"}), API
        )

    @pytest.mark.parametrize("name", ["redirect_uri", "response_type", "state", "code_challenge", "request"])
    def test_what_is_only_for_browsers_is_ignored(self, name: str):
        assert read_device({"scope": "spark:all", name: "x"}, PUBLIC, SERVER).resource is None

    @pytest.mark.parametrize(
        ("parameters", "client", "kind"),
        [
            ({"scope": "spark:all"}, replace(CLIENT, may_use_code=False), errors.UnauthorizedClient),
            ({}, CLIENT, errors.InvalidScope),
            ({"scope": " "}, CLIENT, errors.InvalidScope),
            ({"scope": "spark:rooms_read"}, CLIENT, errors.InvalidScope),
            ({"scope": "spark:all,openid"}, CLIENT, errors.InvalidScope),
            ({"scope": "spark:all", "resource": f"{API}/"}, CLIENT, errors.InvalidTarget),
        ],
    )
    def test_what_is_refused(self, parameters: dict[str, str], client: Client, kind: type[errors.OAuthError]):
        """REG-05, TOK-06, TOK-07."""
        with pytest.raises(errors.OAuthError) as refused:
            read_device(parameters, client, SERVER)

        assert type(refused.value) is kind

    def test_a_device_keeps_rules_that_browsers_keep_too(self):
        """REG-05: what is refused here cannot be had by another way."""
        assert set(OF_A_DEVICE) <= set(AFTER_REDIRECT)
