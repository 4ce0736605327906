"""Authorization requests (RFC 6749 §4.1.1): the rules that one must keep, in their order."""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from appanage.oauth import pkce, redirects
from appanage.oauth.errors import (
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    OAuthError,
    RequestNotSupported,
    RequestUriNotSupported,
    UnauthorizedClient,
    UnsupportedResponseType,
)
from appanage.oauth.parameters import require
from appanage.oauth.responses import ResponseMode
from appanage.oauth.scopes import name_some, parse_scope

LONGEST_STATE = 2000
_LONGEST = {"nonce": 512, "login_hint": 254}  # characters; an address has at most 254 (RFC 5321 §4.5.3.1.3)

_SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]{1,100}")  # RFC 6749 §3.3
_SECONDS = re.compile(r"[0-9]{1,9}")
_THUMBPRINT = re.compile(
    r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"
)  # 256 bits: the last digit carries four of them


PARAMETERS = frozenset(
    [
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "dpop_jkt",
        "login_hint",
        "max_age",
        "nonce",
        "prompt",
        "redirect_uri",
        "request",
        "request_uri",
        "resource",
        "response_mode",
        "response_type",
        "scope",
        "state",
    ]
)
"""What the rules look at. A request may have more, which counts for nothing (RFC 6749 §3.1)."""


class Prompt(StrEnum):
    """OpenID Connect Core §3.1.2.1."""

    NONE = "none"
    LOGIN = "login"
    CONSENT = "consent"
    SELECT_ACCOUNT = "select_account"


@dataclass(frozen=True, slots=True)
class Client:
    """What the rules know of a registered client; `scopes` are the registered ones."""

    client_id: str
    is_public: bool
    is_active: bool
    may_use_code: bool
    redirect_urls: tuple[str, ...]
    scopes: frozenset[str]
    requires_pkce: bool
    requires_pushed_request: bool


@dataclass(frozen=True, slots=True)
class Server:
    """What is switched on. `resources` may be named by `resource`; `openid_scopes` need no registration."""

    issuer: str
    resources: frozenset[str]
    allows_plain: bool
    openid_scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request that keeps every rule."""

    client_id: str
    redirect_uri: str
    redirect_uri_was_given: bool
    response_mode: ResponseMode
    scopes: frozenset[str]
    state: str | None = None
    code_challenge: str | None = None
    code_challenge_method: str | None = None
    nonce: str | None = None
    prompts: frozenset[str] = frozenset()
    max_age: int | None = None
    login_hint: str | None = None
    resource: str | None = None
    dpop_thumbprint: str | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"scopes": sorted(self.scopes), "prompts": sorted(self.prompts)}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> "AuthorizationRequest":
        parsed = {
            "response_mode": ResponseMode(saved["response_mode"]),
            "scopes": frozenset(saved["scopes"]),
            "prompts": frozenset(saved["prompts"]),
        }
        return cls(**{**saved, **parsed})


class RedirectableError(Exception):
    """An error that the client may be told, by a redirect: client and redirect URL are known good (checklist REG-03)."""

    def __init__(
        self, error: OAuthError, *, redirect_uri: str, response_mode: ResponseMode, state: str | None
    ) -> None:
        super().__init__(error)
        self.error = error
        self.redirect_uri = redirect_uri
        self.response_mode = response_mode
        self.state = state


@dataclass(frozen=True, slots=True)
class Asked:
    """What the rules look at."""

    parameters: Mapping[str, str]
    client: Client
    server: Server
    was_pushed: bool

    def get(self, name: str) -> str | None:
        return self.parameters.get(name)

    def registered_redirect_uri(self) -> str:
        """Raises UnregisteredRedirect."""
        registered, is_public = self.client.redirect_urls, self.client.is_public
        return redirects.match(registered, self.get("redirect_uri"), is_public=is_public)

    @property
    def scopes(self) -> frozenset[str]:
        return parse_scope(self.parameters.get("scope", ""))

    @property
    def prompts(self) -> frozenset[str]:
        return parse_scope(self.parameters.get("prompt", ""))

    @property
    def challenge_method(self) -> str:
        """A challenge without a method is plain (RFC 7636 §4.3)."""
        return self.parameters.get("code_challenge_method", pkce.PLAIN)


def read(
    parameters: Mapping[str, str], client: Client | None, server: Server, *, was_pushed: bool = False
) -> AuthorizationRequest:
    """The request in `parameters`, for the client that its `client_id` names, if any.

    Raises an OAuthError, to be shown to the person, until client and redirect URL are known good, and afterwards a
    RedirectableError. Parameters of a pushed request (RFC 9126) come here with `was_pushed`, without `request_uri`.
    """
    asked = Asked(parameters, client or _NOBODY, server, was_pushed)
    for rule in BEFORE_REDIRECT:
        rule(asked)
    try:
        for rule in AFTER_REDIRECT:
            rule(asked)
    except OAuthError as error:
        raise _redirectable(error, asked) from error
    return _request(asked)


@dataclass(frozen=True, slots=True)
class DeviceRequest:
    """A device authorization request that keeps every rule (RFC 8628 §3.1)."""

    scopes: frozenset[str]
    resource: str | None


def read_device(parameters: Mapping[str, str], client: Client, server: Server) -> DeviceRequest:
    """The request of a device. Raises an OAuthError."""
    asked = Asked(parameters, client, server, was_pushed=True)
    for rule in OF_A_DEVICE:
        rule(asked)
    return DeviceRequest(asked.scopes, asked.get("resource"))


def client_is_active(asked: Asked) -> None:
    """Unknown, suspended and deleted read the same: whether an app exists is its owner's business (CONS-12)."""
    if require(asked.parameters, "client_id") != asked.client.client_id or not asked.client.is_active:
        raise InvalidRequest("There is no app with this client_id, or it is not in use.")


