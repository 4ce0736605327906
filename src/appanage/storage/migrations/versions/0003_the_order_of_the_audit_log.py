"""The order of the audit log.

Its two lists, what happened in an organization and what its people did elsewhere, are read newest first: each from an
index that holds its whole sort key.
"""

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'


def upgrade() -> None:
    op.create_index(
        'ix_events_organization_id_at_position', 'events', ['organization_id', 'at', 'position'], unique=False
    )
    op.create_index(
        'ix_events_actor_organization_id_at_position',
        'events',
        ['actor_organization_id', 'at', 'position'],
        unique=False,
        postgresql_where=sa.text('actor_organization_id <> organization_id'),
    )
    op.drop_index('ix_events_organization_id_at', 'events')
    op.drop_index('ix_events_actor_organization_id_at', 'events')
