"""Integrations: authorizations that persons give, and what lives between two steps of the protocol."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0004'
down_revision = '0003'


def upgrade() -> None:
    op.create_table('spent_proofs',
    sa.Column('digest', sa.LargeBinary(), nullable=False),
    sa.Column('forget_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('digest', name=op.f('pk_spent_proofs'))
    )
    op.create_index(op.f('ix_spent_proofs_forget_at'), 'spent_proofs', ['forget_at'], unique=False)
    op.create_table('integration_policies',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('mode', sa.Text(), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('changed_by_name', sa.Text(), nullable=False),
    sa.CheckConstraint("mode IN ('allow', 'block')", name=op.f('ck_integration_policies_mode_is_known')),
    sa.ForeignKeyConstraint(['organization_id'], ['organizations.id'], name=op.f('fk_integration_policies_organization_id_organizations')),
    sa.PrimaryKeyConstraint('organization_id', name=op.f('pk_integration_policies'))
    )
    op.create_table('client_keys',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('app_id', sa.Uuid(), nullable=False),
    sa.Column('thumbprint', sa.Text(), nullable=False),
    sa.Column('jwk', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('algorithm', sa.Text(), nullable=False),
    sa.Column('label', sa.Text(), nullable=False),
    sa.Column('created_by', sa.Uuid(), nullable=False),
    sa.Column('created_by_name', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_used_from', sa.Text(), nullable=True),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['app_id'], ['apps.id'], name=op.f('fk_client_keys_app_id_apps')),
    sa.ForeignKeyConstraint(['created_by'], ['accounts.id'], name=op.f('fk_client_keys_created_by_accounts')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_client_keys'))
    )
    op.create_index('ix_client_keys_app_id_created_at', 'client_keys', ['app_id', 'created_at'], unique=False)
    op.create_index('uq_client_keys_app_id_thumbprint', 'client_keys', ['app_id', 'thumbprint'], unique=True, postgresql_where=sa.text('revoked_at IS NULL'))
    op.create_table('integration_rules',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('app_id', sa.Uuid(), nullable=False),
    sa.Column('mode', sa.Text(), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by_name', sa.Text(), nullable=False),
    sa.CheckConstraint("mode IN ('allow', 'block')", name=op.f('ck_integration_rules_mode_is_known')),
    sa.ForeignKeyConstraint(['app_id'], ['apps.id'], name=op.f('fk_integration_rules_app_id_apps')),
    sa.ForeignKeyConstraint(['organization_id'], ['organizations.id'], name=op.f('fk_integration_rules_organization_id_organizations')),
    sa.PrimaryKeyConstraint('organization_id', 'app_id', name=op.f('pk_integration_rules'))
    )
    op.create_table('interactions',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('browser_digest', sa.LargeBinary(), nullable=False),
    sa.Column('app_id', sa.Uuid(), nullable=False),
    sa.Column('request', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('chosen_account_id', sa.Uuid(), nullable=True),
    sa.Column('began_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('allowed_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['app_id'], ['apps.id'], name=op.f('fk_interactions_app_id_apps')),
    sa.ForeignKeyConstraint(['chosen_account_id'], ['accounts.id'], name=op.f('fk_interactions_chosen_account_id_accounts')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_interactions'))
    )
    op.create_index(op.f('ix_interactions_browser_digest'), 'interactions', ['browser_digest'], unique=False)
    op.create_index(op.f('ix_interactions_expires_at'), 'interactions', ['expires_at'], unique=False)
    op.create_table('pushed_requests',
    sa.Column('digest', sa.LargeBinary(), nullable=False),
    sa.Column('app_id', sa.Uuid(), nullable=False),
    sa.Column('parameters', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('by_client', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('spent_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['app_id'], ['apps.id'], name=op.f('fk_pushed_requests_app_id_apps')),
    sa.PrimaryKeyConstraint('digest', name=op.f('pk_pushed_requests'))
    )
    op.create_index(op.f('ix_pushed_requests_expires_at'), 'pushed_requests', ['expires_at'], unique=False)
    op.create_table('authorization_codes',
    sa.Column('digest', sa.LargeBinary(), nullable=False),
    sa.Column('authorization_id', sa.Uuid(), nullable=False),
    sa.Column('session_id', sa.Uuid(), nullable=False),
    sa.Column('redirect_uri', sa.Text(), nullable=False),
    sa.Column('redirect_uri_was_given', sa.Boolean(), nullable=False),
    sa.Column('scopes', sa.ARRAY(sa.Text()), nullable=False),
    sa.Column('resource', sa.Text(), nullable=True),
    sa.Column('code_challenge', sa.Text(), nullable=True),
    sa.Column('code_challenge_method', sa.Text(), nullable=True),
    sa.Column('key_thumbprint', sa.Text(), nullable=True),
    sa.Column('nonce', sa.Text(), nullable=True),
    sa.Column('authenticated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('issued_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('spent_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('refresh_token_id', sa.Uuid(), nullable=True),
    sa.ForeignKeyConstraint(['authorization_id'], ['authorizations.id'], name=op.f('fk_authorization_codes_authorization_id_authorizations')),
    sa.PrimaryKeyConstraint('digest', name=op.f('pk_authorization_codes'))
    )
    op.create_index(op.f('ix_authorization_codes_authorization_id'), 'authorization_codes', ['authorization_id'], unique=False)
    op.create_index(op.f('ix_authorization_codes_expires_at'), 'authorization_codes', ['expires_at'], unique=False)
    op.create_table('device_codes',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('digest', sa.LargeBinary(), nullable=False),
    sa.Column('user_code', sa.Text(), nullable=False),
    sa.Column('app_id', sa.Uuid(), nullable=False),
    sa.Column('scopes', sa.ARRAY(sa.Text()), nullable=False),
    sa.Column('resource', sa.Text(), nullable=True),
    sa.Column('address', sa.Text(), nullable=False),
    sa.Column('user_agent', sa.Text(), nullable=False),
    sa.Column('interval_seconds', sa.BigInteger(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_polled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('claimed_by', sa.Uuid(), nullable=True),
    sa.Column('claimed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('approved_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('denied_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('authenticated_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('authorization_id', sa.Uuid(), nullable=True),
    sa.Column('spent_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['app_id'], ['apps.id'], name=op.f('fk_device_codes_app_id_apps')),
    sa.ForeignKeyConstraint(['authorization_id'], ['authorizations.id'], name=op.f('fk_device_codes_authorization_id_authorizations')),
    sa.ForeignKeyConstraint(['claimed_by'], ['accounts.id'], name=op.f('fk_device_codes_claimed_by_accounts')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_device_codes')),
    sa.UniqueConstraint('digest', name=op.f('uq_device_codes_digest'))
    )
    op.create_index(op.f('ix_device_codes_expires_at'), 'device_codes', ['expires_at'], unique=False)
    op.create_index('uq_device_codes_user_code', 'device_codes', ['user_code'], unique=True, postgresql_where=sa.text('approved_at IS NULL AND denied_at IS NULL'))
    op.create_table('superseded_refresh_tokens',
    sa.Column('digest', sa.LargeBinary(), nullable=False),
    sa.Column('refresh_token_id', sa.Uuid(), nullable=False),
    sa.Column('superseded_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['refresh_token_id'], ['refresh_tokens.id'], name=op.f('fk_superseded_refresh_tokens_refresh_token_id_refresh_tokens'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('digest', name=op.f('pk_superseded_refresh_tokens'))
    )
    op.create_index(op.f('ix_superseded_refresh_tokens_superseded_at'), 'superseded_refresh_tokens', ['superseded_at'], unique=False)
    op.create_index(op.f('ix_superseded_refresh_tokens_refresh_token_id'), 'superseded_refresh_tokens', ['refresh_token_id'], unique=False)
    op.add_column('apps', sa.Column('client_proof', sa.Text(), server_default='client_secret', nullable=False))
    op.add_column('apps', sa.Column('redirect_urls', sa.ARRAY(sa.Text()), server_default='{}', nullable=False))
    op.add_column('apps', sa.Column('sign_out_urls', sa.ARRAY(sa.Text()), server_default='{}', nullable=False))
    op.add_column('apps', sa.Column('pushes_requests', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.add_column('apps', sa.Column('is_strict', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.create_check_constraint(op.f('ck_apps_proof_is_known'), 'apps', "client_proof IN ('client_secret', 'private_key_jwt', 'none')")
    # Until now every authorization was one that an organization gave, and a node of the old version still says nothing
    # of it: so the defaults stay (checklist TEN-07).
    op.add_column('authorizations', sa.Column('kind', sa.Text(), nullable=False, server_default='organization'))
    op.add_column('authorizations', sa.Column('resource_scopes', postgresql.JSONB(astext_type=sa.Text()), nullable=False, server_default='{}'))
    op.create_check_constraint(op.f('ck_authorizations_kind_is_known'), 'authorizations', "kind IN ('organization', 'person')")
    op.drop_index('uq_authorizations_app_id_organization_id', 'authorizations')
    op.create_index('uq_authorizations_app_id_organization_id', 'authorizations', ['app_id', 'organization_id'], unique=True, postgresql_where=sa.text("ended_at IS NULL AND kind = 'organization'"))
    op.drop_constraint(op.f('uq_authorizations_account_id'), 'authorizations', type_='unique')
    op.create_index('uq_authorizations_account_id', 'authorizations', ['account_id'], unique=True, postgresql_where=sa.text("kind = 'organization'"))
    op.create_index('ix_authorizations_account_id', 'authorizations', ['account_id', 'authorized_at'], unique=False)
    op.create_index('uq_authorizations_account_id_app_id', 'authorizations', ['account_id', 'app_id'], unique=True, postgresql_where=sa.text('ended_at IS NULL'))
    op.add_column('refresh_tokens', sa.Column('scopes', sa.ARRAY(sa.Text()), nullable=True))
    op.add_column('refresh_tokens', sa.Column('resource', sa.Text(), nullable=True))
    op.add_column('refresh_tokens', sa.Column('key_thumbprint', sa.Text(), nullable=True))
    op.add_column('refresh_tokens', sa.Column('is_proven', sa.Boolean(), server_default=sa.text('true'), nullable=False))
    op.add_column('refresh_tokens', sa.Column('ends_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('refresh_tokens', sa.Column('rotated_at', sa.DateTime(timezone=True), nullable=True))
