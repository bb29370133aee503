"""An index for every column that a list can be sorted by, with the id behind it."""

from alembic import op

revision = "9c3f6a1d27e8"
down_revision = "5b0e2c7f41ad"
branch_labels = None
depends_on = None

ADDED = {
    "brand": ("updated_at", "name"),
    "category": ("updated_at", "name"),
    "customer": ("updated_at", "last_name", "first_name", "email"),
    "login_attempt": ("at",),
    "product": ("updated_at", "sku", "name", "stock"),
    "role": ("created_at", "updated_at", "name", "sort_order"),
    "task": ("updated_at", "title", "due_date"),
    "user": ("created_at", "updated_at", "username", "email"),
}
OF_ONE = {"login_attempt": ("user_id", "at"), "stock_movement": ("product_id", "updated_at")}
"""Lists of one user, or of one product."""
REPLACED = {
    "ix_login_attempt_at": ("login_attempt", ["at"]),
    "ix_login_attempt_user_id_at": ("login_attempt", ["user_id", "at"]),
    "ix_task_due_date": ("task", ["due_date"]),
}


def indexes() -> list[tuple[str, tuple[str, ...]]]:
    single = [(table, (column,)) for table, columns in ADDED.items() for column in columns]
    return [*single, *OF_ONE.items()]


def upgrade() -> None:
    for table, columns in indexes():
        op.create_index(f"ix_{table}_{'_'.join(columns)}_id", table, [*columns, "id"])
    for name, (table, _) in REPLACED.items():
        op.drop_index(name, table)


def downgrade() -> None:
    for name, (table, replaced) in REPLACED.items():
        op.create_index(name, table, replaced)
    for table, columns in indexes():
        op.drop_index(f"ix_{table}_{'_'.join(columns)}_id", table)
