"""Whose account a counter of attempts is about, and which counters block."""

import sqlalchemy as sa

from alembic import op

revision = "5a7e1d40b8c6"
down_revision = "1f6b20d94ce8"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("sign_in_counter", schema=None) as batch_op:
        batch_op.add_column(sa.Column("user_id", sa.Uuid(), nullable=True))
        batch_op.create_index(batch_op.f("ix_sign_in_counter_user_id"), ["user_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_sign_in_counter_user_id"), "user", ["user_id"], ["id"], ondelete="CASCADE"
        )
    op.create_index(
        "ix_sign_in_counter_blocked_until_id",
        "sign_in_counter",
        ["blocked_until", "id"],
        postgresql_where=sa.text("blocked_until IS NOT NULL"),
        sqlite_where=sa.text("blocked_until IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_sign_in_counter_blocked_until_id", "sign_in_counter")
    with op.batch_alter_table("sign_in_counter", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_sign_in_counter_user_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_sign_in_counter_user_id"))
        batch_op.drop_column("user_id")
