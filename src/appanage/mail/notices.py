"""Whom a letter is for."""

import uuid
from dataclasses import dataclass, field

from appanage.mail.text import Draft


@dataclass(frozen=True, slots=True)
class Owners:
    """The owners of an app."""

    app_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class Administrators:
    """The Full Administrators of an organization, who can decide."""

    organization_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class Reviewers:
    """The App Reviewers of the operator; only the one who has taken it, as long as they are one and can be reached."""

    taken_by: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class People:
    """These people, by the ids of their accounts."""

    ids: frozenset[uuid.UUID]

    @classmethod
    def of(cls, *ids: uuid.UUID | None) -> "People":
        return cls(frozenset(one for one in ids if one is not None))


Audience = Owners | Administrators | Reviewers | People


@dataclass(frozen=True, slots=True)
class Notice:
    """One draft and whom it is for. `without` are those who know already."""

    to: Audience
    draft: Draft
    without: frozenset[uuid.UUID] = field(default_factory=frozenset)
