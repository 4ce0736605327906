"""Columns of the tables that every request reads, which are locked no longer than it takes to add them (TEN-07)."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    # No row is written anew: each column is null, or has a default that is kept with the table.
    op.add_column(
        "apps", sa.Column("optional_scopes", sa.ARRAY(sa.Text()), server_default="{}", nullable=False)
    )
    op.add_column("apps", sa.Column("proposed", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column("apps", sa.Column("suspended_by_name", sa.Text(), nullable=True))
    op.add_column("apps", sa.Column("suspension_reason", sa.Text(), nullable=True))
    op.add_column("apps", sa.Column("valid_from", sa.DateTime(timezone=True), nullable=True))
    op.add_column("apps", sa.Column("edition", sa.BigInteger(), server_default="1", nullable=False))
    op.add_column(
        "authorizations",
        sa.Column("declined_scopes", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
    )
    op.add_column("authorizations", sa.Column("authorized_by_rule", sa.Text(), nullable=True))
    op.add_column("authorizations", sa.Column("app_version", sa.BigInteger(), nullable=True))
    op.add_column("authorizations", sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "organizations",
        sa.Column("is_operator", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.create_index(
        "uq_organizations_is_operator",
        "organizations",
        ["is_operator"],
        unique=True,
        postgresql_where=sa.text("is_operator"),
    )
