"""A decision that takes two administrators: what the first one proposes and a second one confirms."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from appanage.apps.model import App
from appanage.directory.model import Account
from appanage.storage import Record


class ProposalState(StrEnum):
    WAITING = "waiting"
    CONFIRMED = "confirmed"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class AuthorizationProposal(Record):
    """One administrator would authorize an app so; another one has to agree before `expires_at` (checklist CONS-07)."""

    __tablename__ = "authorization_proposals"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id"))
    organization_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organizations.id"))
    app_version: Mapped[int]
    scopes: Mapped[list[str]]
    ends_at: Mapped[datetime | None]
    note: Mapped[str]
    rule: Mapped[str]
    proposed_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"))
    proposed_by_name: Mapped[str]
    proposed_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(default=ProposalState.WAITING.value)
    decided_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("accounts.id"))
    decided_by_name: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decision_reason: Mapped[str | None]

    app: Mapped[App] = relationship(lazy="joined", innerjoin=True)

    __table_args__ = (
        Index(
            "uq_authorization_proposals_app_id_organization_id",
            "app_id",
            "organization_id",
            unique=True,
            postgresql_where=text("state = 'waiting'"),
        ),
        Index("ix_authorization_proposals_organization_id", "organization_id", "proposed_at"),
        Index(
            "ix_authorization_proposals_expires_at", "expires_at", postgresql_where=text("state = 'waiting'")
        ),
        CheckConstraint(
            "state IN ('waiting', 'confirmed', 'declined', 'withdrawn', 'expired')", name="state_is_known"
        ),
    )

    @property
    def is_waiting(self) -> bool:
        return self.state == ProposalState.WAITING

    def is_live(self, now: datetime) -> bool:
        """Whether it can still be confirmed, as far as time goes."""
        return self.is_waiting and self.expires_at > now

    def decide(self, state: ProposalState, *, by: Account | None, now: datetime, reason: str = "") -> None:
        self.state, self.decided_at, self.decision_reason = state.value, now, reason or None
        self.decided_by, self.decided_by_name = (by.id, by.display_name) if by else (None, None)
