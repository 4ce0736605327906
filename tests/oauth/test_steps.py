"""What a person has to do before the code is issued (OpenID Connect Core §3.1.2.3, §3.1.2.4)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appanage.oauth import errors
from appanage.oauth.authorization import AuthorizationRequest
from appanage.oauth.responses import ResponseMode
from appanage.oauth.steps import Standing, Step, is_covered, may_be_remembered, next_step

BEGAN = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
NOW = BEGAN + timedelta(minutes=2)
HOUR_AGO = BEGAN - timedelta(hours=1)
SINCE = BEGAN + timedelta(minutes=1)
REQUEST = AuthorizationRequest(
    client_id="C1",
    redirect_uri="https://app.example.com/cb",
    redirect_uri_was_given=True,
    response_mode=ResponseMode.QUERY,
    scopes=frozenset({"a:read", "b:read"}),
)
KNOWN = Standing(authenticated_at=HOUR_AGO, consented=REQUEST.scopes, may_be_remembered=True)


def step(request: AuthorizationRequest, standing: Standing) -> Step:
    return next_step(request, standing, began_at=BEGAN, now=NOW)


def prompt(*prompts: str) -> AuthorizationRequest:
    return replace(REQUEST, prompts=frozenset(prompts))


def aged(max_age: int) -> AuthorizationRequest:
    return replace(REQUEST, max_age=max_age)


TABLE = {
    "nobody is signed in": (REQUEST, Standing(), Step.SIGN_IN),
    "all is known": (REQUEST, KNOWN, Step.ISSUE),
    "never allowed": (REQUEST, replace(KNOWN, consented=None), Step.CONSENT),
    "login, signed in before": (prompt("login"), KNOWN, Step.SIGN_IN),
    "login, signed in since": (prompt("login"), replace(KNOWN, authenticated_at=SINCE), Step.ISSUE),
    "login, signed in as it began": (prompt("login"), replace(KNOWN, authenticated_at=BEGAN), Step.ISSUE),
    "max_age, older": (aged(3600), KNOWN, Step.SIGN_IN),
    "max_age, to the second": (aged(3720), KNOWN, Step.ISSUE),
    "max_age zero, signed in before": (aged(0), KNOWN, Step.SIGN_IN),
    "max_age zero, signed in since": (aged(0), replace(KNOWN, authenticated_at=SINCE), Step.ISSUE),
    "the largest max_age": (aged(999_999_999), KNOWN, Step.ISSUE),
    "select_account": (prompt("select_account"), KNOWN, Step.CHOOSE_ACCOUNT),
    "select_account, nobody is signed in": (prompt("select_account"), Standing(), Step.SIGN_IN),
    "select_account, chosen": (prompt("select_account"), replace(KNOWN, has_chosen=True), Step.ISSUE),
    "select_account, signed in since": (
        prompt("select_account"),
        replace(KNOWN, authenticated_at=SINCE),
        Step.ISSUE,
    ),
    "consent, allowed before": (prompt("consent"), KNOWN, Step.CONSENT),
    "everything at once": (prompt("login", "select_account", "consent"), KNOWN, Step.SIGN_IN),
    "may not be remembered": (REQUEST, replace(KNOWN, may_be_remembered=False), Step.CONSENT),
}


@pytest.mark.parametrize(("request_", "standing", "expected"), TABLE.values(), ids=TABLE)
def test_what_comes_next(request_: AuthorizationRequest, standing: Standing, expected: Step):
    assert step(request_, standing) == expected


SILENT = {
    "nobody is signed in": (prompt("none"), Standing(), errors.LoginRequired),
    "signed in too long ago": (replace(prompt("none"), max_age=60), KNOWN, errors.LoginRequired),
    "never allowed": (prompt("none"), replace(KNOWN, consented=None), errors.ConsentRequired),
    "more is asked": (
        prompt("none"),
        replace(KNOWN, consented=frozenset({"a:read"})),
        errors.ConsentRequired,
    ),
    "may not be remembered": (
        prompt("none"),
        replace(KNOWN, may_be_remembered=False),
        errors.InteractionRequired,
    ),
    "an account must be chosen": (prompt("none", "select_account"), KNOWN, errors.AccountSelectionRequired),
}


@pytest.mark.parametrize(("request_", "standing", "kind"), SILENT.values(), ids=SILENT)
def test_if_nobody_may_be_asked_it_is_an_error(
    request_: AuthorizationRequest, standing: Standing, kind: type[errors.OAuthError]
):
    """OpenID Connect Core §3.1.2.6."""
    with pytest.raises(kind):
        step(request_, standing)


def test_if_nobody_has_to_be_asked_nobody_is():
    assert step(prompt("none"), KNOWN) == Step.ISSUE


SCOPES = st.frozensets(st.sampled_from(["a:read", "a:write", "a", "b:read", "openid"]))


@given(SCOPES, st.none() | SCOPES)
def test_more_is_asked_about_and_the_same_or_less_is_not(
    asked: frozenset[str], consented: frozenset[str] | None
):
    """CONS-02: scopes are compared as sets, those of one resource with those of the same."""
    request = replace(REQUEST, scopes=asked)
    standing = replace(KNOWN, consented=consented)
    more = consented is None or bool(asked - consented)

    assert is_covered(request, standing) == (not more)
    assert step(request, standing) == (Step.CONSENT if more else Step.ISSUE)


MOMENTS = st.sampled_from([HOUR_AGO, BEGAN, SINCE, NOW])
REQUESTS = st.builds(
    replace,
    st.just(REQUEST),
    scopes=SCOPES,
    prompts=st.frozensets(st.sampled_from(["login", "consent", "select_account"])),
    max_age=st.none() | st.integers(0, 10_000),
)
STANDINGS = st.builds(
    Standing,
    authenticated_at=st.none() | MOMENTS,
    has_chosen=st.booleans(),
    consented=st.none() | SCOPES,
    may_be_remembered=st.booleans(),
)


@given(REQUESTS, STANDINGS)
def test_who_does_what_is_asked_arrives(request_: AuthorizationRequest, standing: Standing):
    """At the code or at the page that decides on it; after at most two steps, none of them twice."""
    doing: dict[Step, dict[str, Any]] = {
        Step.SIGN_IN: {"authenticated_at": SINCE},
        Step.CHOOSE_ACCOUNT: {"has_chosen": True},
    }
    done: list[Step] = []
    while (following := step(request_, standing)) not in {Step.ISSUE, Step.CONSENT}:
        assert following not in done
        done.append(following)
        standing = replace(standing, **doing[following])


@given(REQUESTS, STANDINGS)
def test_with_prompt_none_nobody_is_ever_asked(request_: AuthorizationRequest, standing: Standing):
    """OpenID Connect Core §3.1.2.1: either the code at once, exactly if nothing would have to be done, or an error."""
    silent = replace(request_, prompts=frozenset({"none"}))
    spoken = step(replace(request_, prompts=frozenset()), standing)
    try:
        assert step(silent, standing) == Step.ISSUE
    except errors.OAuthError:
        assert spoken != Step.ISSUE
    else:
        assert spoken == Step.ISSUE


@pytest.mark.parametrize(
    ("is_public", "redirect_uri", "expected"),
    [
        (True, "https://app.example.com/cb", True),
        (True, "http://127.0.0.1:8400/cb", False),
        (True, "http://localhost:8400/cb", False),
        (True, "com.example.app:/cb", False),
        (False, "http://localhost:8400/cb", True),
    ],
)
def test_a_consent_is_remembered_for_who_can_be_told_from_others(
    is_public: bool, redirect_uri: str, expected: bool
):
    """RFC 8252 §8.6."""
    assert may_be_remembered(redirect_uri, is_public=is_public) == expected
