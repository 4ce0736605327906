"""What an organization has settled about Service Apps before any of them is decided on."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from appanage.apps.model import App
from appanage.storage import Record


class Requesters(StrEnum):
    """Who of the organization may ask for an app of the App Hub."""

    EVERYBODY = "everybody"
    ADMINISTRATORS = "administrators"
    NOBODY = "nobody"


class SecondAdministrator(StrEnum):
    """When one administrator is not enough (checklist CONS-07)."""

    NEVER = "never"
    HIGH_RISK = "high_risk"
    ALWAYS = "always"


class AppRuleMode(StrEnum):
    ALLOW = "allow"
    BLOCK = "block"


class AppPolicy(Record):
    """An organization's policy on Service Apps. Without a row everything is as the columns' defaults say.

    `authorizes_low_risk`: a reviewed app that asks for low-risk scopes alone is authorized when somebody who may ask for
    it does. `only_allowed`: what no rule allows is blocked. `longest_days` bounds how long an authorization lasts.
    `version` counts the changes, so that nobody overwrites what somebody else saved.
    """

    __tablename__ = "app_policies"

    organization_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    requesters: Mapped[str] = mapped_column(default=Requesters.EVERYBODY.value)
    authorizes_low_risk: Mapped[bool] = mapped_column(default=False, server_default=false())
    second_administrator: Mapped[str] = mapped_column(default=SecondAdministrator.NEVER.value)
    only_allowed: Mapped[bool] = mapped_column(default=False, server_default=false())
    longest_days: Mapped[int | None]
    version: Mapped[int] = mapped_column(default=1)
    changed_at: Mapped[datetime]
    changed_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"))
    changed_by_name: Mapped[str]

    __table_args__ = (
        CheckConstraint(
            "requesters IN ('everybody', 'administrators', 'nobody')", name="requesters_are_known"
        ),
        CheckConstraint(
            "second_administrator IN ('never', 'high_risk', 'always')", name="second_administrator_is_known"
        ),
        CheckConstraint("longest_days BETWEEN 1 AND 3650", name="longest_days_are_sensible"),
    )


class AppRule(Record):
    """One Service App that an organization allows or blocks by name."""

    __tablename__ = "app_rules"

    organization_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id"), primary_key=True)
    mode: Mapped[str]
    decided_at: Mapped[datetime]
    decided_by_name: Mapped[str]

    app: Mapped[App] = relationship(lazy="joined", innerjoin=True)

    __table_args__ = (CheckConstraint("mode IN ('allow', 'block')", name="mode_is_known"),)
