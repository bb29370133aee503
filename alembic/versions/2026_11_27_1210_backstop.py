"""Triggers of audited tables that record what comes past the application, on PostgreSQL."""

from alembic import op

revision = "5be2d07f94a6"
down_revision = "e5a17c90d2b8"
branch_labels = None
depends_on = None

PLAIN = {
    "api_key": ("id", "created_at", "updated_at", "version", "user_id", "prefix", "scopes", "expires_at", "revoked_at"),
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
    ),
    "audit_hold": ("id", "created_at", "updated_at", "version", "entity", "entity_id", "until"),
    "brand": ("id", "created_at", "updated_at", "version", "deleted_at", "name", "description"),
    "category": ("id", "created_at", "updated_at", "version", "deleted_at", "name", "description", "parent_id"),
    "customer": ("id", "created_at", "updated_at", "version", "deleted_at", "status"),
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
    ),
    "module_group": ("id", "created_at", "updated_at", "version", "slug", "name", "icon", "sort_order", "is_active"),
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
    ),
    "recovery_code": ("id", "created_at", "updated_at", "version", "user_id", "used_at"),
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
    ),
    "second_factor": ("id", "created_at", "updated_at", "version", "user_id", "confirmed_at"),
    "stock_movement": ("id", "created_at", "updated_at", "version", "product_id", "delta", "stock", "reason"),
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
    ),
}
"""The columns of each table of which entries have the values; of others they have digests."""


def upgrade() -> None:
    for table, columns in PLAIN.items():
        op.make_backstop(table, *columns)  # type: ignore[attr-defined]  # our own operation


def downgrade() -> None:
    for table in PLAIN:
        op.drop_backstop(table)  # type: ignore[attr-defined]  # our own operation
