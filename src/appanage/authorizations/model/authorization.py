"""Who allowed what: the request that comes before, and the lasting record."""

import uuid
from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from appanage.apps.model import App
from appanage.authorizations.standing import Standing
from appanage.directory.model import Account, Organization
from appanage.storage import Record

_NOTED_EVERY = timedelta(minutes=1)


class RequestOrigin(StrEnum):
    """Who asked the administrators of an organization to authorize an app."""

    DEVELOPER = "developer"  # for the organization that the app is made in
    SHARE = "share"  # its developer, for another organization that the app was sent to
    PERSON = "person"  # somebody of the organization, who found it in the App Hub


class RequestDecision(StrEnum):
    AUTHORIZED = "authorized"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class AuthorizationRequest(Record):
    """Somebody asked the administrators of an organization to authorize an app. A repeat is the same row again.

    It is open until it is decided on; `decided_by_name` is a person's, or says by which rule. `addressed_to` is the id
    or domain by which a developer named another organization, whose name they learn when it has decided. `declined_at`
    is when administrators last said no; it stays when the request is made again or withdrawn.
    """

    __tablename__ = "authorization_requests"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id"))
    organization_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organizations.id"), index=True)
    requested_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"))
    requested_by_name: Mapped[str]
    requested_at: Mapped[datetime]
    message: Mapped[str] = mapped_column(default="")
    addressed_to: Mapped[str | None]
    origin: Mapped[str] = mapped_column(
        default=RequestOrigin.DEVELOPER.value, server_default=RequestOrigin.DEVELOPER.value
    )
    decision: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("accounts.id"))
    decided_by_name: Mapped[str | None]
    decision_reason: Mapped[str | None]
    declined_at: Mapped[datetime | None]

    app: Mapped[App] = relationship(lazy="joined", innerjoin=True)
    organization: Mapped[Organization] = relationship(lazy="joined", innerjoin=True)

    __table_args__ = (
        Index(
            "uq_authorization_requests_app_id_organization_id_requested_by",
            "app_id",
            "organization_id",
            "requested_by",
            unique=True,
        ),
        Index(
            "ix_authorization_requests_open",
            "organization_id",
            "requested_at",
            postgresql_where=text("decided_at IS NULL"),
        ),
        Index("ix_authorization_requests_requested_by", "requested_by", "requested_at"),
        CheckConstraint("origin IN ('developer', 'share', 'person')", name="origin_is_known"),
        CheckConstraint("decision IN ('authorized', 'declined', 'withdrawn')", name="decision_is_known"),
        CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", name="decided_with_a_decision"),
    )

    @property
    def is_open(self) -> bool:
        return self.decided_at is None


class AuthorizationKind(StrEnum):
    """Who allowed the app to act, and in whose name it acts."""

    ORGANIZATION = "organization"  # a Service App, in the name of the machine account made for it
    PERSON = "person"  # an Integration, in the name of the person who consented


