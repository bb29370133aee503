"""The words of the audit log: a change names the version of its redactions; nobody impersonates."""

import sqlalchemy as sa

from alembic import op

revision = "c41d7f0a92be"
down_revision = "8d388a7b9f9d"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE audit_change RENAME COLUMN policy_version TO redaction_version")
    op.drop_column("audit_change", "impersonator_id")
    op.drop_column("audit_access", "impersonator_id")


def downgrade() -> None:
    op.add_column("audit_access", sa.Column("impersonator_id", sa.Uuid(), nullable=True))
    op.add_column("audit_change", sa.Column("impersonator_id", sa.Uuid(), nullable=True))
    op.execute("ALTER TABLE audit_change RENAME COLUMN redaction_version TO policy_version")
