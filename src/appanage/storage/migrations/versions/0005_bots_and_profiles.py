"""Bots with accounts and tokens of their own, and what is shown of personal access tokens."""

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'


def upgrade() -> None:
    op.create_table('bot_tokens',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('app_id', sa.Uuid(), nullable=False),
    sa.Column('account_id', sa.Uuid(), nullable=False),
    sa.Column('digest', sa.LargeBinary(), nullable=False),
    sa.Column('last_four', sa.Text(), nullable=False),
    sa.Column('created_by', sa.Uuid(), nullable=False),
    sa.Column('created_by_name', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_used_from', sa.Text(), nullable=True),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_bot_tokens_account_id_accounts')),
    sa.ForeignKeyConstraint(['app_id'], ['apps.id'], name=op.f('fk_bot_tokens_app_id_apps')),
    sa.ForeignKeyConstraint(['created_by'], ['accounts.id'], name=op.f('fk_bot_tokens_created_by_accounts')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_bot_tokens')),
    sa.UniqueConstraint('digest', name=op.f('uq_bot_tokens_digest'))
    )
    op.create_index(op.f('ix_bot_tokens_account_id'), 'bot_tokens', ['account_id'], unique=False)
    op.create_index('uq_bot_tokens_app_id', 'bot_tokens', ['app_id'], unique=True, postgresql_where=sa.text('revoked_at IS NULL'))
    op.add_column('apps', sa.Column('bot_email', sa.Text(), nullable=True))
    op.add_column('apps', sa.Column('bot_account_id', sa.Uuid(), nullable=True))
    op.create_index('ix_apps_bot_email', 'apps', [sa.literal_column('lower(bot_email)')], unique=False, postgresql_where=sa.text('bot_email IS NOT NULL'))
    op.create_unique_constraint(op.f('uq_apps_bot_account_id'), 'apps', ['bot_account_id'])
    op.create_foreign_key(op.f('fk_apps_bot_account_id_accounts'), 'apps', 'accounts', ['bot_account_id'], ['id'])
    op.create_check_constraint(
        op.f('ck_apps_bot_has_an_account'),
        'apps',
        "(kind = 'bot') = (bot_account_id IS NOT NULL) AND (kind = 'bot') = (bot_email IS NOT NULL)",
    )
    op.add_column('personal_tokens', sa.Column('label', sa.Text(), server_default='', nullable=False))
    op.add_column('personal_tokens', sa.Column('last_four', sa.Text(), server_default='', nullable=False))
    op.add_column('personal_tokens', sa.Column('created_by_name', sa.Text(), server_default='', nullable=False))
    op.add_column('personal_tokens', sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('personal_tokens', sa.Column('last_used_from', sa.Text(), nullable=True))
