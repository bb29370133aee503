"""The id that the server makes for each request, in both logs."""

import sqlalchemy as sa

from alembic import op

revision = "5b0e2c7f41ad"
down_revision = "7b0e2d5c91fa"
branch_labels = None
depends_on = None

TABLES = ("audit_access", "audit_change")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("call_id", sa.Uuid(), nullable=True))
        op.create_index(f"ix_{table}_call_id", table, ["call_id"], unique=False)


def downgrade() -> None:
    for table in TABLES:
        op.drop_index(f"ix_{table}_call_id", table_name=table)
        op.drop_column(table, "call_id")
