"""Organizations and the accounts in them."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from appanage.directory.roles import ADMINISTRATORS, OF_EVERY_ORGANIZATION, Role, known_roles, labels
from appanage.events import Actor, Target
from appanage.storage import Record


class Plan(StrEnum):
    STANDARD = "standard"
    FREE = "free"  # cannot run the administrators' half: its people have no Control Hub


class Organization(Record):
    """A tenant: owns apps, authorizes apps, has people. Its id is never used again (checklist REG-08).

    One of them may be the operator's, whose people review and suspend everybody's apps.
    """

    __tablename__ = "organizations"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    name: Mapped[str]
    plan: Mapped[str] = mapped_column(default=Plan.STANDARD)
    is_operator: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[datetime]
    suspended_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "uq_organizations_is_operator", "is_operator", unique=True, postgresql_where=text("is_operator")
        ),
    )

    @property
    def is_free(self) -> bool:
        return self.plan == Plan.FREE

    @property
    def roles(self) -> Sequence[Role]:
        """The roles that there are here."""
        return tuple(Role) if self.is_operator else OF_EVERY_ORGANIZATION

    def as_target(self) -> Target:
        return Target("organization", str(self.id), self.name, self.id, self.name)


class OrganizationDomain(Record):
    """A domain of which the operator knows that it is this organization's; in lower case."""

    __tablename__ = "organization_domains"

    domain: Mapped[str] = mapped_column(primary_key=True)
    organization_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organizations.id"), index=True)
    verified_at: Mapped[datetime]
    verified_by_name: Mapped[str]


class AccountKind(StrEnum):
    PERSON = "person"
    MACHINE = "machine"
    BOT = "bot"


class Account(Record):
    """An identity that can act. A deleted account stays as a tombstone, so that its id is never used again."""

    __tablename__ = "accounts"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    organization_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organizations.id"))
    kind: Mapped[str]
    email: Mapped[str]
    display_name: Mapped[str]
    first_name: Mapped[str] = mapped_column(default="")
    last_name: Mapped[str] = mapped_column(default="")
    nick_name: Mapped[str] = mapped_column(default="")
    avatar: Mapped[str | None]
    title: Mapped[str | None]
    department: Mapped[str | None]
    manager: Mapped[str | None]
    manager_id: Mapped[uuid.UUID | None]
    extension: Mapped[str | None]
    location_id: Mapped[str | None]
    time_zone: Mapped[str | None]
    phone_numbers: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    addresses: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    site_urls: Mapped[list[str]] = mapped_column(default=list)
    sip_addresses: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    invite_pending: Mapped[bool] = mapped_column(default=False)
    login_enabled: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]
    modified_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]

    organization: Mapped[Organization] = relationship(lazy="joined", innerjoin=True)
    role_rows: Mapped[list["AccountRole"]] = relationship(
        lazy="selectin", cascade="all, delete-orphan", passive_deletes=True
    )
    license_rows: Mapped[list["AccountLicense"]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, order_by="AccountLicense.license_id"
    )

    __table_args__ = (
        CheckConstraint("kind IN ('person', 'machine', 'bot')", name="kind_is_known"),
        Index(
            "uq_accounts_email",
            text("lower(email)"),
            unique=True,
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index("ix_accounts_organization_id_name", "organization_id", text("lower(display_name)"), "id"),
    )

    @property
    def is_person(self) -> bool:
        return self.kind == AccountKind.PERSON

    @property
    def is_machine(self) -> bool:
        return self.kind == AccountKind.MACHINE

    @property
    def is_active(self) -> bool:
        """Whether the account may act now."""
        return is_active(self.deleted_at, self.login_enabled, self.organization.suspended_at)

    @property
    def roles(self) -> frozenset[Role]:
        return known_roles(row.role for row in self.role_rows)

    @property
    def license_ids(self) -> list[uuid.UUID]:
        return [row.license_id for row in self.license_rows]

    @property
    def is_administrator(self) -> bool:
        return bool(self.roles & ADMINISTRATORS)

    def has_any(self, *roles: Role) -> bool:
        return bool(self.roles.intersection(roles))

    def runs_the_platform_as(self, role: Role) -> bool:
        """Whether this person may do something for everybody, which takes a role in the operator's organization."""
        return self.organization.is_operator and role in self.roles

    def assign(self, roles: frozenset[Role]) -> None:
        """Gives exactly these roles."""
        kept = [row for row in self.role_rows if not known_roles([row.role]) - roles]
        missing = roles - known_roles(row.role for row in kept)
        self.role_rows = [*kept, *(AccountRole(role=role.value) for role in sorted(missing))]

    def as_actor(self) -> Actor:
        return Actor(
            name=self.display_name,
            kind=self.kind,
            id=self.id,
            email=self.email,
            organization_id=self.organization_id,
            organization_name=self.organization.name,
            roles=tuple(labels(self.roles)),
        )

    def as_target(self) -> Target:
        return Target(
            "account", str(self.id), self.display_name, self.organization_id, self.organization.name
        )


def is_active(
    deleted_at: datetime | None, login_enabled: bool, organization_suspended_at: datetime | None
) -> bool:
    """The rule for accounts, for who has read the columns but no account."""
    return deleted_at is None and login_enabled and organization_suspended_at is None


class AccountRole(Record):
    __tablename__ = "account_roles"

    account_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True
    )
    role: Mapped[str] = mapped_column(primary_key=True)


class License(Record):
    """A number of units of something that an organization's people may be given."""

    __tablename__ = "licenses"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    organization_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organizations.id"), index=True)
    code: Mapped[str]
    name: Mapped[str]
    total_units: Mapped[int]

    @property
    def public_key(self) -> str:
        return license_key(self.organization_id, self.code, self.id)


def license_key(organization_id: uuid.UUID, code: str, license_id: uuid.UUID) -> str:
    """The pair that a license id holds on the platform: `<organization>:<CODE>_<license>`."""
    return f"{organization_id}:{code}_{license_id}"


class AccountLicense(Record):
    __tablename__ = "account_licenses"

    account_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True
    )
    license_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("licenses.id"), primary_key=True, index=True)


class Sandbox(Record):
    """An organization to try things out in, made by a developer, who is its Full Administrator under another account.

    It ends at `expires_at`; then the organization is suspended and what it authorized has ended.
    """

    __tablename__ = "sandboxes"

    organization_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    administrator_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]

    organization: Mapped[Organization] = relationship(lazy="joined", innerjoin=True)
    administrator: Mapped[Account] = relationship(
        lazy="joined", innerjoin=True, foreign_keys=[administrator_id]
    )

    @property
    def is_open(self) -> bool:
        return self.ended_at is None
