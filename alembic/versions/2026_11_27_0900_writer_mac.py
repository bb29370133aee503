"""Entries carry the authentication code of the process that wrote them."""

import sqlalchemy as sa

from alembic import op

revision = "d92f6e31a08b"
down_revision = "c81d5e0f27ab"
branch_labels = None
depends_on = None

LOGS = ("audit_access", "audit_change")


def upgrade() -> None:
    for log in LOGS:
        op.add_column(log, sa.Column("mac", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    for log in LOGS:
        op.drop_column(log, "mac")
