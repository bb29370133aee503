"""Who created each row, and who changed it last: from the change log, as far as it goes back."""

import sqlalchemy as sa

from alembic import op

revision = "7d30c2e91b54"
down_revision = "5be2d07f94a6"
branch_labels = None
depends_on = None

ENTRIES = {
    "api_key": (
        "id",
        "created_at",
        "updated_at",
        "version",
        "user_id",
        "prefix",
        "scopes",
        "expires_at",
        "revoked_at",
        "-created_by_id",
        "-updated_by_id",
    ),
    "audit_hold": (
        "id",
        "created_at",
        "updated_at",
        "version",
        "entity",
        "entity_id",
        "until",
        "-created_by_id",
        "-updated_by_id",
    ),
    "auth_session": (
        "id",
        "created_at",
        "updated_at",
        "version",
        "user_id",
        "expires_at",
        "previous_sign_out_at",
        "revoked_at",
        "revoked_reason",
        "verified_at",
        "-created_by_id",
        "-updated_by_id",
    ),
    "brand": (
        "id",
        "created_at",
        "updated_at",
        "version",
        "deleted_at",
        "name",
        "description",
        "-created_by_id",
        "-updated_by_id",
    ),
    "category": (
        "id",
        "created_at",
        "updated_at",
        "version",
        "deleted_at",
        "name",
        "description",
        "parent_id",
        "-created_by_id",
        "-updated_by_id",
    ),
    "customer": (
        "id",
        "created_at",
        "updated_at",
        "version",
        "deleted_at",
        "status",
        "-created_by_id",
        "-updated_by_id",
    ),
    "module": (
        "id",
        "created_at",
        "updated_at",
        "version",
        "slug",
        "group_id",
        "name",
        "route",
        "icon",
        "sort_order",
        "is_active",
        "-created_by_id",
        "-updated_by_id",
    ),
    "module_group": (
        "id",
        "created_at",
        "updated_at",
        "version",
        "slug",
        "name",
        "icon",
        "sort_order",
        "is_active",
        "-created_by_id",
        "-updated_by_id",
    ),
    "product": (
        "id",
        "created_at",
        "updated_at",
        "version",
        "deleted_at",
        "sku",
        "name",
        "description",
        "price",
        "currency",
        "stock",
        "status",
        "brand_id",
        "category_id",
        "-created_by_id",
        "-updated_by_id",
    ),
    "recovery_code": (
        "id",
        "created_at",
        "updated_at",
        "version",
        "user_id",
        "used_at",
        "-created_by_id",
        "-updated_by_id",
    ),
    "role": (
        "id",
        "created_at",
        "updated_at",
        "version",
        "deleted_at",
        "name",
        "description",
        "icon",
        "sort_order",
        "is_active",
        "-created_by_id",
        "-updated_by_id",
    ),
    "role_module": (
        "id",
        "created_at",
        "updated_at",
        "version",
        "role_id",
        "module_id",
        "can_create",
        "can_update",
        "can_delete",
        "can_audit",
        "is_active",
        "-created_by_id",
        "-updated_by_id",
    ),
    "second_factor": (
        "id",
        "created_at",
        "updated_at",
        "version",
        "user_id",
        "confirmed_at",
        "-created_by_id",
        "-updated_by_id",
    ),
    "stock_movement": (
        "id",
        "created_at",
        "updated_at",
        "version",
        "product_id",
        "delta",
        "stock",
        "reason",
        "-created_by_id",
        "-updated_by_id",
    ),
    "task": (
        "id",
        "created_at",
        "updated_at",
        "version",
        "deleted_at",
        "title",
        "description",
        "status",
        "priority",
        "due_date",
        "assignee_id",
        "completed_at",
        "-created_by_id",
        "-updated_by_id",
    ),
    "user": (
        "id",
        "created_at",
        "updated_at",
        "version",
        "deleted_at",
        "is_active",
        "is_superuser",
        "is_service",
        "must_change_password",
        "password_expires_at",
        "unlocked_at",
        "signed_out_at",
        "-created_by_id",
        "-updated_by_id",
    ),
    "user_role": (
        "id",
        "created_at",
        "updated_at",
        "version",
        "user_id",
        "role_id",
        "is_active",
        "valid_from",
        "valid_until",
        "-created_by_id",
        "-updated_by_id",
    ),
}
"""What change entries have of each table: columns as they are, and with a minus those that they leave out."""
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
    for table, columns in ENTRIES.items():
        for name in AUTHORS:
            op.add_column(table, sa.Column(name, sa.Uuid(), nullable=True))
        op.execute(FILL.format(table=table, author=AUTHOR.format(table=table, entity_id=entity_id)))  # nosec B608
        op.make_backstop(table, *columns)  # type: ignore[attr-defined]  # our own operation


def downgrade() -> None:
    for table, columns in ENTRIES.items():
        op.make_backstop(table, *(name for name in columns if not name.endswith("_by_id")))  # type: ignore[attr-defined]
        for name in reversed(AUTHORS):
            op.drop_column(table, name)
