"""The roles that an account can hold in its organization, with the platform's keys and names (reference §5.6)."""

from collections.abc import Collection, Iterable
from enum import StrEnum


class Role(StrEnum):
    FULL_ADMIN = "id_full_admin"
    READONLY_ADMIN = "id_readonly_admin"
    USER_ADMIN = "id_user_admin"
    DEVICE_ADMIN = "id_device_admin"
    SUPPORT_ADMIN = "atlas-portal.support"
    COMPLIANCE_OFFICER = "id_compliance_officer"
    APP_REVIEWER = "id_app_reviewer"
    OPERATOR = "id_operator"

    @property
    def label(self) -> str:
        """The name that people know."""
        return _LABELS[self]


_LABELS = {
    Role.FULL_ADMIN: "Full Administrator",
    Role.READONLY_ADMIN: "Read-only Administrator",
    Role.USER_ADMIN: "User Administrator",
    Role.DEVICE_ADMIN: "Device Administrator",
    Role.SUPPORT_ADMIN: "Support Administrator",
    Role.COMPLIANCE_OFFICER: "Compliance Officer",
    Role.APP_REVIEWER: "App Reviewer",
    Role.OPERATOR: "Operator",
}

_BY_KEY = {role.value: role for role in Role}

ADMINISTRATORS = frozenset(
    {Role.FULL_ADMIN, Role.READONLY_ADMIN, Role.USER_ADMIN, Role.DEVICE_ADMIN, Role.SUPPORT_ADMIN}
)
"""Roles that may look at Control Hub."""

OF_THE_OPERATOR = frozenset({Role.APP_REVIEWER, Role.OPERATOR})
"""Roles that exist only in the organization that runs the platform: reviewing apps for everybody, suspending them."""

OF_EVERY_ORGANIZATION = tuple(role for role in Role if role not in OF_THE_OPERATOR)

# Who may see and do what, for every face alike (platform reference §7.2).
PEOPLE_READERS = frozenset({Role.FULL_ADMIN, Role.READONLY_ADMIN, Role.USER_ADMIN, Role.SUPPORT_ADMIN})
PEOPLE_WRITERS = frozenset({Role.FULL_ADMIN, Role.USER_ADMIN})
SERVICE_APP_READERS = frozenset({Role.FULL_ADMIN, Role.READONLY_ADMIN, Role.DEVICE_ADMIN, Role.SUPPORT_ADMIN})
TOKEN_ADMINISTRATORS = frozenset({Role.FULL_ADMIN, Role.USER_ADMIN, Role.DEVICE_ADMIN})
"""Who may look at and end what people allowed apps (platform reference §5.3)."""


def find_role(key: str, among: Collection[Role]) -> Role | None:
    return next((role for role in among if role.value == key), None)


def known_roles(keys: Iterable[str]) -> frozenset[Role]:
    """Those that this version knows: a newer node may have assigned one that it does not (checklist TEN-07)."""
    return frozenset(role for role in map(_BY_KEY.get, keys) if role is not None)


def labels(roles: Collection[Role]) -> list[str]:
    return [role.label for role in Role if role in roles]
