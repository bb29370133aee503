"""When each user last signed in."""

import sqlalchemy as sa

from alembic import op
from app.core.db.column_types import Instant

revision = "5a7e0c91d3f4"
down_revision = "b3f0c7a9126d"
branch_labels = None
depends_on = None

KNOWN = """
INSERT INTO last_sign_in (id, at)
SELECT user_id, max(at) FROM (
    SELECT user_id, at FROM login_attempt WHERE is_successful AND user_id IS NOT NULL
    UNION ALL
    SELECT user_id, created_at FROM auth_session
) AS known GROUP BY user_id
"""
"""The login log forgets old attempts; a session that it forgot may be there."""


def upgrade() -> None:
    op.create_table(
        "last_sign_in",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["user.id"], name=op.f("fk_last_sign_in_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_last_sign_in")),
    )
    op.create_index(op.f("ix_last_sign_in_at"), "last_sign_in", ["at"])
    op.execute(KNOWN)


def downgrade() -> None:
    op.drop_index(op.f("ix_last_sign_in_at"), "last_sign_in")
    op.drop_table("last_sign_in")
