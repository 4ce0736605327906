"""What administrators allow the people of their organization to connect."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from appanage.apps.model import App
from appanage.storage import Record


class PolicyMode(StrEnum):
    """What holds for an integration that no rule names."""

    ALLOW = "allow"
    BLOCK = "block"


class IntegrationPolicy(Record):
    """An organization's policy on integrations. Without a row people may connect whatever no rule blocks."""

    __tablename__ = "integration_policies"

    organization_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    mode: Mapped[str]
    changed_at: Mapped[datetime]
    changed_by_name: Mapped[str]

    __table_args__ = (CheckConstraint("mode IN ('allow', 'block')", name="mode_is_known"),)


class IntegrationRule(Record):
    """An organization's decision on one integration, which comes before its policy."""

    __tablename__ = "integration_rules"

    organization_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id"), primary_key=True)
    mode: Mapped[str]
    decided_at: Mapped[datetime]
    decided_by_name: Mapped[str]

    app: Mapped[App] = relationship(lazy="joined", innerjoin=True)

    __table_args__ = (CheckConstraint("mode IN ('allow', 'block')", name="mode_is_known"),)
