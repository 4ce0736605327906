"""Apps and what belongs to them: owners, client secrets, a logo."""

import secrets
import uuid
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, false, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from appanage.directory.model import Account, Organization
from appanage.events import Actor, Target
from appanage.kit.secrets import Prefix, Secret, new_secret
from appanage.storage import Record
from appanage.storage.use import Used


class AppKind(StrEnum):
    SERVICE_APP = "service_app"
    INTEGRATION = "integration"
    BOT = "bot"


class Visibility(StrEnum):
    """Who can see an app: its owners, administrators of its organization, everybody."""

    PRIVATE = "private"
    ORGANIZATION = "organization"
    PUBLIC = "public"


class ClientProof(StrEnum):
    """How an app proves at the token endpoint that it is this client; registered for one way (checklist CRED-10)."""

    SECRET = "client_secret"  # by Basic or in the body
    KEY = "private_key_jwt"
    NONE = "none"  # a public client: it runs where nothing can be kept secret


class App(Record):
    """What a developer makes. A deleted app stays as a tombstone, so that its ids are never used again (REG-08).

    A bot is no client: it has an account of its own, `bot_account_id`, at an address that never changes, `bot_email`.
    `optional_scopes` are those of its scopes that the app can do without. `proposed` is what its developers changed of a
    listed app and nobody has reviewed yet: `edition` counts all
    that they change, `version` what of it is live. Tokens from before `valid_from` are dead, whatever they were issued under.
    """

    __tablename__ = "apps"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    organization_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organizations.id"), index=True)
    kind: Mapped[str]
    visibility: Mapped[str] = mapped_column(default=Visibility.PRIVATE.value)
    client_id: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    description: Mapped[str]
    contact_email: Mapped[str]
    company_name: Mapped[str | None]
    support_url: Mapped[str | None]
    privacy_url: Mapped[str | None]
    logo_url: Mapped[str | None]
    logo_digest: Mapped[str | None]
    client_proof: Mapped[str] = mapped_column(
        default=ClientProof.SECRET.value, server_default=ClientProof.SECRET.value
    )
    redirect_urls: Mapped[list[str]] = mapped_column(default=list, server_default="{}")
    sign_out_urls: Mapped[list[str]] = mapped_column(default=list, server_default="{}")
    is_strict: Mapped[bool] = mapped_column(default=False, server_default=false())
    pushes_requests: Mapped[bool] = mapped_column(default=False, server_default=false())
    bot_email: Mapped[str | None]
    bot_account_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("accounts.id"), unique=True)
    scopes: Mapped[list[str]]
    optional_scopes: Mapped[list[str]] = mapped_column(default=list, server_default="{}")
    scope_reasons: Mapped[dict[str, Any]] = mapped_column(default=dict)
    proposed: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    version: Mapped[int] = mapped_column(default=1)
    edition: Mapped[int] = mapped_column(default=1, server_default="1")
    created_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"))
    created_at: Mapped[datetime]
    modified_at: Mapped[datetime]
    suspended_at: Mapped[datetime | None]
    suspended_by_name: Mapped[str | None]
    suspension_reason: Mapped[str | None]
    valid_from: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]

    organization: Mapped[Organization] = relationship(lazy="joined", innerjoin=True)
    creator: Mapped[Account] = relationship(foreign_keys=created_by)
    owners: Mapped[list["AppOwner"]] = relationship(viewonly=True, order_by="AppOwner.account_id")

    __table_args__ = (
        CheckConstraint("kind IN ('service_app', 'integration', 'bot')", name="kind_is_known"),
        CheckConstraint(
            "client_proof IN ('client_secret', 'private_key_jwt', 'none')", name="proof_is_known"
        ),
        CheckConstraint(
            "(kind = 'bot') = (bot_account_id IS NOT NULL) AND (kind = 'bot') = (bot_email IS NOT NULL)",
            name="bot_has_an_account",
        ),
        Index("ix_apps_bot_email", text("lower(bot_email)"), postgresql_where=text("bot_email IS NOT NULL")),
        CheckConstraint("visibility IN ('private', 'organization', 'public')", name="visibility_is_known"),
    )

    @property
    def is_active(self) -> bool:
        """Whether the app may be given tokens and its tokens may be used."""
        return is_active(self.deleted_at, self.suspended_at, self.organization.suspended_at)

    def honours(self, issued_at: datetime) -> bool:
        """Whether what was issued under it then may count at all: nothing does from before its last suspension ended."""
        return self.valid_from is None or issued_at >= self.valid_from

    def birth(self, now: datetime) -> datetime:
        """When what is issued now is issued, also by a node whose clock is behind the one that lifted a suspension."""
        return max(now, self.valid_from or now)

    @property
    def is_private(self) -> bool:
        return self.visibility == Visibility.PRIVATE

    @property
    def is_listed(self) -> bool:
        """Whether it was reviewed for everybody: what it is changes only by another review (checklist REG-13)."""
        return self.visibility == Visibility.PUBLIC

    @property
    def is_service_app(self) -> bool:
        return self.kind == AppKind.SERVICE_APP

    @property
    def is_integration(self) -> bool:
        return self.kind == AppKind.INTEGRATION

    @property
    def is_bot(self) -> bool:
        return self.kind == AppKind.BOT

    @property
    def is_public(self) -> bool:
        """Whether this is a public client (RFC 6749 §2.1)."""
        return self.client_proof == ClientProof.NONE

    def as_target(self) -> Target:
        return Target("app", str(self.id), self.name, self.organization_id, self.organization.name)

    def as_actor(self) -> Actor:
        """The app itself as the one who acts, at the endpoints for clients."""
        return Actor(
            name=self.name,
            kind="app",
            id=self.id,
            organization_id=self.organization_id,
            organization_name=self.organization.name,
        )


