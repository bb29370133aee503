"""Indexes by which rows that are too old are found; a session knows the sign-out before it, not an order of clocks."""

import sqlalchemy as sa

from alembic import op
from app.core.db.column_types import Instant

revision = "7b0e2d5c91fa"
down_revision = "c41d7f0a92be"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("auth_session", sa.Column("previous_sign_out_at", Instant(), nullable=True))
    op.execute(  # sessions that were signed out keep NULL, and so differ from their user
        """UPDATE auth_session SET previous_sign_out_at = (SELECT signed_out_at FROM "user" WHERE id = auth_session.user_id)
        WHERE created_at > (SELECT signed_out_at FROM "user" WHERE id = auth_session.user_id)"""
    )
    op.create_index("ix_auth_session_expires_at", "auth_session", ["expires_at"])
    op.create_index("ix_sign_in_counter_updated_at", "sign_in_counter", ["updated_at"])


def downgrade() -> None:
    op.drop_index("ix_sign_in_counter_updated_at", "sign_in_counter")
    op.drop_index("ix_auth_session_expires_at", "auth_session")
    op.drop_column("auth_session", "previous_sign_out_at")
