"""The App Hub: drafts of listings, submissions, listings that can be searched."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"

# The words of a listing and how much each counts: names and tags more than texts. Names and tags are taken as they are,
# texts by their stems. Declared immutable, which `array_to_string` of texts is, so that a column can rest on it.
WORDS = """
CREATE FUNCTION listing_words(name text, company text, tagline text, description text, categories text[], tags text[])
RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT setweight(to_tsvector('pg_catalog.simple', name), 'A')
        || setweight(to_tsvector('pg_catalog.simple', array_to_string(tags || categories, ' ') || ' ' || company), 'B')
        || setweight(to_tsvector('pg_catalog.english', tagline), 'C')
        || setweight(to_tsvector('pg_catalog.english', left(description, 20000)), 'D')
$$
"""

# Of these the names and tags alone.
TITLES = """
CREATE FUNCTION listing_titles(name text, company text, categories text[], tags text[])
RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_tsvector('pg_catalog.simple', name || ' ' || array_to_string(tags || categories, ' ') || ' ' || company)
$$
"""


def upgrade() -> None:
    op.execute(WORDS)
    op.execute(TITLES)
    op.create_table(
        "listing_drafts",
        sa.Column("app_id", sa.Uuid(), nullable=False),
        sa.Column("tagline", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("categories", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("tags", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("industry", sa.Text(), nullable=False),
        sa.Column("languages", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("video_url", sa.Text(), nullable=True),
        sa.Column("landing_url", sa.Text(), nullable=True),
        sa.Column("test_instructions", sa.Text(), nullable=False),
        sa.Column("test_organization_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_listing_drafts_app_id_apps")),
        sa.ForeignKeyConstraint(
            ["test_organization_id"],
            ["organizations.id"],
            name=op.f("fk_listing_drafts_test_organization_id_organizations"),
        ),
        sa.PrimaryKeyConstraint("app_id", name=op.f("pk_listing_drafts")),
    )
    op.create_table(
        "listing_pictures",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("app_id", sa.Uuid(), nullable=False),
        sa.Column("alternative", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("width", sa.BigInteger(), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_listing_pictures_app_id_apps")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listing_pictures")),
    )
    op.create_index(op.f("ix_listing_pictures_app_id"), "listing_pictures", ["app_id"], unique=False)
    op.create_table(
        "submissions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("app_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("findings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("submitted_by", sa.Uuid(), nullable=False),
        sa.Column("submitted_by_name", sa.Text(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reviewer_id", sa.Uuid(), nullable=True),
        sa.Column("reviewer_name", sa.Text(), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('submitted', 'in_review', 'changes_requested', 'approved', 'rejected', 'withdrawn')",
            name=op.f("ck_submissions_state_is_known"),
        ),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_submissions_app_id_apps")),
        sa.ForeignKeyConstraint(
            ["reviewer_id"], ["accounts.id"], name=op.f("fk_submissions_reviewer_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["submitted_by"], ["accounts.id"], name=op.f("fk_submissions_submitted_by_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submissions")),
    )
    op.create_index(
        "ix_submissions_state_submitted_at", "submissions", ["state", "submitted_at"], unique=False
    )
    op.create_index("uq_submissions_app_id_number", "submissions", ["app_id", "number"], unique=True)
    op.create_index(
        "uq_submissions_app_id_open",
        "submissions",
        ["app_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('submitted', 'in_review', 'changes_requested')"),
    )
    op.create_table(
        "listings",
        sa.Column("app_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("skeleton", sa.Text(), server_default="", nullable=False),
        sa.Column("company_name", sa.Text(), nullable=False),
        sa.Column("tagline", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("categories", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("tags", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("industry", sa.Text(), nullable=False),
        sa.Column("languages", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("is_featured", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("listed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("unlisted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "words",
            postgresql.TSVECTOR(),
            sa.Computed(
                "listing_words(name, company_name, tagline, description, categories, tags)", persisted=True
            ),
            nullable=False,
        ),
        sa.Column(
            "titles",
            postgresql.TSVECTOR(),
            sa.Computed("listing_titles(name, company_name, categories, tags)", persisted=True),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_listings_app_id_apps")),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.id"], name=op.f("fk_listings_submission_id_submissions")
        ),
        sa.PrimaryKeyConstraint("app_id", name=op.f("pk_listings")),
        sa.UniqueConstraint("slug", name=op.f("uq_listings_slug")),
    )
    op.create_index(
        "ix_listings_featured",
        "listings",
        [sa.literal_column("lower(name)"), "app_id"],
        unique=False,
        postgresql_where=sa.text("is_featured AND unlisted_at IS NULL"),
    )
    op.create_index(
        "ix_listings_name",
        "listings",
        [sa.literal_column("lower(name)"), "app_id"],
        unique=False,
        postgresql_where=sa.text("unlisted_at IS NULL"),
    )
    op.create_index("ix_listings_skeleton", "listings", ["skeleton"], unique=False)
    marks = ["categories", "tags", "languages"]
    op.create_index(
        "ix_listings_titles", "listings", ["titles", *marks], unique=False, postgresql_using="gin"
    )
    op.create_index("ix_listings_words", "listings", ["words", *marks], unique=False, postgresql_using="gin")
    op.create_table(
        "submission_messages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("author_name", sa.Text(), nullable=False),
        sa.Column("is_from_reviewer", sa.Boolean(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["author_id"], ["accounts.id"], name=op.f("fk_submission_messages_author_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["submission_id"],
            ["submissions.id"],
            name=op.f("fk_submission_messages_submission_id_submissions"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission_messages")),
    )
    op.create_index(
        "ix_submission_messages_submission_id_written_at",
        "submission_messages",
        ["submission_id", "written_at"],
        unique=False,
    )
    op.create_table(
        "proposed_logos",
        sa.Column("app_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_proposed_logos_app_id_apps")),
        sa.PrimaryKeyConstraint("app_id", "digest", name=op.f("pk_proposed_logos")),
    )