def is_active(
    deleted_at: datetime | None, suspended_at: datetime | None, organization_suspended_at: datetime | None
) -> bool:
    """The rule for apps, for who has read the columns but no app (checklist MACH-06)."""
    return deleted_at is None and suspended_at is None and organization_suspended_at is None


class AppOwner(Record):
    """A person who may do everything with an app."""

    __tablename__ = "app_owners"

    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id"), primary_key=True)
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True, index=True)
    since: Mapped[datetime]


class ClientSecret(Used, Record):
    """One secret of a client, kept as a digest. Two may be alive at once, so that one can be replaced in peace."""

    __tablename__ = "client_secrets"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id"))
    digest: Mapped[bytes] = mapped_column(unique=True)
    last_four: Mapped[str]
    created_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"))
    created_by_name: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_client_secrets_app_id_created_at", "app_id", "created_at"),)

    @classmethod
    def make(
        cls, app: App, *, by: Account, now: datetime, lifetime: timedelta
    ) -> "tuple[ClientSecret, Secret]":
        """A new row and the secret itself, which exists nowhere else."""
        secret = new_secret(Prefix.CLIENT_SECRET)
        row = cls(
            id=uuid.uuid4(),
            app_id=app.id,
            digest=secret.digest,
            last_four=secret.last_four,
            created_by=by.id,
            created_by_name=by.display_name,
            created_at=now,
            expires_at=now + lifetime,
        )
        return row, secret

    def is_live(self, now: datetime) -> bool:
        return self.expires_at > now and (self.revoked_at is None or self.revoked_at > now)

    def end(self, at: datetime) -> None:
        """Stops being accepted at `at`, which may lie ahead while the replacement is rolled out."""
        if self.revoked_at is None or self.revoked_at > at:
            self.revoked_at = at


class ClientKey(Used, Record):
    """A public key of a client that proves itself by signed assertions (RFC 7523). Two may be alive at once."""

    __tablename__ = "client_keys"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id"))
    thumbprint: Mapped[str]
    jwk: Mapped[dict[str, Any]]
    algorithm: Mapped[str]
    label: Mapped[str]
    created_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"))
    created_by_name: Mapped[str]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_client_keys_app_id_created_at", "app_id", "created_at"),
        Index(
            "uq_client_keys_app_id_thumbprint",
            "app_id",
            "thumbprint",
            unique=True,
            postgresql_where=text("revoked_at IS NULL"),
        ),
    )

    @property
    def is_live(self) -> bool:
        return self.revoked_at is None


class AppLogo(Record):
    """An app's picture, re-encoded by us."""

    __tablename__ = "app_logos"

    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id"), primary_key=True)
    media_type: Mapped[str]
    content: Mapped[bytes]


class ProposedLogo(Record):
    """The picture of a logo that waits for a review, named by its content. A few are kept: one may be in review."""

    __tablename__ = "proposed_logos"

    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id"), primary_key=True)
    digest: Mapped[str] = mapped_column(primary_key=True)
    media_type: Mapped[str]
    content: Mapped[bytes] = mapped_column(deferred=True)
    added_at: Mapped[datetime]


def new_client_id() -> str:
    """`C` and 64 hexadecimal digits: never to be mistaken for an account's id, which is a UUID (checklist REG-07)."""
    return f"C{secrets.token_hex(32)}"
