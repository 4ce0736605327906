"""Claims about a person, by the scopes that ask for them (OpenID Connect Core §5.1, §5.4)."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of a person; an empty value is one that is left out."""

    subject: str
    name: str
    given_name: str
    family_name: str
    nickname: str
    picture: str
    zoneinfo: str
    updated_at: datetime
    email: str
    email_verified: bool
    phone_number: str
    address: Mapping[str, str]


def claims_of(person: Person, scopes: Collection[str]) -> dict[str, Any]:
    """The claims that these scopes allow; `sub` always."""
    allowed = {"sub": person.subject}
    for scope, claims in _CLAIMS.items():
        if scope in scopes:
            allowed |= claims(person)
    return {name: value for name, value in allowed.items() if value not in ("", {})}


def _profile(person: Person) -> dict[str, Any]:
    return {
        "name": person.name,
        "given_name": person.given_name,
        "family_name": person.family_name,
        "nickname": person.nickname,
        "picture": person.picture,
        "zoneinfo": person.zoneinfo,
        "updated_at": int(person.updated_at.timestamp()),
    }


def _email(person: Person) -> dict[str, Any]:
    return {"email": person.email, "email_verified": person.email_verified}


def _phone(person: Person) -> dict[str, Any]:
    return {"phone_number": person.phone_number}


def _address(person: Person) -> dict[str, Any]:
    return {"address": {name: value for name, value in person.address.items() if value}}


_CLAIMS: Mapping[str, Callable[[Person], dict[str, Any]]] = {
    "profile": _profile,
    "email": _email,
    "phone": _phone,
    "address": _address,
}

CLAIMS = (
    "sub",
    *("name", "given_name", "family_name", "nickname", "picture", "zoneinfo", "updated_at"),
    *("email", "email_verified", "phone_number", "address"),
)
"""Every claim there is, for the metadata."""