def redirect_url_is_registered(asked: Asked) -> None:
    """REG-01."""
    asked.registered_redirect_uri()


def response_mode_is_known(asked: Asked) -> None:
    """OAuth 2.0 Multiple Response Types §2.1, Form Post Response Mode. What is wrong with it is told by query."""
    if "response_mode" in asked.parameters and _known_mode(asked) is None:
        raise InvalidRequest(f"response_mode is one of {', '.join(ResponseMode)}.")


def state_is_short(asked: Asked) -> None:
    """Early, because every answer brings the state back."""
    if len(asked.parameters.get("state", "")) > LONGEST_STATE:
        raise InvalidRequest(f"state has at most {LONGEST_STATE} characters.")


def request_has_no_object(asked: Asked) -> None:
    """RFC 9101 §7, OpenID Connect Core §6."""
    if "request" in asked.parameters:
        raise RequestNotSupported("Send the parameters themselves, not a request object.")
    if "request_uri" in asked.parameters:
        raise RequestUriNotSupported("A request_uri comes from the endpoint for pushed requests.")


def request_was_pushed_if_it_must_be(asked: Asked) -> None:
    """RFC 9126 §6."""
    if asked.client.requires_pushed_request and not asked.was_pushed:
        raise InvalidRequest("This app must push its requests (RFC 9126).")


def response_type_is_code(asked: Asked) -> None:
    """There is no implicit grant (RFC 9700 §2.1.2, REG-06)."""
    if require(asked.parameters, "response_type") != "code":
        raise UnsupportedResponseType("response_type is code.")


def client_may_use_code(asked: Asked) -> None:
    """RFC 6749 §4.1.2.1."""
    if not asked.client.may_use_code:
        raise UnauthorizedClient("This app does not act for people. Only an Integration does.")


def challenge_is_given_where_required(asked: Asked) -> None:
    """RFC 7636 §4.4.1, RFC 9700 §2.1.1 (checklist AUTHZ-01)."""
    if asked.client.requires_pkce and "code_challenge" not in asked.parameters:
        raise InvalidRequest(f"code_challenge with the code_challenge_method {pkce.S256} is required.")


def challenge_comes_with_its_method(asked: Asked) -> None:
    """Who names a method means to be protected, and would not be."""
    if "code_challenge_method" in asked.parameters and "code_challenge" not in asked.parameters:
        raise InvalidRequest("There is a code_challenge_method, but no code_challenge.")


def challenge_method_is_allowed(asked: Asked) -> None:
    """A client that must use PKCE must use it with S256: plain is no secret to who has seen the request."""
    may_be_plain = asked.server.allows_plain and not asked.client.requires_pkce
    allowed = {pkce.S256, pkce.PLAIN} if may_be_plain else {pkce.S256}
    if "code_challenge" in asked.parameters and asked.challenge_method not in allowed:
        raise InvalidRequest(f"The code_challenge_method must be {pkce.S256}.")


def challenge_is_well_formed(asked: Asked) -> None:
    """RFC 7636 §4.2."""
    challenge = asked.get("code_challenge")
    problem = "" if challenge is None else pkce.challenge_problem(challenge, asked.challenge_method)
    if problem:
        raise InvalidRequest(problem)


def scopes_are_well_formed(asked: Asked) -> None:
    """RFC 6749 §3.3. There is no default: without any scope there is nothing to consent to."""
    if not asked.scopes:
        raise InvalidScope("scope is missing: name at least one.")
    if not all(_SCOPE.fullmatch(name) for name in asked.scopes):
        raise InvalidScope("scope is malformed: it is a list of names with a blank between them.")


