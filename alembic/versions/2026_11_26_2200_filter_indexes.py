"""An index for every column that a list can be filtered by, in the order of the list."""

from alembic import op

revision = "e4d27b90c6f3"
down_revision = "9c3f6a1d27e8"
branch_labels = None
depends_on = None

REPLACED = {
    "category": ("parent_id",),
    "customer": ("status",),
    "product": ("status", "brand_id", "category_id"),
    "task": ("status", "assignee_id"),
}
ADDED = {**REPLACED, "task": ("status", "assignee_id", "priority")}


def upgrade() -> None:
    for table, columns in ADDED.items():
        for column in columns:
            op.create_index(f"ix_{table}_{column}_created_at_id", table, [column, "created_at", "id"])
    for table, columns in REPLACED.items():
        for column in columns:
            op.drop_index(f"ix_{table}_{column}", table)


def downgrade() -> None:
    for table, columns in REPLACED.items():
        for column in columns:
            op.create_index(f"ix_{table}_{column}", table, [column])
    for table, columns in ADDED.items():
        for column in columns:
            op.drop_index(f"ix_{table}_{column}_created_at_id", table)
