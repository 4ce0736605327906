"""Every process is told of changes to what it may remember, by the database itself."""

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'

# In one transaction with the change, whoever makes it. The arguments of a trigger: what changed, the column that names
# it, and the columns that only note a use.
TELL = """
CREATE FUNCTION tell_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO changes (kind, subject)
        SELECT DISTINCT TG_ARGV[0], coalesce(to_jsonb(a) ->> TG_ARGV[1], '') FROM after a;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO changes (kind, subject)
        SELECT DISTINCT TG_ARGV[0], coalesce(to_jsonb(b) ->> TG_ARGV[1], '') FROM before b;
    ELSE
        INSERT INTO changes (kind, subject)
        SELECT DISTINCT TG_ARGV[0], coalesce(changed ->> TG_ARGV[1], '')
        FROM (
            SELECT to_jsonb(b) - TG_ARGV[2:] FROM before b
            EXCEPT
            SELECT to_jsonb(a) - TG_ARGV[2:] FROM after a
        ) AS different (changed);
    END IF;
    IF FOUND THEN
        PERFORM pg_notify('appanage_revocations', '');
    END IF;
    RETURN NULL;
END $$;
"""

USES = "'last_used_at', 'last_used_from'"

TOLD = (
    # table, events, arguments
    ('organizations', ('UPDATE',), "'organization', 'id'"),
    ('licenses', ('UPDATE', 'DELETE'), "'organization', 'organization_id'"),
    ('accounts', ('UPDATE', 'DELETE'), "'account', 'id'"),
    ('account_roles', ('INSERT', 'UPDATE', 'DELETE'), "'account', 'account_id'"),
    ('account_licenses', ('INSERT', 'UPDATE', 'DELETE'), "'account', 'account_id'"),
    ('personal_tokens', ('UPDATE', 'DELETE'), f"'account', 'account_id', {USES}"),
    ('apps', ('UPDATE', 'DELETE'), "'app', 'id'"),
    ('client_secrets', ('UPDATE', 'DELETE'), f"'app', 'app_id', {USES}"),
    ('client_keys', ('UPDATE', 'DELETE'), f"'app', 'app_id', {USES}"),
    ('bot_tokens', ('UPDATE', 'DELETE'), f"'app', 'app_id', {USES}"),
    ('authorizations', ('UPDATE', 'DELETE'), "'authorization', 'id', 'last_used_at', 'tokens_retrieved_at'"),
    ('signing_keys', ('INSERT', 'UPDATE', 'DELETE'), "'signing_keys', ''"),
)

ROWS = {
    'INSERT': 'NEW TABLE AS after',
    'UPDATE': 'OLD TABLE AS before NEW TABLE AS after',
    'DELETE': 'OLD TABLE AS before',
}


def upgrade() -> None:
    op.create_table('changes',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('xid', sa.BigInteger(), server_default=sa.text('(pg_current_xact_id()::text)::bigint'), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), server_default=sa.text('clock_timestamp()'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_changes'))
    )
    op.create_index(op.f('ix_changes_changed_at'), 'changes', ['changed_at'], unique=False)
    op.create_index(op.f('ix_changes_xid'), 'changes', ['xid'], unique=False)
    # First without a default, so that no row is written anew while others wait (TEN-07).
    op.add_column('revocations', sa.Column('told_at', sa.DateTime(timezone=True), nullable=True))
    op.alter_column('revocations', 'told_at', server_default=sa.text('clock_timestamp()'))
    op.execute(TELL)
    for table, events, arguments in TOLD:
        for event in events:
            op.execute(
                f'CREATE TRIGGER tell_{event.lower()} AFTER {event} ON {table} '
                f'REFERENCING {ROWS[event]} FOR EACH STATEMENT EXECUTE FUNCTION tell_change({arguments})'
            )
