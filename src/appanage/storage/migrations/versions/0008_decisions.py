"""What administrators decide with: policies, proposals, requests of many kinds, ends; and suspensions."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_SETTLE = """
    UPDATE authorization_requests AS r
    SET decision = 'authorized', decided_at = a.at, decided_by = a.authorized_by, decided_by_name = a.authorized_by_name
    FROM authorization_requests AS asked CROSS JOIN LATERAL (
        SELECT authorized_by, authorized_by_name, greatest(authorized_at, scopes_approved_at) AS at
        FROM authorizations WHERE kind = 'organization' AND app_id = asked.app_id
            AND organization_id = asked.organization_id
        ORDER BY authorized_at DESC LIMIT 1
    ) AS a
    WHERE asked.id = r.id AND a.at >= r.requested_at
"""

_VOID = """
    UPDATE authorization_requests AS r
    SET decision = 'declined', decided_at = a.ended_at, decided_by = a.ended_by, decided_by_name = a.ended_by_name,
        decision_reason = a.end_reason, declined_at = a.ended_at
    FROM authorizations AS a
    WHERE r.decision IS NULL AND a.kind = 'organization' AND a.app_id = r.app_id
        AND a.organization_id = r.organization_id AND a.ended_at >= r.requested_at
"""


def upgrade() -> None:
    op.create_table(
        "organization_domains",
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verified_by_name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_organization_domains_organization_id_organizations"),
        ),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_organization_domains")),
    )
    op.create_index(
        op.f("ix_organization_domains_organization_id"),
        "organization_domains",
        ["organization_id"],
        unique=False,
    )
    op.create_table(
        "app_policies",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("requesters", sa.Text(), nullable=False),
        sa.Column("authorizes_low_risk", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("second_administrator", sa.Text(), nullable=False),
        sa.Column("only_allowed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("longest_days", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Uuid(), nullable=False),
        sa.Column("changed_by_name", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "requesters IN ('everybody', 'administrators', 'nobody')",
            name=op.f("ck_app_policies_requesters_are_known"),
        ),
        sa.CheckConstraint(
            "second_administrator IN ('never', 'high_risk', 'always')",
            name=op.f("ck_app_policies_second_administrator_is_known"),
        ),
        sa.CheckConstraint(
            "longest_days BETWEEN 1 AND 3650", name=op.f("ck_app_policies_longest_days_are_sensible")
        ),
        sa.ForeignKeyConstraint(
            ["changed_by"], ["accounts.id"], name=op.f("fk_app_policies_changed_by_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_app_policies_organization_id_organizations"),
        ),
        sa.PrimaryKeyConstraint("organization_id", name=op.f("pk_app_policies")),
    )
    op.create_table(
        "app_rules",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("app_id", sa.Uuid(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by_name", sa.Text(), nullable=False),
        sa.CheckConstraint("mode IN ('allow', 'block')", name=op.f("ck_app_rules_mode_is_known")),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_app_rules_app_id_apps")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_app_rules_organization_id_organizations")
        ),
        sa.PrimaryKeyConstraint("organization_id", "app_id", name=op.f("pk_app_rules")),
    )
    op.create_table(
        "authorization_proposals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("app_id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("app_version", sa.BigInteger(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_by_name", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_by_name", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'confirmed', 'declined', 'withdrawn', 'expired')",
            name=op.f("ck_authorization_proposals_state_is_known"),
        ),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_authorization_proposals_app_id_apps")),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["accounts.id"], name=op.f("fk_authorization_proposals_decided_by_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_authorization_proposals_organization_id_organizations"),
        ),
        sa.ForeignKeyConstraint(
            ["proposed_by"], ["accounts.id"], name=op.f("fk_authorization_proposals_proposed_by_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authorization_proposals")),
    )
    op.create_index(
        "ix_authorization_proposals_expires_at",
        "authorization_proposals",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(
        "ix_authorization_proposals_organization_id",
        "authorization_proposals",
        ["organization_id", "proposed_at"],
        unique=False,
    )
    op.create_index(
        "uq_authorization_proposals_app_id_organization_id",
        "authorization_proposals",
        ["app_id", "organization_id"],
        unique=True,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.add_column(
        "authorization_requests", sa.Column("origin", sa.Text(), server_default="developer", nullable=False)
    )
    op.add_column("authorization_requests", sa.Column("addressed_to", sa.Text(), nullable=True))
    op.add_column("authorization_requests", sa.Column("decision", sa.Text(), nullable=True))
    op.add_column(
        "authorization_requests", sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("authorization_requests", sa.Column("decided_by", sa.Uuid(), nullable=True))
    op.add_column("authorization_requests", sa.Column("decided_by_name", sa.Text(), nullable=True))
    op.add_column("authorization_requests", sa.Column("decision_reason", sa.Text(), nullable=True))
    op.add_column(
        "authorization_requests", sa.Column("declined_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.execute(_SETTLE)  # what was decided on before waits no more
    op.execute(_VOID)
    op.drop_index(
        op.f("uq_authorization_requests_app_id_organization_id"), table_name="authorization_requests"
    )
    op.create_index(
        "ix_authorization_requests_open",
        "authorization_requests",
        ["organization_id", "requested_at"],
        unique=False,
        postgresql_where=sa.text("decided_at IS NULL"),
    )
    op.create_index(
        "ix_authorization_requests_requested_by",
        "authorization_requests",
        ["requested_by", "requested_at"],
        unique=False,
    )
    op.create_index(
        "uq_authorization_requests_app_id_organization_id_requested_by",
        "authorization_requests",
        ["app_id", "organization_id", "requested_by"],
        unique=True,
    )
    op.create_foreign_key(
        op.f("fk_authorization_requests_decided_by_accounts"),
        "authorization_requests",
        "accounts",
        ["decided_by"],
        ["id"],
    )
    op.create_check_constraint(
        op.f("ck_authorization_requests_origin_is_known"),
        "authorization_requests",
        "origin IN ('developer', 'share', 'person')",
    )
    op.create_check_constraint(
        op.f("ck_authorization_requests_decision_is_known"),
        "authorization_requests",
        "decision IN ('authorized', 'declined', 'withdrawn')",
    )
    op.create_check_constraint(
        op.f("ck_authorization_requests_decided_with_a_decision"),
        "authorization_requests",
        "(decision IS NULL) = (decided_at IS NULL)",
    )
