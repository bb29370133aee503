"""Roles that ask for a second factor, or for networks from which to call."""

import sqlalchemy as sa

from alembic import op
from app.core.db.column_types import JSON_DOCUMENT

revision = "5a0c7d9e3b41"
down_revision = "1146f66fd438"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("role", sa.Column("requires_second_factor", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("role", sa.Column("allowed_networks", JSON_DOCUMENT, server_default="[]", nullable=False))
    op.add_to_backstop("role", "requires_second_factor", "allowed_networks")  # type: ignore[attr-defined]  # our own operation


def downgrade() -> None:
    op.drop_column("role", "allowed_networks")
    op.drop_column("role", "requires_second_factor")
