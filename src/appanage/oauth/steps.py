"""What a person has to do before the code is issued, and whether an earlier consent covers what is asked."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from appanage.oauth import redirects
from appanage.oauth.authorization import AuthorizationRequest, Prompt
from appanage.oauth.errors import (
    AccountSelectionRequired,
    ConsentRequired,
    InteractionRequired,
    LoginRequired,
    OAuthError,
)


class Step(Enum):
    """What comes next; ISSUE is the code."""

    SIGN_IN = auto()
    CHOOSE_ACCOUNT = auto()
    CONSENT = auto()
    ISSUE = auto()


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known at this moment of the account that is signed in, if one is, and of no other.

    `has_chosen`: picked among accounts since the request began. `consented`: the scopes that the person allowed this
    app earlier at the resource that is asked for, None if it was never allowed. `may_be_remembered`: whether that
    counts, as the function of this name tells.
    """

    authenticated_at: datetime | None = None
    has_chosen: bool = False
    consented: frozenset[str] | None = None
    may_be_remembered: bool = False


def may_be_remembered(redirect_uri: str, *, is_public: bool) -> bool:
    """Whether an earlier consent speaks for whoever asks now in the client's name (RFC 8252 §8.6, RFC 6749 §10.2)."""
    return not is_public or redirects.names_its_owner(redirect_uri)


def next_step(
    request: AuthorizationRequest, standing: Standing, *, began_at: datetime, now: datetime
) -> Step:
    """What the person has to do before the code is issued; with `prompt=none` that is an OAuthError instead."""
    if not _is_authenticated(request, standing, began_at=began_at, now=now):
        return _ask(request, Step.SIGN_IN, LoginRequired("The person must sign in."))
    if not _is_chosen(request, standing, began_at=began_at):
        return _ask(
            request, Step.CHOOSE_ACCOUNT, AccountSelectionRequired("The person must choose an account.")
        )
    if not is_covered(request, standing):
        return _ask(request, Step.CONSENT, ConsentRequired("The person must consent."))
    if Prompt.CONSENT in request.prompts or not standing.may_be_remembered:
        return _ask(request, Step.CONSENT, InteractionRequired("This app must be allowed every time."))
    return Step.ISSUE


def is_covered(request: AuthorizationRequest, standing: Standing) -> bool:
    """Whether all that is asked was consented to earlier: a comparison of sets (checklist CONS-02)."""
    return standing.consented is not None and request.scopes <= standing.consented


def _is_authenticated(
    request: AuthorizationRequest, standing: Standing, *, began_at: datetime, now: datetime
) -> bool:
    if standing.authenticated_at is None:
        return False
    if standing.authenticated_at >= began_at:
        return True
    if Prompt.LOGIN in request.prompts:
        return False
    return request.max_age is None or now - standing.authenticated_at <= timedelta(seconds=request.max_age)


def _is_chosen(request: AuthorizationRequest, standing: Standing, *, began_at: datetime) -> bool:
    """Who signs in for this very request has chosen by that."""
    if Prompt.SELECT_ACCOUNT not in request.prompts or standing.has_chosen:
        return True
    return standing.authenticated_at is not None and standing.authenticated_at >= began_at


def _ask(request: AuthorizationRequest, step: Step, otherwise: OAuthError) -> Step:
    if Prompt.NONE in request.prompts:
        raise otherwise
    return step
