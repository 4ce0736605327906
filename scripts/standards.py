"""The standards of the protocol: how far each is implemented, and the tests that say which one they prove."""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

ROOT = Path(__file__).parents[1]
_RFC = "https://www.rfc-editor.org/rfc/rfc"
_OPENID = "https://openid.net/specs/"


class State(StrEnum):
    IMPLEMENTED = "implemented"
    IN_PART = "implemented in part"
    LEFT_OUT = "left out on purpose"
    NOT_YET = "not yet"


@dataclass(frozen=True, slots=True)
class Standard:
    """A test proves it that cites its `name`, or one of the security `controls` that it demands.

    `remark` says what is left out, and why.
    """

    name: str
    title: str
    address: str
    state: State
    remark: str = ""
    controls: tuple[str, ...] = ()

    @property
    def heading(self) -> str:
        return f"{self.name}: {self.title}" if self.name.startswith("RFC") else self.title

    @property
    def is_here(self) -> bool:
        return self.state in {State.IMPLEMENTED, State.IN_PART}

    def is_named_in(self, text: str) -> bool:
        return _is_cited((self.name,), text)

    def is_proven_by(self, text: str) -> bool:
        return _is_cited((self.name, *self.controls), text)


@dataclass(frozen=True, slots=True)
class NamedTest:
    name: str
    explanation: str

    @property
    def sentence(self) -> str:
        return self.name.removeprefix("test_").replace("_", " ")


