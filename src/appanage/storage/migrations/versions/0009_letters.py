"""Letters about what happened, and the events of which somebody is still to be told."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

# In the transaction that records the event, whoever does; PostgreSQL tells of it when that is committed.
WAKE = """
CREATE FUNCTION wake_for_untold_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('appanage_untold', '');
    RETURN NULL;
END $$;
CREATE TRIGGER wake AFTER INSERT ON untold_events FOR EACH STATEMENT EXECUTE FUNCTION wake_for_untold_events();
"""


def upgrade() -> None:
    op.create_table(
        "untold_events",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("told_up_to", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_untold_events_event_id_events")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_untold_events")),
    )
    op.create_table(
        "letters",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_letters_account_id_accounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letters")),
    )
    op.create_index(
        "ix_letters_next_attempt_at",
        "letters",
        ["next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    op.create_index("ix_letters_written_at", "letters", ["written_at"], unique=False)
    op.create_index("uq_letters_about_address", "letters", ["about", "address"], unique=True)
    op.execute(WAKE)