def scopes_are_registered(asked: Asked) -> None:
    """Literally: no scope stands for another (checklist TOK-07)."""
    excess = asked.scopes - asked.client.scopes - asked.server.openid_scopes
    if excess:
        raise InvalidScope(f"Not registered for this app: {name_some(excess)}.")


def prompts_are_known(asked: Asked) -> None:
    """OpenID Connect Core §3.1.2.1."""
    if not asked.prompts <= set(Prompt):
        raise InvalidRequest(f"prompt consists of {', '.join(Prompt)}.")
    if Prompt.NONE in asked.prompts and len(asked.prompts) > 1:
        raise InvalidRequest("The prompt none stands alone.")


def max_age_is_a_number(asked: Asked) -> None:
    """OpenID Connect Core §3.1.2.1."""
    if not _SECONDS.fullmatch(asked.parameters.get("max_age", "0")):
        raise InvalidRequest("max_age is a whole number of seconds.")


def resource_is_known(asked: Asked) -> None:
    """RFC 8707 §2. The known ones are absolute URIs without a fragment, so that every other form ends here too."""
    if asked.parameters.get("resource") not in {None, *asked.server.resources}:
        raise InvalidTarget("Tokens are not issued for this resource.")


def texts_are_short(asked: Asked) -> None:
    for name, longest in _LONGEST.items():
        if len(asked.parameters.get(name, "")) > longest:
            raise InvalidRequest(f"{name} has at most {longest} characters.")


def key_is_a_thumbprint(asked: Asked) -> None:
    """RFC 9449 §10."""
    thumbprint = asked.get("dpop_jkt")
    if thumbprint is not None and not _THUMBPRINT.fullmatch(thumbprint):
        raise InvalidRequest("dpop_jkt is the SHA-256 thumbprint of a key: 43 digits of base64url.")


Rule = Callable[[Asked], None]

# Nothing is redirected before these hold (RFC 6749 §4.1.2.1, checklist REG-03).
BEFORE_REDIRECT: tuple[Rule, ...] = (client_is_active, redirect_url_is_registered)

# First how to answer, then what is asked at all, who may ask it, how it is protected, and what is in it. An error of
# an earlier group makes those of the later ones moot.
AFTER_REDIRECT: tuple[Rule, ...] = (
    response_mode_is_known,
    state_is_short,
    request_has_no_object,
    request_was_pushed_if_it_must_be,
    response_type_is_code,
    client_may_use_code,
    challenge_is_given_where_required,
    challenge_comes_with_its_method,
    challenge_method_is_allowed,
    challenge_is_well_formed,
    scopes_are_well_formed,
    scopes_are_registered,
    resource_is_known,
    prompts_are_known,
    max_age_is_a_number,
    texts_are_short,
    key_is_a_thumbprint,
)

OF_A_DEVICE: tuple[Rule, ...] = (
    client_may_use_code,
    scopes_are_well_formed,
    scopes_are_registered,
    resource_is_known,
)

_NOBODY = Client(
    client_id="",
    is_public=True,
    is_active=False,
    may_use_code=False,
    redirect_urls=(),
    scopes=frozenset(),
    requires_pkce=True,
    requires_pushed_request=True,
)


def _redirectable(error: OAuthError, asked: Asked) -> RedirectableError:
    state = asked.parameters.get("state", "")
    return RedirectableError(
        error,
        redirect_uri=asked.registered_redirect_uri(),
        response_mode=_known_mode(asked) or ResponseMode.QUERY,
        state=asked.get("state") if len(state) <= LONGEST_STATE else None,
    )


def _request(asked: Asked) -> AuthorizationRequest:
    max_age = asked.get("max_age")
    return AuthorizationRequest(
        client_id=asked.client.client_id,
        redirect_uri=asked.registered_redirect_uri(),
        redirect_uri_was_given="redirect_uri" in asked.parameters,
        response_mode=_known_mode(asked) or ResponseMode.QUERY,
        scopes=asked.scopes,
        state=asked.get("state"),
        code_challenge=asked.get("code_challenge"),
        code_challenge_method=asked.challenge_method if "code_challenge" in asked.parameters else None,
        nonce=asked.get("nonce"),
        prompts=asked.prompts,
        max_age=None if max_age is None else int(max_age),
        login_hint=asked.get("login_hint"),
        resource=asked.get("resource"),
        dpop_thumbprint=asked.get("dpop_jkt"),
    )


def _known_mode(asked: Asked) -> ResponseMode | None:
    return next((mode for mode in ResponseMode if mode == asked.get("response_mode")), None)
