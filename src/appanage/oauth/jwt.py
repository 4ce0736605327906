"""Signed claims that clients present (RFC 7519): read strictly, verified against a key, taken out with their type."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from joserfc.util import urlsafe_b64decode

from appanage.oauth.jose import Malformed, PublicKey, json_object

LONGEST_TEXT = 256

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
# They name another key, or change what the rest means; nothing of the sort is understood here (checklist CRED-08).
_NEVER = frozenset({"jku", "x5u", "x5c", "crit", "b64"})


@dataclass(frozen=True, slots=True)
class SignedClaims:
    """A compact JWS whose payload is a JSON object. Nothing in it is verified until `is_signed_by` says so."""

    algorithm: str
    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes

    def is_signed_by(self, key: PublicKey, algorithms: Collection[str]) -> bool:
        return self.algorithm in algorithms and key.verifies(
            self.signed, self.signature, algorithm=self.algorithm
        )

    def text(self, name: str) -> str:
        """A claim that is a short printable text; raises Malformed."""
        value = self.claims.get(name)
        # Printable leaves out NUL and half surrogate pairs, which no database column takes.
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TEXT or not value.isprintable():
            raise Malformed(f"{name} is missing or no short text")
        return value

    def moment(self, name: str) -> datetime:
        """A claim that is a NumericDate, which may have a fraction (RFC 7519 §2); raises Malformed."""
        value = self.claims.get(name)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise Malformed(f"{name} is missing or no number")
        try:
            return datetime.fromtimestamp(value, UTC)
        except (OverflowError, ValueError, OSError) as cause:
            raise Malformed(f"{name} is no moment") from cause


def read_signed_claims(text: str, *, longest: int) -> SignedClaims:
    """The parts of a JWT; size and shape are looked at before anything is parsed (checklist TOK-04)."""
    if len(text) > longest or not _COMPACT.fullmatch(text):
        raise Malformed("no compact JWS, or too long a one")
    signed, _, signature = text.rpartition(".")
    header, claims = (json_object(_decoded(segment)) for segment in signed.split("."))
    if not isinstance(header.get("alg"), str) or not _NEVER.isdisjoint(header):
        raise Malformed("a header without alg, or with members that are never accepted")
    return SignedClaims(header["alg"], header, claims, signed.encode("ascii"), _decoded(signature))


def _decoded(segment: str) -> bytes:
    try:
        return urlsafe_b64decode(segment.encode("ascii"))
    except ValueError as cause:
        raise Malformed("no base64url, or not in its one spelling") from cause