@dataclass(frozen=True, slots=True)
class Module:
    path: str
    explanation: str
    tests: tuple[NamedTest, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """What a module contributes: the `tests` that cite the standard, or all of them when the module itself names it.

    `beside` are the other standards that the module names as well.
    """

    module: Module
    tests: tuple[NamedTest, ...]
    is_whole: bool
    beside: tuple[str, ...] = ()


def modules_of_tests() -> list[Module]:
    return [_read(path) for path in sorted(ROOT.glob("tests/*/test_*.py"))]


def proofs(standard: Standard, modules: Iterable[Module]) -> Iterator[Proof]:
    for module in modules:
        tests = tuple(one for one in module.tests if standard.is_proven_by(one.explanation))
        if standard.is_named_in(module.explanation):
            named = (one.name for one in STANDARDS if one.is_named_in(module.explanation))
            yield Proof(module, tests, True, tuple(name for name in named if name != standard.name))
        elif tests:
            yield Proof(module, tests, False)


def _is_cited(names: Iterable[str], text: str) -> bool:
    either = "|".join(map(re.escape, names))
    return re.search(rf"\b(?:{either})\b", " ".join(text.split())) is not None


def _read(path: Path) -> Module:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tests = (
        NamedTest(node.name, ast.get_docstring(node) or "")
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    )
    return Module(path.relative_to(ROOT).as_posix(), ast.get_docstring(tree) or "", tuple(tests))


def _rfc(number: int, title: str, state: State, remark: str = "", *controls: str) -> Standard:
    return Standard(f"RFC {number}", title, f"{_RFC}{number}", state, remark, controls)


def _openid(name: str, title: str, page: str, state: State, remark: str = "", *controls: str) -> Standard:
    return Standard(name, title, f"{_OPENID}{page}", state, remark, controls)


STANDARDS = (
    _rfc(
        6749,
        "The OAuth 2.0 Authorization Framework",
        State.IN_PART,
        "The grants for codes, refresh tokens and client credentials. The implicit and the password grant do not exist, "
        "as RFC 9700 demands.",
        "REG-01",
        "REG-02",
        "REG-03",
        "REG-04",
        "REG-06",
        "CRED-10",
        "CRED-11",
        "CRED-12",
        "AUTHZ-04",
        "AUTHZ-05",
        "TOK-01",
        "TOK-07",
        "TOK-13",
    ),
    _rfc(
        6750,
        "Bearer Token Usage",
        State.IMPLEMENTED,
        "Without the optional ways of sending a token, in a form or in the URL, which end in logs.",
        "TOK-08",
        "TOK-09",
        "STD-02",
    ),
    _rfc(7009, "Token Revocation", State.IMPLEMENTED, "", "REV-04", "REV-08"),
    _rfc(
        7515,
        "JSON Web Signature (JWS)",
        State.IN_PART,
        "The compact serialization, without header parameters that bring or fetch a key.",
        "TOK-03",
        "TOK-04",
        "CRED-08",
    ),
    _rfc(
        7516,
        "JSON Web Encryption (JWE)",
        State.LEFT_OUT,
        "No token holds anything that its reader may not know.",
    ),
    _rfc(7517, "JSON Web Key (JWK)", State.IMPLEMENTED, "", "TOK-14"),
    _rfc(
        7518,
        "JSON Web Algorithms (JWA)",
        State.IN_PART,
        "We sign access tokens with ES256 and ID tokens with RS256, or PS256 in the fedramp profile. Clients sign with ES256, ES384, PS256 or EdDSA (not in the fedramp profile): "
        "nothing symmetric, no RSA with PKCS #1 v1.5.",
        "TOK-03",
        "CRED-06",
    ),
    _rfc(7519, "JSON Web Token (JWT)", State.IMPLEMENTED, "", "TOK-02", "TOK-03", "TEN-06"),
    _rfc(
        7521,
        "Assertion Framework for Client Authentication and Grants",
        State.IN_PART,
        "Client authentication; no assertions as grants.",
        "CRED-06",
        "CRED-10",
    ),
    _rfc(
        7523,
        "JWT Profile for Client Authentication and Grants",
        State.IN_PART,
        "Client authentication by `private_key_jwt`, for at most five minutes an assertion and with one audience; "
        "no JWT as a grant, and no `client_secret_jwt`, for which the server would have to know the secret.",
        "CRED-06",
        "CRED-07",
        "CRED-08",
    ),
    _rfc(
        7591,
        "Dynamic Client Registration",
        State.LEFT_OUT,
        "Apps are registered by people who answer for them, in the portal or by the API.",
    ),
    _rfc(
        7636,
        "Proof Key for Code Exchange (PKCE)",
        State.IMPLEMENTED,
        "`plain` only where the setting `APPANAGE_PLAIN_PKCE` allows it.",
        "AUTHZ-01",
        "AUTHZ-02",
        "AUTHZ-03",
    ),
    _rfc(7638, "JWK Thumbprint", State.IMPLEMENTED),
    _rfc(
        7662,
        "Token Introspection",
        State.IMPLEMENTED,
        "A client learns about its own tokens; every other one is merely not active.",
        "TOK-15",
    ),
    _rfc(8252, "OAuth 2.0 for Native Apps", State.IMPLEMENTED, "", "REG-01", "REG-02"),
    _rfc(8414, "Authorization Server Metadata", State.IMPLEMENTED, "Without `signed_metadata`.", "STD-01"),
    _rfc(
        8628,
        "Device Authorization Grant",
        State.IN_PART,
        "While the person has not decided, the status is 428 instead of 400, which clients of the platform wait for.",
        "AUTHZ-13",
    ),
    _rfc(
        8693,
        "Token Exchange",
        State.IN_PART,
        "A client narrows an access token of its own, to fewer scopes or to another resource. Nobody acts for somebody "
        "else: no `actor_token`.",
        "TOK-16",
    ),
    _rfc(
        8705,
        "Mutual-TLS Client Authentication and Certificate-Bound Access Tokens",
        State.LEFT_OUT,
        "`private_key_jwt` and DPoP do the same without depending on the proxy in front.",
    ),
    _rfc(
        8707,
        "Resource Indicators",
        State.IN_PART,
        "One resource a request, since a token is for one resource server.",
        "TOK-06",
    ),
    _rfc(8725, "JSON Web Token Best Current Practices", State.IMPLEMENTED, "", "TOK-03", "TOK-04"),
    _rfc(
        9068,
        "JWT Profile for Access Tokens",
        State.IN_PART,
        "Signed with ES256 only; it asks for RS256 as well, which makes tokens longer and signing slower.",
        "TOK-02",
        "TOK-03",
        "MACH-07",
    ),
    _rfc(
        9101,
        "JWT-Secured Authorization Request (JAR)",
        State.LEFT_OUT,
        "A request that must not be changed on its way is pushed (RFC 9126). Request objects are refused by name.",
    ),
    _rfc(9126, "Pushed Authorization Requests (PAR)", State.IMPLEMENTED, "", "AUTHZ-07", "AUTHZ-08"),
    _rfc(9207, "Authorization Server Issuer Identification", State.IMPLEMENTED, "", "AUTHZ-06"),
    _rfc(
        9396,
        "Rich Authorization Requests (RAR)",
        State.LEFT_OUT,
        "What apps may do is told in scopes, which administrators and people can read.",
    ),
    _rfc(
        9449,
        "Demonstrating Proof of Possession (DPoP)",
        State.IMPLEMENTED,
        "With a nonce of the server in every proof.",
        "TOK-10",
        "TOK-11",
    ),
    _rfc(
        9470,
        "Step Up Authentication Challenge",
        State.NOT_YET,
        "It needs a second factor to step up to, which sign-in does not have yet.",
    ),
    _rfc(
        9700,
        "Best Current Practice for OAuth 2.0 Security",
        State.IMPLEMENTED,
        "What it recommends beyond its demands, and clients of the platform do not expect, is strict mode: PKCE for all, "
        "short access tokens, rotation for all, tokens bound to a key.",
        "REG-01",
        "REG-03",
        "REG-06",
        "AUTHZ-02",
        "AUTHZ-03",
        "AUTHZ-04",
        "AUTHZ-09",
        "AUTHZ-10",
        "AUTHZ-11",
        "TOK-05",
        "REV-01",
        "REV-02",
        "REV-03",
    ),
    _rfc(9728, "Protected Resource Metadata", State.IMPLEMENTED, "Without `signed_metadata`.", "STD-02"),
    _rfc(
        9864,
        "Fully-Specified Algorithms for JOSE and COSE",
        State.IN_PART,
        "`Ed25519` beside its older name `EdDSA`, as an algorithm of clients.",
    ),
    Standard(
        "OAuth 2.1",
        "The OAuth 2.1 Authorization Framework (draft)",
        "https://datatracker.ietf.org/doc/draft-ietf-oauth-v2-1/",
        State.IN_PART,
        "Outside strict mode, PKCE is not demanded of confidential clients, because clients of the platform leave it out; "
        "whoever uses it is held to it.",
        ("AUTHZ-01", "AUTHZ-02", "AUTHZ-03", "REG-01", "REG-06", "TOK-08", "REV-02"),
    ),
    _openid(
        "OpenID Connect Core",
        "OpenID Connect Core 1.0",
        "openid-connect-core-1_0",
        State.IN_PART,
        "Sign-in by the code flow. No implicit and no hybrid flow, no request objects, no `claims` parameter, no "
        "`id_token_hint` in authorization requests, one subject for all clients, and UserInfo as plain JSON. "
        "A refresh answers no new ID token.",
        "STD-04",
    ),
    _openid(
        "OpenID Connect Discovery",
        "OpenID Connect Discovery 1.0",
        "openid-connect-discovery-1_0",
        State.IN_PART,
        "The provider's document; nobody is looked up by their address (WebFinger).",
        "STD-01",
    ),
    _openid(
        "RP-Initiated Logout",
        "OpenID Connect RP-Initiated Logout 1.0",
        "openid-connect-rpinitiated-1_0",
        State.IMPLEMENTED,
        "",
        "STD-05",
    ),
    _openid(
        "Back-Channel Logout",
        "OpenID Connect Back-Channel Logout 1.0",
        "openid-connect-backchannel-1_0",
        State.NOT_YET,
        "Apps learn of a person's sign-out when they next ask. It needs calls to addresses that developers name.",
    ),
    _openid(
        "Form Post Response Mode",
        "OAuth 2.0 Form Post Response Mode",
        "oauth-v2-form-post-response-mode-1_0",
        State.IMPLEMENTED,
    ),
    _openid(
        "Multiple Response Types",
        "OAuth 2.0 Multiple Response Type Encoding Practices",
        "oauth-v2-multiple-response-types-1_0",
        State.IN_PART,
        "The parameter `response_mode`. The one response type is `code`: no token travels in a URL.",
        "REG-06",
    ),
)
