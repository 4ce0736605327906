"""Requests, authorizations, and what is issued under them."""

import uuid
from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from appanage.apps.model import App
from appanage.directory.model import Account, Organization
from appanage.storage import Record


class AuthorizationRequest(Record):
    """A developer asked the administrators of an organization to authorize an app."""

    __tablename__ = "authorization_requests"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id"))
    organization_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organizations.id"), index=True)
    requested_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"))
    requested_by_name: Mapped[str]
    requested_at: Mapped[datetime]
    message: Mapped[str] = mapped_column(default="")

    __table_args__ = (
        Index("uq_authorization_requests_app_id_organization_id", "app_id", "organization_id", unique=True),
    )


class Authorization(Record):
    """The lasting record that an organization allowed an app these scopes. Ended ones stay as history.

    `valid_from` moves forward when every token issued so far must die (design decision 7).
    """

    __tablename__ = "authorizations"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id"))
    organization_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organizations.id"))
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"), unique=True)
    scopes: Mapped[list[str]]
    authorized_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"))
    authorized_by_name: Mapped[str]
    authorized_at: Mapped[datetime]
    scopes_approved_at: Mapped[datetime]
    valid_from: Mapped[datetime]
    tokens_retrieved_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("accounts.id"))
    ended_by_name: Mapped[str | None]
    end_reason: Mapped[str | None]

    app: Mapped[App] = relationship(lazy="joined", innerjoin=True)
    organization: Mapped[Organization] = relationship(lazy="joined", innerjoin=True)
    account: Mapped[Account] = relationship(lazy="joined", innerjoin=True, foreign_keys=[account_id])

    __table_args__ = (
        Index(
            "uq_authorizations_app_id_organization_id",
            "app_id",
            "organization_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_authorizations_organization_id", "organization_id", "authorized_at"),
        Index("ix_authorizations_app_id", "app_id", "authorized_at"),
    )

    @property
    def is_active(self) -> bool:
        return self.ended_at is None

    @property
    def usable_scopes(self) -> frozenset[str]:
        """What may be used now: approved here and still asked for by the app (checklist MACH-03, CONS-04)."""
        return frozenset(self.scopes) & frozenset(self.app.scopes)

    @property
    def added_scopes(self) -> frozenset[str]:
        """What the app asks for and nobody here has approved."""
        return frozenset(self.app.scopes) - frozenset(self.scopes)

    @property
    def dropped_scopes(self) -> frozenset[str]:
        return frozenset(self.scopes) - frozenset(self.app.scopes)

    @property
    def is_usable(self) -> bool:
        """Whether tokens may be issued and used now (checklist MACH-06)."""
        return self.is_active and self.app.is_active and self.organization.suspended_at is None

    def approve(self, scopes: Collection[str], now: datetime) -> None:
        self.scopes = sorted(scopes)
        self.scopes_approved_at = now

    def revoke(self, *, by: Account, reason: str, now: datetime) -> None:
        """Ends the authorization; what was issued under it dies with it."""
        self.ended_at = self.valid_from = now
        self.ended_by, self.ended_by_name, self.end_reason = by.id, by.display_name, reason or None


class RefreshToken(Record):
    """A refresh token, kept as a digest. Its id is the family of the access tokens issued with it."""

    __tablename__ = "refresh_tokens"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    digest: Mapped[bytes] = mapped_column(unique=True)
    authorization_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("authorizations.id"), index=True)
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    authorization: Mapped[Authorization] = relationship(lazy="joined", innerjoin=True)

    @property
    def family(self) -> str:
        return str(self.id)


class PersonalToken(Record):
    """A personal access token: a person's own, opaque, at most twelve hours."""

    __tablename__ = "personal_tokens"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    digest: Mapped[bytes] = mapped_column(unique=True)
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]

    account: Mapped[Account] = relationship(lazy="joined", innerjoin=True)

    def is_live(self, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at


class SigningKeyRecord(Record):
    """A signing key; the private half is sealed under the deployment's secret key.

    Published from `created_at`, signs from `active_from` until a newer one does, and stays published until the last
    token signed with it has expired (checklist TOK-14).
    """

    __tablename__ = "signing_keys"

    key_id: Mapped[str] = mapped_column(primary_key=True)
    algorithm: Mapped[str]
    sealed_private_key: Mapped[bytes]
    created_at: Mapped[datetime]
    active_from: Mapped[datetime]


class RevocationKind(StrEnum):
    """What a revocation is about; the value is the key's first part in the revocation index."""

    AUTHORIZATION = "azn"
    FAMILY = "fam"
    TOKEN = "jti"


class Revocation(Record):
    """Tokens about `subject` issued before `valid_from` are dead. Read by every process through its index.

    `xid` is the transaction that wrote the row: rows become visible in the order of commits, not of ids, and a
    reader that remembers the oldest transaction still open when it last looked can miss none.
    """

    __tablename__ = "revocations"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    xid: Mapped[int] = mapped_column(server_default=text("(pg_current_xact_id()::text)::bigint"), index=True)
    kind: Mapped[str]
    subject: Mapped[str]
    valid_from: Mapped[datetime]
    forget_at: Mapped[datetime] = mapped_column(index=True)

    __table_args__ = (
        CheckConstraint("kind IN ('azn', 'fam', 'jti')", name="kind_is_known"),
        Index("ix_revocations_kind_subject", "kind", "subject"),
    )


REMEMBERED_AFTER_EXPIRY = timedelta(hours=1)
