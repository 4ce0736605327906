"""Drafts of listings, what was handed in and became of it, and the public page of an app."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, false, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column, relationship

from appanage.apps.model import App
from appanage.storage import Record


class ListingDraft(Record):
    """What a developer says about an app for the App Hub, until it is handed in and after."""

    __tablename__ = "listing_drafts"

    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id"), primary_key=True)
    tagline: Mapped[str] = mapped_column(default="")
    description: Mapped[str] = mapped_column(default="")  # Markdown
    categories: Mapped[list[str]] = mapped_column(default=list)
    tags: Mapped[list[str]] = mapped_column(default=list)
    industry: Mapped[str] = mapped_column(default="")
    languages: Mapped[list[str]] = mapped_column(default=list)
    video_url: Mapped[str | None]
    landing_url: Mapped[str | None]
    test_instructions: Mapped[str] = mapped_column(default="")
    test_organization_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("organizations.id"))
    version: Mapped[int] = mapped_column(default=1)
    modified_at: Mapped[datetime]


class ListingPicture(Record):
    """A screenshot, drawn anew by us. Pictures of a version stay as long as that version can be looked at."""

    __tablename__ = "listing_pictures"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id"), index=True)
    alternative: Mapped[str]  # what it shows, for who cannot see it
    media_type: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]
    content: Mapped[bytes] = mapped_column(deferred=True)
    digest: Mapped[str]
    added_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]  # from the draft


class SubmissionState(StrEnum):
    SUBMITTED = "submitted"
    IN_REVIEW = "in_review"
    CHANGES_REQUESTED = "changes_requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Submission(Record):
    """One version of an app and its listing, handed in for review. `content` is all that is reviewed, as it was then."""

    __tablename__ = "submissions"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id"))
    number: Mapped[int]
    state: Mapped[str] = mapped_column(default=SubmissionState.SUBMITTED.value)
    content: Mapped[dict[str, Any]]
    findings: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    submitted_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"))
    submitted_by_name: Mapped[str]
    submitted_at: Mapped[datetime]
    reviewer_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("accounts.id"))
    reviewer_name: Mapped[str | None]
    taken_at: Mapped[datetime | None]
    checked: Mapped[list[str]] = mapped_column(default=list, server_default="{}")
    decided_at: Mapped[datetime | None]
    reason: Mapped[str | None]

    app: Mapped[App] = relationship(lazy="joined", innerjoin=True)

    __table_args__ = (
        Index("uq_submissions_app_id_number", "app_id", "number", unique=True),
        Index(
            "uq_submissions_app_id_open",
            "app_id",
            unique=True,
            postgresql_where=text("state IN ('submitted', 'in_review', 'changes_requested')"),
        ),
        Index("ix_submissions_state_submitted_at", "state", "submitted_at"),
        CheckConstraint(
            "state IN ('submitted', 'in_review', 'changes_requested', 'approved', 'rejected', 'withdrawn')",
            name="state_is_known",
        ),
    )

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES


OPEN_STATES = frozenset(
    {SubmissionState.SUBMITTED, SubmissionState.IN_REVIEW, SubmissionState.CHANGES_REQUESTED}
)


class SubmissionMessage(Record):
    """One turn of the talk between developers and reviewers about a submission."""

    __tablename__ = "submission_messages"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    submission_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("submissions.id"))
    author_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"))
    author_name: Mapped[str]
    is_from_reviewer: Mapped[bool]
    text: Mapped[str]
    written_at: Mapped[datetime]

    __table_args__ = (
        Index("ix_submission_messages_submission_id_written_at", "submission_id", "written_at"),
    )


class Listing(Record):
    """The public page of an app, as the submission says that was approved last.

    The database makes `words` of all its texts and `titles` of what is short and says most: name, company, tags and
    categories. A word that a great many texts contain is looked for in those first.
    """

    __tablename__ = "listings"

    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id"), primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    submission_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("submissions.id"))
    kind: Mapped[str]
    name: Mapped[str]
    skeleton: Mapped[str] = mapped_column(default="", server_default="")
    company_name: Mapped[str]
    tagline: Mapped[str]
    description: Mapped[str]
    categories: Mapped[list[str]]
    tags: Mapped[list[str]]
    industry: Mapped[str]
    languages: Mapped[list[str]]
    is_featured: Mapped[bool] = mapped_column(default=False, server_default=false())
    listed_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    unlisted_at: Mapped[datetime | None]
    words: Mapped[Any] = mapped_column(
        TSVECTOR,
        Computed("listing_words(name, company_name, tagline, description, categories, tags)", persisted=True),
        deferred=True,
    )
    titles: Mapped[Any] = mapped_column(
        TSVECTOR,
        Computed("listing_titles(name, company_name, categories, tags)", persisted=True),
        deferred=True,
    )

    app: Mapped[App] = relationship(lazy="joined", innerjoin=True)

    __table_args__ = (
        Index("ix_listings_skeleton", "skeleton"),
        # Words and marks together, so that what is in one category is not first found in all of them.
        Index("ix_listings_words", "words", "categories", "tags", "languages", postgresql_using="gin"),
        Index("ix_listings_titles", "titles", "categories", "tags", "languages", postgresql_using="gin"),
        Index(
            "ix_listings_name", text("lower(name)"), "app_id", postgresql_where=text("unlisted_at IS NULL")
        ),
        Index(
            "ix_listings_featured",
            text("lower(name)"),
            "app_id",
            postgresql_where=text("is_featured AND unlisted_at IS NULL"),
        ),
    )
