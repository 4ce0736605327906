"""What lives between two steps of the protocol: each is spent once and soon forgotten."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from appanage.apps.model import App
from appanage.authorizations.model.authorization import Authorization
from appanage.storage import Record


class PushedRequest(Record):
    """The parameters of an authorization request that came before it (RFC 9126), known by a `request_uri`."""

    __tablename__ = "pushed_requests"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id"))
    parameters: Mapped[dict[str, Any]]
    by_client: Mapped[bool]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    spent_at: Mapped[datetime | None]


class Interaction(Record):
    """One person's way through sign-in and consent for one authorization request (checklist AUTHZ-12).

    It belongs to one browser, whose cookie it is bound to, and ends with one decision.
    """

    __tablename__ = "interactions"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    browser_digest: Mapped[bytes] = mapped_column(index=True)
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id"))
    request: Mapped[dict[str, Any]]
    chosen_account_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("accounts.id"))
    began_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    allowed_at: Mapped[datetime | None]

    app: Mapped[App] = relationship(lazy="joined", innerjoin=True)


class AuthorizationCode(Record):
    """An authorization code, kept as a digest, with everything it is bound to (checklist AUTHZ-05)."""

    __tablename__ = "authorization_codes"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    authorization_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("authorizations.id"), index=True)
    session_id: Mapped[uuid.UUID]
    redirect_uri: Mapped[str]
    redirect_uri_was_given: Mapped[bool]
    scopes: Mapped[list[str]]
    resource: Mapped[str | None]
    code_challenge: Mapped[str | None]
    code_challenge_method: Mapped[str | None]
    key_thumbprint: Mapped[str | None]
    nonce: Mapped[str | None]
    authenticated_at: Mapped[datetime]
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    spent_at: Mapped[datetime | None]
    refresh_token_id: Mapped[uuid.UUID | None]

    authorization: Mapped[Authorization] = relationship(lazy="joined", innerjoin=True)


class DeviceCode(Record):
    """A device waits for a person to allow it elsewhere (RFC 8628). The device code is kept as a digest."""

    __tablename__ = "device_codes"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    digest: Mapped[bytes] = mapped_column(unique=True)
    user_code: Mapped[str]
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id"))
    scopes: Mapped[list[str]]
    resource: Mapped[str | None]
    address: Mapped[str]
    user_agent: Mapped[str]
    interval_seconds: Mapped[int]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_polled_at: Mapped[datetime | None]
    claimed_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("accounts.id"))
    claimed_at: Mapped[datetime | None]
    approved_at: Mapped[datetime | None]
    denied_at: Mapped[datetime | None]
    authenticated_at: Mapped[datetime | None]
    authorization_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("authorizations.id"))
    spent_at: Mapped[datetime | None]

    app: Mapped[App] = relationship(lazy="joined", innerjoin=True)

    __table_args__ = (
        Index(
            "uq_device_codes_user_code",
            "user_code",
            unique=True,
            postgresql_where=text("approved_at IS NULL AND denied_at IS NULL"),
        ),
    )


class SpentProof(Record):
    """The `jti` of a client assertion or DPoP proof that was accepted; remembered while it could be sent again."""

    __tablename__ = "spent_proofs"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    forget_at: Mapped[datetime]
