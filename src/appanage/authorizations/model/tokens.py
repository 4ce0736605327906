"""What is issued under authorizations, and what is known about its end."""

import uuid
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, func, text, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from appanage.apps.model import App
from appanage.authorizations.model.authorization import Authorization
from appanage.directory.model import Account
from appanage.storage import Record
from appanage.storage.use import Used


class RefreshToken(Record):
    """A refresh token, kept as a digest. Its id is the family of the access tokens issued with it.

    The row stays when a public client's token is rotated (design decision 9): `digest` is then the successor's, and a
    `SupersededRefreshToken` remembers the one before. So one row is the whole family: it is locked, revoked and bound
    in one place, however often it was renewed (checklist REV-05, REV-06).

    `scopes` narrows the authorization to what this grant was asked for; None means all that is usable. `resource` and
    `key_thumbprint` (RFC 9449 §5) bind it. `is_proven`: it was given to a client that proved itself, and is worth nothing
    to one that need not. `ends_at` is the end that no refresh moves, in strict mode.
    """

    __tablename__ = "refresh_tokens"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    digest: Mapped[bytes] = mapped_column(unique=True)
    authorization_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("authorizations.id"), index=True)
    scopes: Mapped[list[str] | None]
    resource: Mapped[str | None]
    key_thumbprint: Mapped[str | None]
    is_proven: Mapped[bool] = mapped_column(default=True, server_default=true())
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    rotated_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    authorization: Mapped[Authorization] = relationship(lazy="joined", innerjoin=True)

    # A refresh changes no column that an index is on, and finds room for the new row on the page of the old one.
    __table_args__ = ({"postgresql_with": {"fillfactor": 85}},)

    @property
    def family(self) -> str:
        return str(self.id)

    @property
    def usable_scopes(self) -> frozenset[str]:
        return self.authorization.standing.usable_of(self.scopes)


class SupersededRefreshToken(Record):
    """A refresh token that was rotated away: its repeat is a retry for a moment, and reuse afterwards (REV-02, REV-03)."""

    __tablename__ = "superseded_refresh_tokens"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    refresh_token_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("refresh_tokens.id", ondelete="CASCADE"), index=True
    )
    superseded_at: Mapped[datetime]


class PersonalToken(Used, Record):
    """A personal access token: a person's own, opaque, at most twelve hours.

    `label` is what its person calls it; the operator may have made it for them.
    """

    __tablename__ = "personal_tokens"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    digest: Mapped[bytes] = mapped_column(unique=True)
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    label: Mapped[str] = mapped_column(default="", server_default="")
    last_four: Mapped[str] = mapped_column(default="", server_default="")
    scopes: Mapped[list[str]]
    created_by_name: Mapped[str] = mapped_column(default="", server_default="")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    account: Mapped[Account] = relationship(lazy="joined", innerjoin=True)

    def is_live(self, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at


class BotToken(Used, Record):
    """The token of a bot, kept as a digest: opaque, and alive until it is regenerated (platform reference §2.6)."""

    __tablename__ = "bot_tokens"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id"))
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    digest: Mapped[bytes] = mapped_column(unique=True)
    last_four: Mapped[str]
    created_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"))
    created_by_name: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    app: Mapped[App] = relationship(lazy="joined", innerjoin=True)
    account: Mapped[Account] = relationship(foreign_keys=account_id, lazy="joined", innerjoin=True)

    __table_args__ = (
        Index(
            "uq_bot_tokens_app_id",  # of a bot's tokens one is alive
            "app_id",
            unique=True,
            postgresql_where=text("revoked_at IS NULL"),
        ),
    )

    def is_live(self, now: datetime) -> bool:
        is_in_force = self.revoked_at is None and now < self.expires_at
        return is_in_force and self.app.is_active and self.app.honours(self.created_at)


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

    `authorization_id` is that of an access token that was revoked alone, so that such can be counted.
    """

    __tablename__ = "revocations"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    xid: Mapped[int] = mapped_column(server_default=text("(pg_current_xact_id()::text)::bigint"), index=True)
    kind: Mapped[str]
    subject: Mapped[str]
    valid_from: Mapped[datetime]
    forget_at: Mapped[datetime]
    authorization_id: Mapped[uuid.UUID | None]
    told_at: Mapped[datetime | None] = mapped_column(server_default=func.clock_timestamp())

    __table_args__ = (
        CheckConstraint("kind IN ('azn', 'fam', 'jti')", name="kind_is_known"),
        Index("ix_revocations_kind_subject", "kind", "subject"),
        Index(
            "ix_revocations_authorization_id",
            "authorization_id",
            postgresql_where=text("authorization_id IS NOT NULL"),
        ),
    )


REMEMBERED_AFTER_EXPIRY = timedelta(hours=1)
