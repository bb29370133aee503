"""Indexes by which rows that are too old are found."""

from alembic import op

revision = "7b0e2d5c91fa"
down_revision = "c41d7f0a92be"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_auth_session_expires_at", "auth_session", ["expires_at"])
    op.create_index("ix_sign_in_counter_updated_at", "sign_in_counter", ["updated_at"])


def downgrade() -> None:
    op.drop_index("ix_sign_in_counter_updated_at", "sign_in_counter")
    op.drop_index("ix_auth_session_expires_at", "auth_session")
