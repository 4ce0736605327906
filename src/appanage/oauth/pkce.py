"""Proof Key for Code Exchange (RFC 7636): who redeems a code is who asked for it."""

import base64
import hashlib
import hmac
import re

S256 = "S256"
PLAIN = "plain"

# RFC 7636 §4.1 and §4.2: 43 to 128 unreserved characters.
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)
# SHA-256 in base64url has one spelling: its last digit carries four bits and leaves two unused.
_SHA256 = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]", re.ASCII)


def challenge_problem(challenge: str, method: str = S256) -> str:
    """One sentence about a code_challenge that no verifier could ever match; empty when there is none."""
    if method == S256:
        sound = _SHA256.fullmatch(challenge)
        return "" if sound else "The code_challenge is not the base64url of a SHA-256 digest (43 characters)."
    sound = _UNRESERVED.fullmatch(challenge)
    return "" if sound else "The code_challenge is not made of 43 to 128 unreserved characters."


def matches(verifier: str | None, *, challenge: str, method: str) -> bool:
    """Whether `verifier` is the one that `challenge` was made of (RFC 7636 §4.6)."""
    if verifier is None or not _UNRESERVED.fullmatch(verifier):
        return False
    if method == S256:
        return _equal(challenge_of(verifier), challenge)
    return method == PLAIN and _equal(verifier, challenge)


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636 §4.2)."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=")


def _equal(made: str, challenge: str) -> bool:
    return hmac.compare_digest(made.encode(), challenge.encode("utf-8", "surrogatepass"))
