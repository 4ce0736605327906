"""What holds of an authorization at one moment, as a value: the rules about tokens look at nothing else."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from appanage.apps.scopes import OPENID_SCOPES, within_reach
from appanage.directory.roles import Role


@dataclass(frozen=True)
class Standing:
    """Read with an authorization, or from its columns alone, and remembered by every process until something changes.

    `account_*` is whom the app acts for, `scopes` those that were approved, `registered` those that the app has now.
    Access tokens count from `valid_from` on, which is never before `app_valid_from`; from there on counts everything
    else that was issued under the app (decision 0024). From `ends_at` on nothing counts, whoever remembers this.
    """

    authorization_id: uuid.UUID
    is_personal: bool
    app_id: uuid.UUID
    app_organization_id: uuid.UUID
    client_id: str
    is_public: bool
    is_strict: bool
    is_app_active: bool
    registered: frozenset[str]
    organization_id: uuid.UUID
    account_id: uuid.UUID
    account_kind: str
    account_email: str
    is_account_active: bool
    roles: frozenset[Role]
    scopes: frozenset[str]
    valid_from: datetime
    app_valid_from: datetime | None
    ends_at: datetime | None
    ended_at: datetime | None

    def honours(self, issued_at: datetime) -> bool:
        """As `App.honours`, for refresh tokens and codes."""
        return self.app_valid_from is None or issued_at >= self.app_valid_from

    def birth(self, now: datetime) -> datetime:
        """As `App.birth`."""
        return max(now, self.app_valid_from or now)

    def is_usable_at(self, now: datetime) -> bool:
        """Whether tokens may be issued and used at this moment (checklist MACH-06, CONS-05)."""
        return (
            self.ended_at is None
            and self.is_app_active
            and self.is_account_active
            and (self.ends_at is None or now < self.ends_at)
        )

    def until(self, moment: datetime) -> datetime:
        """The moment, or the end of the authorization if that comes first: nothing outlives it (checklist CONS-05)."""
        return moment if self.ends_at is None else min(moment, self.ends_at)

    @cached_property
    def usable_scopes(self) -> frozenset[str]:
        """What may be used now (checklist MACH-03, CONS-04).

        Approved here and still registered by the app; for a person also within reach of the roles that they have now
        (checklist CRED-13).
        """
        both = self.scopes & self.registered
        if not self.is_personal:
            return both
        return within_reach(self.roles, both) | (self.scopes & OPENID_SCOPES)

    def usable_of(self, kept: list[str] | None) -> frozenset[str]:
        """Of what one grant was narrowed to, or of everything for None."""
        return self.usable_scopes if kept is None else self.usable_scopes & frozenset(kept)

    @cached_property
    def rests_on(self) -> tuple[str, ...]:
        """The things whose change makes this untrue, by the names in the feed."""
        return (
            f"authorization:{self.authorization_id}",
            f"app:{self.app_id}",
            f"account:{self.account_id}",
            f"organization:{self.organization_id}",
            f"organization:{self.app_organization_id}",
        )
