"""An index of a table with a row for every authorization, made while the table is read and written (TEN-07)."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_authorizations_ends_at")  # what was left unfinished
    op.create_index(
        "ix_authorizations_ends_at",
        "authorizations",
        ["ends_at"],
        unique=False,
        postgresql_where=sa.text("ends_at IS NOT NULL AND ended_at IS NULL"),
        postgresql_concurrently=True,
    )
