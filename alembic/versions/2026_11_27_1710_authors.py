"""Who created each row, and who changed it last: from the change log, as far as it goes back."""

import sqlalchemy as sa

from alembic import op

revision = "7d30c2e91b54"
down_revision = "9c41be7d20f3"
branch_labels = None
depends_on = None

TABLES = (
    "api_key",
    "audit_hold",
    "auth_session",
    "brand",
    "category",
    "customer",
    "module",
    "module_group",
    "product",
    "recovery_code",
    "role",
    "role_module",
    "second_factor",
    "stock_movement",
    "task",
    "user",
    "user_role",
)
AUTHORS = ("created_by_id", "updated_by_id")
ENTITY_ID = {
    "postgresql": "CAST(row_.id AS text)",
    "sqlite": "substr(row_.id, 1, 8) || '-' || substr(row_.id, 9, 4) || '-' || substr(row_.id, 13, 4) || '-'"
    " || substr(row_.id, 17, 4) || '-' || substr(row_.id, 21)",
}
FILL = """
UPDATE "{table}" AS row_ SET
  created_by_id = ({author} AND action = 'create' ORDER BY audit_change.id LIMIT 1),
  updated_by_id = ({author} ORDER BY audit_change.id DESC LIMIT 1)
"""
AUTHOR = """SELECT CASE WHEN actor_kind = 'user' THEN actor_id ELSE owner_id END
  FROM audit_change WHERE entity = '{table}' AND entity_id = {entity_id}"""


def upgrade() -> None:
    entity_id = ENTITY_ID[op.get_bind().dialect.name]
    for table in TABLES:
        for name in AUTHORS:
            op.add_column(table, sa.Column(name, sa.Uuid(), nullable=True))
        op.execute(FILL.format(table=table, author=AUTHOR.format(table=table, entity_id=entity_id)))  # nosec B608
        op.add_to_backstop(table, *(f"-{name}" for name in AUTHORS))  # type: ignore[attr-defined]  # our own operation


def downgrade() -> None:
    for table in TABLES:
        for name in reversed(AUTHORS):
            op.drop_column(table, name)
