"""The login log and the policy versions can only be added to, until they are old enough to be pruned."""

from alembic import op

revision = "a94e0b7d3c18"
down_revision = "f2a6c8e19d40"
branch_labels = None
depends_on = None

TABLES = ("login_attempt", "policy_version")


def upgrade() -> None:
    for table in TABLES:
        op.make_append_only(table, removable_after_days=29)  # type: ignore[attr-defined]  # our own operation


def downgrade() -> None:
    for table in TABLES:
        op.drop_append_only(table)  # type: ignore[attr-defined]  # our own operation
