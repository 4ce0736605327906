"""The two profiles of a deployment: every rule in which they differ, in one place.

A profile is chosen once for a deployment (`APPANAGE_PROFILE`). It gives settings their defaults and bounds them: no
setting, organization or app goes beyond what it permits (checklist GOV-02, GOV-04).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from appanage.kit.outbound import OutboundPolicy
from appanage.kit.smtp import MailSecurity


class ProfileName(StrEnum):
    COMMERCIAL = "commercial"
    FEDRAMP = "fedramp"


class PasswordHash(StrEnum):
    """How passwords are kept; the value is the name by which it is known."""

    ARGON2ID = "argon2id"
    PBKDF2 = "pbkdf2-hmac-sha-256"


@dataclass(frozen=True, slots=True)
class Profile:
    """What a deployment of this kind does, and what its settings may say.

    `by_administrators`: apps are made through the API alone, by Full Administrators of their organization, who get their
    tokens on a page of Control Hub (platform reference §3.1); nobody else changes one.
    `defaults` are those of the settings that differ, by name; `longest` bounds lifetimes, by name.
    """

    name: ProfileName
    by_administrators: bool
    has_app_hub: bool
    has_sandboxes: bool
    signs_id_tokens_with: str
    client_algorithms: tuple[str, ...]
    password_hashes: tuple[PasswordHash, ...]
    outbound: tuple[OutboundPolicy, ...]
    mail_security: tuple[MailSecurity, ...]
    lifetimes: Mapping[str, timedelta] = field(default_factory=dict)
    longest: Mapping[str, timedelta] = field(default_factory=dict)

    @property
    def defaults(self) -> dict[str, Any]:
        """The settings that a deployment of this kind has unless it says otherwise: of each list the first."""
        return {
            "client_algorithms": list(self.client_algorithms),
            "password_hash": self.password_hashes[0],
            "outbound": self.outbound[0],
            "sandboxes": self.has_sandboxes,
        }


COMMERCIAL = Profile(
    name=ProfileName.COMMERCIAL,
    by_administrators=False,
    has_app_hub=True,
    has_sandboxes=True,
    signs_id_tokens_with="RS256",  # the one that every OpenID client must know (OpenID Connect Core §15.1)
    client_algorithms=("ES256", "ES384", "PS256", "EdDSA", "Ed25519"),
    password_hashes=(PasswordHash.ARGON2ID, PasswordHash.PBKDF2),
    outbound=(OutboundPolicy.PUBLIC, OutboundPolicy.LISTED, OutboundPolicy.OFF),
    mail_security=(MailSecurity.STARTTLS, MailSecurity.TLS, MailSecurity.NONE),
    longest={"personal_token": timedelta(hours=12)},
)

FEDRAMP = Profile(
    name=ProfileName.FEDRAMP,
    by_administrators=True,
    has_app_hub=False,
    has_sandboxes=False,  # they live on the commercial side (platform reference §3.6)
    signs_id_tokens_with="PS256",
    client_algorithms=("ES256", "ES384", "PS256"),
    password_hashes=(PasswordHash.PBKDF2,),
    outbound=(OutboundPolicy.LISTED, OutboundPolicy.OFF),
    mail_security=(MailSecurity.STARTTLS, MailSecurity.TLS),
    lifetimes={
        "refresh_token": timedelta(days=60),
        "strict_refresh_token": timedelta(days=60),
        "session_idle": timedelta(minutes=15),
    },
    longest={
        "access_token": timedelta(days=14),
        "short_access_token": timedelta(days=14),
        "refresh_token": timedelta(days=60),
        "strict_refresh_token": timedelta(days=60),
        "personal_token": timedelta(hours=12),
        "session_idle": timedelta(minutes=15),
        "session_absolute": timedelta(hours=12),
    },
)

PROFILES: Mapping[ProfileName, Profile] = MappingProxyType(
    {profile.name: profile for profile in (COMMERCIAL, FEDRAMP)}
)
