"""The authorization code grant (RFC 6749 §4.1.3): a code is worth something only to whom it was made for."""

from dataclasses import dataclass
from datetime import datetime

from appanage.oauth import pkce
from appanage.oauth.errors import InvalidGrant
from appanage.oauth.resources import narrow_resource


@dataclass(frozen=True, slots=True)
class CodeGrant:
    """An authorization code as it is kept, with all that it is bound to (checklist AUTHZ-05).

    `is_usable` tells that authorization, app, account and the browser session it was made in are all alive, and that
    the app was not suspended since.
    `needs_challenge`: the client, as it is registered now, may use no code without one.
    """

    redirect_uri: str
    redirect_uri_was_given: bool
    code_challenge: str | None
    code_challenge_method: str | None
    key_thumbprint: str | None
    resource: str | None
    expires_at: datetime
    is_usable: bool
    needs_challenge: bool = False


@dataclass(frozen=True, slots=True)
class CodeRedemption:
    """What a token request presents beside the code."""

    redirect_uri: str | None
    code_verifier: str | None
    resource: str | None
    key_thumbprint: str | None


def redeem(grant: CodeGrant, presented: CodeRedemption, *, now: datetime) -> str | None:
    """The resource that the tokens are for. Raises InvalidGrant, and InvalidTarget for another resource."""
    for rule in RULES:
        rule(grant, presented, now)
    return narrow_resource(grant.resource, presented.resource)


def _is_alive(grant: CodeGrant, presented: CodeRedemption, now: datetime) -> None:
    """RFC 6749 §4.1.2: at most a short while, and not beyond what it came from."""
    del presented
    if grant.expires_at <= now or not grant.is_usable:
        raise InvalidGrant("The authorization code is invalid, expired or spent. Start again.")


def _redirect_uri_is_the_same(grant: CodeGrant, presented: CodeRedemption, now: datetime) -> None:
    """RFC 6749 §4.1.3: required if it was in the authorization request, and identical."""
    del now
    if presented.redirect_uri is None and not grant.redirect_uri_was_given:
        return
    if presented.redirect_uri != grant.redirect_uri:
        raise InvalidGrant("The redirect_uri is not the one of the authorization request.")


def _verifier_matches(grant: CodeGrant, presented: CodeRedemption, now: datetime) -> None:
    """RFC 7636 §4.6; and no verifier where there was no challenge (RFC 9700 §4.8.2, checklist AUTHZ-02, AUTHZ-03)."""
    del now
    if grant.code_challenge is None:
        if grant.needs_challenge:
            raise InvalidGrant("The app must use PKCE now. Start again.")
        if presented.code_verifier is not None:
            raise InvalidGrant(
                "There is a code_verifier, but the authorization request had no code_challenge."
            )
        return
    method = grant.code_challenge_method or pkce.PLAIN
    if not pkce.matches(presented.code_verifier, challenge=grant.code_challenge, method=method):
        raise InvalidGrant("The code_verifier does not match the code_challenge.")


def _key_is_the_same(grant: CodeGrant, presented: CodeRedemption, now: datetime) -> None:
    """RFC 9449 §10: a code bound by `dpop_jkt` is redeemed with a proof by that key."""
    del now
    if grant.key_thumbprint is not None and presented.key_thumbprint != grant.key_thumbprint:
        raise InvalidGrant(
            "The authorization code is bound to a key, and there is no DPoP proof by that key."
        )


RULES = (_is_alive, _redirect_uri_is_the_same, _verifier_matches, _key_is_the_same)