class Authorization(Record):
    """The lasting record that an organization or a person allowed an app these scopes. Ended ones stay as history.

    `account` is whom the app acts for. `valid_from` moves forward when every token issued so far must die (design
    decision 7). `resource_scopes` tells what a person consented to at which resource (RFC 8707); the empty name
    is the platform's own API. `declined_scopes` are those that the app asked for and the organization did not grant;
    `app_version` is the version of the app that was decided on, `authorized_by_rule` the rule of the organization's
    policy when that decided instead of a person. From `ends_at` on no token counts.
    """

    __tablename__ = "authorizations"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id"))
    kind: Mapped[str] = mapped_column(server_default="organization")
    organization_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organizations.id"))
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"))
    scopes: Mapped[list[str]]
    declined_scopes: Mapped[list[str]] = mapped_column(default=list, server_default="{}")
    resource_scopes: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    authorized_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"))
    authorized_by_name: Mapped[str]
    authorized_at: Mapped[datetime]
    authorized_by_rule: Mapped[str | None]
    scopes_approved_at: Mapped[datetime]
    app_version: Mapped[int | None]
    valid_from: Mapped[datetime]
    ends_at: Mapped[datetime | None]
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
            postgresql_where=text("ended_at IS NULL AND kind = 'organization'"),
        ),
        Index(
            "uq_authorizations_account_id_app_id",
            "account_id",
            "app_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(
            "uq_authorizations_account_id",
            "account_id",
            unique=True,
            postgresql_where=text("kind = 'organization'"),
        ),
        Index("ix_authorizations_account_id", "account_id", "authorized_at"),
        Index("ix_authorizations_organization_id", "organization_id", "authorized_at"),
        Index("ix_authorizations_app_id", "app_id", "authorized_at"),
        Index(
            "ix_authorizations_ends_at",
            "ends_at",
            postgresql_where=text("ends_at IS NOT NULL AND ended_at IS NULL"),
        ),
        CheckConstraint("kind IN ('organization', 'person')", name="kind_is_known"),
    )

    @property
    def is_active(self) -> bool:
        return self.ended_at is None

    @property
    def usable_scopes(self) -> frozenset[str]:
        return self.standing.usable_scopes

    @property
    def resources(self) -> list[str]:
        """The resources beside the platform's own API that a person consented to."""
        return sorted(name for name in self.resource_scopes if name)

    def consented_at(self, resource: str | None) -> frozenset[str]:
        """What the person allowed there and nowhere else (checklist CONS-02)."""
        return frozenset(self.resource_scopes.get(resource or "", ()))

    def consent(self, scopes: Collection[str], resource: str | None, now: datetime) -> None:
        """Adds what the person allowed just now to what they allowed before."""
        there = sorted({*self.consented_at(resource), *scopes})
        self.resource_scopes = {**self.resource_scopes, resource or "": there}
        self.approve({*self.scopes, *scopes}, now)

    @property
    def is_personal(self) -> bool:
        return self.kind == AuthorizationKind.PERSON

    @property
    def added_scopes(self) -> frozenset[str]:
        """What the app asks for and nobody here has decided on."""
        return frozenset(self.app.scopes) - frozenset(self.scopes) - frozenset(self.declined_scopes)

    @property
    def dropped_scopes(self) -> frozenset[str]:
        return frozenset(self.scopes) - frozenset(self.app.scopes)

    def is_usable_at(self, now: datetime) -> bool:
        return self.standing.is_usable_at(now)

    def is_over_at(self, now: datetime) -> bool:
        """Whether its end has passed; it is ended for good soon after."""
        return self.ends_at is not None and self.ends_at <= now

    @property
    def standing(self) -> Standing:
        """What holds now, for the rules about tokens."""
        app, account = self.app, self.account
        return Standing(
            authorization_id=self.id,
            is_personal=self.is_personal,
            app_id=app.id,
            app_organization_id=app.organization_id,
            client_id=app.client_id,
            is_public=app.is_public,
            is_strict=app.is_strict,
            is_app_active=app.is_active,
            registered=frozenset(app.scopes),
            organization_id=self.organization_id,
            account_id=account.id,
            account_kind=account.kind,
            account_email=account.email,
            is_account_active=account.is_active,
            roles=account.roles,
            scopes=frozenset(self.scopes),
            valid_from=app.birth(self.valid_from),
            app_valid_from=app.valid_from,
            ends_at=self.ends_at,
            ended_at=self.ended_at,
        )

    def mark_used(self, now: datetime) -> None:
        """Notes that the app fetched a token without a refresh token, once a minute at the most."""
        if self.last_used_at is None or now - self.last_used_at >= _NOTED_EVERY:
            self.last_used_at = now

    def approve(self, scopes: Collection[str], now: datetime) -> None:
        self.scopes = sorted(scopes)
        self.scopes_approved_at = now

    def revoke(self, *, by: Account | None, reason: str, now: datetime) -> None:
        """Ends the authorization; what was issued under it dies with it. Without `by` nobody did, but its time was over."""
        self.ended_at = self.valid_from = now
        self.ended_by, self.ended_by_name = (by.id, by.display_name) if by else (None, None)
        self.end_reason = reason or None
