"""Tasks and customers are listed by who created them."""

from alembic import op

revision = "5c08e1d7a2f4"
down_revision = "5a0c7d9e3b41"
branch_labels = None
depends_on = None

TABLES = ("customer", "task")


def upgrade() -> None:
    for table in TABLES:
        op.create_index(f"ix_{table}_created_by_id_created_at_id", table, ["created_by_id", "created_at", "id"])


def downgrade() -> None:
    for table in TABLES:
        op.drop_index(f"ix_{table}_created_by_id_created_at_id", table)
