"""Names, addresses and user agents of callers are added and removed, and not changed."""

from alembic import op

revision = "7c20e5d9a4f1"
down_revision = "4e9a1c70b6d2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.make_append_only("audit_caller", is_removable=True)  # type: ignore[attr-defined]  # our own operation


def downgrade() -> None:
    op.drop_append_only("audit_caller")  # type: ignore[attr-defined]  # our own operation
