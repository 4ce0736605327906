"""Public ids: unpadded base64 of `<host>://<region>/<KIND>/<key>`, the form that clients of the platform know."""

import base64
import binascii
import uuid
from dataclasses import dataclass
from enum import StrEnum

from appanage.kit.errors import NotFound


class Kind(StrEnum):
    """What an id names; the value is the word on the wire."""

    APPLICATION = "APPLICATION"
    APPLICATION_USAGE = "APPLICATION_USAGE"
    AUTHORIZATION = "AUTHORIZATION"
    AUTHORIZATION_PROPOSAL = "AUTHORIZATION_PROPOSAL"
    AUTHORIZATION_REQUEST = "AUTHORIZATION_REQUEST"
    EVENT = "EVENT"
    LICENSE = "LICENSE"
    ORGANIZATION = "ORGANIZATION"
    PEOPLE = "PEOPLE"
    POLICY = "POLICY"
    ROLE = "ROLE"
    SCREENSHOT = "SCREENSHOT"
    SUBMISSION = "SUBMISSION"


@dataclass(frozen=True, slots=True)
class PublicIds:
    """Encodes and decodes the ids of one deployment."""

    host: str = "ciscospark"
    region: str = "us"

    def encode(self, kind: Kind, key: uuid.UUID | str) -> str:
        urn = f"{self.host}://{self.region}/{kind}/{key}"
        return base64.b64encode(urn.encode()).decode().rstrip("=")

    def decode_key(self, kind: Kind, value: str) -> str:
        """The key inside `value`; raises NotFound when it is no id of this kind."""
        urn = _decoded(value)
        host, separator, rest = urn.partition("://")
        parts = rest.split("/")
        if not separator or host != self.host or len(parts) != 3 or parts[1] != kind or not parts[2]:
            raise NotFound(f"There is no {kind.lower()} with this id.")
        return parts[2]

    def decode(self, kind: Kind, value: str) -> uuid.UUID:
        """The UUID that `value` names; a bare UUID is accepted everywhere."""
        bare = parse_uuid(value)
        return bare or _require_uuid(self.decode_key(kind, value), kind)


def parse_uuid(value: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(value) if len(value) == 36 else None
    except ValueError:
        return None


def _require_uuid(key: str, kind: Kind) -> uuid.UUID:
    found = parse_uuid(key)
    if found is None:
        raise NotFound(f"There is no {kind.lower()} with this id.")
    return found


def _decoded(value: str) -> str:
    try:
        padded = value.rstrip("=") + "=" * (-len(value.rstrip("=")) % 4)
        return base64.b64decode(padded, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return ""
