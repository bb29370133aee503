"""Names are compared in a folded form, which the application makes: databases do not fold alike."""

import sqlalchemy as sa

from alembic import op
from app.core.fields.folding import fold_email, fold_text

revision = "9c41be7d20f3"
down_revision = "7c4d1a90e3b5"
branch_labels = None
depends_on = None

UNIQUE = {
    "brand": {"name": fold_text},
    "category": {"name": fold_text},
    "customer": {"email": fold_email},
    "product": {"sku": fold_text},
    "role": {"name": fold_text},
    "user": {"username": fold_text, "email": fold_email},
}
VISIBLE = "deleted_at IS NULL"


def upgrade() -> None:
    op.drop_index("uq_category_name_without_parent_id", "category")
    for table, fields in UNIQUE.items():
        op.add_to_backstop(table, *(f"-{field}_folded" for field in fields))  # type: ignore[attr-defined]  # our own operation
        for field, fold in fields.items():
            scope = "parent_id" if table == "category" else None
            op.drop_index(f"uq_{table}_{field}", table)
            op.make_unique(table, field, scope, fold=fold)  # type: ignore[attr-defined]  # our own operation
    op.make_unique("category", "name", alone="parent_id")  # type: ignore[attr-defined]  # our own operation


def downgrade() -> None:
    for table, fields in UNIQUE.items():
        for field in fields:
            op.drop_unique(table, field)  # type: ignore[attr-defined]  # our own operation
    for table, fields in UNIQUE.items():
        for field in fields:
            scope = [sa.text("parent_id")] if table == "category" else []
            create_index(f"uq_{table}_{field}", table, [*scope, sa.text(f"lower({field})")], VISIBLE)
    top = f"{VISIBLE} AND parent_id IS NULL"
    create_index("uq_category_name_without_parent_id", "category", [sa.text("lower(name)")], top)


def create_index(name: str, table: str, columns: list[sa.TextClause], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=True, postgresql_where=condition, sqlite_where=condition)
